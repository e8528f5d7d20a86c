/* /v1/courses/{id}/assignments, /v1/assignments/{id}: work that is set. The table of members checks a body; the statements take the checked body as it is. */
#include "fcgi/assignment/assignment.h"

#include "lib/md.h"
#include "lib/pg.h"
#include "lib/rules.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#define TITLE_MAX        200
#define INSTRUCTIONS_MAX 100000
#define POINTS_MAX       1000000000 /* a million points */
#define FILE_MAX         (60 * 1024 * 1024)
#define LIST_MAX         20

struct rating {
    struct ea_int given;
    struct ea_str title, description;
    struct ea_int points;
};

struct criterion {
    struct ea_int given;
    struct ea_str id, title, description;
    struct ea_int points;
    struct ea_list ratings;
};

struct input {
    struct ea_str title, instructions;
    struct ea_int points, opens_at, due_at, lock_at, max_files, max_bytes, attempts, release;
    struct ea_list accepts, extensions, checks, rubric;
    struct ea_late_policy late_policy;
};

#define COUNT(table)   (sizeof(table) / sizeof((table)[0]))

#define RATING(member) offsetof(struct rating, member)
static const struct ea_field rating_fields[] = {
    { "title", EA_T_STR, RATING(title), EA_REQUIRED, .min = 1, .max = TITLE_MAX },
    { "description", EA_T_STR, RATING(description), .max = 2000 },
    { "points", EA_T_MILLI, RATING(points), EA_REQUIRED, .min = 0, .max = POINTS_MAX },
};
static const struct ea_schema rating_schema = { "rating", sizeof(struct rating), rating_fields,
                                                COUNT(rating_fields) };

#define CRITERION(member) offsetof(struct criterion, member)
static const struct ea_field criterion_fields[] = {
    { "id", EA_T_STR, CRITERION(id), EA_REQUIRED, .min = 1, .max = 64 },
    { "title", EA_T_STR, CRITERION(title), EA_REQUIRED, .min = 1, .max = TITLE_MAX },
    { "description", EA_T_STR, CRITERION(description), .max = 2000 },
    { "points", EA_T_MILLI, CRITERION(points), EA_REQUIRED, .min = 0, .max = POINTS_MAX },
    { "ratings", EA_T_LIST, CRITERION(ratings), .max = LIST_MAX, .sub = &rating_schema },
};
static const struct ea_schema criterion_schema = { "criterion", sizeof(struct criterion), criterion_fields,
                                                   COUNT(criterion_fields) };

static const char *const kinds_of_work[] = { "text", "file", NULL };
static const char *const releases[] = { "auto", "manual", NULL };

#define INPUT(member) offsetof(struct input, member)
/* clang-format off */
#define FIELDS(needed)                                                                                       \
    { "title", EA_T_STR, INPUT(title), needed, .min = 1, .max = TITLE_MAX },                                 \
    { "instructions", EA_T_STR, INPUT(instructions), .max = INSTRUCTIONS_MAX },                              \
    { "points", EA_T_MILLI, INPUT(points), needed, .min = 1, .max = POINTS_MAX },                            \
    { "opens_at", EA_T_TIME, INPUT(opens_at), .flags = EA_NULLABLE },                                        \
    { "due_at", EA_T_TIME, INPUT(due_at), .flags = EA_NULLABLE },                                            \
    { "lock_at", EA_T_TIME, INPUT(lock_at), .flags = EA_NULLABLE },                                          \
    { "accepts", EA_T_LIST, INPUT(accepts), .min = 1, .max = 2, .item = EA_T_ENUM, .values = kinds_of_work },\
    { "max_files", EA_T_INT, INPUT(max_files), .min = 1, .max = ASSIGNMENT_FILES_MAX },                      \
    { "max_bytes", EA_T_INT, INPUT(max_bytes), .min = 1, .max = FILE_MAX },                                  \
    { "extensions", EA_T_LIST, INPUT(extensions), EA_NULLABLE, .min = 1, .max = LIST_MAX, .item = EA_T_STR,  \
      .item_min = 1, .item_max = 16 },                                                                       \
    { "attempts", EA_T_INT, INPUT(attempts), EA_NULLABLE, .min = 1, .max = 1000 },                           \
    { "late_policy", EA_T_OBJ, INPUT(late_policy), EA_NULLABLE, .sub = &ea_late_policy_schema },             \
    { "checks", EA_T_LIST, INPUT(checks), EA_NULLABLE, .max = EA_CHECKS_MAX, .sub = &ea_check_schema },      \
    { "rubric", EA_T_LIST, INPUT(rubric), EA_NULLABLE, .max = LIST_MAX, .sub = &criterion_schema },          \
    { "release", EA_T_ENUM, INPUT(release), .values = releases }
