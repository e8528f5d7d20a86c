#include "fcgi/core/auth.h"

#include "fcgi/core/req_private.h"
#include "fcgi/core/revoked.h"
#include "fcgi/core/server_private.h"
#include "fcgi/core/token_cache.h"
#include "lib/clock.h"
#include "lib/follow.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/pg.h"
#include "lib/redis.h"

#include <json-c/json.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define COOKIE     "__Host-ea_session"
#define TOKEN_MAX  4096
#define TICKET_MAX 64
#define CSRF_MAX   128

struct ea_auth {
    const struct ea_key *key;
    struct ea_token_cache *cache;
    struct ea_revoked *revoked;
    struct ea_metric *verified, *remembered;
};

static int64_t now_s(void)
{
    return ea_clock_wall_us() / 1000000;
}

enum ea_err ea_auth_new(const struct ea_key *key, struct ea_auth **out)
{
    struct ea_auth *a = calloc(1, sizeof *a);
    *out = NULL;
    if (a == NULL)
        return EA_ENOMEM;
    a->key = key;
    a->cache = ea_token_cache_new();
    a->revoked = ea_revoked_new();
    a->verified =
        ea_metric_counter("ea_tokens_verified_total", "Access tokens whose signature was checked", "");
    a->remembered = ea_metric_counter("ea_tokens_remembered_total", "Access tokens found in the cache", "");
    if (a->cache != NULL && a->revoked != NULL) {
        *out = a;
        return EA_OK;
    }
    ea_auth_free(a);
    return EA_ENOMEM;
}

void ea_auth_free(struct ea_auth *a)
{
    if (a == NULL)
        return;
    ea_token_cache_free(a->cache);
    ea_revoked_free(a->revoked);
    free(a);
}

enum ea_err ea_auth_token(struct ea_auth *a, const char *jwt, struct ea_claims *out)
{
    int64_t now = now_s();
    struct ea_token_hash h = ea_token_hash_of(jwt);
    bool known = ea_token_cache_get(a->cache, &h, now, out);
    if (!known && ea_token_verify(a->key, jwt, now, out) != EA_OK)
        return EA_EUNAUTHORIZED;
    ea_metric_add(known ? a->remembered : a->verified, 1);
    if (!known)
        ea_token_cache_put(a->cache, &h, out);
    return ea_revoked_has(a->revoked, out->session.s) ? EA_EUNAUTHORIZED : EA_OK;
}

/* --- where a request carries its token ------------------------------------------------------------------------------------ */

static const char *bearer(const struct ea_req *r)
{
    const char *h = ea_req_header(r, "Authorization");
    if (h == NULL || strncasecmp(h, "Bearer ", 7) != 0)
        return NULL;
    h += 7;
    return h + strspn(h, " ");
}

static const char *cookie(const struct ea_req *r)
{
    const size_t n = strlen(COOKIE);
    const char *p = ea_req_header(r, "Cookie");
    for (; p != NULL; p = strchr(p, ';')) {
        p += strspn(p, "; ");
        if (strncmp(p, COOKIE "=", n + 1) == 0)
            return ea_arena_ndup(r->arena, p + n + 1, strcspn(p + n + 1, "; "));
    }
    return NULL;
}

/* A session may have been closed without this process's knowing. */
static bool is_blind(const struct ea_req *r)
{
    return ea_follow_age_ns(r->server->follow) > EA_FOLLOW_STALE_NS;
}

/* The value of ?ticket=, which is used up by looking. EA_ENOTFOUND: there is none. */
static enum ea_err redeem(struct ea_req *r, const char **jwt)
{
    const char *p = r->query;
    while (*p != '\0' && strncmp(p, "ticket=", 7) != 0) {
        p += strcspn(p, "&");
        p += *p == '&';
    }
    if (*p == '\0')
        return EA_ENOTFOUND;
    p += 7;
    int n = (int)strcspn(p, "&");
    char key[sizeof "ea:ticket:" + TICKET_MAX];
    if (n == 0 || n > TICKET_MAX)
        return EA_EUNAUTHORIZED;
    if (is_blind(r)) /* the ticket stays good: nginx asks the next process, which may not be */
        return EA_EUNAVAILABLE;
    snprintf(key, sizeof key, "ea:ticket:%.*s", n, p);
    struct ea_buf value = { .max = TOKEN_MAX };
    enum ea_err err = ea_redis_getdel(r->redis, key, &value);
    *jwt = err == EA_OK ? ea_arena_dup(r->arena, value.len > 0 ? value.p : "") : NULL;
    ea_buf_free(&value);
    return err == EA_ENOTFOUND ? EA_EUNAUTHORIZED : err;
}

static enum ea_err find_token(struct ea_req *r, const char **jwt)
{
    *jwt = bearer(r);
    if (*jwt != NULL)
        return EA_OK;
    if (r->route->flags & EA_ROUTE_TICKET) {
        enum ea_err err = redeem(r, jwt);
        if (err != EA_ENOTFOUND)
            return err;
    }
    *jwt = cookie(r);
    r->by_cookie = *jwt != NULL;
    return *jwt != NULL ? EA_OK : EA_ENOTFOUND;
}

