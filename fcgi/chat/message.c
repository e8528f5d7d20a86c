/* /v1/rooms/{id}/messages: what is said in a room. A message is parked and written by group commit (lib/batch.h); its event carries it to everybody's
 * stream, and its place in the room is that event's id. */
#include "fcgi/chat/chat.h"

#include "lib/clock.h"
#include "lib/events.h"
#include "lib/id.h"
#include "lib/md.h"
#include "lib/pg.h"
#include "lib/redis.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 16 * 1024, CLIENT_ID_MAX = 64, QUEUE_MAX = 4096, ROWS_MAX = 256 };

struct message_input {
    struct ea_str text, client_id, reply_to;
};

static const struct ea_field message_fields[] = {
    { .name = "text",
      .type = EA_T_STR,
      .offset = offsetof(struct message_input, text),
      .flags = EA_REQUIRED,
      .min = 1,
      .max = TEXT_MAX },
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
};
static const struct ea_schema message_schema = { "message", sizeof(struct message_input), message_fields,
                                                 sizeof(message_fields) / sizeof(message_fields[0]) };

/* One message on its way through the batcher; lives in its request's arena. */
struct sending {
    struct ea_batch_item item; /* first: an item is its sending */
    struct ea_req *r;
    const char *author, *room, *text, *html, *client_id, *reply_to, *trace;
    struct ea_id id;
    enum verdict { NEW, SAME, NOT_FOUND, FORBIDDEN, BAD_REPLY, VERDICT__MAX } verdict;
    const char *json; /* malloc'd: batches have another arena */
    int64_t event_id;
};

static const char *const verdict_names[VERDICT__MAX] = {
    [NEW] = "new",
    [SAME] = "same",
    [NOT_FOUND] = "not-found",
    [FORBIDDEN] = "forbidden",
    [BAD_REPLY] = "bad-reply",
};

static enum verdict verdict_of(const char *name)
{
    enum verdict v = NEW;
    while (v < VERDICT__MAX && strcmp(verdict_names[v], name) != 0)
        v++;
    return v;
}

/* ---- the batch ---- */

enum { COLUMNS = 8 };

static const char *column_of(const struct sending *s, int column)
{
    const char *const values[COLUMNS] = { s->author, s->room,      s->id.s,     s->text,
                                          s->html,   s->client_id, s->reply_to, s->trace };
    return values[column];
}

/* What is staged: one array per column. */
static enum ea_err make_arrays(struct ea_arena *a, struct ea_batch_item **items, size_t n,
                               const char *arrays[COLUMNS])
{
    const char **values = ea_arena_array(a, n, sizeof(*values));
    if (values == NULL)
        return EA_ENOMEM;
    for (int column = 0; column < COLUMNS; column++) {
        for (size_t i = 0; i < n; i++)
            values[i] = column_of((const struct sending *)items[i], column);
        arrays[column] = ea_pg_array(a, values, n);
        if (arrays[column] == NULL)
            return EA_ENOMEM;
    }
    return EA_OK;
}

