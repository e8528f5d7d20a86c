/* POST /v1/attempts/{id}/submit: an attempt handed in. At the end of an exam all do it within a minute, and each is an event, whose log takes one writer at a time: so
 * requests are parked and written by group commit (lib/batch.h), the log's lock taken once for all of them. Who is not the attempt's student, or sends an
 * Idempotency-Key, whose row must commit with the effect, is served alone, in the request's own transaction. */
#include "fcgi/core/server.h"
#include "fcgi/quiz/quiz.h"
#include "lib/batch.h"
#include "lib/clock.h"
#include "lib/events.h"
#include "lib/pg.h"
#include "lib/receipt.h"
#include "lib/redis.h"

#include <inttypes.h>
#include <stdio.h>

#define QUEUE_MAX  4096
#define ROWS_MAX   128
#define AGE_MAX_NS (5 * EA_NS_PER_S)

/* One request on its way through the batcher; it and what comes back live in the request's arena. */
struct submitting {
    struct ea_batch_item item; /* first */
    struct ea_req *r;
    const char *quiz, *submitted_at; /* NULL: not this student's attempt */
    struct ea_receipt_part *parts;
    size_t parts_n;
};

/* ---- the batch ---- */

enum column { WHO, ATTEMPT, AGE, TRACE, COLUMNS };

static enum ea_err make_arrays(struct ea_arena *a, struct ea_batch_item **items, size_t n,
                               const char *arrays[COLUMNS])
{
    const char **values = ea_arena_array(a, COLUMNS * n, sizeof *values);
    char(*ages)[24] = ea_arena_array(a, n, sizeof *ages);

    if (!values || !ages)
        return EA_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const struct ea_req *r = ((struct submitting *)items[i])->r;
        (void)snprintf(ages[i], sizeof ages[i], "%" PRId64, ea_req_age_us(r));
        values[WHO * n + i] = r->caller.claims.user.s;
        values[ATTEMPT * n + i] = r->vars[0];
        values[AGE * n + i] = ages[i];
        values[TRACE * n + i] = r->traceparent;
    }
    for (size_t column = 0; column < COLUMNS; column++)
        if (!(arrays[column] = ea_pg_array(a, values + column * n, n)))
            return EA_ENOMEM;
    return EA_OK;
}

/* Rows [first, end) of attempts_receipts are this one's. */
static enum ea_err take_parts(struct submitting *s, const PGresult *rows, int first, int end)
{
    struct ea_arena *a = s->r->arena;

    s->quiz = ea_arena_dup(a, ea_pg_str(rows, first, 1));
    s->submitted_at = ea_arena_dup(a, ea_pg_str(rows, first, 2));
    s->parts = ea_arena_array(a, (size_t)(end - first), sizeof *s->parts);
    if (!s->quiz || !s->submitted_at || !s->parts)
        return EA_ENOMEM;
    for (int row = first; row < end; row++) {
        const char *name = ea_pg_str(rows, row, 3);
        if (!name) /* nothing was answered */
            continue;
        struct ea_receipt_part *part = &s->parts[s->parts_n++];
        part->name = ea_arena_dup(a, name);
        part->sha256 = ea_arena_dup(a, ea_pg_str(rows, row, 4));
        part->size = ea_pg_i64(rows, row, 5);
        if (!part->name || !part->sha256)
            return EA_ENOMEM;
    }
    return EA_OK;
}

/* rows: of attempts_receipts, in the order of the items. */
static enum ea_err take_rows(const PGresult *rows, struct ea_batch_item **items, size_t n)
{
    for (int first = 0, end; first < PQntuples(rows); first = end) {
        int64_t number = ea_pg_i64(rows, first, 0);
        for (end = first + 1; end < PQntuples(rows) && ea_pg_i64(rows, end, 0) == number;)
            end++;
        if (number < 1 || number > (int64_t)n)
            return EA_EINTERNAL;
        items[number - 1]->err = take_parts((struct submitting *)items[number - 1], rows, first, end);
    }
    return EA_OK;
}

