/* PUT /v1/attempts/{id}/slots/{slot}/grade: points given by a person, to what waits for one or in place of the grader's. The last one that was waited for makes the
 * attempt graded, and each after it tells the student again. GET …/grades: all that were given, for those who mark. */
#include "fcgi/quiz/quiz.h"
#include "lib/events.h"
#include "lib/pg.h"

#include <string.h>

#define COMMENT_MAX 20000

struct input {
    struct ea_int points;
    struct ea_str comment;
};
static const struct ea_field fields[] = {
    { .name = "points",
      .type = EA_T_MILLI,
      .offset = offsetof(struct input, points),
      .flags = EA_REQUIRED,
      .min = 0,
      .max = QUIZ_POINTS_MAX },
    { .name = "comment",
      .type = EA_T_STR,
      .offset = offsetof(struct input, comment),
      .flags = EA_NULLABLE,
      .max = COMMENT_MAX },
};
static const struct ea_schema schema = { "grade", sizeof(struct input), fields, QUIZ_COUNT(fields) };

/* The attempt is held from here on. If-Match is heeded when it is sent; before the first mark of a person there is nothing to match. */
static enum ea_err judge(struct ea_req *r, const struct input *in)
{
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_SLOT_GRADE_LOCK, r->vars[0], r->vars[1]);

    if (err)
        return err;
    if (PQntuples(res) == 0)
        return EA_ENOTFOUND;
    if (strcmp(ea_pg_str(res, 0, 0), "in_progress") == 0)
        return ea_fail(r, EA_ECONFLICT, "The attempt is not submitted yet.");
    if (in->points.v > ea_pg_i64(res, 0, 1)) {
        ea_faults_add(&r->faults, r->arena, "/points", "out-of-range",
                      "This is more than the slot is worth.");
        return EA_EINPUT;
    }
    if (!ea_pg_bool(res, 0, 3))
        return ea_fail(r, EA_ECONFLICT, "The grader has not looked at the attempt yet.");
    return ea_req_header(r, "If-Match") ? ea_req_match(r, ea_pg_str(res, 0, 2)) : EA_OK;
}

static enum ea_err put(struct ea_req *r)
{
    const struct input *in = r->input;
    const char *points = quiz_number(r, in->points.v);
    char topic[EA_TOPIC_SIZE];
    PGresult *res;
    enum ea_err err = points ? EA_OK : EA_ENOMEM;

    if (!quiz_is_slot(r->vars[1]))
        return EA_ENOTFOUND;
    if (err || (err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ATTEMPT, r->vars[0], EA_CAP_MARK, NULL)) ||
        (err = ea_req_begin(r)) || (err = judge(r, in)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_SLOT_GRADE, r->vars[0], r->vars[1], r->caller.claims.user.s,
                     points, in->comment.v)))
        return err;
    if (ea_pg_str(res, 0, 3) && (err = ea_req_event(r, ea_topic(EA_TOPIC_USER, ea_pg_str(res, 0, 2), topic),
                                                    "attempt.graded", ea_pg_str(res, 0, 3), EA_QUEUE_NOTIFY)))
        return err;
    return quiz_reply(r, res);
}

static enum ea_err history(struct ea_req *r)
{
    struct quiz_window page;
    PGresult *res;
    enum ea_err err;

    if (!quiz_is_slot(r->vars[1]))
        return EA_ENOTFOUND;
    if ((err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ATTEMPT, r->vars[0], EA_CAP_MARK, NULL)) ||
        (err = quiz_page_read(r, &page)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_SLOT_EXISTS, r->vars[0], r->vars[1])))
        return err;
    if (!ea_pg_bool(res, 0, 0))
        return EA_ENOTFOUND;
    err = EA_PG(r->pg, r->arena, &res, STMT_SLOT_GRADES, r->vars[0], r->vars[1], page.after, page.fetch);
    return err ? err : ea_resp_page(r, res, page.limit);
}

const struct ea_route quiz_grade_routes[] = {
    { .method = EA_PUT,
      .pattern = "/v1/attempts/{id}/slots/{slot}/grade",
      .handler = put,
      .who = EA_SIGNED_IN,
      .body = EA_BODY_JSON,
      .body_max = EA_KB(32),
      .input = &schema },
    { .method = EA_GET,
      .pattern = "/v1/attempts/{id}/slots/{slot}/grades",
      .handler = history,
      .who = EA_SIGNED_IN,
      .query = &quiz_page_schema },
    EA_ROUTES_END,
};
