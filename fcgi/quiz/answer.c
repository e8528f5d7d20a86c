/* PUT /v1/attempts/{id}/answers/{slot} and /v1/attempts/{id}/answers: answers being saved. A request is parked and written by group commit (lib/batch.h): one statement
 * decides for every answer by itself and says what became of it; a reply goes out only after COMMIT. */
#include "lib/answer.h"
#include "fcgi/core/server.h"
#include "fcgi/quiz/quiz.h"
#include "lib/batch.h"
#include "lib/clock.h"
#include "lib/pg.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_MAX   8192
#define ROWS_MAX    256
#define AGE_MAX_NS  (5 * EA_NS_PER_S)
#define JOURNAL_MAX 200 /* entries of a client's journal */
#define SLOT_MAX    100000
#define COLUMNS     9

struct entry {
    struct ea_int given, slot, rev, at;
    struct ea_str answer;
};
struct journal {
    struct ea_list answers;
};

#define ENTRY(member) offsetof(struct entry, member)
#define REV                                                                                                  \
    {                                                                                                        \
        .name = "rev", .type = EA_T_INT, .offset = ENTRY(rev), .flags = EA_REQUIRED, .min = 0,               \
        .max = INT32_MAX - 1                                                                                 \
    }
#define ANSWER                                                                                               \
    {                                                                                                        \
        .name = "answer", .type = EA_T_RAW, .offset = ENTRY(answer), .flags = EA_REQUIRED | EA_NULLABLE,     \
        .max = EA_ANSWER_MAX                                                                                 \
    }
#define AT                                                                                                   \
    {                                                                                                        \
        .name = "at", .type = EA_T_TIME, .offset = ENTRY(at)                                                 \
    }
static const struct ea_field answer_fields[] = { REV, ANSWER, AT };
static const struct ea_schema answer_schema = { "answer", sizeof(struct entry), answer_fields,
                                                QUIZ_COUNT(answer_fields) };

static const struct ea_field entry_fields[] = { REV,
                                                ANSWER,
                                                AT,
                                                { .name = "slot",
                                                  .type = EA_T_INT,
                                                  .offset = ENTRY(slot),
                                                  .flags = EA_REQUIRED,
                                                  .min = 1,
                                                  .max = SLOT_MAX } };
static const struct ea_schema entry_schema = { "entry", sizeof(struct entry), entry_fields,
                                               QUIZ_COUNT(entry_fields) };
static const struct ea_field journal_fields[] = {
    { .name = "answers",
      .type = EA_T_LIST,
      .offset = offsetof(struct journal, answers),
      .flags = EA_REQUIRED,
      .min = 1,
      .max = JOURNAL_MAX,
      .sub = &entry_schema },
};
static const struct ea_schema journal_schema = { "journal", sizeof(struct journal), journal_fields, 1 };

/* What became of an answer. */
enum outcome {
    SAVED,
    AGAIN,
    STALE,
    MISSING,
    SUBMITTED,
    LATE,
    LEFT,
    SHAPE,
    NAME,
    SINGLE,
    UNSETTLED,
    RETRY,
    OUTCOME__MAX,
    ABSENT = OUTCOME__MAX /* while a batch's rows are read */
};

static const struct {
    const char *name; /* as the statement says it */
    enum ea_err err;
    const char *pointer, *detail;
} outcomes[OUTCOME__MAX] = {
    [SAVED] = { "saved", EA_OK, NULL, NULL },
    [AGAIN] = { "again", EA_OK, NULL, NULL },
    [STALE] = { "stale", EA_ESTALE, NULL, "Another answer has been saved since; it is in `stored`." },
    [MISSING] = { "missing", EA_ENOTFOUND, NULL, NULL },
    [SUBMITTED] = { "submitted", EA_ECONFLICT, NULL, "The attempt is submitted." },
    [LATE] = { "late", EA_EGONE, NULL, "The attempt's time is over." },
    [LEFT] = { "left", EA_ECONFLICT, NULL, "This slot was left; there is no way back." },
    [SHAPE] = { "shape", EA_EINPUT, "/answer", "This is not an answer to an item of this kind." },
    [NAME] = { "name", EA_EINPUT, "/answer", "The answer names what the item does not have." },
    [SINGLE] = { "single", EA_EINPUT, "/answer/choices", "Only one choice can be picked here." },
    [UNSETTLED] = { "unsettled", EA_ERETRY, NULL, QUIZ_UNSETTLED },
    [RETRY] = { "", EA_ERETRY, NULL, NULL },
};

static enum outcome outcome_of(const char *name)
{
    enum outcome o = SAVED;

