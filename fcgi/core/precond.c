/* What must hold before a handler runs, in the order of the statuses that say it does not: 400 404 405 401 403 415 413 422 428. */
#include "fcgi/core/auth.h"
#include "fcgi/core/req_private.h"
#include "fcgi/core/route.h"
#include "fcgi/core/server_private.h"
#include "lib/cfg.h"
#include "lib/json.h"

#include <json-c/json.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define JSON_MAX EA_MB(1) /* where a route takes JSON beside larger bodies */
#define KEY_MAX  255

/* Only nginx may talk to us: on TCP it shows that it knows the secret (rule 12). */
static enum ea_err check_peer(struct ea_req *r)
{
    const char *wanted = r->server->cfg->fcgi_secret;
    const char *given = ea_conn_param(r->conn, "EA_SECRET");
    size_t n = strlen(wanted);
    if (n == 0)
        return EA_OK;
    bool same = given != NULL && strlen(given) == n && sodium_memcmp(given, wanted, n) == 0;
    return same ? EA_OK : ea_fail(r, EA_EFORBIDDEN, "Requests come through the gateway.");
}

static enum ea_err check_route(struct ea_req *r)
{
    struct ea_match m = { 0 };
    enum ea_err err = ea_router_find(r->server->router, r->arena, r->method, r->priv->raw_path, &m);
    if (m.path != NULL)
        r->path = m.path;
    r->priv->allow = m.allow;
    if (err == EA_EBADREQUEST)
        return ea_fail(r, err, "The address has a bad %% escape.");
    if (err != EA_OK)
        return err;
    r->route = m.route;
    r->priv->stats = m.stats;
    memcpy(r->vars, m.vars, sizeof r->vars);
    return EA_OK;
}

static enum ea_err check_caller(struct ea_req *r)
{
    static const enum ea_role least[] = { [EA_STAFF] = EA_ROLE_STAFF, [EA_ADMIN] = EA_ROLE_ADMIN };
    enum ea_err err = ea_auth_request(r->server->auth, r);
    if (err != EA_OK || r->route->who == EA_ANYONE)
        return err;
    if (!r->signed_in)
        return EA_EUNAUTHORIZED;
    return r->route->who == EA_SIGNED_IN || r->caller.claims.role >= least[r->route->who] ? EA_OK
                                                                                          : EA_EFORBIDDEN;
}

static bool is_listed(const char *media, const char *type)
{
    size_t n = strlen(type);
    for (const char *p = media; n > 0 && p != NULL && *p != '\0'; p += strspn(p, " ")) {
        size_t len = strcspn(p, " ");
        if (len == n && memcmp(p, type, n) == 0)
            return true;
        p += len;
    }
    return false;
}

static enum ea_err check_media(struct ea_req *r)
{
    static const char json[] = "application/json";
    const struct ea_route *route = r->route;
    const char *length = ea_conn_param(r->conn, "CONTENT_LENGTH");
    if (length != NULL && length[strspn(length, "0123456789")] != '\0')
        return ea_fail(r, EA_EBADREQUEST, "Content-Length is not a number.");
    r->priv->has_body = length != NULL && strtoull(length, NULL, 10) > 0;
    r->priv->accept = route->body == EA_BODY_JSON ? json : route->media;
    if (!r->priv->has_body)
        return EA_OK;
    if (route->body == EA_BODY_NONE)
        return ea_fail(r, EA_EMEDIA, "No body is expected here.");
    return is_listed(r->priv->accept, r->content_type) ? EA_OK : EA_EMEDIA;
}

static enum ea_err check_length(struct ea_req *r)
{
    const char *length = ea_conn_param(r->conn, "CONTENT_LENGTH");
    if (!r->priv->has_body || strtoull(length, NULL, 10) <= r->route->body_max)
        return EA_OK;
    return ea_fail(r, EA_ETOOLARGE, "At most %zu bytes are accepted here.", r->route->body_max);
}

