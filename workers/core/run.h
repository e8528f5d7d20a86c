/* Runs the handlers of a batch of jobs in one transaction, with their claims in `processed` and their events. The happy way is one round trip for all claims, the handlers'
 * own statements and one commit. When a handler fails, the batch is run again with a savepoint around each job; when the commit fails, each job by itself.
 * Owned by the worker's thread. */
#ifndef EA_RUN_H
#define EA_RUN_H

#include "lib/err.h"
#include "workers/core/inbox.h"
#include "workers/core/worker.h"

#include <stddef.h>
#include <stdint.h>

struct ea_run;

/* breathe: called between handlers now and then, so that connections stay alive during a long batch. */
struct ea_run *ea_run_new(const struct ea_worker_spec *spec, const struct ea_work *with,
                          void (*breathe)(void *arg), void *arg);
void ea_run_free(struct ea_run *r);

/* Jobs with an outcome already are left alone; the others have a payload and a route. EA_OK: every job has its outcome, and the DONE ones are committed.
 * EA_EUNAVAILABLE: PostgreSQL is away, nothing is decided; call again with the same jobs. EA_ECLOSED: there is no time left before the process must end. */
enum ea_err ea_run_batch(struct ea_run *r, struct ea_inbox_job **jobs, size_t n) EA_MUST;
/* The same, each job in a transaction of its own; one that breaks the connection three times has failed. */
enum ea_err ea_run_singly(struct ea_run *r, struct ea_inbox_job **jobs, size_t n) EA_MUST;

int64_t ea_run_last_event(struct ea_run *r); /* newest event appended since it was last asked; 0: none */

#endif