/* clang-format on */
static const struct ea_field new_fields[] = { FIELDS(EA_REQUIRED) };
static const struct ea_schema new_schema = { "assignment", sizeof(struct input), new_fields,
                                             COUNT(new_fields) };

static const struct ea_field patch_fields[] = { FIELDS(0) };
static const struct ea_schema patch_schema = { "assignment change", sizeof(struct input), patch_fields,
                                               COUNT(patch_fields) };

struct page {
    struct ea_int limit;
    struct ea_str cursor;
};
static const struct ea_field page_fields[] = {
    { "limit", EA_T_INT, offsetof(struct page, limit), .min = 1, .max = EA_PAGE_MAX },
    { "cursor", EA_T_STR, offsetof(struct page, cursor), .max = 256 },
};
static const struct ea_schema page_schema = { "page", sizeof(struct page), page_fields, COUNT(page_fields) };

bool assignment_marks(const struct ea_req *r, const struct ea_access *access)
{
    return access->role >= EA_COURSE_ASSISTANT || r->caller.claims.role == EA_ROLE_ADMIN;
}

enum ea_err assignment_reply(struct ea_req *r, const PGresult *res)
{
    if (PQntuples(res) == 0)
        return EA_ENOTFOUND;
    ea_resp_etag(r, ea_pg_str(res, 0, 1));
    return ea_resp_json(r, ea_pg_str(res, 0, 0));
}

static enum ea_err show(struct ea_req *r, const char *id)
{
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_ASSIGNMENT_GET, id);

    return err ? err : assignment_reply(r, res);
}

static enum ea_err authz(struct ea_req *r, enum ea_cap cap)
{
    return ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ASSIGNMENT, r->vars[0], cap, NULL);
}

static void fault(struct ea_req *r, const char *pointer, const char *code, const char *detail)
{
    ea_faults_add(&r->faults, r->arena, pointer, code, "%s", detail);
}

/* "pdf" or ".pdf" */
static bool is_extension(const struct ea_str *s)
{
    size_t dot = s->v[0] == '.', i = dot;

    while (isalnum((unsigned char)s->v[i]))
        i++;
    return i > dot && i == s->len;
}

static void judge_extensions(struct ea_req *r, const struct ea_list *list)
{
    const struct ea_str *item = list->items;

    for (size_t i = 0; i < list->n; i++)
        if (!is_extension(&item[i]))
            fault(r, ea_arena_printf(r->arena, "/extensions/%zu", i), "format",
                  "An extension is letters and digits, as in pdf.");
}

static void judge_rubric(struct ea_req *r, const struct ea_list *list)
{
    const struct criterion *item = list->items;

    for (size_t i = 1; i < list->n; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(item[i].id.v, item[k].id.v) == 0)
                fault(r, ea_arena_printf(r->arena, "/rubric/%zu/id", i), "duplicate",
                      "Another criterion has this id.");
}

/* What the schema could not say. */
static enum ea_err judge(struct ea_req *r, const struct input *in)
{
    judge_extensions(r, &in->extensions);
    judge_rubric(r, &in->rubric);
    ea_checks_judge(&in->checks, "/checks", r->arena, &r->faults);
    return r->faults.n ? EA_EINPUT : EA_OK;
}

/* The order of the times is the table's own constraint: it holds for what a PATCH leaves as well. */
static enum ea_err times_fault(struct ea_req *r, enum ea_err err)
{
    static const struct {
        const char *constraint, *pointer, *detail;
    } faults[] = {
        { "assignments_opens_before_due", "/due_at", "It is due before it opens." },
        { "assignments_opens_before_lock", "/lock_at", "It is locked before it opens." },
        { "assignments_due_before_lock", "/lock_at", "It is locked before it is due." },
    };

    for (size_t i = 0; err == EA_EINPUT && i < COUNT(faults); i++)
        if (strcmp(ea_pg_constraint(r->pg), faults[i].constraint) == 0)
            fault(r, faults[i].pointer, "out-of-range", faults[i].detail);
    return err;
}

enum ea_err assignment_html(struct ea_req *r, const char *text, size_t n, const char **out)
{
    struct ea_buf html = { 0 };
    enum ea_err err;

    *out = NULL;
    if (!text)
        return EA_OK;
    err = ea_md_html(text, n, &html);
    if (!err && !(*out = ea_arena_ndup(r->arena, html.p ? html.p : "", html.len)))
        err = EA_ENOMEM;
    ea_buf_free(&html);
    return err;
}

