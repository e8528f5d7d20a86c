/* The pool: a few threads that run what is queued, and when nothing is, wait for a request themselves (idle.h). Each has its own PostgreSQL and Redis connection.
 * A thread never waits for one connection to have work, so idle connections cost none. Signals are blocked in all of them. */
#ifndef EA_POOL_H
#define EA_POOL_H

#include "lib/err.h"

#include <stddef.h>

struct ea_cfg;
struct ea_conn;
struct ea_idle;
struct ea_pg;
struct ea_pool;
struct ea_redis;
struct ea_server;

struct ea_worker { /* one thread of the pool */
    struct ea_server *server;
    struct ea_pg *pg;
    struct ea_redis *redis;
};

struct ea_work { /* embedded in what is queued; whoever queues it owns it until run() */
    struct ea_work *next;
    void (*run)(struct ea_work *work, struct ea_worker *self);
};

/* begins: what a connection with something to read is to the pool; NULL: nothing now, it is somebody else's already. Called on pool threads. */
enum ea_err ea_pool_start(struct ea_server *s, const struct ea_cfg *cfg, struct ea_idle *idle,
                          struct ea_work *(*begins)(struct ea_conn *c), struct ea_pool **out) EA_MUST;
/* Any thread; in order. What is hurried comes before all that was added: it has waited already. */
void ea_pool_add(struct ea_pool *p, struct ea_work *w);
void ea_pool_hurry(struct ea_pool *p, struct ea_work *w);
void ea_pool_stop(struct ea_pool *p); /* runs what is queued, joins; accepts NULL */

#endif
