#include "fcgi/gateway/gateway.h"
#include "fcgi/gateway/me_cache.h"
#include "lib/pg.h"
#include "lib/token.h"

#include <string.h>

static enum ea_err read_and_keep(struct ea_req *r, const char *user, struct gateway_me_cache *cache)
{
    PGresult *res;
    char etag[EA_SHA256_HEX];
    uint64_t ticket = gateway_me_cache_ticket(cache, user);
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_ME_READ, user);
    if (err)
        return err;
    if (PQntuples(res) == 0)
        return EA_EUNAUTHORIZED; /* the account is gone, though the token is still good */
    const char *body = ea_pg_str(res, 0, 0);
    size_t n = strlen(body);
    ea_sha256_hex(body, n, etag);
    etag[GATEWAY_ETAG_SIZE - 1] = '\0';
    gateway_me_cache_put(cache, user, ticket, body, n, etag);
    ea_resp_etag(r, etag);
    return ea_resp_json(r, body);
}

enum ea_err gateway_me_read(struct ea_req *r)
{
    struct gateway_me_cache *cache = gateway_of(r)->me;
    const char *user = r->caller.claims.user.s;
    char etag[GATEWAY_ETAG_SIZE];
    if (!gateway_me_cache_get(cache, user, &r->resp.body, etag))
        return read_and_keep(r, user, cache);
    ea_resp_etag(r, etag);
    return EA_OK;
}
