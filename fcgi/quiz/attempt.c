/* /v1/quizzes/{id}/attempts, /v1/attempts/{id}: begun, looked at, walked through. The database's clock decides, by when a request was received. */
#include "fcgi/core/server.h"
#include "fcgi/quiz/admission.h"
#include "fcgi/quiz/quiz.h"
#include "lib/clock.h"
#include "lib/events.h"
#include "lib/log.h"
#include "lib/pg.h"
#include "lib/redis.h"

#include <sodium.h>
#include <string.h>

#define RACES_MAX      3
#define RETRY_MIN_S    2 /* for who is not admitted: they come back spread over … */
#define RETRY_SPREAD_S 9 /* … so many seconds */

struct input {
    struct ea_str access_code;
};
static const struct ea_field fields[] = {
    { .name = "access_code",
      .type = EA_T_STR,
      .offset = offsetof(struct input, access_code),
      .flags = EA_NULLABLE | EA_ONE_LINE,
      .max = 100 },
};
static const struct ea_schema schema = { "start", sizeof(struct input), fields, QUIZ_COUNT(fields) };

enum ea_err quiz_attempt_submitted(struct ea_req *r, const char *attempt)
{
    const char *payload = ea_arena_printf(r->arena, "{\"attempt_id\":\"%s\"}", attempt);

    return payload ? ea_req_event(r, NULL, "attempt.submitted", payload, EA_QUEUE_GRADE) : EA_ENOMEM;
}

/* Inside the transaction: submits it for its student if its time is over. */
static enum ea_err expire(struct ea_req *r, const char *attempt)
{
    PGresult *res;
    const char *age = quiz_number(r, ea_req_age_us(r));
    enum ea_err err = age ? EA_PG(r->pg, r->arena, &res, STMT_ATTEMPT_EXPIRE, attempt, age) : EA_ENOMEM;

    return err || PQntuples(res) == 0 ? err : quiz_attempt_submitted(r, attempt);
}

enum ea_err quiz_attempt_touch(struct ea_req *r, const char *attempt)
{
    PGresult *res;
    const char *age = quiz_number(r, ea_req_age_us(r));
    enum ea_err err = age ? EA_PG(r->pg, r->arena, &res, STMT_ATTEMPT_OVER, attempt, age) : EA_ENOMEM;

    if (err || PQntuples(res) == 0 || !ea_pg_bool(res, 0, 0))
        return err;
    err = ea_req_begin(r);
    return err ? err : expire(r, attempt);
}

static enum ea_err show(struct ea_req *r, const char *id)
{
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_ATTEMPT_GET, id);

    if (err)
        return err;
    return PQntuples(res) == 0 ? EA_ENOTFOUND : ea_resp_json(r, ea_pg_str(res, 0, 0));
}

/* ---- start ---- */

/* Of a quiz that an access code guards: so many wrong ones, then its student waits. While Redis is away nobody counts. */
#define CODES_MAX       10
#define CODES_WINDOW_MS ((int64_t)15 * 60 * 1000)

static const char *code_key(struct ea_req *r)
{
    return ea_arena_printf(r->arena, "ea:code:%s:%s", r->vars[0], r->caller.claims.user.s);
}

static enum ea_err judge_tries(struct ea_req *r)
{
    const char *key = code_key(r);
    int64_t count, left_ms;

    if (!key)
        return EA_ENOMEM;
    if (ea_redis_peek(r->redis, key, &count, &left_ms) || count < CODES_MAX)
        return EA_OK;
    r->resp.retry_after_s = (int)(left_ms / 1000) + 1;
    return ea_fail(r, EA_ELIMIT, "The access code was wrong too often.");
}

static enum ea_err refuse_code(struct ea_req *r)
{
    const char *key = code_key(r);
    int64_t count, left_ms;

    if (key && ea_redis_count(r->redis, key, CODES_WINDOW_MS, &count, &left_ms))
        ea_log0(EA_LOG_DEBUG, "a wrong access code was not counted");
    return ea_fail(r, EA_EFORBIDDEN, "The access code is missing or wrong.");
}