/* An Idempotency-Key that is to be heeded: the body is hashed while it is read. */
static enum ea_err check_key(struct ea_req *r)
{
    const char *key = ea_req_header(r, "Idempotency-Key");
    if (key == NULL || r->method != EA_POST || (r->route->flags & EA_ROUTE_NO_KEY) || !r->signed_in)
        return EA_OK;
    size_t n = strlen(key);
    for (size_t i = 0; i < n; i++) {
        if (key[i] <= ' ' || key[i] > '~')
            n = 0;
    }
    if (n == 0 || n > KEY_MAX)
        return ea_fail(r, EA_EBADREQUEST, "An Idempotency-Key has 1 to %d visible ASCII characters.",
                       KEY_MAX);
    r->priv->key = ea_arena_dup(r->arena, key);
    crypto_hash_sha256_init(&r->priv->sha);
    return r->priv->key != NULL ? EA_OK : EA_ENOMEM;
}

static enum ea_err read_json(struct ea_req *r)
{
    struct json_object *o = NULL;
    size_t where = 0, max = r->route->body_max < JSON_MAX || r->route->body == EA_BODY_JSON
                                ? r->route->body_max
                                : JSON_MAX;
    const char *why = "";
    enum ea_err err = ea_req_read_all(r, max);
    if (err != EA_OK)
        return err;
    if (r->body_len == 0 && (r->route->flags & EA_ROUTE_BODY_OPTIONAL)) {
        r->input = r->route->input != NULL ? ea_arena_alloc(r->arena, r->route->input->size) : NULL;
        return r->input != NULL || r->route->input == NULL ? EA_OK : EA_ENOMEM;
    }
    err = ea_json_parse(r->body, r->body_len, &o, &where, &why);
    if (err == EA_ESYNTAX)
        return ea_fail(r, err, "%s at byte %zu.", why, where);
    if (err == EA_OK && r->route->input != NULL)
        err = ea_schema_read(r->route->input, o, r->arena, &r->input, &r->faults);
    json_object_put(o);
    return err;
}

/* STREAM bodies stay on the connection for the handler; but when it takes JSON as well, that is read here. */
static enum ea_err read_body(struct ea_req *r)
{
    switch (r->route->body) {
    case EA_BODY_JSON:
        return read_json(r);
    case EA_BODY_TEXT:
        return ea_req_read_all(r, r->route->body_max);
    case EA_BODY_STREAM:
        return r->priv->has_body && strcmp(r->content_type, "application/json") == 0 ? read_json(r) : EA_OK;
    default:
        return ea_req_read_all(r, 0);
    }
}

/* The query without the ticket, which auth has used. */
static const char *query_of(struct ea_req *r)
{
    if (!(r->route->flags & EA_ROUTE_TICKET))
        return r->query;
    char *rest = ea_arena_alloc(r->arena, strlen(r->query) + 1), *to = rest;
    for (const char *p = r->query; rest != NULL && *p != '\0'; p += *p == '&') {
        size_t n = strcspn(p, "&");
        if (strncmp(p, "ticket=", 7) != 0) {
            if (to > rest)
                *to++ = '&';
            memcpy(to, p, n);
            to += n;
        }
        p += n;
    }
    return rest;
}

static enum ea_err read_query(struct ea_req *r)
{
    static const struct ea_schema none = { .name = "none", .size = 1 };
    void *input = NULL;
    r->query = query_of(r);
    if (r->query == NULL)
        return EA_ENOMEM;
    if (r->route->query == NULL && r->query[0] == '\0')
        return EA_OK;
    enum ea_err err = ea_schema_query(r->route->query != NULL ? r->route->query : &none, r->query, r->arena,
                                      &input, &r->faults);
    r->query_input = r->route->query != NULL ? input : NULL;
    return err;
}

/* Body and query are both looked at, so that all faults are told at once. */
static enum ea_err check_input(struct ea_req *r)
{
    enum ea_err body = read_body(r);
    if (body != EA_OK && body != EA_EINPUT)
        return body;
    enum ea_err query = read_query(r);
    return query != EA_OK ? query : body;
}

static enum ea_err check_match(struct ea_req *r)
{
    bool missing = (r->route->flags & EA_ROUTE_MATCH) && ea_req_header(r, "If-Match") == NULL;
    return missing ? EA_ENEEDMATCH : EA_OK;
}

enum ea_err ea_precond(struct ea_req *r)
{
    static enum ea_err (*const checks[])(struct ea_req *) = {
        check_peer, check_route, check_caller, check_media, check_length, check_key, check_input, check_match,
    };
    enum ea_err err = EA_OK;
    for (size_t i = 0; i < sizeof checks / sizeof *checks && err == EA_OK; i++)
        err = checks[i](r);
    return err;
}
