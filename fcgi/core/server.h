/* A responder process: reactor thread (main), pool, follower, and a hub where it streams. main() of each responder is ea_server_main(&service).
 * Threads: start/stop run on the main thread, handlers on pool threads, on_event and on_snapshot on the follower's. */
#ifndef EA_SERVER_H
#define EA_SERVER_H

#include "fcgi/core/route.h"
#include "lib/cfg.h"
#include "lib/follow.h"

struct ea_hub;
struct ea_server;
struct ea_key;

struct ea_service {
    const char *name; /* "quiz" */
    const struct ea_route *const
        *tables; /* route tables, NULL-terminated list, each ending with EA_ROUTES_END */
    bool hub;    /* it streams events */
    bool
        issues_tokens; /* needs the private part of the token key, and only the public one of the receipt key; the others the other way round */
    enum ea_err (*start)(struct ea_server *s, void **data); /* batchers, caches; may be NULL */
    /* Draining is over: finish what is queued, which may hand requests back to the pool. The pool and the follower still run, so data must stay. */
    void (*stop)(struct ea_server *s, void *data);
    void (*free)(struct ea_server *s, void *data); /* all other threads have ended */
    enum ea_err (*on_snapshot)(struct ea_server *s, struct ea_pg *pg, int64_t newest_id, void *data);
    void (*on_event)(struct ea_server *s, const struct ea_event *ev,
                     void *data); /* every event; core itself handles revocations and the hub */
};

int ea_server_main(
    const struct ea_service *service, int argc,
    char **
        argv); /* `--routes` prints the route table as JSON lines (method, path, who, body, members, query, flags …) and exits */

const struct ea_cfg *ea_server_cfg(const struct ea_server *s);
void *ea_server_data(const struct ea_server *s);
struct ea_hub *ea_server_hub(const struct ea_server *s); /* NULL unless service.hub */
struct ea_follow *ea_server_follow(const struct ea_server *s);
const struct ea_key *ea_server_token_key(const struct ea_server *s);
const struct ea_key *
ea_server_receipt_key(const struct ea_server *s); /* NULL when EA_RECEIPT_KEY is not set */
bool ea_server_draining(const struct ea_server *s);
bool ea_server_serving(const struct ea_server *s); /* it listens, and is not draining yet. Any thread */
/* What /readyz says: false with the reason in why; true with "" or what works only in part ("degraded: redis"). Any thread. */
bool ea_server_ready(struct ea_server *s, char *why, size_t why_size);
/* This session is closed: applied here at once; elsewhere by the event `session.revoked` (topic u:<user>, payload {"session_id","until"}) of the log. */
void ea_server_revoke(struct ea_server *s, const char *session_id, int64_t until_s);

#endif
