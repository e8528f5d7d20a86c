#include "fcgi/gateway/gateway.h"
#include "fcgi/gateway/membership.h"
#include "fcgi/gateway/page.h"
#include "lib/pg.h"

struct course { /* also of a change, where each member may be missing */
    struct ea_str title, code, time_zone;
};

#define COURSE(member, t, bytes, more)                                                                       \
    {                                                                                                        \
        .name = #member, .type = t, .offset = offsetof(struct course, member), .min = 1, .max = bytes,       \
        .flags = EA_ONE_LINE | (more)                                                                        \
    }
#define COURSE_FIELDS(more)                                                                                  \
    COURSE(title, EA_T_STR, 200, more), COURSE(code, EA_T_STR, 50, more),                                    \
        COURSE(time_zone, EA_T_STR, 64, more)

static const struct ea_field course_fields[] = { COURSE_FIELDS(EA_REQUIRED) };
static const struct ea_field change_fields[] = { COURSE_FIELDS(0) };
const struct ea_schema gateway_course_schema = { "course", sizeof(struct course), course_fields,
                                                 sizeof course_fields / sizeof course_fields[0] };
const struct ea_schema gateway_course_change_schema = { "course change", sizeof(struct course), change_fields,
                                                        sizeof change_fields / sizeof change_fields[0] };

struct filter {
    struct gateway_page page;
};
static const struct ea_field filter_fields[] = {
    GATEWAY_PAGE_LIMIT(struct filter),
    GATEWAY_PAGE_CURSOR(struct filter),
};
const struct ea_schema gateway_course_list_schema = { "courses", sizeof(struct filter), filter_fields,
                                                      sizeof filter_fields / sizeof filter_fields[0] };

static enum ea_err check_zone(struct ea_req *r, const struct ea_str *zone)
{
    PGresult *res;
    if (!zone->given)
        return EA_OK;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_TIME_ZONE_VALID, zone->v);
    if (err || ea_pg_bool(res, 0, 0))
        return err;
    ea_faults_add(&r->faults, r->arena, "/time_zone", "unknown",
                  "a name of the IANA time zone database is expected, e.g. Europe/Berlin");
    return EA_EINPUT;
}

static enum ea_err reply(struct ea_req *r, const PGresult *res)
{
    if (PQntuples(res) == 0)
        return EA_ENOTFOUND;
    ea_resp_etag(r, ea_pg_str(res, 0, 1));
    return ea_resp_json(r, ea_pg_str(res, 0, 0));
}

enum ea_err gateway_course_create(struct ea_req *r)
{
    const struct course *in = r->input;
    const char *me = r->caller.claims.user.s;
    struct ea_id id;
    PGresult *res = NULL;
    enum ea_err err = check_zone(r, &in->time_zone);
    if (!err)
        err = ea_req_begin(r);
    if (err)
        return err;
    ea_id_new(&id);
    err =
        EA_PG(r->pg, r->arena, &res, STMT_COURSE_INSERT, id.s, in->title.v, in->code.v, in->time_zone.v, me);
    if (err == EA_ECONFLICT)
        return ea_fail(r, err, "There is a course with this code.");
    if (!err)
        err = gateway_membership_turned(r, me, id.s, NULL, "teacher");
    if (!err)
        err = ea_resp_created(r, "/v1/courses/%s", id.s);
    return err ? err : reply(r, res);
}

enum ea_err gateway_course_list(struct ea_req *r)
{
    const struct filter *in = r->query_input;
    const struct ea_claims *me = &r->caller.claims;
    struct gateway_window w;
    PGresult *res;
    enum ea_err err = gateway_page_read(r, &in->page, &w);
    if (!err)
        err = EA_PG(r->pg, r->arena, &res, STMT_COURSE_LIST, me->user.s,
                    me->role == EA_ROLE_ADMIN ? "true" : "false", w.after, w.fetch);
    return err ? err : ea_resp_page(r, res, w.rows);
}

enum ea_err gateway_course_read(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_COURSE, r->vars[0], EA_CAP_VIEW, NULL);
    if (!err)
        err = EA_PG(r->pg, r->arena, &res, STMT_COURSE_READ, r->vars[0], r->caller.claims.user.s);
    return err ? err : reply(r, res);
}

enum ea_err gateway_course_change(struct ea_req *r)
{
    const struct course *in = r->input;
    PGresult *res = NULL;
    enum ea_err err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_COURSE, r->vars[0], EA_CAP_TEACH, NULL);
    if (!err)
        err = check_zone(r, &in->time_zone);
    if (!err)
        err = ea_req_begin(r);
    if (!err)
        err = EA_PG(r->pg, r->arena, &res, STMT_COURSE_LOCK, r->vars[0]);
    if (!err)
        err = PQntuples(res) == 0 ? EA_ENOTFOUND : ea_req_match(r, ea_pg_str(res, 0, 0));
    if (err)
        return err;
    err = EA_PG(r->pg, r->arena, &res, STMT_COURSE_UPDATE, r->vars[0], in->title.v, in->code.v,
                in->time_zone.v, r->caller.claims.user.s);
    if (err == EA_ECONFLICT)
        return ea_fail(r, err, "There is a course with this code.");
    return err ? err : reply(r, res);
}