    while (o < OUTCOME__MAX && (!name || strcmp(outcomes[o].name, name) != 0))
        o++;
    return o;
}

/* One answer on its way through the batcher; lives in its request's arena, as does what comes back. */
struct saving {
    struct ea_batch_item item; /* first: an item is its saving */
    struct request *of;
    char key[EA_ID_LEN + 16];
    char slot[12], rev[12], at[EA_CLOCK_RFC3339_SIZE];
    const char *answer, *shape, *names;
    enum outcome outcome;
    int64_t now_rev;
    const char *saved_at, *ends_at, *stored;
};

/* A parked request; it goes on when the last of its savings is done. */
struct request {
    struct ea_req *r;
    atomic_size_t left; /* savings not done yet, and the handler while it hands them over */
    size_t n;
    struct saving *v;
};

/* ---- the batch ---- */

static const char *column_of(const struct saving *s, int column, const char *age)
{
    const char *const values[COLUMNS] = { s->of->r->caller.claims.user.s,
                                          s->of->r->vars[0],
                                          s->slot,
                                          s->rev,
                                          s->answer,
                                          s->shape,
                                          s->names,
                                          age,
                                          s->at[0] ? s->at : NULL };
    return values[column];
}

/* The statement's arguments: one array per column. */
static enum ea_err make_arrays(struct ea_arena *a, struct ea_batch_item **items, size_t n,
                               const char *arrays[COLUMNS])
{
    const char **values = ea_arena_array(a, n, sizeof *values);
    char(*ages)[24] = ea_arena_array(a, n, sizeof *ages);

    if (!values || !ages)
        return EA_ENOMEM;
    for (size_t i = 0; i < n; i++)
        (void)snprintf(ages[i], sizeof ages[i], "%" PRId64,
                       ea_req_age_us(((struct saving *)items[i])->of->r));
    for (int column = 0; column < COLUMNS; column++) {
        for (size_t i = 0; i < n; i++)
            values[i] = column_of((const struct saving *)items[i], column, ages[i]);
        arrays[column] = ea_pg_array(a, values, n);
        if (!arrays[column])
            return EA_ENOMEM;
    }
    return EA_OK;
}

static bool keep(struct saving *s, const PGresult *res, int row, int column, const char **out)
{
    const char *text = ea_pg_str(res, row, column);

    *out = text ? ea_arena_dup(s->of->r->arena, text) : NULL;
    return !text || *out;
}

static enum ea_err take_row(const PGresult *res, int row, struct saving *s)
{
    s->outcome = outcome_of(ea_pg_str(res, row, 1));
    s->now_rev = ea_pg_i64(res, row, 2);
    if (s->outcome == OUTCOME__MAX)
        return EA_EINTERNAL;
    return keep(s, res, row, 3, &s->saved_at) && keep(s, res, row, 4, &s->ends_at) &&
                   keep(s, res, row, 5, &s->stored)
               ? EA_OK
               : EA_ENOMEM;
}

/* A saving without a row is one of a slot that is not there for its student, or whose row has moved. */
static enum ea_err take_rows(const PGresult *res, struct ea_batch_item **items, size_t n)
{
    int64_t unsaved = 0;

    for (size_t i = 0; i < n; i++)
        ((struct saving *)items[i])->outcome = ABSENT;
    for (int row = 0; row < PQntuples(res); row++) {
        int64_t number = ea_pg_i64(res, row, 0);
        if (number < 0 || number > (int64_t)n)
            return EA_EINTERNAL;
        if (number == 0) {
            unsaved += ea_pg_i64(res, row, 2);
            continue;
        }
        struct saving *s = (struct saving *)items[number - 1];
        s->item.err = take_row(res, row, s);
        unsaved -= s->outcome == SAVED;
    }
    for (size_t i = 0; i < n; i++) {
        struct saving *s = (struct saving *)items[i];
        if (s->outcome == ABSENT)
            s->outcome = unsaved > 0 ? RETRY : MISSING;
    }
    return EA_OK;
}

/* BEGIN, one statement for all, COMMIT: one round trip. What happens after it can fail only for single rows, whose answers are stored all the same:
 * their clients send them again. */
