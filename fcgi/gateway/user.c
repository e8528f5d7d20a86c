#include "fcgi/gateway/gateway.h"
#include "fcgi/gateway/page.h"
#include "fcgi/gateway/session.h"
#include "lib/events.h"
#include "lib/pg.h"

#include <stdio.h>

static const char *const roles[] = {
    [EA_ROLE_MEMBER] = "member", [EA_ROLE_STAFF] = "staff", [EA_ROLE_ADMIN] = "admin", NULL
};

struct user {
    struct ea_str email, name, password;
    struct ea_int role;
};

#define USER(member, t) .name = #member, .type = t, .offset = offsetof(struct user, member)
static const struct ea_field user_fields[] = {
    { USER(email, EA_T_EMAIL), .flags = EA_REQUIRED, .max = 254 },
    { USER(name, EA_T_STR), .flags = EA_REQUIRED | EA_ONE_LINE, .min = 1, .max = 200 },
    { USER(password, EA_T_STR), .min = EA_PASSWORD_MIN, .max = EA_PASSWORD_MAX },
    { USER(role, EA_T_ENUM), .flags = EA_REQUIRED, .values = roles },
};
const struct ea_schema gateway_user_schema = { "user", sizeof(struct user), user_fields,
                                               sizeof user_fields / sizeof user_fields[0] };

struct change {
    struct ea_str name, password;
    struct ea_int role, active;
};

#define CHANGE(member, t) .name = #member, .type = t, .offset = offsetof(struct change, member)
static const struct ea_field change_fields[] = {
    { CHANGE(name, EA_T_STR), .flags = EA_ONE_LINE, .min = 1, .max = 200 },
    { CHANGE(role, EA_T_ENUM), .values = roles },
    { CHANGE(active, EA_T_BOOL) },
    { CHANGE(password, EA_T_STR), .min = EA_PASSWORD_MIN, .max = EA_PASSWORD_MAX },
};
const struct ea_schema gateway_user_change_schema = { "user change", sizeof(struct change), change_fields,
                                                      sizeof change_fields / sizeof change_fields[0] };

struct filter {
    struct gateway_page page;
    struct ea_str q;
    struct ea_int role, active;
};

#define FILTER(member, t) .name = #member, .type = t, .offset = offsetof(struct filter, member)
static const struct ea_field filter_fields[] = {
    GATEWAY_PAGE_LIMIT(struct filter),   GATEWAY_PAGE_CURSOR(struct filter),
    { FILTER(q, EA_T_STR), .max = 200 }, { FILTER(role, EA_T_ENUM), .values = roles },
    { FILTER(active, EA_T_BOOL) },
};
const struct ea_schema gateway_user_list_schema = { "users", sizeof(struct filter), filter_fields,
                                                    sizeof filter_fields / sizeof filter_fields[0] };

/* --- a password on its way ------------------------------------------------------------------------------------------- */

struct hashing { /* r->state of a request with a password */
    ea_handler *then;
    char hash[EA_PASSWORD_HASH_SIZE];
};

static void on_hashed(const char *new_hash, void *arg)
{
    struct ea_req *r = arg;
    struct hashing *h = r->state;
    (void)snprintf(h->hash, sizeof h->hash, "%s", new_hash);
    ea_req_resume(r, h->then);
}

/* Runs `then` with the hash ready; at once when there is nothing to hash. */
static enum ea_err hash_then(struct ea_req *r, const struct ea_str *password, ea_handler *then)
{
    if (!password->given)
        return then(r);
    struct hashing *h = ea_arena_alloc(r->arena, sizeof *h);
    if (!h)
        return EA_ENOMEM;
    h->then = then;
    r->state = h;
    enum ea_err err = ea_password_hash(gateway_of(r)->passwords, password->v, on_hashed, r);
    return err ? err : EA_PARKED;
}

/* *hash NULL: no password was given. */
static enum ea_err hash_of(const struct ea_req *r, const char **hash)
{
    const struct hashing *h = r->state;
    *hash = h ? h->hash : NULL;
    return h && !h->hash[0] ? EA_ENOMEM : EA_OK;
}

/* --- create ------------------------------------------------------------------------------------------------------------ */

static enum ea_err insert(struct ea_req *r)
{
    const struct user *in = r->input;
    struct ea_id id;
    const char *hash;
    PGresult *res;
    enum ea_err err = hash_of(r, &hash);
    if (!err)
        err = ea_req_begin(r);
    if (err)
        return err;
    ea_id_new(&id);
    err = EA_PG(r->pg, r->arena, &res, STMT_USER_INSERT, id.s, in->email.v, in->name.v, roles[in->role.v],
                hash, r->caller.claims.user.s);
    if (err == EA_ECONFLICT)
        return ea_fail(r, err, "There is an account with this e-mail address.");
    if (err)
        return err;
    ea_resp_etag(r, ea_pg_str(res, 0, 1));
    err = ea_resp_created(r, "/v1/users/%s", id.s);
    return err ? err : ea_resp_json(r, ea_pg_str(res, 0, 0));
}

