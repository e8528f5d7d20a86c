/* Where failed jobs go: published, with confirm, to the delay queue of their step or to the dead letters. Over a connection of its own, made when first needed: a broker with
 * an alarm reads nothing from a connection that publishes, and acknowledgements must get through. Owned by the worker's thread. */
#ifndef EA_PARK_H
#define EA_PARK_H

#include "lib/err.h"
#include "workers/core/inbox.h"

#include <stdbool.h>

struct ea_cfg;
struct ea_park;

enum ea_err ea_park_new(const struct ea_cfg *cfg, struct ea_park **out) EA_MUST;
void ea_park_free(struct ea_park *p);

/* One step of it, at most some seconds long. EA_OK: confirmed, the delivery may be acknowledged; *dead says which of both it was. Anything else: it is not stored, try again. */
enum ea_err ea_park_job(struct ea_park *p, const struct ea_inbox_job *job, bool *dead) EA_MUST;
void ea_park_idle(struct ea_park *p); /* call it now and then: keeps the connection alive */

#endif