static enum ea_err create(struct ea_req *r)
{
    const struct input *in = r->input;
    const char *html;
    struct ea_id id;
    PGresult *res;
    enum ea_err err;

    err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_COURSE, r->vars[0], EA_CAP_TEACH, NULL);
    if (err)
        return err;
    if ((err = judge(r, in)) || (err = assignment_html(r, in->instructions.v, in->instructions.len, &html)) ||
        (err = ea_req_begin(r)))
        return err;
    ea_id_new(&id);
    err = EA_PG(r->pg, r->arena, &res, STMT_ASSIGNMENT_INSERT, id.s, r->vars[0], r->caller.claims.user.s,
                r->body, html ? html : "");
    if (err)
        return times_fault(r, err);
    if ((err = ea_resp_created(r, "/v1/assignments/%s", id.s)))
        return err;
    return show(r, id.s);
}

static enum ea_err list(struct ea_req *r)
{
    const struct page *q = r->query_input;
    int64_t limit = q->limit.given ? q->limit.v : EA_PAGE_DEFAULT;
    const char *from, *most = ea_arena_printf(r->arena, "%" PRId64, limit + 1);
    struct ea_access access;
    PGresult *res;
    enum ea_err err;

    err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_COURSE, r->vars[0], EA_CAP_VIEW, &access);
    if (err || (err = ea_page_cursor(r, q->cursor.v, &from)))
        return err;
    err = EA_PG(r->pg, r->arena, &res, STMT_ASSIGNMENT_LIST, r->vars[0],
                assignment_marks(r, &access) ? "true" : "false", from, most);
    return err ? err : ea_resp_page(r, res, limit);
}

static enum ea_err get(struct ea_req *r)
{
    enum ea_err err = authz(r, EA_CAP_VIEW);

    return err ? err : show(r, r->vars[0]);
}

/* Begins, and holds the row until COMMIT if it is still what the caller has read. */
static enum ea_err begin_matched(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err;

    if ((err = ea_req_begin(r)) || (err = EA_PG(r->pg, r->arena, &res, STMT_ASSIGNMENT_LOCK, r->vars[0])))
        return err;
    return PQntuples(res) == 0 ? EA_ENOTFOUND : ea_req_match(r, ea_pg_str(res, 0, 0));
}

static enum ea_err patch(struct ea_req *r)
{
    const struct input *in = r->input;
    const char *html;
    PGresult *res;
    enum ea_err err;

    if ((err = authz(r, EA_CAP_TEACH)) || (err = judge(r, in)) ||
        (err = assignment_html(r, in->instructions.v, in->instructions.len, &html)) ||
        (err = begin_matched(r)))
        return err;
    err = EA_PG(r->pg, r->arena, &res, STMT_ASSIGNMENT_UPDATE, r->vars[0], r->body, html,
                r->caller.claims.user.s);
    return err ? times_fault(r, err) : show(r, r->vars[0]);
}

static enum ea_err delete (struct ea_req *r) {
    PGresult *res; enum ea_err err;

    if ((err = authz(r, EA_CAP_TEACH)) || (err = begin_matched(r)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_ASSIGNMENT_DELETE, r->vars[0],
                     r->caller.claims.user.s))) return err;
    return ea_resp_none(r);
}

static enum ea_err publish(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err;

    if ((err = authz(r, EA_CAP_TEACH)) || (err = ea_req_begin(r)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_ASSIGNMENT_PUBLISH, r->vars[0])))
        return err;
    return show(r, r->vars[0]);
}

#define BODY EA_BODY_JSON, EA_KB(512)

const struct ea_route assignment_routes[] = {
    { EA_POST, "/v1/courses/{id}/assignments", create, EA_SIGNED_IN, BODY, &new_schema, .flags = 0 },
    { EA_GET, "/v1/courses/{id}/assignments", list, EA_SIGNED_IN, .query = &page_schema },
    { EA_GET, "/v1/assignments/{id}", get, EA_SIGNED_IN, .flags = 0 },
    { EA_PATCH, "/v1/assignments/{id}", patch, EA_SIGNED_IN, BODY, &patch_schema, .flags = EA_ROUTE_MATCH },
    { EA_DELETE, "/v1/assignments/{id}", delete, EA_SIGNED_IN, .flags = EA_ROUTE_MATCH },
    { EA_POST, "/v1/assignments/{id}/publish", publish, EA_SIGNED_IN, .flags = 0 },
    EA_ROUTES_END,
};
