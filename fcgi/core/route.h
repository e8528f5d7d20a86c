/* Routes are a table; its columns are preconditions, checked in one place before a handler runs: 404, 405 (Allow), 401, 403, 415 (Accept-Post), 413, 400/422, 428.
 * The same table names metrics, drives the access log, and is held against fcgi/openapi.yaml by a test. */
#ifndef EA_ROUTE_H
#define EA_ROUTE_H

#include "fcgi/core/req.h"
#include "lib/schema.h"

#define EA_KB(n) ((size_t)(n)*1024)
#define EA_MB(n) ((size_t)(n)*1024 * 1024)

enum ea_who { EA_ANYONE, EA_SIGNED_IN, EA_STAFF, EA_ADMIN };

enum ea_body {
    EA_BODY_NONE,   /* a body is refused with 415 */
    EA_BODY_JSON,   /* application/json, read whole, checked against `input` */
    EA_BODY_TEXT,   /* one of `media`, read whole into r->body, UTF-8 not checked */
    EA_BODY_STREAM, /* one of `media`, the handler reads it with ea_req_read; JSON too if application/json is listed: then `input` is filled and body is whole */
};

#define EA_ROUTE_MATCH         1u  /* If-Match is required: 428 without */
#define EA_ROUTE_NO_KEY        2u  /* Idempotency-Key is ignored (auth, ticket, typing, presence) */
#define EA_ROUTE_STREAM        4u  /* the handler may flush as it goes */
#define EA_ROUTE_NO_CSRF       8u  /* login, refresh: they make the session */
#define EA_ROUTE_BODY_OPTIONAL 16u /* JSON: without a body nothing of the input is given */
#define EA_ROUTE_TICKET        32u /* ?ticket= may stand for the token (event streams) */

struct ea_route {
    enum ea_method method;
    const char *
        pattern; /* "/v1/attempts/{id}/answers/{slot}": {id} and {…_id} are UUIDs, others are 1..64 characters of [A-Za-z0-9_.:~+-] or UTF-8 */
    ea_handler *handler;
    enum ea_who who;
    enum ea_body body;
    size_t body_max;
    const struct ea_schema *input, *query; /* no query schema: parameters are refused with 422 */
    const char *media;                     /* space-separated, for TEXT and STREAM */
    unsigned flags;
};

#define EA_ROUTES_END                                                                                        \
    {                                                                                                        \
        .pattern = NULL                                                                                      \
    }

#endif
