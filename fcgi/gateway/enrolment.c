#include "fcgi/gateway/gateway.h"
#include "fcgi/gateway/membership.h"
#include "fcgi/gateway/page.h"
#include "lib/pg.h"

static const char *const roles[] = { "teacher", "assistant", "student", NULL };

struct enrolment {
    struct ea_str user_id, email;
    struct ea_int role;
};

#define ENROLMENT(member, t) .name = #member, .type = t, .offset = offsetof(struct enrolment, member)
static const struct ea_field enrolment_fields[] = {
    { ENROLMENT(user_id, EA_T_UUID) },
    { ENROLMENT(email, EA_T_EMAIL), .max = 254 },
    { ENROLMENT(role, EA_T_ENUM), .flags = EA_REQUIRED, .values = roles },
};
const struct ea_schema gateway_enrolment_schema = { "enrolment", sizeof(struct enrolment), enrolment_fields,
                                                    sizeof enrolment_fields / sizeof enrolment_fields[0] };

struct filter {
    struct gateway_page page;
    struct ea_int role;
};
static const struct ea_field filter_fields[] = {
    GATEWAY_PAGE_LIMIT(struct filter),
    GATEWAY_PAGE_CURSOR(struct filter),
    { .name = "role", .type = EA_T_ENUM, .offset = offsetof(struct filter, role), .values = roles },
};
const struct ea_schema gateway_enrolment_list_schema = { "enrolments", sizeof(struct filter), filter_fields,
                                                         sizeof filter_fields / sizeof filter_fields[0] };

static enum ea_err authorise(struct ea_req *r, enum ea_cap cap, struct ea_access *access)
{
    return ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_COURSE, r->vars[0], cap, access);
}

static enum ea_err find_user(struct ea_req *r, const struct enrolment *in, const char **user)
{
    PGresult *res;
    if (in->user_id.given == in->email.given) {
        ea_faults_add(&r->faults, r->arena, "/user_id", in->email.given ? "invalid" : "required",
                      "name the person by either user_id or email");
        return EA_EINPUT;
    }
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_ENROLMENT_USER, in->user_id.v, in->email.v);
    if (err)
        return err;
    if (PQntuples(res) == 0) {
        ea_faults_add(&r->faults, r->arena, in->email.given ? "/email" : "/user_id", "unknown",
                      "there is no such active account");
        return EA_EINPUT;
    }
    *user = ea_pg_str(res, 0, 0);
    return EA_OK;
}

/* In the transaction, whose course nobody else changes from here on. *was: the role that they have; NULL: none. */
static enum ea_err lock_role(struct ea_req *r, const char *course, const char *user, const char **was)
{
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_COURSE_PEOPLE_LOCK, course);
    if (!err)
        err = EA_PG(r->pg, r->arena, &res, STMT_ENROLMENT_ROLE, course, user);
    *was = !err && PQntuples(res) > 0 ? ea_pg_str(res, 0, 0) : NULL;
    return err;
}

static enum ea_err put(struct ea_req *r, const char *course, const char *user, const char *role,
                       bool *changed)
{
    PGresult *res;
    enum ea_err err =
        EA_PG(r->pg, r->arena, &res, STMT_ENROLMENT_PUT, course, user, role, r->caller.claims.user.s);
    *changed = !err && PQntuples(res) > 0;
    return err;
}

/* 201 for a new member, 200 for one whose role changed or who had it already. */
enum ea_err gateway_enrolment_put(struct ea_req *r)
{
    const struct enrolment *in = r->input;
    const char *user = NULL, *was = NULL, *course = r->vars[0];
    bool changed = false;
    PGresult *res = NULL;
    enum ea_err err = authorise(r, EA_CAP_TEACH, NULL);
    if (!err)
        err = find_user(r, in, &user);
    if (!err)
        err = ea_req_begin(r);
    if (!err)
        err = lock_role(r, course, user, &was);
    if (!err)
        err = put(r, course, user, roles[in->role.v], &changed);
    if (!err && changed)
        err = gateway_membership_turned(r, user, course, was, roles[in->role.v]);
    if (!err && changed && !was)
        err = ea_resp_created(r, "/v1/courses/%s/enrolments/%s", course, user);
    if (!err)
        err = EA_PG(r->pg, r->arena, &res, STMT_ENROLMENT_READ, course, user);
    return err ? err : ea_resp_json(r, ea_pg_str(res, 0, 0));
}

enum ea_err gateway_enrolment_list(struct ea_req *r)
{
    const struct filter *in = r->query_input;
    struct ea_access access;
    struct gateway_window w;
    PGresult *res;
    enum ea_err err = authorise(r, EA_CAP_VIEW, &access);
    if (!err)
        err = gateway_page_read(r, &in->page, &w);
    if (!err)
        err = EA_PG(r->pg, r->arena, &res, STMT_ENROLMENT_LIST, r->vars[0],
                    in->role.given ? roles[in->role.v] : NULL,
                    access.role >= EA_COURSE_ASSISTANT ? "true" : "false", w.after, w.fetch);
    return err ? err : ea_resp_page(r, res, w.rows);
}

enum ea_err gateway_enrolment_delete(struct ea_req *r)
{
    const char *course = r->vars[0], *user = r->vars[1];
    PGresult *res = NULL;
    enum ea_err err = authorise(r, EA_CAP_TEACH, NULL);
    if (!err)
        err = ea_req_begin(r);
    if (!err)
        err = EA_PG(r->pg, r->arena, &res, STMT_COURSE_PEOPLE_LOCK, course);
    if (!err)
        err = EA_PG(r->pg, r->arena, &res, STMT_ENROLMENT_DELETE, course, user, r->caller.claims.user.s);
    if (err)
        return err;
    if (PQntuples(res) == 0)
        return EA_ENOTFOUND;
    err = gateway_membership_turned(r, user, course, ea_pg_str(res, 0, 0), NULL);
    return err ? err : ea_resp_none(r);
}
