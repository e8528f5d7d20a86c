/* The follower: one thread that reads the event log in order, when woken through Redis and once a second anyway, and hands each event on exactly once.
 * It is the only way news reaches a process. Callbacks run on its thread. */
#ifndef EA_FOLLOW_H
#define EA_FOLLOW_H

#include "lib/cfg.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ea_pg;

struct ea_event { /* borrowed for the call */
    int64_t id;
    const char *topic, *kind, *payload, *queue; /* topic, queue may be NULL */
    const char *at;                             /* RFC 3339 */
};

struct ea_follow_ops {
    /* Loads what must hold before the first event, on the follower's connection, in one REPEATABLE READ snapshot with the reading of the newest id;
     * called again after the process could not follow (the log was truncated past it, an event was not taken in). May be NULL. */
    enum ea_err (*on_snapshot)(struct ea_pg *pg, int64_t newest_id, void *arg);
    /* Not EA_OK: it could not be taken in, so the process does not know any more what it should, and loads anew. */
    enum ea_err (*on_event)(const struct ea_event *ev, void *arg);
    void (*on_examined)(int64_t newest_id,
                        void *arg); /* after each read: all events up to it were taken in. May be NULL */
    /* What was published on EA_CHANNEL_LIVE: not of the log, and lost when Redis is. May be NULL. */
    void (*on_live)(const char *payload, size_t n, void *arg);
};

struct ea_follow;
enum ea_err ea_follow_start(const struct ea_cfg *cfg, const struct ea_follow_ops *ops, void *arg,
                            struct ea_follow **out) EA_MUST;
/* Joins the thread: no callback runs any more, so what they use may go. Others may still wake it, in vain. Accepts NULL, and twice. */
void ea_follow_halt(struct ea_follow *f);
void ea_follow_stop(struct ea_follow *f); /* halts and frees; accepts NULL */
void ea_follow_wake(struct ea_follow *f); /* from any thread: look now (this process has just committed) */
/* Age of the last successful look, in ns; INT64_MAX before the first. A process trusts nothing cached when it is over EA_FOLLOW_STALE_NS. */
int64_t ea_follow_age_ns(const struct ea_follow *f);
/* Waits until the first look has ended, well or not, but wait_ms at most; true: it was a good one. For a start that must not answer before the process
 * knows what is revoked. Any thread. */
bool ea_follow_wait_first(const struct ea_follow *f, int wait_ms);
int64_t ea_follow_newest(const struct ea_follow *f); /* newest id examined */
#define EA_FOLLOW_STALE_NS (5 * 1000000000LL)

#endif
