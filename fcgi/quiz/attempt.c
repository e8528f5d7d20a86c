/* /v1/quizzes/{id}/attempts, /v1/attempts/{id}: begun, looked at, submitted. The database's clock decides, by when a request was received. */
#include "fcgi/core/server.h"
#include "fcgi/quiz/quiz.h"
#include "lib/events.h"
#include "lib/pg.h"
#include "lib/receipt.h"

#include <sodium.h>
#include <string.h>

#define RACES_MAX 3

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

static enum ea_err refusal(struct ea_req *r, const char *verdict, const char *opens)
{
    if (strcmp(verdict, "early") == 0)
        return ea_fail(r, EA_ECONFLICT, "The quiz opens at %s.", opens);
    if (strcmp(verdict, "closed") == 0)
        return ea_fail(r, EA_EGONE, "The quiz is closed.");
    if (strcmp(verdict, "spent") == 0)
        return ea_fail(r, EA_ECONFLICT, "No attempt is left.");
    if (strcmp(verdict, "code") == 0)
        return ea_fail(r, EA_EFORBIDDEN, "The access code is missing or wrong.");
    return EA_EINTERNAL;
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

/* *found: another request for the same was first. */
static enum ea_err begin(struct ea_req *r, const char *age, bool *found)
{
    const struct input *in = r->input;
    const char *code = in && in->access_code.v ? in->access_code.v : "";
    uint64_t chance = ((uint64_t)randombytes_random() << 31) ^ randombytes_random();
    const char *seed = quiz_number(r, (int64_t)(chance & INT64_MAX));
    struct ea_id id;
    PGresult *res;
    enum ea_err err;

    ea_id_new(&id);
    err = seed ? EA_PG(r->pg, r->arena, &res, STMT_ATTEMPT_BEGIN, id.s, r->vars[0], r->caller.claims.user.s,
                       code, seed, age)
               : EA_ENOMEM;
    if (err)
        return err;
    const char *verdict = PQntuples(res) ? ea_pg_str(res, 0, 0) : "";
    *found = strcmp(verdict, "running") == 0;
    if (*found)
        return EA_OK;
    if (strcmp(verdict, "ok") != 0)
        return PQntuples(res) ? refusal(r, verdict, ea_pg_str(res, 0, 1)) : EA_ENOTFOUND;
    if ((err = EA_PG(r->pg, r->arena, &res, STMT_ATTEMPT_DRAW, id.s)) ||
        (err = ea_resp_created(r, "/v1/attempts/%s", id.s)))
        return err;
    return show(r, id.s);
}

static enum ea_err start(struct ea_req *r)
{
    struct ea_access access;
    const char *age = quiz_number(r, ea_req_age_us(r));
    bool found;
    enum ea_err err =
        age ? ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_QUIZ, r->vars[0], EA_CAP_TAKE, &access)
            : EA_ENOMEM;

    if (err)
        return err;
    if (access.role != EA_COURSE_STUDENT)
        return ea_fail(r, EA_EFORBIDDEN, "Only students of the course take its quizzes.");
    err = ea_req_begin(r);
    for (int i = 0; !err && i < RACES_MAX; i++) {
        if ((err = resume(r, age, &found)) || found)
            return err;
        if ((err = begin(r, age, &found)) || !found)
            return err;
    }
    return err ? err : EA_ERETRY;
}

/* ---- look ---- */

static enum ea_err get(struct ea_req *r)
{
    enum ea_err err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ATTEMPT, r->vars[0], EA_CAP_VIEW, NULL);

    if (!err)
        err = quiz_attempt_touch(r, r->vars[0]);
    return err ? err : show(r, r->vars[0]);
}

static enum ea_err list(struct ea_req *r)
{
    struct quiz_window page;
    struct ea_access access;
    PGresult *res;
    enum ea_err err;

    if ((err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_QUIZ, r->vars[0], EA_CAP_VIEW, &access)) ||
        (err = quiz_page_read(r, &page)))
        return err;
    err = EA_PG(r->pg, r->arena, &res, STMT_ATTEMPT_LIST, r->vars[0],
                quiz_marks(r, &access) ? "" : r->caller.claims.user.s, page.after, page.fetch);
    return err ? err : ea_resp_page(r, res, page.limit);
}

/* ---- submit ---- */

static enum ea_err write_receipt(struct ea_req *r, const PGresult *rows)
{
    size_t n = (size_t)PQntuples(rows), used = 0;
    struct ea_receipt_part *parts = ea_arena_array(r->arena, n, sizeof *parts);
    struct ea_buf receipt = { 0 };
    struct ea_jw *w = &r->resp.json;

    if (!parts)
        return EA_ENOMEM;
    for (size_t i = 0; i < n; i++)
        if (ea_pg_str(rows, (int)i, 3))
            parts[used++] = (struct ea_receipt_part){ .name = ea_pg_str(rows, (int)i, 3),
                                                      .sha256 = ea_pg_str(rows, (int)i, 4),
                                                      .size = ea_pg_i64(rows, (int)i, 5) };
    const struct ea_receipt what = { .kind = "attempt",
                                     .id = r->vars[0],
                                     .of_kind = "quiz",
                                     .of_id = ea_pg_str(rows, 0, 0),
                                     .user_id = ea_pg_str(rows, 0, 1),
                                     .submitted_at = ea_pg_str(rows, 0, 2),
                                     .parts = parts,
                                     .parts_n = used };
    enum ea_err err = ea_receipt_json(ea_server_receipt_key(r->server), &what, &receipt);
    if (!err && receipt.failed)
        err = EA_ENOMEM;
    if (!err) {
        ea_jw_obj(w);
        ea_jw_kstr(w, "id", r->vars[0]);
        ea_jw_kstr(w, "state", "submitted");
        ea_jw_kstr(w, "submitted_at", what.submitted_at);
        ea_jw_kraw(w, "receipt", receipt.p);
        ea_jw_end(w);
    }
    ea_buf_free(&receipt);
    return err;
}

/* A second time nothing changes, and the reply is made from what was frozen the first time. */
static enum ea_err submit(struct ea_req *r)
{
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
    if ((err = EA_PG(r->pg, r->arena, &res, STMT_ATTEMPT_RECEIPT, r->vars[0])))
        return err;
    if (PQntuples(res) == 0)
        return EA_EINTERNAL;
    r->resp.status = 202;
    return write_receipt(r, res);
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
      .query = &quiz_page_schema },
    { .method = EA_GET, .pattern = "/v1/attempts/{id}", .handler = get, .who = EA_SIGNED_IN },
    { .method = EA_POST, .pattern = "/v1/attempts/{id}/submit", .handler = submit, .who = EA_SIGNED_IN },
    EA_ROUTES_END,
};
