/* /v1/rooms/{id}/messages: what is said in a room. A message is parked and written by group commit (lib/batch.h); its event carries it to everybody's
 * stream, and its place in the room is that event's id. */
#include "fcgi/chat/chat.h"

#include "lib/clock.h"
#include "lib/events.h"
#include "lib/id.h"
#include "lib/pg.h"
#include "lib/redis.h"

#include <stdlib.h>
#include <string.h>

enum { CLIENT_ID_MAX = 64, QUEUE_MAX = 4096, ROWS_MAX = 256 };

struct message_input {
    struct ea_str text, client_id, reply_to;
    struct ea_int question, anonymous;
    struct ea_list files; /* struct ea_str */
};

static const struct ea_field message_fields[] = {
    { .name = "text",
      .type = EA_T_STR,
      .offset = offsetof(struct message_input, text),
      .flags = EA_REQUIRED,
      .min = 1,
      .max = CHAT_TEXT_MAX },
    { .name = "client_id",
      .type = EA_T_STR,
      .offset = offsetof(struct message_input, client_id),
      .flags = EA_NULLABLE,
      .min = 1,
      .max = CLIENT_ID_MAX },
    { .name = "reply_to",
      .type = EA_T_UUID,
      .offset = offsetof(struct message_input, reply_to),
      .flags = EA_NULLABLE },
    { .name = "question", .type = EA_T_BOOL, .offset = offsetof(struct message_input, question) },
    { .name = "anonymous", .type = EA_T_BOOL, .offset = offsetof(struct message_input, anonymous) },
    { .name = "files",
      .type = EA_T_LIST,
      .offset = offsetof(struct message_input, files),
      .max = CHAT_FILES_MAX,
      .item = EA_T_UUID },
};
static const struct ea_schema message_schema = { "message", sizeof(struct message_input), message_fields,
                                                 sizeof(message_fields) / sizeof(message_fields[0]) };

/* One message on its way through the batcher; lives in its request's arena. */
struct sending {
    struct ea_batch_item item; /* first: an item is its sending */
    struct ea_req *r;
    const char *author, *room, *text, *html, *client_id, *reply_to, *question, *anonymous, *files_n, *trace;
    const char *names, *files; /* what is to be resolved; NULL: nothing */
    struct ea_id id;
    enum verdict {
        NEW,
        SAME,
        NOT_FOUND,
        FORBIDDEN,
        MUTED,
        SLOW,
        BAD_REPLY,
        BAD_FILE,
        NO_QUESTION,
        NO_ANONYMOUS,
        VERDICT__MAX
    } verdict;
    const char *json; /* malloc'd: batches have another arena */
    int64_t event_id;
    int wait_s; /* until it may be sent */
};

/* What the statement says, and what the client is told. */
static const struct {
    const char *name;
    enum ea_err err;
    const char *pointer; /* of a fault of the input */
    const char *words;
} verdicts[VERDICT__MAX] = {
    [NEW] = { "new", EA_OK, NULL, NULL },
    [SAME] = { "same", EA_OK, NULL, NULL },
    [NOT_FOUND] = { "not-found", EA_ENOTFOUND, NULL, "" },
    [FORBIDDEN] = { "forbidden", EA_EFORBIDDEN, NULL, "Only teachers and assistants write announcements." },
    [MUTED] = { "muted", EA_EFORBIDDEN, NULL, "You cannot write in this room for a time." },
    [SLOW] = { "slow", EA_ELIMIT, NULL, "This room takes one message at a time; wait before the next." },
    [BAD_REPLY] = { "bad-reply", EA_EINPUT, "/reply_to", "There is no such message in this room." },
    [BAD_FILE] = { "bad-file", EA_EINPUT, "/files",
                   "Not all of these are files that you have sent here today." },
    [NO_QUESTION] = { "no-question", EA_EINPUT, "/question",
                      "Questions are a student's, and not in direct rooms." },
    [NO_ANONYMOUS] = { "no-anonymous", EA_EINPUT, "/anonymous",
                       "Only questions can be without a name, and only where the room allows it." },
};

