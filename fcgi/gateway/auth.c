#include "fcgi/gateway/gateway.h"
#include "fcgi/gateway/limit.h"
#include "fcgi/gateway/session.h"
#include "lib/log.h"
#include "lib/pg.h"

#include <string.h>

struct login {
    struct ea_str email, password;
    struct ea_int cookie;
};

#define LOGIN(member, t) .name = #member, .type = t, .offset = offsetof(struct login, member)
static const struct ea_field login_fields[] = {
    { LOGIN(email, EA_T_EMAIL), .flags = EA_REQUIRED, .max = 254 },
    { LOGIN(password, EA_T_STR), .flags = EA_REQUIRED, .max = EA_PASSWORD_MAX },
    { LOGIN(cookie, EA_T_BOOL) },
};
const struct ea_schema gateway_login_schema = { "login", sizeof(struct login), login_fields,
                                                sizeof login_fields / sizeof login_fields[0] };

struct refresh {
    struct ea_str refresh_token;
    struct ea_int cookie;
};

#define REFRESH(member, t) .name = #member, .type = t, .offset = offsetof(struct refresh, member)
static const struct ea_field refresh_fields[] = {
    { REFRESH(refresh_token, EA_T_STR), .min = 1, .max = 200 },
    { REFRESH(cookie, EA_T_BOOL) },
};
const struct ea_schema gateway_refresh_schema = { "refresh", sizeof(struct refresh), refresh_fields,
                                                  sizeof refresh_fields / sizeof refresh_fields[0] };

/* --- login --------------------------------------------------------------------------------------------------------- */

struct attempt {      /* r->state while the password is looked at */
    const char *user; /* NULL: nobody has this address */
    bool ok;
};

static enum ea_err refuse(struct ea_req *r, int wait_s)
{
    r->resp.retry_after_s = wait_s;
    return ea_fail(r, EA_ELIMIT, "Too many attempts to sign in have failed.");
}

static enum ea_err failed(struct ea_req *r, const struct login *in)
{
    struct gateway *g = gateway_of(r);
    gateway_limit_count(g->limits, r->redis, GATEWAY_LIMIT_ACCOUNT, in->email.v);
    gateway_limit_count(g->limits, r->redis, GATEWAY_LIMIT_ADDRESS, r->address);
    ea_log(EA_LOG_INFO, "sign-in failed", EA_F_STR(ADDRESS, r->address), EA_F_STR(REQUEST_ID, r->request_id));
    return EA_ECREDENTIALS;
}

/* Passwords are looked at one after the other, so by now the failures of attempts sent at the same time are counted: guessing in parallel gains nothing, even with the right guess. */
static enum ea_err finish_login(struct ea_req *r)
{
    const struct attempt *attempt = r->state;
    const struct login *in = r->input;
    struct gateway *g = gateway_of(r);
    struct gateway_session s;
    int wait_s;
    if (!attempt->ok)
        return failed(r, in);
    if (gateway_limit_reached(g->limits, r->redis, GATEWAY_LIMIT_ACCOUNT, in->email.v, &wait_s))
        return refuse(r, wait_s);
    enum ea_err err = ea_req_begin(r);
    if (!err)
        err = gateway_session_open(r, attempt->user, in->cookie.v != 0, &s);
    if (!err)
        err = gateway_session_reply(r, &s, in->cookie.v != 0);
    if (!err)
        gateway_limit_clear(g->limits, r->redis, GATEWAY_LIMIT_ACCOUNT, in->email.v);
    return err;
}

static void on_verified(bool ok, void *arg)
{
    struct ea_req *r = arg;
    ((struct attempt *)r->state)->ok = ok;
    ea_req_resume(r, finish_login);
}

enum ea_err gateway_auth_login(struct ea_req *r)
{
    const struct login *in = r->input;
    struct gateway *g = gateway_of(r);
    PGresult *res;
    int wait_s;
    if (gateway_limit_reached(g->limits, r->redis, GATEWAY_LIMIT_ACCOUNT, in->email.v, &wait_s) ||
        gateway_limit_reached(g->limits, r->redis, GATEWAY_LIMIT_ADDRESS, r->address, &wait_s))
        return refuse(r, wait_s);
    struct attempt *attempt = ea_arena_alloc(r->arena, sizeof *attempt);
    if (!attempt)
        return EA_ENOMEM;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_LOGIN_USER, in->email.v);
    if (err)
        return err;
    const char *hash = NULL; /* verified against a dummy: unknown people take as long as known ones */
    if (PQntuples(res) > 0) {
        attempt->user = ea_pg_str(res, 0, 0);
        hash = ea_pg_str(res, 0, 1);
    }
    r->state = attempt;
    err = ea_password_verify(g->passwords, hash, in->password.v, on_verified, r);
    return err ? err : EA_PARKED;
}

/* --- refresh --------------------------------------------------------------------------------------------------------- */

static const char *cookie_of(struct ea_req *r, const char *name)
{
    const char *p = ea_req_header(r, "Cookie");
    size_t n = strlen(name);
    while (p && *p) {
        p += strspn(p, "; ");
        size_t len = strcspn(p, ";");
        if (len > n && strncmp(p, name, n) == 0 && p[n] == '=')
            return ea_arena_ndup(r->arena, p + n + 1, len - n - 1);
        p += len;
    }
    return NULL;
}

enum ea_err gateway_auth_refresh(struct ea_req *r)
{
    const struct refresh *in = r->input;
    struct gateway_session s;
    bool cookie = in->cookie.v != 0;
    if (cookie == in->refresh_token.given) {
        ea_faults_add(&r->faults, r->arena, "/refresh_token", cookie ? "invalid" : "required",
                      "the token comes either in this member or, with \"cookie\": true, in its cookie");
        return EA_EINPUT;
    }
    const char *token = cookie ? cookie_of(r, GATEWAY_COOKIE_REFRESH) : in->refresh_token.v;
    if (!token)
        return EA_EUNAUTHORIZED;
    enum ea_err err = gateway_session_refresh(r, token, cookie, &s);
    return err ? err : gateway_session_reply(r, &s, cookie);
}

/* --- logout ---------------------------------------------------------------------------------------------------------- */

enum ea_err gateway_auth_logout(struct ea_req *r)
{
    enum ea_err err = ea_req_begin(r);
    if (!err)
        err = gateway_session_close(r, r->caller.claims.session.s, "logout");
    if (!err && r->by_cookie)
        err = ea_resp_header(r, "Set-Cookie",
                             GATEWAY_COOKIE_SESSION "=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax");
    if (!err && r->by_cookie)
        err = ea_resp_header(r, "Set-Cookie",
                             GATEWAY_COOKIE_REFRESH
                             "=; Path=/v1/auth; Max-Age=0; Secure; HttpOnly; SameSite=Strict");
    return err ? err : ea_resp_none(r);
}