/* res: a row of attempt_begin. */
static enum ea_err refuse(struct ea_req *r, const PGresult *res)
{
    const char *verdict = ea_pg_str(res, 0, 0);

    if (strcmp(verdict, "early") == 0)
        return ea_fail(r, EA_ECONFLICT, "The quiz opens at %s.", ea_pg_str(res, 0, 2));
    if (strcmp(verdict, "closed") == 0)
        return ea_fail(r, EA_EGONE, "The quiz is closed.");
    if (strcmp(verdict, "spent") == 0)
        return ea_fail(r, EA_ECONFLICT, "No attempt is left.");
    if (strcmp(verdict, "wait") == 0)
        return ea_fail(r, EA_ECONFLICT, "The next attempt may begin at %s.", ea_pg_str(res, 0, 3));
    if (strcmp(verdict, "place") == 0)
        return ea_fail(r, EA_EFORBIDDEN, "The quiz cannot be taken from the address %s.", r->address);
    if (strcmp(verdict, "code") == 0)
        return refuse_code(r);
    return strcmp(verdict, "running") == 0 ? EA_ERETRY : EA_EINTERNAL;
}

/* One that runs already is the reply. One that has run out is submitted, and another may begin. *found: the reply is there. */
static enum ea_err resume(struct ea_req *r, const char *age, bool *found)
{
    PGresult *res;
    enum ea_err err =
        EA_PG(r->pg, r->arena, &res, STMT_ATTEMPT_RUNNING, r->vars[0], r->caller.claims.user.s, age);

    *found = false;
    if (err || PQntuples(res) == 0)
        return err;
    if (ea_pg_bool(res, 0, 1))
        return expire(r, ea_pg_str(res, 0, 0));
    *found = true;
    return show(r, ea_pg_str(res, 0, 0));
}

/* There is no good paper: it is made here and now. Nothing is made when somebody else is at it, and then it is there. */
static enum ea_err make_paper(struct ea_req *r)
{
    const char *user = r->caller.claims.user.s;
    uint64_t chance = ((uint64_t)randombytes_random() << 31) ^ randombytes_random();
    const char *seed = quiz_number(r, (int64_t)(chance & INT64_MAX));
    struct ea_id id;
    PGresult *res;
    enum ea_err err;

    ea_id_new(&id);
    if (!seed)
        return EA_ENOMEM;
    if ((err = EA_PG(r->pg, r->arena, &res, STMT_PAPER_FORGET, r->vars[0], user)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_PAPER_MAKE, id.s, r->vars[0], user, seed)) ||
        PQntuples(res) == 0)
        return err;
    return EA_PG(r->pg, r->arena, &res, STMT_ATTEMPT_DRAW, r->vars[0], user, id.s);
}

/* *begun: the reply is there; else another look is needed. */
static enum ea_err begin(struct ea_req *r, const char *age, bool *begun)
{
    const struct input *in = r->input;
    const char *code = in && in->access_code.v ? in->access_code.v : "";
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_ATTEMPT_BEGIN, r->vars[0], r->caller.claims.user.s,
                            code, r->address ? r->address : "", age);

    if (err)
        return err;
    if (PQntuples(res) == 0)
        return EA_ENOTFOUND;
    if (strcmp(ea_pg_str(res, 0, 0), "paper") == 0)
        return make_paper(r);
    if (strcmp(ea_pg_str(res, 0, 0), "begun") == 0)
        return EA_OK;
    *begun = strcmp(ea_pg_str(res, 0, 0), "ok") == 0;
    if (!*begun)
        return refuse(r, res);
    err = ea_resp_created(r, "/v1/attempts/%s", ea_pg_str(res, 0, 1));
    return err ? err : show(r, ea_pg_str(res, 0, 1));
}

/* A verdict that only a second look, in a transaction, can turn into a reply. */
static bool needs_look(const char *verdict)
{
    return strcmp(verdict, "paper") == 0 || strcmp(verdict, "begun") == 0 || strcmp(verdict, "running") == 0;
}