static enum verdict verdict_of(const char *name)
{
    enum verdict v = NEW;
    while (v < VERDICT__MAX && strcmp(verdicts[v].name, name) != 0)
        v++;
    return v;
}

/* ---- the batch ---- */

enum { COLUMNS = 11, RESOLVED = 2 };

static const char *column_of(const struct sending *s, int column)
{
    const char *const values[COLUMNS + RESOLVED] = { s->author,    s->room,      s->id.s,     s->text,
                                                     s->html,      s->client_id, s->reply_to, s->question,
                                                     s->anonymous, s->files_n,   s->trace,    s->names,
                                                     s->files };
    return values[column];
}

/* What is staged, and after that what is resolved: one array per column. */
static enum ea_err make_arrays(struct ea_arena *a, struct ea_batch_item **items, size_t n,
                               const char *arrays[COLUMNS + RESOLVED])
{
    const char **values = ea_arena_array(a, n, sizeof(*values));
    if (values == NULL)
        return EA_ENOMEM;
    for (int column = 0; column < COLUMNS + RESOLVED; column++) {
        for (size_t i = 0; i < n; i++)
            values[i] = column_of((const struct sending *)items[i], column);
        arrays[column] = ea_pg_array(a, values, n);
        if (arrays[column] == NULL)
            return EA_ENOMEM;
    }
    return EA_OK;
}

/* An @ or a file is rare, so looking up what they mean is a statement that most batches do without. */
static bool resolves(struct ea_batch_item **items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct sending *s = (const struct sending *)items[i];
        if (s->names != NULL || s->files != NULL)
            return true;
    }
    return false;
}

/* False: the row is not what it must be. */
static bool take_row(const PGresult *res, int row, struct sending *s, int64_t *last_event_id)
{
    enum { OUTCOME = 1, EVENT_ID, JSON, WAIT = 5, LAST_ID };
    int64_t last = ea_pg_i64(res, row, LAST_ID);
    const char *json = ea_pg_str(res, row, JSON);
    s->event_id = ea_pg_i64(res, row, EVENT_ID);
    s->verdict = verdict_of(ea_pg_str(res, row, OUTCOME));
    s->wait_s = (int)ea_pg_i64(res, row, WAIT);
    s->item.err = EA_OK;
    free((void *)(uintptr_t)s->json); /* of a batch that was run again */
    s->json = json == NULL ? NULL : strdup(json);
    if (last > *last_event_id)
        *last_event_id = last;
    return s->verdict < VERDICT__MAX && (json == NULL || s->json != NULL);
}

static enum ea_err take_rows(const PGresult *res, struct ea_batch_item **items, size_t n,
                             int64_t *last_event_id)
{
    if (PQntuples(res) != (int)n)
        return EA_EINTERNAL;
    for (size_t i = 0; i < n; i++)
        if (!take_row(res, (int)i, (struct sending *)items[i], last_event_id))
            return EA_ENOMEM;
    return EA_OK;
}

/* The messages, then the log's lock, one statement for all, and COMMIT: one round trip, and nothing of it is still here while the lock is held. */
static enum ea_err send_all(struct ea_pg *pg, const char *const arrays[COLUMNS + RESOLVED], bool resolve)
{
    enum ea_err err = ea_pg_pipe_send(pg, STMT_BEGIN, NULL, 0);
    if (err == EA_OK)
        err = ea_pg_pipe_send(pg, STMT_MESSAGE_STAGE, arrays, COLUMNS);
    if (err == EA_OK && resolve)
        err = ea_pg_pipe_send(pg, STMT_MESSAGE_RESOLVE, arrays + COLUMNS, RESOLVED);
    if (err == EA_OK)
        err = ea_pg_pipe_flush(pg);
    if (err == EA_OK)
        err = ea_pg_pipe_send(pg, STMT_EVENTS_LOCK, NULL, 0);
    if (err == EA_OK)
        err = ea_pg_pipe_send(pg, STMT_MESSAGE_SEND, NULL, 0);
    return err == EA_OK ? ea_pg_pipe_send(pg, STMT_COMMIT, NULL, 0) : err;
}