static enum ea_err flush(struct ea_pg *pg, struct ea_arena *a, struct ea_batch_item **items, size_t n,
                         int64_t *last_event_id, void *arg)
{
    static const enum ea_stmt stmts[] = { STMT_BEGIN, STMT_QUIZ_ANSWER_SAVE, STMT_COMMIT };
    enum { SAVE = 1, COMMIT = 2, STMTS = 3 };
    const char *arrays[COLUMNS];
    PGresult *res[STMTS] = { NULL };
    enum ea_err err = make_arrays(a, items, n, arrays), ended;

    (void)arg;
    *last_event_id = 0; /* nobody is told of a save */
    if (err || (err = ea_pg_pipe_begin(pg)))
        return err;
    for (int i = 0; i < STMTS && !err; i++)
        err = ea_pg_pipe_send(pg, stmts[i], i == SAVE ? arrays : NULL, i == SAVE ? COLUMNS : 0);
    ended = ea_pg_pipe_end(pg, res, STMTS, COMMIT);
    if (!err)
        err = ended;
    if (!err)
        err = take_rows(res[SAVE], items, n);
    for (int i = 0; i < STMTS; i++)
        PQclear(res[i]);
    return err;
}

static enum ea_err reply(struct ea_req *r);

static void done(struct ea_batch_item *item, void *arg)
{
    struct request *q = ((struct saving *)item)->of;

    (void)arg;
    if (atomic_fetch_sub(&q->left, 1) == 1)
        ea_req_resume(q->r, reply);
}

enum ea_err quiz_answer_batch_new(struct quiz_service *service)
{
    static const struct ea_batch_ops ops = {
        .name = "answer",
        .max_items = QUEUE_MAX,
        .max_batch_rows = ROWS_MAX,
        .max_bytes = EA_MB(32),
        .max_age_ns = AGE_MAX_NS,
        .flush = flush,
        .done = done,
    };

    return ea_batch_new(ea_server_cfg(service->server)->pg, &ops, service, &service->answers);
}

/* ---- the reply ---- */

static enum ea_err verdict(const struct saving *s)
{
    return s->item.err ? s->item.err : outcomes[s->outcome].err;
}

static void write_saved(struct ea_jw *w, const struct saving *s)
{
    ea_jw_kint(w, "rev", s->now_rev);
    ea_jw_kstr(w, "saved_at", s->saved_at);
    ea_jw_kstr(w, "ends_at", s->ends_at);
}

static const char *stored(struct ea_req *r, const struct saving *s)
{
    return ea_arena_printf(r->arena, "{\"rev\":%" PRId64 ",\"answer\":%s,\"saved_at\":%s%s%s}", s->now_rev,
                           s->stored, s->saved_at ? "\"" : "", s->saved_at ? s->saved_at : "null",
                           s->saved_at ? "\"" : "");
}

static enum ea_err refuse(struct ea_req *r, const struct saving *s, enum ea_err err)
{
    const char *json, *pointer = outcomes[s->outcome].pointer;

    if (s->item.err)
        return err;
    if (s->outcome == NAME)
        pointer = ea_arena_printf(r->arena, "/answer/%s", s->shape);
    if (pointer)
        ea_faults_add(&r->faults, r->arena, pointer, "invalid", "%s", outcomes[s->outcome].detail);
    else if (outcomes[s->outcome].detail)
        (void)ea_fail(r, err, "%s", outcomes[s->outcome].detail);
    if (s->outcome == STALE) {
        json = stored(r, s);
        if (!json || ea_fail_member(r, "stored", json))
            return EA_ENOMEM;
    }
    return err;
}

static enum ea_err reply_one(struct ea_req *r, const struct saving *s)
{
    struct ea_jw *w = &r->resp.json;
    enum ea_err err = verdict(s);

    if (err)
        return refuse(r, s, err);
    ea_jw_obj(w);
    ea_jw_kraw(w, "slot", s->slot);
    write_saved(w, s);
    ea_jw_end(w);
    return EA_OK;
}

/* Each entry is answered by itself, with the status and type that a PUT of its own would have had. */
static enum ea_err write_entry(struct ea_req *r, const struct saving *s)
{
    struct ea_jw *w = &r->resp.json;
    enum ea_err err = verdict(s);

    ea_jw_obj(w);
    ea_jw_kraw(w, "slot", s->slot);
    ea_jw_kint(w, "status", ea_err_status(err));
    if (!err) {
        write_saved(w, s);
    } else {
        ea_jw_kstr(w, "type", ea_arena_printf(r->arena, "/problems/%s", ea_err_slug(err)));
        ea_jw_kstr(w, "title", ea_err_title(err));
        if (!s->item.err && outcomes[s->outcome].detail)
            ea_jw_kstr(w, "detail", outcomes[s->outcome].detail);
        if (!s->item.err && s->outcome == STALE)
            ea_jw_kraw(w, "stored", stored(r, s));
    }
    ea_jw_end(w);
    return EA_OK;
}

static enum ea_err reply_journal(struct ea_req *r, const struct request *q)
{
    struct ea_jw *w = &r->resp.json;