/* --- the request ------------------------------------------------------------------------------------------------------------ */

static bool is_safe(enum ea_method m)
{
    return m == EA_GET || m == EA_HEAD || m == EA_OPTIONS;
}

static enum ea_err check_csrf(const struct ea_req *r)
{
    const char *token = ea_req_header(r, "X-CSRF-Token");
    const char *hash = r->caller.claims.csrf;
    char given[EA_SHA256_HEX];
    if (!r->by_cookie || is_safe(r->method) || (r->route->flags & EA_ROUTE_NO_CSRF))
        return EA_OK;
    if (token == NULL || strlen(token) > CSRF_MAX || strlen(hash) != EA_SHA256_HEX - 1)
        return EA_ECSRF;
    ea_sha256_hex(token, strlen(token), given);
    return sodium_memcmp(given, hash, EA_SHA256_HEX) == 0 ? EA_OK : EA_ECSRF;
}

enum ea_err ea_auth_request(struct ea_auth *a, struct ea_req *r)
{
    const char *jwt;
    enum ea_err err = find_token(r, &jwt);
    if (err == EA_ENOTFOUND)
        return EA_OK;
    if (err == EA_OK && is_blind(r))
        err = EA_EUNAVAILABLE;
    if (err == EA_OK)
        err = jwt != NULL && strlen(jwt) < TOKEN_MAX ? ea_auth_token(a, jwt, &r->caller.claims)
                                                     : EA_EUNAUTHORIZED;
    if (err == EA_OK) {
        r->signed_in = true;
        return check_csrf(r);
    }
    memset(&r->caller, 0, sizeof r->caller);
    return r->route->who == EA_ANYONE ? EA_OK : err;
}

/* --- revocation ------------------------------------------------------------------------------------------------------------- */

bool ea_auth_closed(const struct ea_auth *a, const char *session_id)
{
    return ea_revoked_has(a->revoked, session_id);
}

void ea_auth_revoke(struct ea_auth *a, const char *session_id, int64_t until_s)
{
    if (ea_revoked_add(a->revoked, session_id, until_s, now_s()) != EA_OK)
        ea_log(EA_LOG_ERROR, "a revoked session could not be remembered", EA_F_STR(VALUE, session_id));
}

enum ea_err ea_auth_snapshot(struct ea_auth *a, struct ea_pg *pg)
{
    PGresult *res = NULL;
    enum ea_err err = ea_pg_run(pg, STMT_REVOCATIONS_LIVE, NULL, 0, &res);
    int n = err == EA_OK ? PQntuples(res) : 0;
    for (int i = 0; i < n && err == EA_OK; i++)
        err = ea_revoked_add(a->revoked, ea_pg_str(res, i, 0), ea_pg_i64(res, i, 1), now_s());
    PQclear(res);
    return err;
}

struct revoked_event {
    struct ea_str session;
    struct ea_int until;
};
static const struct ea_field revoked_fields[] = {
    { .name = "session_id",
      .type = EA_T_UUID,
      .offset = offsetof(struct revoked_event, session),
      .flags = EA_REQUIRED },
    { .name = "until",
      .type = EA_T_INT,
      .offset = offsetof(struct revoked_event, until),
      .flags = EA_REQUIRED,
      .max = INT64_MAX },
};
static const struct ea_schema revoked_schema = { "session.revoked", sizeof(struct revoked_event),
                                                 revoked_fields,
                                                 sizeof revoked_fields / sizeof *revoked_fields };

static enum ea_err read_revoked(const char *payload, struct ea_arena *arena, struct revoked_event **out)
{
    struct json_object *o = NULL;
    struct ea_faults faults = { 0 };
    size_t where;
    const char *why;
    void *input = NULL;
    enum ea_err err = ea_json_parse(payload, strlen(payload), &o, &where, &why);
    if (err == EA_OK)
        err = ea_schema_read(&revoked_schema, o, arena, &input, &faults);
    *out = input;
    json_object_put(o);
    return err;
}

enum ea_err ea_auth_event(struct ea_auth *a, const struct ea_event *ev)
{
    if (strcmp(ev->kind, "session.revoked") != 0)
        return EA_OK;
    struct ea_arena *arena = ea_arena_new();
    struct revoked_event *revoked = NULL;
    enum ea_err err = arena == NULL ? EA_ENOMEM : read_revoked(ev->payload, arena, &revoked);
    if (err == EA_OK)
        err = ea_revoked_add(a->revoked, revoked->session.v, revoked->until.v, now_s());
    if (err != EA_OK)
        ea_log(EA_LOG_ERROR, "the end of a session was not taken in", EA_F_INT(EVENT_ID, ev->id),
               EA_F_STR(REASON, ea_err_slug(err)));
    ea_arena_free(arena);
    return err == EA_ENOMEM ? err : EA_OK; /* what is not understood now will not be later */
}