static enum ea_err flush(struct ea_pg *pg, struct ea_arena *a, struct ea_batch_item **items, size_t n,
                         int64_t *last_event_id, void *arg)
{
    (void)arg;
    enum { STMTS_MAX = 6 }; /* SEND and COMMIT are the last two */
    const char *arrays[COLUMNS + RESOLVED];
    PGresult *res[STMTS_MAX] = { NULL };
    bool resolve = resolves(items, n);
    size_t stmts = resolve ? STMTS_MAX : STMTS_MAX - 1;
    enum ea_err err = make_arrays(a, items, n, arrays);
    if (err == EA_OK)
        err = ea_pg_pipe_begin(pg);
    if (err != EA_OK)
        return err;
    err = send_all(pg, arrays, resolve);
    enum ea_err ended = ea_pg_pipe_end(pg, res, stmts, (int)stmts - 1);
    if (err == EA_OK)
        err = ended;
    if (err == EA_OK)
        err = take_rows(res[stmts - 2], items, n, last_event_id);
    for (size_t i = 0; i < stmts; i++)
        PQclear(res[i]);
    return err;
}

/* Once per batch: this process's follower directly, the others' through Redis. */
static void committed(int64_t last_event_id, void *arg)
{
    struct chat *c = arg;
    ea_follow_wake(ea_server_follow(c->server));
    ea_events_wake(c->redis, last_event_id);
}

static enum ea_err reply(struct ea_req *r);

static void done(struct ea_batch_item *item, void *arg)
{
    (void)arg;
    ea_req_resume(((struct sending *)item)->r, reply);
}

enum ea_err chat_message_batch_new(struct chat *c)
{
    static const struct ea_batch_ops ops = {
        .name = "message",
        .max_items = QUEUE_MAX,
        .max_batch_rows = ROWS_MAX,
        .max_bytes = EA_MB(16),
        .max_age_ns = 5 * EA_NS_PER_S,
        .flush = flush,
        .done = done,
        .committed = committed,
    };
    return ea_batch_new(ea_server_cfg(c->server)->pg, &ops, c, &c->messages);
}

/* ---- the request ---- */

static void free_json(void *p)
{
    struct sending *s = p;
    free((void *)(uintptr_t)s->json);
    s->json = NULL;
}

static enum ea_err refuse(struct ea_req *r, const struct sending *s)
{
    if (verdicts[s->verdict].pointer != NULL) {
        ea_faults_add(&r->faults, r->arena, verdicts[s->verdict].pointer, "invalid", "%s",
                      verdicts[s->verdict].words);
        return EA_EINPUT;
    }
    if (s->wait_s > 0)
        r->resp.retry_after_s = s->wait_s;
    return ea_fail(r, verdicts[s->verdict].err, "%s", verdicts[s->verdict].words);
}

/* After the commit, on a pool thread. */
static enum ea_err reply(struct ea_req *r)
{
    const struct sending *s = r->state;
    if (s->item.err != EA_OK)
        return s->item.err;
    return s->json != NULL ? ea_resp_json(r, s->json) : refuse(r, s);
}

/* Ids with a blank between them; NULL: none, or no memory. */
static const char *joined(struct ea_arena *a, const struct ea_list *ids)
{
    const struct ea_str *id = ids->items;
    char *out = ids->n > 0 ? ea_arena_alloc(a, ids->n * (EA_ID_LEN + 1)) : NULL;
    for (size_t i = 0; out != NULL && i < ids->n; i++) {
        memcpy(out + i * (EA_ID_LEN + 1), id[i].v, EA_ID_LEN);
        out[i * (EA_ID_LEN + 1) + EA_ID_LEN] = i + 1 < ids->n ? ' ' : '\0';
    }
    return out;
}