/* False: the row is not what it must be. */
static bool take_row(const PGresult *res, int row, struct sending *s, int64_t *last_event_id)
{
    s->event_id = ea_pg_i64(res, row, 2);
    const char *json = ea_pg_str(res, row, 3);
    s->verdict = verdict_of(ea_pg_str(res, row, 1));
    s->item.err = EA_OK;
    free((void *)(uintptr_t)s->json); /* of a batch that was run again */
    s->json = json == NULL ? NULL : strdup(json);
    if (s->event_id > *last_event_id)
        *last_event_id = s->event_id;
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
static enum ea_err send_all(struct ea_pg *pg, const char *const arrays[COLUMNS])
{
    enum ea_err err = ea_pg_pipe_send(pg, STMT_BEGIN, NULL, 0);
    if (err == EA_OK)
        err = ea_pg_pipe_send(pg, STMT_MESSAGE_STAGE, arrays, COLUMNS);
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
    enum { SEND = 3, COMMIT = 4, STMTS = 5 };
    const char *arrays[COLUMNS];
    PGresult *res[STMTS] = { NULL };
    enum ea_err err = make_arrays(a, items, n, arrays);
    if (err == EA_OK)
        err = ea_pg_pipe_begin(pg);
    if (err != EA_OK)
        return err;
    err = send_all(pg, arrays);
    enum ea_err ended = ea_pg_pipe_end(pg, res, STMTS, COMMIT);
    if (err == EA_OK)
        err = ended;
    if (err == EA_OK)
        err = take_rows(res[SEND], items, n, last_event_id);
    for (int i = 0; i < STMTS; i++)
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

/* After the commit, on a pool thread. */
static enum ea_err reply(struct ea_req *r)
{
    const struct sending *s = r->state;
    if (s->item.err != EA_OK)
        return s->item.err;
    switch (s->verdict) {
    case NEW:
    case SAME:
        return ea_resp_json(r, s->json);
    case FORBIDDEN:
        return ea_fail(r, EA_EFORBIDDEN, "Only teachers and assistants write announcements.");
    case BAD_REPLY:
        ea_faults_add(&r->faults, r->arena, "/reply_to", "invalid", "There is no such message in this room.");
        return EA_EINPUT;
    default:
        return EA_ENOTFOUND;
    }
}

static const char *html_of(struct ea_req *r, const struct ea_str *text)
{
    struct ea_buf b = { 0 };
    char *html = NULL;
    if (ea_md_html(text->v, text->len, &b) == EA_OK && !b.failed)
        html = ea_arena_ndup(r->arena, b.p, b.len);
    ea_buf_free(&b);
    return html;
}

static struct sending *sending_new(struct ea_req *r)
{
    const struct message_input *in = r->input;
    struct sending *s = ea_arena_alloc(r->arena, sizeof(*s));
    if (s == NULL || ea_arena_defer(r->arena, free_json, s) != EA_OK)
        return NULL;
    *s = (struct sending){ .r = r,
                           .author = r->caller.claims.user.s,
                           .room = r->vars[0],
                           .text = in->text.v,
                           .html = html_of(r, &in->text),
                           .client_id = in->client_id.v,
                           .reply_to = in->reply_to.v,
                           .trace = r->traceparent };
    ea_id_new(&s->id);
    /* Two with the same client id must not share a batch: the second is to find the first. */
    s->item.key = in->client_id.v == NULL
                      ? s->id.s
                      : ea_arena_printf(r->arena, "%s%s%s", s->author, s->room, s->client_id);
    s->item.bytes = in->text.len * 2 + 256;
    return s->html == NULL || s->item.key == NULL ? NULL : s;
}

/* With an Idempotency-Key the reply must commit with the message, so this one goes alone, in the request's own transaction. */
static enum ea_err send_alone(struct ea_req *r, struct sending *s)
{
    struct ea_batch_item *item = &s->item;
    const char *arrays[COLUMNS];
    PGresult *res = NULL, *staged;
    int64_t last_event_id = 0;
    enum ea_err err = ea_req_begin(r);
    if (err == EA_OK)
        err = make_arrays(r->arena, &item, 1, arrays);
    if (err == EA_OK)
        err = ea_pg_rows(r->pg, r->arena, &staged, STMT_MESSAGE_STAGE, arrays, COLUMNS);
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

/* ---- history ---- */

struct history_query {
    struct ea_int before, after, limit;
};

static const struct ea_field history_fields[] = {
    { .name = "before",
      .type = EA_T_INT,
      .offset = offsetof(struct history_query, before),
      .min = 1,
      .max = INT64_MAX },
    { .name = "after",
      .type = EA_T_INT,
      .offset = offsetof(struct history_query, after),
      .min = 0,
      .max = INT64_MAX },
    { .name = "limit",
      .type = EA_T_INT,
      .offset = offsetof(struct history_query, limit),
      .min = 1,
      .max = EA_PAGE_MAX },
};
static const struct ea_schema history_schema = { "history", sizeof(struct history_query), history_fields,
                                                 sizeof(history_fields) / sizeof(history_fields[0]) };

/* The room's messages by event id: the newest first, or, with `after`, onwards from there. `next` is the `before` (or `after`) of the next page. */
static enum ea_err message_list(struct ea_req *r)
{
    const struct history_query *q = r->query_input;
    int64_t limit = q->limit.given ? q->limit.v : EA_PAGE_DEFAULT;
    const char *after = ea_arena_printf(r->arena, "%" PRId64, q->after.v);
    const char *before = ea_arena_printf(r->arena, "%" PRId64, q->before.given ? q->before.v : INT64_MAX);
    const char *most = ea_arena_printf(r->arena, "%" PRId64, limit + 1);
    PGresult *res;
    enum ea_err err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ROOM, r->vars[0], EA_CAP_VIEW, NULL);
    if (err == EA_OK && (after == NULL || before == NULL || most == NULL))
        err = EA_ENOMEM;
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_MESSAGE_HISTORY, r->vars[0], after, before, most);
    if (err != EA_OK)
        return err;
    struct ea_jw *w = &r->resp.json;
    int rows = PQntuples(res), shown = rows > limit ? (int)limit : rows;
    ea_jw_obj(w);
    ea_jw_key(w, "items");
    ea_jw_arr(w);
    for (int i = 0; i < shown; i++)
        ea_jw_raw(w, ea_pg_str(res, i, 0));
    ea_jw_end(w);
    ea_jw_kstr(w, "next", rows > shown ? ea_pg_str(res, shown - 1, 1) : NULL);
    ea_jw_end(w);
    return EA_OK;
}

const struct ea_route chat_message_routes[] = {
    { .method = EA_POST,
      .pattern = "/v1/rooms/{id}/messages",
      .handler = message_create,
      .who = EA_SIGNED_IN,
      .body = EA_BODY_JSON,
      .body_max = EA_KB(128),
      .input = &message_schema },
    { .method = EA_GET,
      .pattern = "/v1/rooms/{id}/messages",
      .handler = message_list,
      .who = EA_SIGNED_IN,
      .query = &history_schema },
    EA_ROUTES_END,
};
