/* What a worker counts: jobs by kind and outcome, batches, and how long after its event a job was done. Any thread. */
#ifndef EA_TALLY_H
#define EA_TALLY_H

#include "workers/core/inbox.h"

#include <stdint.h>

/* dead: what became of a FAILED job that had no steps left. The kind is counted only if the job has a route: others are "unknown". */
void ea_tally_job(const struct ea_inbox_job *job, bool dead);
void ea_tally_batch(int64_t ns);
void ea_tally_held(bool held); /* are jobs being held because PostgreSQL is away? */

#endif
