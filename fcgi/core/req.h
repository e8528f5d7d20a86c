/* A request as handlers see it. Owned by the pool thread that runs it; a parked request belongs to whoever parked it until ea_req_resume.
 * Everything reachable from it lives in its arena, which is its own (not the thread's). */
#ifndef EA_REQ_H
#define EA_REQ_H

#include "fcgi/core/resp.h"
#include "lib/arena.h"
#include "lib/authz.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/schema.h"
#include "lib/stmt.h"

#include <stdbool.h>
#include <stdint.h>

struct ea_pg;
struct ea_problem_member;
struct ea_redis;
struct ea_route;
struct ea_server;
struct ea_conn;

enum ea_method { EA_GET, EA_HEAD, EA_POST, EA_PUT, EA_PATCH, EA_DELETE, EA_OPTIONS, EA_METHOD__MAX };
#define EA_REQ_VARS_MAX 4

struct ea_req {
    struct ea_server *server;
    const struct ea_route *route;
    enum ea_method method;
    const char *path;  /* decoded, without query */
    const char *query; /* undecoded, "" when none */
    const char *vars
        [EA_REQ_VARS_MAX]; /* what matched {…} in the pattern, in order; {id}-like ones are valid UUIDs, lower-case */
    const char *request_id, *traceparent, *address; /* address: the client's */
    const char *content_type;                       /* without parameters, lower-case; "" when none */
    struct ea_caller caller; /* valid unless the route is for anyone and nobody signed in */
    bool signed_in, by_cookie;
    int64_t received_ns; /* monotonic, when its first record was read */
    /* Up to where the event log was read before the handler began: who follows from there misses nothing that the reply does not show. Replies to GET carry it as Event-Cursor. */
    int64_t cursor;
    void *input;       /* struct of route->input, NULL when the route has none */
    void *query_input; /* struct of route->query */
    const char *
        body; /* whole body of EA_BODY_JSON / EA_BODY_TEXT routes, NUL-terminated; canonical JSON text is the same bytes */
    size_t body_len;
    struct ea_arena *arena;
    struct ea_faults faults;                 /* a handler may add to it and return EA_EINPUT */
    char detail[240];                        /* words for the client in the problem's `detail`; see ea_fail */
    const struct ea_problem_member *members; /* more that the problem says; see ea_fail_member */
    struct ea_resp resp;
    /* of the pool thread that runs it now; not to be touched while parked, nor is a transaction to be open then */
    struct ea_pg *pg;
    struct ea_redis *redis;
    void *state; /* a handler's own, across parking */
    struct ea_conn *conn;
    struct ea_req_private *priv; /* core's own: transaction, events, idempotency */
};

const char *ea_req_header(const struct ea_req *r, const char *name); /* "If-Match"; NULL when absent */
/* Bytes of the body of an EA_BODY_STREAM route: > 0, 0 at its end, < 0 when the peer failed. The limit is enforced (then -2: answer EA_ETOOLARGE). */
ssize_t ea_req_read(struct ea_req *r, void *p, size_t n);
int64_t ea_req_age_us(
    const struct ea_req *r); /* for statements that judge by the time of receipt: clock_timestamp() - age */

/* Sets detail and returns err: `return ea_fail(r, EA_ECONFLICT, "The quiz is published.")` */
enum ea_err ea_fail(struct ea_req *r, enum ea_err err, const char *fmt, ...) EA_PRINTF(3, 4);
/* Adds a member to the problem document that this request ends in. name is static, json trusted JSON text of the arena. */
enum ea_err ea_fail_member(struct ea_req *r, const char *name, const char *json) EA_MUST;

/* A write's transaction. begin: BEGIN and, with an Idempotency-Key, its row; EA_REPLAY means the stored reply is loaded: return it at once.
 * The handler writes its reply, adds its events and returns EA_OK: then the router stores the reply with the key, appends the events, COMMITs, wakes the
 * followers and only then sends. Any error rolls back. A handler that never begins has no transaction. */
enum ea_err ea_req_begin(struct ea_req *r) EA_MUST;
enum ea_err ea_req_event(struct ea_req *r, const char *topic, const char *kind, const char *payload,
                         const char *queue) EA_MUST; /* copies */
/* Calls fn(committed, arg) after COMMIT (true) or rollback / unknown outcome (false), before the reply goes out. */
enum ea_err ea_req_after(struct ea_req *r, void (*fn)(bool committed, void *arg), void *arg) EA_MUST;
bool ea_req_has_key(const struct ea_req *r); /* an Idempotency-Key was sent */
/* The end of a transaction with a key in the handler's own hands, for a statement that appends the only event itself and so learns its reply. The log's lock, the statement (its arguments
 * were staged before), the reply and COMMIT leave as one pipeline. Status and headers are the reply's already; the statement leaves the body in the setting ea.reply,
 * or '' when it refuses and has written nothing. *res is the caller's to PQclear. After EA_OK nothing is open, and the handler wakes the followers; an error is to be returned. */
enum ea_err ea_req_commit_by(struct ea_req *r, enum ea_stmt stmt, PGresult **res) EA_MUST;

/* Parking: the handler stores r somewhere, returns EA_PARKED and touches it no more. Later, from any thread, once: a pool thread runs fn(r) as if it were the handler. */
typedef enum ea_err ea_handler(struct ea_req *r);
void ea_req_resume(struct ea_req *r, ea_handler *fn);

/* If-Match against the resource's current ETag (strong, without quotes). EA_EPRECONDITION on mismatch, EA_OK when it matches, is `*`, or was not sent and the route does not require it. */
enum ea_err ea_req_match(struct ea_req *r, const char *etag) EA_MUST;

#endif