/* A rush is nearly all of one kind: a student whose paper lies ready. That is one round trip, begun, committed and read. *done: the reply is there; else somebody must look closer. */
static enum ea_err begin_quickly(struct ea_req *r, const char *age, bool *done)
{
    enum { BEGIN, SHOW, STMTS };
    const struct input *in = r->input;
    const char *args[] = { r->vars[0], r->caller.claims.user.s,
                           in && in->access_code.v ? in->access_code.v : "", r->address ? r->address : "",
                           age };
    const char *just_begun[] = { NULL };
    PGresult *res[STMTS] = { NULL };
    const char *verdict = NULL;
    enum ea_err err = ea_pg_pipe_begin(r->pg), ended;

    if (err)
        return err;
    if (!(err = ea_pg_pipe_send(r->pg, STMT_ATTEMPT_BEGIN, args, QUIZ_COUNT(args))))
        err = ea_pg_pipe_send(r->pg, STMT_ATTEMPT_GET, just_begun, 1);
    ended = ea_pg_pipe_end(r->pg, res, STMTS, -1);
    if (!err && !(err = ended) && PQntuples(res[BEGIN]) > 0)
        verdict = ea_pg_str(res[BEGIN], 0, 0);
    *done = verdict && !needs_look(verdict);
    if (*done && strcmp(verdict, "ok") != 0)
        err = refuse(r, res[BEGIN]);
    else if (*done && !(err = ea_resp_created(r, "/v1/attempts/%s", ea_pg_str(res[BEGIN], 0, 1))))
        err = PQntuples(res[SHOW]) > 0 ? ea_resp_json(r, ea_pg_str(res[SHOW], 0, 0)) : EA_ENOTFOUND;
    for (int i = 0; i < STMTS; i++)
        PQclear(res[i]);
    return err;
}

/* Inside the gate. */
static enum ea_err start_admitted(struct ea_req *r)
{
    const struct input *in = r->input;
    struct ea_access access;
    const char *age = quiz_number(r, ea_req_age_us(r));
    bool done = false;
    enum ea_err err = age ? EA_OK : EA_ENOMEM;

    if (!err && in && in->access_code.v)
        err = judge_tries(r);
    if (!err && !ea_req_has_key(r))
        err = begin_quickly(r, age, &done);
    if (err || done ||
        (err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_QUIZ, r->vars[0], EA_CAP_TAKE, &access)))
        return err;
    if (access.role != EA_COURSE_STUDENT)
        return ea_fail(r, EA_EFORBIDDEN, "Only students of the course take its quizzes.");
    err = ea_req_begin(r);
    for (int i = 0; !err && i < RACES_MAX; i++) {
        if ((err = resume(r, age, &done)) || done)
            return err;
        if ((err = begin(r, age, &done)) || done)
            return err;
    }
    return err ? err : EA_ERETRY;
}

static enum ea_err start(struct ea_req *r)
{
    struct quiz_service *service = ea_server_data(r->server);

    if (quiz_gate_admit(service->gate, ea_clock_mono_ns(), ea_req_age_us(r) * 1000))
        return start_admitted(r);
    r->resp.retry_after_s = RETRY_MIN_S + (int)randombytes_uniform(RETRY_SPREAD_S);
    return ea_fail(r, EA_EOVERLOAD, "Too many begin at this moment; try again.");
}

/* ---- walk on ---- */

struct step {
    struct ea_int slot;
};
static const struct ea_field step_fields[] = {
    { .name = "slot",
      .type = EA_T_INT,
      .offset = offsetof(struct step, slot),
      .flags = EA_REQUIRED,
      .min = 1,
      .max = 10000 },
};
static const struct ea_schema step_schema = { "step", sizeof(struct step), step_fields,
                                              QUIZ_COUNT(step_fields) };