enum ea_err gateway_user_create(struct ea_req *r)
{
    const struct user *in = r->input;
    return hash_then(r, &in->password, insert);
}

/* --- read ---------------------------------------------------------------------------------------------------------------- */

enum ea_err gateway_user_list(struct ea_req *r)
{
    const struct filter *in = r->query_input;
    struct gateway_window w;
    PGresult *res;
    enum ea_err err = gateway_page_read(r, &in->page, &w);
    if (!err)
        err = EA_PG(r->pg, r->arena, &res, STMT_USER_LIST, in->q.v, in->role.given ? roles[in->role.v] : NULL,
                    !in->active.given ? NULL
                    : in->active.v    ? "true"
                                      : "false",
                    w.after, w.fetch);
    return err ? err : ea_resp_page(r, res, w.rows);
}

enum ea_err gateway_user_read(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_USER_READ, r->vars[0]);
    if (err)
        return err;
    if (PQntuples(res) == 0)
        return EA_ENOTFOUND;
    ea_resp_etag(r, ea_pg_str(res, 0, 1));
    return ea_resp_json(r, ea_pg_str(res, 0, 0));
}

/* --- change -------------------------------------------------------------------------------------------------------------- */

struct before { /* the account as it was */
    enum ea_role role;
    bool active;
};

static bool loses_admin(const struct before *was, const struct change *in)
{
    return was->role == EA_ROLE_ADMIN && was->active &&
           ((in->role.given && in->role.v != EA_ROLE_ADMIN) || (in->active.given && !in->active.v));
}

/* What the account may do has changed, or who knows its password: whoever is signed in must sign in anew. */
static const char *reason_to_close(const struct before *was, const struct change *in)
{
    if (was->active && in->active.given && !in->active.v)
        return "deactivated";
    if (in->role.given && (enum ea_role)in->role.v != was->role)
        return "role-changed";
    return in->password.given ? "password-changed" : NULL;
}

static enum ea_err lock_and_check(struct ea_req *r, const struct change *in, struct before *was)
{
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_USER_LOCK, r->vars[0]);
    if (err)
        return err;
    if (PQntuples(res) == 0)
        return EA_ENOTFOUND;
    err = ea_req_match(r, ea_pg_str(res, 0, 0));
    if (err)
        return err;
    *was = (struct before){ ea_role_of(ea_pg_str(res, 0, 1)), ea_pg_bool(res, 0, 2) };
    if (!loses_admin(was, in))
        return EA_OK;
    err = EA_PG(r->pg, r->arena, &res, STMT_USER_LOCK_ADMINS, r->vars[0]);
    if (!err && PQntuples(res) == 0)
        err = ea_fail(r, EA_ECONFLICT, "This is the last administrator.");
    return err;
}

static enum ea_err update(struct ea_req *r)
{
    const struct change *in = r->input;
    struct before was = { 0 };
    const char *hash;
    PGresult *res = NULL;
    enum ea_err err = hash_of(r, &hash);
    if (!err)
        err = ea_req_begin(r);
    if (!err)
        err = lock_and_check(r, in, &was);
    if (!err)
        err = EA_PG(r->pg, r->arena, &res, STMT_USER_UPDATE, r->vars[0], in->name.v,
                    in->role.given ? roles[in->role.v] : NULL,
                    !in->active.given ? NULL
                    : in->active.v    ? "true"
                                      : "false",
                    hash, r->caller.claims.user.s);
    if (!err && reason_to_close(&was, in))
        err = gateway_session_close_all(r, r->vars[0], reason_to_close(&was, in));
    if (!err)
        err = gateway_user_tell(r, r->vars[0]);
    if (err)
        return err;
    ea_resp_etag(r, ea_pg_str(res, 0, 1));
    return ea_resp_json(r, ea_pg_str(res, 0, 0));
}

enum ea_err gateway_user_change(struct ea_req *r)
{
    const struct change *in = r->input;
    return hash_then(r, &in->password, update);
}

enum ea_err gateway_user_tell(struct ea_req *r, const char *user)
{
    char topic[EA_TOPIC_SIZE];
    const char *payload = ea_arena_printf(r->arena, "{\"user_id\":\"%s\"}", user);
    if (!payload)
        return EA_ENOMEM;
    return ea_req_event(r, ea_topic(EA_TOPIC_USER, user, topic), "user.changed", payload, NULL);
}
