#include "fcgi/gateway/gateway.h"
#include "lib/alloc.h"
#include "lib/follow.h"
#include "lib/log.h"
#include "lib/pg.h"
#include "lib/token.h"

#include "config.h"
#include "schema_version.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPENAPI_MAX EA_MB(4)

struct gateway_openapi {
    struct ea_buf text;
    char etag[EA_SHA256_HEX];
};

static enum ea_err read_file(const char *path, struct ea_buf *out)
{
    char chunk[16384];
    size_t n;
    FILE *f = fopen(path, "re");
    if (!f)
        return EA_ENOTFOUND;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        ea_buf_add(out, chunk, n);
    bool ok = !ferror(f);
    fclose(f);
    return !ok ? EA_EINTERNAL : out->failed ? EA_ENOMEM : EA_OK;
}

enum ea_err gateway_openapi_new(const char *path, struct gateway_openapi **out)
{
    *out = NULL;
    if (!path[0])
        return EA_OK;
    struct gateway_openapi *o = ea_alloc(sizeof *o);
    if (!o)
        return EA_ENOMEM;
    o->text.max = OPENAPI_MAX;
    enum ea_err err = read_file(path, &o->text);
    if (!err && (o->text.len == 0 || o->text.p[0] != '{'))
        err = EA_ESYNTAX;
    if (err) {
        ea_log(EA_LOG_ERROR, "the OpenAPI document cannot be served", EA_F_STR(FILE_PATH, path),
               EA_F_STR(ERROR, err == EA_ESYNTAX ? "it is not JSON" : strerror(errno)));
        gateway_openapi_free(o);
        return err;
    }
    ea_sha256_hex(o->text.p, o->text.len, o->etag);
    o->etag[32] = '\0';
    *out = o;
    return EA_OK;
}

void gateway_openapi_free(struct gateway_openapi *o)
{
    if (!o)
        return;
    ea_buf_free(&o->text);
    free(o);
}

enum ea_err gateway_ops_openapi(struct ea_req *r)
{
    const struct gateway_openapi *o = gateway_of(r)->openapi;
    if (!o)
        return EA_ENOTFOUND;
    ea_resp_etag(r, o->etag);
    return ea_resp_json(r, o->text.p);
}

enum ea_err gateway_ops_alive(struct ea_req *r)
{
    return ea_resp_json(r, "{\"status\":\"ok\"}");
}

/* Redis is not asked: everything here works without it. */
enum ea_err gateway_ops_ready(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err = ea_pg_rows(r->pg, r->arena, &res, STMT_PING, NULL, 0);
    if (err)
        return ea_fail(r, EA_EUNAVAILABLE, "PostgreSQL does not answer.");
    if (ea_follow_age_ns(ea_server_follow(r->server)) > EA_FOLLOW_STALE_NS)
        return ea_fail(r, EA_EUNAVAILABLE, "The event log is not being followed.");
    return ea_resp_json(r, "{\"status\":\"ready\"}");
}

enum ea_err gateway_ops_version(struct ea_req *r)
{
    struct ea_jw *w = &r->resp.json;
    ea_jw_obj(w);
    ea_jw_kstr(w, "name", PACKAGE_NAME);
    ea_jw_kstr(w, "version", PACKAGE_VERSION);
    ea_jw_kint(w, "schema", EA_SCHEMA_VERSION);
    ea_jw_end(w);
    return EA_OK;
}