/* One round trip. What fails after the COMMIT fails for single replies; asked again, they are made from what is frozen. */
static enum ea_err flush(struct ea_pg *pg, struct ea_arena *a, struct ea_batch_item **items, size_t n,
                         int64_t *last_event_id, void *arg)
{
    enum { BEGIN, SUBMIT, RECEIPTS, LOCK, APPEND, COMMIT, STMTS };
    static const struct {
        enum ea_stmt stmt;
        size_t args;
    } steps[STMTS] = {
        [BEGIN] = { STMT_BEGIN, 0 },
        [SUBMIT] = { STMT_ATTEMPTS_SUBMIT, COLUMNS },
        [RECEIPTS] = { STMT_ATTEMPTS_RECEIPTS, ATTEMPT + 1 },
        [LOCK] = { STMT_EVENTS_LOCK, 0 },
        [APPEND] = { STMT_EVENTS_APPEND_STAGED, 0 },
        [COMMIT] = { STMT_COMMIT, 0 },
    };
    const char *arrays[COLUMNS];
    PGresult *res[STMTS] = { NULL };
    enum ea_err err = make_arrays(a, items, n, arrays), ended;

    (void)arg;
    *last_event_id = 0;
    if (err || (err = ea_pg_pipe_begin(pg)))
        return err;
    for (int i = 0; i < STMTS && !err; i++)
        err = ea_pg_pipe_send(pg, steps[i].stmt, arrays, steps[i].args);
    ended = ea_pg_pipe_end(pg, res, STMTS, COMMIT);
    if (!err)
        err = ended;
    if (!err && PQntuples(res[APPEND]) > 0)
        *last_event_id = ea_pg_i64(res[APPEND], PQntuples(res[APPEND]) - 1, 0);
    if (!err)
        err = take_rows(res[RECEIPTS], items, n);
    for (int i = 0; i < STMTS; i++)
        PQclear(res[i]);
    return err;
}

/* Once per batch: this process's follower directly, the others' through Redis. */
static void committed(int64_t last_event_id, void *arg)
{
    struct quiz_service *service = arg;

    ea_follow_wake(ea_server_follow(service->server));
    ea_events_wake(service->redis, last_event_id);
}

static enum ea_err reply(struct ea_req *r);

static void done(struct ea_batch_item *item, void *arg)
{
    (void)arg;
    ea_req_resume(((struct submitting *)item)->r, reply);
}

enum ea_err quiz_submit_batch_new(struct quiz_service *service)
{
    static const struct ea_batch_ops ops = {
        .name = "submit",
        .max_items = QUEUE_MAX,
        .max_batch_rows = ROWS_MAX,
        .max_bytes = EA_MB(4),
        .max_age_ns = AGE_MAX_NS,
        .flush = flush,
        .done = done,
        .committed = committed,
    };

    return ea_batch_new(ea_server_cfg(service->server)->pg, &ops, service, &service->submits);
}

/* ---- the reply ---- */

static enum ea_err write_reply(struct ea_req *r, const struct quiz_receipt *receipt)
{
    struct ea_jw *w = &r->resp.json;

    r->resp.status = 202;
    ea_jw_obj(w);
    ea_jw_kstr(w, "id", r->vars[0]);
    ea_jw_kstr(w, "state", "submitted");
    ea_jw_kstr(w, "submitted_at", receipt->submitted_at);
    ea_jw_kraw(w, "receipt", receipt->json);
    ea_jw_end(w);
    return EA_OK;
}

/* A second time nothing changes, and the reply is made from what was frozen the first time. */
static enum ea_err submit_alone(struct ea_req *r)
{
    struct quiz_receipt receipt;
    PGresult *res;
    const char *age = quiz_number(r, ea_req_age_us(r));
    enum ea_err err =
        age ? ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ATTEMPT, r->vars[0], EA_CAP_TAKE, NULL)
            : EA_ENOMEM;

    if (err || (err = ea_req_begin(r)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_ATTEMPT_SUBMIT, r->vars[0], age)))
        return err;
    if (PQntuples(res) > 0 && (err = quiz_attempt_submitted(r, r->vars[0])))
        return err;
    err = quiz_receipt_make(r, r->vars[0], &receipt);
    if (err) /* it runs still */
        return err == EA_ECONFLICT ? ea_fail(r, EA_ERETRY, QUIZ_UNSETTLED) : err;
    return write_reply(r, &receipt);
}

static enum ea_err reply(struct ea_req *r)
{
    const struct submitting *s = r->state;
    struct quiz_receipt receipt = { .submitted_at = s->submitted_at,
                                    .parts = s->parts,
                                    .parts_n = s->parts_n };
    enum ea_err err;

    if (s->item.err)
        return s->item.err;
    if (!s->quiz)
        return submit_alone(r);
    err = quiz_receipt_sign(r, r->vars[0], s->quiz, r->caller.claims.user.s, &receipt);
    return err ? err : write_reply(r, &receipt);
}

static enum ea_err submit(struct ea_req *r)
{
    const struct quiz_service *service = ea_server_data(r->server);
    struct submitting *s;
    enum ea_err err;

    if (ea_req_has_key(r))
        return submit_alone(r);
    if (!(s = ea_arena_alloc(r->arena, sizeof *s)))
        return EA_ENOMEM;
    *s = (struct submitting){ .r = r, .item = { .key = r->vars[0], .bytes = sizeof *s } };
    r->state = s;
    err = ea_batch_add(service->submits, &s->item);
    return err ? err : EA_PARKED;
}

const struct ea_route quiz_submit_routes[] = {
    { .method = EA_POST, .pattern = "/v1/attempts/{id}/submit", .handler = submit, .who = EA_SIGNED_IN },
    EA_ROUTES_END,
};