    ea_jw_obj(w);
    ea_jw_key(w, "answers");
    ea_jw_arr(w);
    for (size_t i = 0; i < q->n; i++)
        (void)write_entry(r, &q->v[i]);
    ea_jw_end(w);
    ea_jw_end(w);
    return EA_OK;
}

static enum ea_err reply(struct ea_req *r)
{
    const struct request *q = r->state;

    return r->route->input == &journal_schema ? reply_journal(r, q) : reply_one(r, &q->v[0]);
}

/* ---- the request ---- */

/* Everything that can be known without the database; faults below `at`. */
static enum ea_err take_entry(struct ea_req *r, const struct entry *in, const char *slot, const char *at,
                              struct saving *s)
{
    const char *json = in->answer.v ? in->answer.v : "null";
    struct ea_answer answer;
    enum ea_err err = ea_answer_read(json, strlen(json), r->arena, at, &r->faults, &answer);

    if (err && err != EA_EINPUT)
        return err;
    s->answer = json;
    if (err)
        answer.shape = EA_ANSWER_NONE;
    s->shape = ea_answer_shapes[answer.shape];
    s->names = ea_answer_names(&answer, r->arena);
    if (!s->names)
        return EA_ENOMEM;
    s->item.key = s->key;
    s->item.bytes = sizeof *s + strlen(json);
    (void)snprintf(s->slot, sizeof s->slot, "%s", slot);
    (void)snprintf(s->rev, sizeof s->rev, "%" PRId64, in->rev.v);
    (void)snprintf(s->key, sizeof s->key, "%s:%s", r->vars[0], slot);
    if (in->at.given)
        ea_clock_rfc3339(in->at.v, s->at);
    return EA_OK;
}

static struct request *request_new(struct ea_req *r, size_t n)
{
    struct request *q = ea_arena_alloc(r->arena, sizeof *q);

    if (!q || !(q->v = ea_arena_array(r->arena, n, sizeof *q->v)))
        return NULL;
    q->r = r;
    q->n = n;
    for (size_t i = 0; i < n; i++)
        q->v[i].of = q;
    r->state = q;
    return q;
}

/* From the first ea_batch_add on the arena is the batcher's. The handler counts as one that is not done, so nobody goes on before it has let go. */
static enum ea_err hand_over(struct ea_req *r, struct request *q)
{
    const struct quiz_service *service = ea_server_data(r->server);
    size_t refused = 0;

    atomic_init(&q->left, q->n + 1);
    for (size_t i = 0; i < q->n; i++) {
        enum ea_err err = ea_batch_add(service->answers, &q->v[i].item);
        if (err) {
            q->v[i].item.err = err;
            refused++;
        }
    }
    return atomic_fetch_sub(&q->left, refused + 1) == refused + 1 ? reply(r) : EA_PARKED;
}

static enum ea_err put_one(struct ea_req *r)
{
    struct request *q = request_new(r, 1);
    enum ea_err err = q ? EA_OK : EA_ENOMEM;

    if (!quiz_is_slot(r->vars[1]))
        return EA_ENOTFOUND;
    if (!err)
        err = take_entry(r, r->input, r->vars[1], "/answer", &q->v[0]);
    if (!err && r->faults.n)
        err = EA_EINPUT;
    return err ? err : hand_over(r, q);
}

static enum ea_err put_journal(struct ea_req *r)
{
    const struct journal *in = r->input;
    const struct entry *v = in->answers.items;
    struct request *q = request_new(r, in->answers.n);
    enum ea_err err = q ? EA_OK : EA_ENOMEM;

    for (size_t i = 0; !err && i < in->answers.n; i++) {
        const char *at = ea_arena_printf(r->arena, "/answers/%zu/answer", i),
                   *slot = quiz_number(r, v[i].slot.v);
        err = at && slot ? take_entry(r, &v[i], slot, at, &q->v[i]) : EA_ENOMEM;
    }
    if (!err && r->faults.n)
        err = EA_EINPUT;
    return err ? err : hand_over(r, q);
}

const struct ea_route quiz_answer_routes[] = {
    { .method = EA_PUT,
      .pattern = "/v1/attempts/{id}/answers/{slot}",
      .handler = put_one,
      .who = EA_SIGNED_IN,
      .body = EA_BODY_JSON,
      .body_max = EA_ANSWER_MAX + EA_KB(1),
      .input = &answer_schema },
    { .method = EA_PUT,
      .pattern = "/v1/attempts/{id}/answers",
      .handler = put_journal,
      .who = EA_SIGNED_IN,
      .body = EA_BODY_JSON,
      .body_max = EA_MB(1),
      .input = &journal_schema },
    EA_ROUTES_END,
};
