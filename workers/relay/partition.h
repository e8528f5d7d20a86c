/* The event log's partitions, kept by the active relay: it is the one process of its kind, and what may be dropped depends on its own cursor. New ones are made
 * ahead, old ones dropped after EA_EVENTS_KEEP_DAYS. Its caller's connection; one thread. Two at once do no harm: each call holds a lock of the database. */
#ifndef RELAY_PARTITION_H
#define RELAY_PARTITION_H

#include "lib/cfg.h"

#include <stdint.h>

struct ea_metric;
struct ea_pg;

struct relay_partition {
    const struct ea_cfg *cfg;
    int64_t due_ns;
    struct ea_metric *left, *dropped;
};

void relay_partition_init(struct relay_partition *p, const struct ea_cfg *cfg); /* due at once */
/* Looks, if it is time to: makes what is missing and drops at most one. What fails is logged and tried again ten seconds later. */
void relay_partition_step(struct relay_partition *p, struct ea_pg *pg);

#endif
