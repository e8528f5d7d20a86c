#include "fcgi/gateway/session.h"

#include "fcgi/core/server.h"
#include "lib/clock.h"
#include "lib/events.h"
#include "lib/follow.h"
#include "lib/pg.h"
#include "lib/token.h"

#include <inttypes.h>
#include <string.h>

#define TEXT_OF_(n)  #n
#define TEXT_OF(n)   TEXT_OF_(n)
#define ACCESS_S     TEXT_OF(GATEWAY_ACCESS_S)

#define SECRET_BYTES 32

static const char *random_token(struct ea_req *r)
{
    struct ea_buf b = { 0 };
    ea_random_token(&b, SECRET_BYTES);
    const char *copy = b.failed ? NULL : ea_arena_dup(r->arena, b.p);
    ea_buf_free(&b);
    return copy;
}

static void hash_of(const char *token, char out[EA_SHA256_HEX])
{
    ea_sha256_hex(token, strlen(token), out);
}

static const char *closed_payload(struct ea_req *r, const char *session, int64_t until_s)
{
    return ea_arena_printf(r->arena, "{\"session_id\":\"%s\",\"until\":%" PRId64 "}", session, until_s);
}

/* --- refresh ------------------------------------------------------------------------------------------------------ */

/* A token came back that was exchanged long ago: someone has a copy. This must be kept although the request fails, so it is committed here and not by the router. */
static enum ea_err close_stolen(struct ea_req *r, const char *session)
{
    PGresult *res;
    char topic[EA_TOPIC_SIZE];
    int64_t first = 0;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_SESSION_CLOSE, session, "token-reused", ACCESS_S);
    if (err || PQntuples(res) == 0)
        return err;
    const char *payload = closed_payload(r, session, ea_pg_i64(res, 0, 2));
    if (!payload)
        return EA_ENOMEM;
    struct ea_event_new event = { .topic = ea_topic(EA_TOPIC_USER, ea_pg_str(res, 0, 1), topic),
                                  .kind = "session.revoked",
                                  .payload = payload };
    err = ea_events_commit(r->pg, &event, 1, &first);
    if (err)
        return err;
    ea_server_revoke(r->server, session, ea_pg_i64(res, 0, 2));
    ea_events_wake(r->redis, first);
    ea_follow_wake(ea_server_follow(r->server));
    return EA_OK;
}

static enum ea_err rotate(struct ea_req *r, const char *old_hash, bool cookie, struct gateway_session *s)
{
    PGresult *res;
    char new_hash[EA_SHA256_HEX];
    const char *csrf = cookie ? random_token(r) : NULL;
    s->refresh = random_token(r);
    if (!s->refresh || (cookie && !csrf))
        return EA_ENOMEM;
    hash_of(s->refresh, new_hash);
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_REFRESH_ROTATE, old_hash, new_hash, csrf);
    if (!err)
        err = ea_pg_commit(r->pg);
    if (!err)
        s->csrf = cookie ? ea_pg_str(res, 0, 0) : NULL;
    return err;
}

/* Columns of refresh_read. */
enum { COL_SESSION, COL_USER, COL_EMAIL, COL_NAME, COL_ROLE, COL_CSRF, COL_LIVE, COL_USED, COL_SPARE };

static enum ea_err exchange(struct ea_req *r, const char *hash, bool cookie, struct gateway_session *s)
{
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_REFRESH_LOCK, hash);
    if (!err)
        err = EA_PG(r->pg, r->arena, &res, STMT_REFRESH_READ, hash);
    if (err)
        return err;
    if (PQntuples(res) == 0 || !ea_pg_bool(res, 0, COL_LIVE))
        return EA_EUNAUTHORIZED;
    if (ea_pg_bool(res, 0, COL_USED) && !ea_pg_bool(res, 0, COL_SPARE)) {
        err = close_stolen(r, ea_pg_str(res, 0, COL_SESSION));
        return err ? err : EA_ETOKENREUSED;
    }
    *s = (struct gateway_session){ .user = ea_pg_str(res, 0, COL_USER),
                                   .email = ea_pg_str(res, 0, COL_EMAIL),
                                   .name = ea_pg_str(res, 0, COL_NAME),
                                   .role = ea_role_of(ea_pg_str(res, 0, COL_ROLE)) };
    memcpy(s->id.s, ea_pg_str(res, 0, COL_SESSION), sizeof s->id.s);
    return rotate(r, hash, cookie, s);
}

enum ea_err gateway_session_refresh(struct ea_req *r, const char *token, bool cookie,
                                    struct gateway_session *out)
{
    char hash[EA_SHA256_HEX];
    hash_of(token, hash);
    enum ea_err err = ea_pg_begin(r->pg);
    if (!err)
        err = exchange(r, hash, cookie, out);
    if (ea_pg_in_tx(r->pg))
        ea_pg_rollback(r->pg);
    return err;
}

/* --- open and close ------------------------------------------------------------------------------------------------- */