static enum ea_err judge_step(struct ea_req *r, const char *verdict)
{
    if (strcmp(verdict, "submitted") == 0)
        return ea_fail(r, EA_ECONFLICT, "The attempt is submitted.");
    if (strcmp(verdict, "late") == 0)
        return ea_fail(r, EA_EGONE, "The attempt's time is over.");
    if (strcmp(verdict, "unsettled") == 0)
        return ea_fail(r, EA_ERETRY, QUIZ_UNSETTLED);
    if (strcmp(verdict, "free") == 0)
        return ea_fail(r, EA_ECONFLICT, "All slots of this attempt are open.");
    if (strcmp(verdict, "order") == 0)
        return ea_fail(r, EA_ECONFLICT, "This is not the slot where the attempt is, or it is the last.");
    return EA_OK;
}

/* The slot that the client leaves is named: a lost reply does not make it leave the next one too. */
static enum ea_err next(struct ea_req *r)
{
    const struct step *in = r->input;
    const char *age = quiz_number(r, ea_req_age_us(r)), *slot = quiz_number(r, in->slot.v);
    PGresult *res;
    enum ea_err err = age && slot ? EA_OK : EA_ENOMEM;

    if (err || (err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ATTEMPT, r->vars[0], EA_CAP_TAKE, NULL)) ||
        (err = ea_req_begin(r)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_ATTEMPT_NEXT, r->vars[0], slot, age)))
        return err;
    err = PQntuples(res) ? judge_step(r, ea_pg_str(res, 0, 0)) : EA_ENOTFOUND;
    return err ? err : show(r, r->vars[0]);
}

/* ---- look ---- */

static enum ea_err get(struct ea_req *r)
{
    enum ea_err err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ATTEMPT, r->vars[0], EA_CAP_VIEW, NULL);

    if (!err)
        err = quiz_attempt_touch(r, r->vars[0]);
    return err ? err : show(r, r->vars[0]);
}

struct query {
    struct quiz_page page; /* first */
    struct ea_int needs_grading;
};
static const struct ea_field query_fields[] = {
    QUIZ_PAGE_FIELDS,
    { .name = "needs_grading", .type = EA_T_BOOL, .offset = offsetof(struct query, needs_grading) },
};
static const struct ea_schema query_schema = { "attempts", sizeof(struct query), query_fields,
                                               QUIZ_COUNT(query_fields) };

static enum ea_err list(struct ea_req *r)
{
    const struct query *q = r->query_input;
    struct quiz_window page;
    struct ea_access access;
    PGresult *res;
    enum ea_err err;

    if ((err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_QUIZ, r->vars[0], EA_CAP_VIEW, &access)) ||
        (err = quiz_page_read(r, &page)))
        return err;
    err = EA_PG(r->pg, r->arena, &res, STMT_ATTEMPT_LIST, r->vars[0],
                quiz_marks(r, &access) ? "" : r->caller.claims.user.s,
                q->needs_grading.given ? quiz_bool(q->needs_grading.v) : "", page.after, page.fetch);
    return err ? err : ea_resp_page(r, res, page.limit);
}

const struct ea_route quiz_attempt_routes[] = {
    { .method = EA_POST,
      .pattern = "/v1/quizzes/{id}/attempts",
      .handler = start,
      .who = EA_SIGNED_IN,
      .body = EA_BODY_JSON,
      .body_max = EA_KB(4),
      .input = &schema,
      .flags = EA_ROUTE_BODY_OPTIONAL },
    { .method = EA_GET,
      .pattern = "/v1/quizzes/{id}/attempts",
      .handler = list,
      .who = EA_SIGNED_IN,
      .query = &query_schema },
    { .method = EA_GET, .pattern = "/v1/attempts/{id}", .handler = get, .who = EA_SIGNED_IN },
    { .method = EA_POST,
      .pattern = "/v1/attempts/{id}/next",
      .handler = next,
      .who = EA_SIGNED_IN,
      .body = EA_BODY_JSON,
      .body_max = EA_KB(1),
      .input = &step_schema },
    EA_ROUTES_END,
};
