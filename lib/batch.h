/* Group commit: items queue while one transaction commits; then one multi-row statement writes them all. A batcher is one thread with its own connection that writes,
 * and one that hands back.
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
    const char *name;                 /* label of the metrics ea_batch_…, and application_name */
    size_t max_items, max_batch_rows; /* queued at most; rows of one transaction at most */
    size_t max_bytes;
    int64_t max_age_ns; /* an item that waited longer is finished with EA_EOVERLOAD */
    /* One whole transaction for items[0..n): sends it, commits it, sets each item's result and err (EA_OK before the call). Returns EA_OK when committed. EA_ERETRY: the
     * batch is run again whole (a few times); EA_EUNAVAILABLE/EA_EUNKNOWN/EA_ENOSPACE: every item gets it; anything else: the batch is halved until the bad
     * item fails alone. A transaction left open is rolled back. The arena is the transaction's: results move to memory of the item. On the writing thread. */
    enum ea_err (*flush)(struct ea_pg *pg, struct ea_arena *a, struct ea_batch_item **items, size_t n,
                         int64_t *last_event_id, void *arg);
    /* Both on the handing thread. done: must only hand the item on (to the pool). committed: wake followers, before done(); once for all that was
     * committed meanwhile. May be NULL. */
    void (*done)(struct ea_batch_item *item, void *arg);
    void (*committed)(int64_t last_event_id, void *arg);
};

enum ea_err ea_batch_new(const char *conninfo, const struct ea_batch_ops *ops, void *arg,
                         struct ea_batch **out) EA_MUST;
enum ea_err ea_batch_add(struct ea_batch *b, struct ea_batch_item *item)
    EA_MUST; /* EA_EOVERLOAD when full or stopping; then the item is still the caller's */
void ea_batch_free(struct ea_batch *b); /* writes what is queued, then joins; accepts NULL */

#endif
