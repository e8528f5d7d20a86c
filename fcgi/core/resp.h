/* A reply under construction. Handlers fill it; only the router sends it, and only the router writes problem documents.
 * The body is a buffer; for replies too large for memory a handler on a route flagged EA_ROUTE_STREAM writes through ea_resp_flush as it goes. */
#ifndef EA_RESP_H
#define EA_RESP_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/json.h"

#include <libpq-fe.h>
#include <stdint.h>

struct ea_req;

struct ea_resp {
    int status;               /* 200 unless set */
    const char *content_type; /* "application/json" unless set; static or arena */
    struct ea_buf body;
    struct ea_jw json;     /* writes into body */
    struct ea_buf headers; /* complete lines, CRLF-ended */
    int retry_after_s;     /* > 0: Retry-After */
    bool streaming;        /* head sent already */
};

/* Name and value are checked for control characters (EA_EINTERNAL). */
enum ea_err ea_resp_header(struct ea_req *r, const char *name, const char *value) EA_MUST;
void ea_resp_etag(
    struct ea_req *r,
    const char *etag); /* strong; quotes are added. A GET with a matching If-None-Match then becomes 304 */
void ea_resp_etag_weak(struct ea_req *r, const char *etag); /* of what means the same, if not byte for byte */
enum ea_err ea_resp_created(struct ea_req *r, const char *location_fmt, ...) EA_MUST
    EA_PRINTF(2, 3);                                                  /* 201 and Location */
enum ea_err ea_resp_json(struct ea_req *r, const char *json) EA_MUST; /* whole body from trusted JSON text */
enum ea_err ea_resp_none(struct ea_req *r) EA_MUST;                   /* 204 */

/* {"items": […], "next": …} and Link from rows (col 0: JSON text, col 1: cursor of the row), fetched with LIMIT limit + 1. */
enum ea_err ea_resp_page(struct ea_req *r, const PGresult *res, int64_t limit) EA_MUST;
/* ?cursor= decoded to what col 1 of the last row was; "" at the start. EA_EINPUT with a fault for a forged one. */
enum ea_err ea_page_cursor(struct ea_req *r, const char *cursor, const char **out) EA_MUST;
#define EA_PAGE_DEFAULT 50
#define EA_PAGE_MAX     200

/* Streaming: sends the head (first time) and what is in the body so far. EA_ECLOSED: the client went away, stop. */
enum ea_err ea_resp_flush(struct ea_req *r) EA_MUST;

#endif
