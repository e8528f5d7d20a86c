#include "workers/relay/partition.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/pg.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#define EVERY_NS (10 * EA_NS_PER_S)

void relay_partition_init(struct relay_partition *p, const struct ea_cfg *cfg)
{
    *p = (struct relay_partition){ .cfg = cfg };
    p->left = ea_metric_gauge("ea_relay_log_left", "Ids that the event log's partitions have left", "");
    p->dropped = ea_metric_counter("ea_relay_partitions_dropped_total",
                                   "Partitions of the event log that were older than it is kept", "");
}

static void grow(const struct relay_partition *p, struct ea_pg *pg)
{
    char size[24];
    PGresult *res = NULL;
    enum ea_err err = ea_pg_begin(pg);

    snprintf(size, sizeof(size), "%" PRId64, p->cfg->events_partition);
    if (err == EA_OK)
        err = ea_pg_run(pg, STMT_RELAY_GROW, (const char *const[]){ size }, 1, &res);
    if (err == EA_OK)
        err = ea_pg_commit(pg);
    else
        ea_pg_rollback(pg);
    if (err == EA_OK)
        ea_metric_set(p->left, ea_pg_i64(res, 0, 0));
    PQclear(res);
}

/* The one that may go now; NULL: none. Asked outside of the transaction that drops it: a table cannot go while a statement reads it. What may go once may always. */
static PGresult *find_expired(const struct relay_partition *p, struct ea_pg *pg)
{
    char days[24];
    PGresult *res = NULL;

    snprintf(days, sizeof(days), "%" PRId64, p->cfg->events_keep_days);
    if (ea_pg_run(pg, STMT_RELAY_EXPIRED, (const char *const[]){ days }, 1, &res) == EA_OK &&
        PQntuples(res) > 0)
        return res;
    PQclear(res);
    return NULL;
}

static enum ea_err drop(struct ea_pg *pg, const char *name, bool *dropped)
{
    PGresult *res = NULL;
    enum ea_err err = ea_pg_begin(pg);

    if (err == EA_OK)
        err = ea_pg_run(pg, STMT_RELAY_DROP, &name, 1, &res);
    if (err == EA_OK) {
        *dropped = ea_pg_bool(res, 0, 0);
        err = ea_pg_commit(pg);
    } else
        ea_pg_rollback(pg);
    PQclear(res);
    return err;
}

static void drop_expired(const struct relay_partition *p, struct ea_pg *pg)
{
    PGresult *expired = find_expired(p, pg);
    bool dropped = false;

    if (expired != NULL && drop(pg, ea_pg_str(expired, 0, 0), &dropped) == EA_OK && dropped) {
        ea_log(EA_LOG_INFO, "a partition of the event log was older than it is kept",
               EA_F_STR(VALUE, ea_pg_str(expired, 0, 0)));
        ea_metric_add(p->dropped, 1);
    }
    PQclear(expired);
}

void relay_partition_step(struct relay_partition *p, struct ea_pg *pg)
{
    int64_t now = ea_clock_mono_ns();

    if (now < p->due_ns)
        return;
    p->due_ns = now + EVERY_NS;
    grow(p, pg);
    if (p->cfg->events_keep_days > 0)
        drop_expired(p, pg);
}