enum ea_err gateway_session_open(struct ea_req *r, const char *user, bool cookie, struct gateway_session *out)
{
    PGresult *res;
    char hash[EA_SHA256_HEX];
    const char *csrf = cookie ? random_token(r) : NULL, *refresh = random_token(r);
    if (!refresh || (cookie && !csrf))
        return EA_ENOMEM;
    hash_of(refresh, hash);
    *out = (struct gateway_session){ .refresh = refresh, .csrf = csrf };
    ea_id_new(&out->id);
    enum ea_err err =
        EA_PG(r->pg, r->arena, &res, STMT_SESSION_OPEN, out->id.s, user, csrf, hash, r->address);
    if (err)
        return err;
    if (PQntuples(res) == 0)
        return EA_ECREDENTIALS;
    out->user = ea_pg_str(res, 0, 0);
    out->email = ea_pg_str(res, 0, 1);
    out->name = ea_pg_str(res, 0, 2);
    out->role = ea_role_of(ea_pg_str(res, 0, 3));
    return EA_OK;
}

struct closed {
    struct ea_server *server;
    const PGresult *res; /* session, user, until; of the request's arena */
};

static void on_closed(bool committed, void *arg)
{
    const struct closed *c = arg;
    for (int i = 0; committed && i < PQntuples(c->res); i++)
        ea_server_revoke(c->server, ea_pg_str(c->res, i, 0), ea_pg_i64(c->res, i, 2));
}

static enum ea_err tell(struct ea_req *r, const PGresult *res)
{
    char topic[EA_TOPIC_SIZE];
    struct closed *c = ea_arena_alloc(r->arena, sizeof *c);
    if (!c)
        return EA_ENOMEM;
    *c = (struct closed){ r->server, res };
    enum ea_err err = EA_OK;
    for (int i = 0; !err && i < PQntuples(res); i++) {
        const char *payload = closed_payload(r, ea_pg_str(res, i, 0), ea_pg_i64(res, i, 2));
        err = payload ? ea_req_event(r, ea_topic(EA_TOPIC_USER, ea_pg_str(res, i, 1), topic),
                                     "session.revoked", payload, NULL)
                      : EA_ENOMEM;
    }
    return err ? err : ea_req_after(r, on_closed, c);
}

enum ea_err gateway_session_close(struct ea_req *r, const char *session, const char *reason)
{
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_SESSION_CLOSE, session, reason, ACCESS_S);
    return err ? err : tell(r, res);
}

enum ea_err gateway_session_close_all(struct ea_req *r, const char *user, const char *reason)
{
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_SESSION_CLOSE_ALL, user, reason, ACCESS_S);
    return err ? err : tell(r, res);
}

/* --- the reply --------------------------------------------------------------------------------------------------------- */

static enum ea_err sign(struct ea_req *r, const struct gateway_session *s, bool cookie, struct ea_buf *out)
{
    struct ea_claims c = { .session = s->id, .role = s->role };
    c.issued_s = ea_clock_wall_us() / 1000000;
    c.expires_s = c.issued_s + GATEWAY_ACCESS_S;
    memcpy(c.user.s, s->user, sizeof c.user.s);
    ea_id_new(&c.jti);
    if (cookie)
        hash_of(s->csrf, c.csrf);
    return ea_token_sign(ea_server_token_key(r->server), &c, out);
}

static enum ea_err set_cookies(struct ea_req *r, const struct gateway_session *s, const char *access)
{
    const char *session = ea_arena_printf(
        r->arena, GATEWAY_COOKIE_SESSION "=%s; Path=/; Max-Age=%d; Secure; HttpOnly; SameSite=Lax", access,
        GATEWAY_ACCESS_S);
    const char *refresh = ea_arena_printf(
        r->arena, GATEWAY_COOKIE_REFRESH "=%s; Path=/v1/auth; Max-Age=%d; Secure; HttpOnly; SameSite=Strict",
        s->refresh, GATEWAY_REFRESH_S);
    if (!session || !refresh)
        return EA_ENOMEM;
    enum ea_err err = ea_resp_header(r, "Set-Cookie", session);
    return err ? err : ea_resp_header(r, "Set-Cookie", refresh);
}

static void write_body(struct ea_jw *w, const struct gateway_session *s, const char *access, bool cookie)
{
    ea_jw_obj(w);
    if (cookie) {
        ea_jw_kstr(w, "csrf_token", s->csrf);
    } else {
        ea_jw_kstr(w, "access_token", access);
        ea_jw_kstr(w, "token_type", "Bearer");
        ea_jw_kstr(w, "refresh_token", s->refresh);
    }
    ea_jw_kint(w, "expires_in", GATEWAY_ACCESS_S);
    ea_jw_key(w, "user");
    ea_jw_obj(w);
    ea_jw_kstr(w, "id", s->user);
    ea_jw_kstr(w, "email", s->email);
    ea_jw_kstr(w, "name", s->name);
    ea_jw_kstr(w, "role", ea_role_name(s->role));
    ea_jw_end(w);
    ea_jw_end(w);
}

enum ea_err gateway_session_reply(struct ea_req *r, const struct gateway_session *s, bool cookie)
{
    struct ea_buf access = { 0 };
    enum ea_err err = sign(r, s, cookie, &access);
    if (!err && cookie)
        err = set_cookies(r, s, access.p);
    if (!err)
        write_body(&r->resp.json, s, access.p, cookie);
    ea_buf_free(&access);
    return err;
}
