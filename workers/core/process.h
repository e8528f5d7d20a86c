/* The life of a worker process: settings, log, schema check, metrics and readiness, SIGTERM. One per process, used by its main thread; the two ready flags may be set from
 * any thread. */
#ifndef EA_PROCESS_H
#define EA_PROCESS_H

#include "lib/cfg.h"
#include "lib/err.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>

struct ea_pg;

struct ea_process {
    const struct ea_cfg *cfg;
    atomic_bool pg_ready, amqp_ready; /* what /readyz says */
};

/* Everything before the first connection. Faults are logged. From here SIGTERM and SIGINT only ask: see ea_process_stopping. */
enum ea_err ea_process_start(struct ea_process *p) EA_MUST;
void ea_process_end(struct ea_process *p);

bool ea_process_stopping(void); /* asked to end */
bool ea_process_hurried(
    void); /* ... and half of the time for it is over. When all of it is over the process ends by itself, with status 1 */

/* Until one of the n (at most 4) descriptors has something, SIGTERM comes or the time is over. Those with fd -1 are skipped; revents is set. */
void ea_process_wait(struct pollfd *fds, nfds_t n, int timeout_ms);

/* Waits for PostgreSQL, then compares schemas. EA_ECLOSED: told to stop meanwhile; EA_EPRECONDITION: the schema is not the one this build knows (logged). */
enum ea_err ea_process_await_schema(struct ea_process *p, struct ea_pg *pg) EA_MUST;

#endif