/* What the text becomes and refers to. False: no memory. */
static bool fill(struct ea_req *r, struct sending *s)
{
    const struct message_input *in = r->input;
    enum ea_err err = chat_html(r, in->text.v, in->text.len, &s->html);
    if (err == EA_OK)
        err = chat_mention_words(r->arena, in->text.v, in->text.len, &s->names);
    s->files = joined(r->arena, &in->files);
    s->files_n = ea_arena_printf(r->arena, "%zu", in->files.n);
    /* Two with the same client id must not share a batch: the second is to find the first. */
    s->item.key = in->client_id.v == NULL
                      ? s->id.s
                      : ea_arena_printf(r->arena, "%s%s%s", s->author, s->room, s->client_id);
    s->item.bytes = in->text.len * 2 + 256;
    return err == EA_OK && s->files_n != NULL && s->item.key != NULL &&
           (s->files != NULL || in->files.n == 0);
}

static struct sending *sending_new(struct ea_req *r)
{
    const struct message_input *in = r->input;
    struct sending *s = ea_arena_alloc(r->arena, sizeof(*s));
    if (s == NULL || ea_arena_defer(r->arena, free_json, s) != EA_OK)
        return NULL;
    *s = (struct sending){ .r = r,
                           .author = chat_me(r),
                           .room = r->vars[0],
                           .text = in->text.v,
                           .client_id = in->client_id.v,
                           .reply_to = in->reply_to.v,
                           .question = in->question.v ? "true" : "false",
                           .anonymous = in->anonymous.v ? "true" : "false",
                           .trace = r->traceparent };
    ea_id_new(&s->id);
    return fill(r, s) ? s : NULL;
}

/* With an Idempotency-Key the reply must commit with the message, so this one goes alone, in the request's own transaction. */
static enum ea_err send_alone(struct ea_req *r, struct sending *s)
{
    struct ea_batch_item *item = &s->item;
    const char *arrays[COLUMNS + RESOLVED];
    PGresult *res = NULL, *staged;
    int64_t last_event_id = 0;
    enum ea_err err = ea_req_begin(r);
    if (err == EA_OK)
        err = make_arrays(r->arena, &item, 1, arrays);
    if (err == EA_OK)
        err = ea_pg_rows(r->pg, r->arena, &staged, STMT_MESSAGE_STAGE, arrays, COLUMNS);
    if (err == EA_OK && resolves(&item, 1))
        err = ea_pg_rows(r->pg, r->arena, &staged, STMT_MESSAGE_RESOLVE, arrays + COLUMNS, RESOLVED);
    if (err == EA_OK)
        err = ea_req_commit_by(r, STMT_MESSAGE_SEND, &res);
    if (err != EA_OK)
        return err;
    err = take_rows(res, &item, 1, &last_event_id);
    PQclear(res);
    if (last_event_id > 0) {
        ea_follow_wake(ea_server_follow(r->server));
        ea_events_wake(r->redis, last_event_id);
    }
    return err == EA_OK ? reply(r) : err;
}

static enum ea_err message_create(struct ea_req *r)
{
    struct chat *c = ea_server_data(r->server);
    struct sending *s = sending_new(r);
    if (s == NULL)
        return EA_ENOMEM;
    r->state = s;
    enum ea_err err = ea_resp_created(r, "/v1/rooms/%s/messages", s->room);
    if (err != EA_OK)
        return err;
    if (ea_req_has_key(r))
        return send_alone(r, s);
    err = ea_batch_add(c->messages, &s->item);
    return err == EA_OK ? EA_PARKED : err;
}

const struct ea_route chat_message_routes[] = {
    { .method = EA_POST,
      .pattern = "/v1/rooms/{id}/messages",
      .handler = message_create,
      .who = EA_SIGNED_IN,
      .body = EA_BODY_JSON,
      .body_max = EA_KB(128),
      .input = &message_schema },
    EA_ROUTES_END,
};
