/* Group commit: items queue while one transaction commits; then one multi-row statement writes them all. A batcher is one thread with its own connection.
 * A batch holds each key once (the rest wait for the next, in order) and is sorted by key. No timer: an idle batcher starts at once.
 * The next batch is sent before the finished one's items are handed back. See ARCHITECTURE.md, "Group commit". */
#ifndef EA_BATCH_H
#define EA_BATCH_H

#include "lib/arena.h"
#include "lib/err.h"
#include "lib/follow.h"

#include <stddef.h>
#include <stdint.h>

struct ea_pg;
struct ea_batch;

struct ea_batch_item { /* embed it; owned by the batcher from ea_batch_add until done() */
    struct ea_batch_item *next;
    const char *key; /* rows with the same key never share a batch; borrowed */
    size_t bytes;
    int64_t queued_ns; /* set by ea_batch_add */
    enum ea_err err;   /* set before done(): of this item */
};

struct ea_batch_ops {
    const char *name;                 /* metrics: ea_batch_<name>_… */
    size_t max_items, max_batch_rows; /* queued at most; rows of one transaction at most */
    size_t max_bytes;
    int64_t max_age_ns; /* an item that waited longer is finished with EA_EOVERLOAD */
    /* One whole transaction for items[0..n): sends it, commits it, sets each item's result and err. Returns EA_OK when committed. EA_ERETRY: the batch is run again
     * whole (a few times); EA_EUNAVAILABLE/EA_EUNKNOWN: every item gets it; anything else: the batch is halved until the bad item fails alone. */
    enum ea_err (*flush)(struct ea_pg *pg, struct ea_arena *a, struct ea_batch_item **items, size_t n,
                         int64_t *last_event_id, void *arg);
    void (*done)(struct ea_batch_item *item,
                 void *arg); /* must only hand the item on (to the pool); called on a thread of the batcher */
    void (*committed)(int64_t last_event_id, void *arg); /* before done(): wake followers. May be NULL */
};

enum ea_err ea_batch_new(const char *conninfo, const struct ea_batch_ops *ops, void *arg,
                         struct ea_batch **out) EA_MUST;
enum ea_err ea_batch_add(struct ea_batch *b, struct ea_batch_item *item)
    EA_MUST; /* EA_EOVERLOAD when full or stopping; then the item is still the caller's */
void ea_batch_free(struct ea_batch *b); /* writes what is queued, then joins; accepts NULL */

#endif
