/* /v1/quizzes/{id}/accommodations/{user_id}: what one student is given beyond the others, also while an attempt is running. */
#include "fcgi/quiz/quiz.h"
#include "lib/events.h"
#include "lib/pg.h"

struct input {
    struct ea_int extra_time_factor, extra_minutes, extra_attempts, closes_at;
};

#define INPUT(member) offsetof(struct input, member)
static const struct ea_field fields[] = {
    { .name = "extra_time_factor",
      .type = EA_T_MILLI,
      .offset = INPUT(extra_time_factor),
      .flags = EA_NULLABLE,
      .min = 1000,
      .max = 10000 },
    { .name = "extra_minutes", .type = EA_T_INT, .offset = INPUT(extra_minutes), .min = 0, .max = 43200 },
    { .name = "extra_attempts", .type = EA_T_INT, .offset = INPUT(extra_attempts), .min = 0, .max = 100 },
    { .name = "closes_at", .type = EA_T_TIME, .offset = INPUT(closes_at), .flags = EA_NULLABLE },
};
static const struct ea_schema schema = { "accommodation", sizeof(struct input), fields, QUIZ_COUNT(fields) };

enum ea_err quiz_retime(struct ea_req *r, const char *quiz, const char *student)
{
    char topic[EA_TOPIC_SIZE];
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_ATTEMPT_RETIME, quiz, student);

    for (int i = 0; !err && i < PQntuples(res); i++)
        err = ea_req_event(r, ea_topic(EA_TOPIC_USER, ea_pg_str(res, i, 0), topic), "attempt.changed",
                           ea_pg_str(res, i, 1), NULL);
    return err;
}

static enum ea_err authz(struct ea_req *r, enum ea_cap cap)
{
    return ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_QUIZ, r->vars[0], cap, NULL);
}

static enum ea_err get(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err;

    if ((err = authz(r, EA_CAP_MARK)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_ACCOMMODATION_GET, r->vars[0], r->vars[1])))
        return err;
    return quiz_reply(r, res);
}

/* If-Match is heeded when it is sent; the first PUT has nothing to match. */
static enum ea_err match(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err;

    if (!ea_req_header(r, "If-Match"))
        return EA_OK;
    err = EA_PG(r->pg, r->arena, &res, STMT_ACCOMMODATION_GET, r->vars[0], r->vars[1]);
    if (err)
        return err;
    return PQntuples(res) == 0 ? EA_EPRECONDITION : ea_req_match(r, ea_pg_str(res, 0, 1));
}

static enum ea_err put(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err;

    /* the quiz's row is held: what is matched is what is replaced */
    if ((err = authz(r, EA_CAP_TEACH)) || (err = ea_req_begin(r)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_QUIZ_LOCK, r->vars[0])) || (err = match(r)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_ACCOMMODATION_PUT, r->vars[0], r->vars[1],
                     r->caller.claims.user.s, r->body)))
        return err;
    if (PQntuples(res) == 0)
        return ea_fail(r, EA_ENOTFOUND, "There is no such student in this course.");
    bool first = ea_pg_i64(res, 0, 0) == 1;
    if ((err = quiz_retime(r, r->vars[0], r->vars[1])) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_ACCOMMODATION_GET, r->vars[0], r->vars[1])))
        return err;
    if (first)
        r->resp.status = 201;
    return quiz_reply(r, res);
}

const struct ea_route quiz_accommodation_routes[] = {
    { .method = EA_GET,
      .pattern = "/v1/quizzes/{id}/accommodations/{user_id}",
      .handler = get,
      .who = EA_SIGNED_IN },
    { .method = EA_PUT,
      .pattern = "/v1/quizzes/{id}/accommodations/{user_id}",
      .handler = put,
      .who = EA_SIGNED_IN,
      .body = EA_BODY_JSON,
      .body_max = EA_KB(4),
      .input = &schema },
    EA_ROUTES_END,
};
