/* PUT /v1/submissions/{id}/grade: marks given by people; their history; and releasing what was held back. */
#include "fcgi/assignment/assignment.h"

#include "lib/events.h"
#include "lib/pg.h"

#include <inttypes.h>
#include <string.h>

#define COMMENT_MAX 20000
#define POINTS_MAX  1000000000

struct mark { /* of one criterion of the rubric */
    struct ea_int given;
    struct ea_str id, comment;
    struct ea_int points;
};

struct input {
    struct ea_int points, release;
    struct ea_str comment;
    struct ea_list criteria;
};

#define MARK(member) offsetof(struct mark, member)
static const struct ea_field mark_fields[] = {
    { "id", EA_T_STR, MARK(id), EA_REQUIRED, .min = 1, .max = 64 },
    { "points", EA_T_MILLI, MARK(points), EA_REQUIRED, .min = 0, .max = POINTS_MAX },
    { "comment", EA_T_STR, MARK(comment), .max = COMMENT_MAX },
};
static const struct ea_schema mark_schema = { "mark", sizeof(struct mark), mark_fields,
                                              sizeof(mark_fields) / sizeof(mark_fields[0]) };

#define INPUT(member) offsetof(struct input, member)
static const struct ea_field fields[] = {
    { "points", EA_T_MILLI, INPUT(points), EA_REQUIRED, .min = 0, .max = POINTS_MAX },
    { "comment", EA_T_STR, INPUT(comment), EA_NULLABLE, .max = COMMENT_MAX },
    { "criteria", EA_T_LIST, INPUT(criteria), EA_NULLABLE, .max = 20, .sub = &mark_schema },
    { "release", EA_T_BOOL, INPUT(release), .flags = 0 },
};
static const struct ea_schema schema = { "grade", sizeof(struct input), fields,
                                         sizeof(fields) / sizeof(fields[0]) };

/* What the grade is held against: the submission's row, locked, and its rubric. */
struct target {
    const char *version;
    int64_t points;
    bool release;
    const PGresult *rubric; /* rows (id, points) */
};

static int64_t criterion_points(const struct target *t, const char *id)
{
    for (int i = 0; i < PQntuples(t->rubric); i++)
        if (strcmp(ea_pg_str(t->rubric, i, 0), id) == 0)
            return ea_pg_i64(t->rubric, i, 1);
    return -1;
}

static void fault(struct ea_req *r, const char *pointer, const char *code, const char *detail)
{
    ea_faults_add(&r->faults, r->arena, pointer, code, "%s", detail);
}

static void judge_mark(struct ea_req *r, const struct target *t, const struct mark *marks, size_t i)
{
    int64_t most = criterion_points(t, marks[i].id.v);

    if (most < 0)
        fault(r, ea_arena_printf(r->arena, "/criteria/%zu/id", i), "unknown",
              "The rubric has no such criterion.");
    else if (marks[i].points.v > most)
        fault(r, ea_arena_printf(r->arena, "/criteria/%zu/points", i), "out-of-range",
              "This is more than the criterion is worth.");
    for (size_t k = 0; k < i; k++)
        if (strcmp(marks[k].id.v, marks[i].id.v) == 0)
            fault(r, ea_arena_printf(r->arena, "/criteria/%zu/id", i), "duplicate",
                  "This criterion is there twice.");
}

static enum ea_err judge(struct ea_req *r, const struct target *t, const struct input *in)
{
    if (in->points.v > t->points)
        fault(r, "/points", "out-of-range", "This is more than the assignment is worth.");
    for (size_t i = 0; i < in->criteria.n; i++)
        judge_mark(r, t, in->criteria.items, i);
    return r->faults.n ? EA_EINPUT : EA_OK;
}

static enum ea_err lock(struct ea_req *r, struct target *out)
{
    PGresult *res, *rubric;
    enum ea_err err;

    if ((err = EA_PG(r->pg, r->arena, &res, STMT_SUBMISSION_LOCK, r->vars[0])))
        return err;
    if (PQntuples(res) == 0)
        return EA_ENOTFOUND;
    if ((err = EA_PG(r->pg, r->arena, &rubric, STMT_SUBMISSION_RUBRIC, r->vars[0])))
        return err;
    *out = (struct target){ .version = ea_pg_str(res, 0, 0),
                            .points = ea_pg_i64(res, 0, 1),
                            .release = ea_pg_bool(res, 0, 2),
                            .rubric = rubric };
    return EA_OK;
}

