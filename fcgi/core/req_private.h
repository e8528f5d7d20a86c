/* A request as core sees it: made by req.c, run by route.c, prepared by precond.c, its transaction by commit.c. Same owner as the request. */
#ifndef EA_REQ_PRIVATE_H
#define EA_REQ_PRIVATE_H

#include "fcgi/core/conn.h"
#include "fcgi/core/match.h"
#include "fcgi/core/req.h"
#include "lib/events.h"
#include "lib/token.h"

#include <sodium.h>

struct ea_after {
    struct ea_after *next;
    void (*fn)(bool committed, void *arg);
    void *arg;
};

struct ea_req_private {
    struct ea_work work; /* first: a resumed request is queued by it */
    struct ea_req *req;
    ea_handler *run;              /* what runs when it is resumed */
    struct ea_route_stats *stats; /* NULL: no route */
    const char *raw_path, *allow, *accept;
    const char *trace_id; /* the part of traceparent that logs are searched by; NULL */

    bool has_body, body_ended;
    size_t body_seen; /* bytes of it that were read */
    size_t bytes_out;

    const char *key; /* Idempotency-Key, NULL when there is none to heed */
    crypto_hash_sha256_state sha;
    char body_sha256[EA_SHA256_HEX]; /* once the body has ended */

    bool began, claimed; /* a transaction is open; the key's row is in it */
    bool replay;
    int64_t run_ns; /* when this run of the handler began */
    struct ea_event_new *events;
    size_t events_n, events_cap;
    struct ea_after *after;

    const char *etag;
};

/* NULL: no memory. The request is the connection's current one; its strings are the request's own, so they outlive the connection. */
struct ea_req *ea_req_new(struct ea_worker *w, struct ea_conn *c);
void ea_req_free(struct ea_req *r);                        /* not the connection */
void ea_req_attach(struct ea_req *r, struct ea_worker *w); /* w runs it from here on */

/* Reads up to n bytes of the body, hashing them when there is a key: > 0, 0 at the end, -1 when the peer failed. */
ssize_t ea_req_take(struct ea_req *r, void *p, size_t n);
/* Reads the whole body into r->body. EA_ETOOLARGE over max. */
enum ea_err ea_req_read_all(struct ea_req *r, size_t max) EA_MUST;

/* All preconditions of the route, in the order of their statuses; finds the route, fills caller, input, query_input, body. */
enum ea_err ea_precond(struct ea_req *r) EA_MUST;

/* The reply so far is forgotten, for a problem or another run. */
void ea_resp_reset(struct ea_req *r);
/* A GET whose If-None-Match holds the reply's ETag becomes 304. */
void ea_resp_conditional(struct ea_req *r);
/* The head; with Content-Length unless more is to follow by ea_resp_flush. */
enum ea_err ea_resp_send_head(struct ea_req *r, bool whole) EA_MUST;

/* The transaction's end: stores the reply with the key, appends the events, COMMITs, calls what ea_req_after registered, wakes the followers. */
enum ea_err ea_req_commit(struct ea_req *r) EA_MUST;
void ea_req_rollback(struct ea_req *r); /* if one is open; calls what ea_req_after registered */

#endif
