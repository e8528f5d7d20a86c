/* A worker consumes one job queue: jobs in batches (prefetch), one transaction per batch, one ack after COMMIT, idempotent by processed(consumer, event_id)
 * in that same transaction. A batch that fails is run again so that the bad job fails alone; that one is published to its next delay queue (confirmed), then acked;
 * after the last step it is dead. Redelivered jobs run one at a time, and one that has killed its worker three times is dead. While PostgreSQL is away the jobs in hand are
 * held: no attempt is counted. SIGTERM finishes the batch in hand and exits 0. */
#ifndef EA_WORKER_H
#define EA_WORKER_H

#include "lib/arena.h"
#include "lib/cfg.h"
#include "lib/err.h"
#include "lib/events.h"

#include <stdbool.h>

struct ea_pg;
struct ea_redis;
struct ea_work_events;
struct json_object;

struct ea_job { /* borrowed for the call */
    int64_t event_id;
    const char *kind, *trace, *at;
    struct json_object *payload; /* an object */
    const char *body;            /* its text, as stored */
    int attempt;
};

struct ea_work { /* what a handler works with; all of one batch */
    const struct ea_cfg *cfg;
    struct ea_pg *pg; /* inside the batch's transaction */
    struct ea_redis *redis;
    struct ea_arena *arena;        /* of this batch */
    void *data;                    /* what start() made */
    struct ea_work_events *events; /* of the batch: ea_work_event */
    char reason[200]; /* a failing handler says why here, for people who look at the dead-letter queue */
};

/* Effects go through w->pg only. The events are appended when the batch commits. */
typedef enum ea_err ea_job_handler(struct ea_work *w, const struct ea_job *job);
enum ea_err ea_work_event(struct ea_work *w, const char *topic, const char *kind, const char *payload,
                          const char *queue) EA_MUST; /* copies */

struct ea_worker_spec {
    const char *name;  /* consumer name in processed(), logs, metrics */
    const char *queue; /* EA_QUEUE_* */
    int prefetch;
    const struct ea_worker_route {
        const char *kind;
        ea_job_handler *handle;
    } * routes; /* ends with kind NULL; a job of no known kind is dead at once */
    enum ea_err (*start)(const struct ea_cfg *cfg,
                         void **data); /* may start threads of its own; may be NULL */
    void (*stop)(void *data);
    void (*after_commit)(void *data); /* e.g. wake the mail sender; may be NULL */
};

int ea_worker_main(const struct ea_worker_spec *spec); /* the whole process; returns its exit status */

#endif