static void write_marks(struct ea_jw *w, const struct ea_list *criteria)
{
    const struct mark *marks = criteria->items;

    ea_jw_arr(w);
    for (size_t i = 0; i < criteria->n; i++) {
        ea_jw_obj(w);
        ea_jw_kstr(w, "id", marks[i].id.v);
        ea_jw_kmilli(w, "points", marks[i].points.v);
        if (marks[i].comment.v)
            ea_jw_kstr(w, "comment", marks[i].comment.v);
        ea_jw_end(w);
    }
    ea_jw_end(w);
}

static const char *criteria_json(struct ea_req *r, const struct input *in)
{
    struct ea_buf json = { 0 };
    struct ea_jw w;
    const char *out;

    if (in->criteria.n == 0)
        return NULL;
    ea_jw_init(&w, &json);
    write_marks(&w, &in->criteria);
    out = json.failed ? NULL : ea_arena_ndup(r->arena, json.p, json.len);
    ea_buf_free(&json);
    return out;
}

/* A person's points are final: neither lateness nor checks change them. The statement adds what automatic checks had found. */
static const char *explanation_json(struct ea_req *r, const struct input *in)
{
    struct ea_buf json = { 0 };
    struct ea_jw w;
    const char *out;

    ea_jw_init(&w, &json);
    ea_jw_obj(&w);
    ea_jw_kstr(&w, "method", "person");
    ea_jw_kstr(&w, "rule", "person-1");
    ea_jw_kmilli(&w, "final", in->points.v);
    ea_jw_end(&w);
    out = json.failed ? NULL : ea_arena_ndup(r->arena, json.p, json.len);
    ea_buf_free(&json);
    return out;
}

enum ea_err assignment_tell_graded(struct ea_req *r, const PGresult *rows)
{
    enum ea_err err = EA_OK;

    for (int i = 0; i < PQntuples(rows) && !err; i++) {
        char topic[EA_TOPIC_SIZE];
        err = ea_req_event(r, ea_topic(EA_TOPIC_USER, ea_pg_str(rows, i, 0), topic), "submission.graded",
                           ea_pg_str(rows, i, 1), EA_QUEUE_NOTIFY);
    }
    return err;
}

/* The student hears of a grade when it is released, not before. */
static enum ea_err write_grade(struct ea_req *r, const struct input *in, bool release)
{
    const char *html, *points = ea_arena_printf(r->arena, "%" PRId64, in->points.v);
    const char *explanation = explanation_json(r, in), *criteria = criteria_json(r, in);
    PGresult *res;
    enum ea_err err;

    if (!points || !explanation || (in->criteria.n > 0 && !criteria))
        return EA_ENOMEM;
    if ((err = assignment_html(r, in->comment.v, in->comment.len, &html)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_SUBMISSION_GRADE, r->vars[0], points, explanation,
                     in->comment.v, html, criteria, r->caller.claims.user.s, release ? "true" : "false")))
        return err;
    return release ? assignment_tell_graded(r, res) : EA_OK;
}

static enum ea_err put(struct ea_req *r)
{
    const struct input *in = r->input;
    struct target target;
    enum ea_err err;

    if ((err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_SUBMISSION, r->vars[0], EA_CAP_MARK, NULL)) ||
        (err = ea_req_begin(r)) || (err = lock(r, &target)) || (err = ea_req_match(r, target.version)) ||
        (err = judge(r, &target, in)))
        return err;
    err = write_grade(r, in, in->release.given ? in->release.v != 0 : target.release);
    return err ? err : assignment_submission_show(r, r->vars[0], true);
}

static enum ea_err history(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err;

    if ((err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_SUBMISSION, r->vars[0], EA_CAP_MARK, NULL)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_SUBMISSION_GRADES, r->vars[0])))
        return err;
    return ea_resp_json(r, ea_pg_str(res, 0, 0));
}

static enum ea_err release(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err;

    if ((err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ASSIGNMENT, r->vars[0], EA_CAP_TEACH, NULL)) ||
        (err = ea_req_begin(r)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_ASSIGNMENT_RELEASE, r->vars[0], r->caller.claims.user.s)) ||
        (err = assignment_tell_graded(r, res)))
        return err;
    ea_jw_obj(&r->resp.json);
    ea_jw_kint(&r->resp.json, "released", PQntuples(res));
    ea_jw_end(&r->resp.json);
    return EA_OK;
}

const struct ea_route assignment_grade_routes[] = {
    { EA_PUT, "/v1/submissions/{id}/grade", put, EA_SIGNED_IN, EA_BODY_JSON, EA_KB(512), &schema,
      .flags = EA_ROUTE_MATCH },
    { EA_GET, "/v1/submissions/{id}/grades", history, EA_SIGNED_IN, .flags = 0 },
    { EA_POST, "/v1/assignments/{id}/release", release, EA_SIGNED_IN, .flags = 0 },
    EA_ROUTES_END,
};
