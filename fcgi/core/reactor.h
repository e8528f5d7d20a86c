/* The reactor: the main thread's loop over the listening socket and signals. Connections are accepted here and then watched in idle.h, where pool threads wait for
 * them; while all of those work, the reactor looks there in their stead and queues what has begun. */
#ifndef EA_REACTOR_H
#define EA_REACTOR_H

#include "fcgi/core/conn.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>

struct ea_cfg;
struct ea_idle;
struct ea_reactor;

struct ea_reactor_ops {
    void (*on_ready)(struct ea_conn *c,
                     void *arg); /* a request begins on it and no thread is free; queue it */
    void (*on_drain)(void *arg); /* SIGTERM or SIGINT came: new requests are still served for a while */
    bool (*may_end)(void *arg);  /* while draining: no one else holds a connection any more */
    void (*on_signal)(int signal, void *arg); /* SIGHUP, SIGUSR1 */
};

/* Opens the listening socket: "unix:/path" (mode 0660) or "host:port". EA_ECONFLICT: another process answers there. TERM, INT, HUP, USR1 must be blocked. */
enum ea_err ea_reactor_open(const struct ea_cfg *cfg, struct ea_idle *idle, const struct ea_reactor_ops *ops,
                            void *arg, struct ea_reactor **out) EA_MUST;
/* Runs until drained; EA_ETIMEOUT: the deadline came first, or a second SIGTERM. */
enum ea_err ea_reactor_run(struct ea_reactor *r) EA_MUST;
void ea_reactor_free(struct ea_reactor *r); /* when no other thread has a connection; accepts NULL */

/* Any thread. begins: what a connection that idle.h gave its caller has to read; true: a request begins; false: c is no longer the caller's. watch gives c back: touch
 * it no more. close frees it. After forget it is out of sight, and it and its descriptor are the caller's. adopt makes a descriptor a connection
 * again; on failure it stays the caller's. */
bool ea_reactor_begins(struct ea_conn *c) EA_MUST;
void ea_reactor_watch(struct ea_conn *c);
void ea_reactor_close(struct ea_conn *c);
void ea_reactor_forget(struct ea_conn *c);
enum ea_err ea_reactor_adopt(struct ea_reactor *r, int fd) EA_MUST;
void ea_reactor_stop(struct ea_reactor *r); /* as SIGTERM does */

#endif
