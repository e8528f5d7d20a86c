/* What the pool does with a connection on which a request begins. See route.c. */
#ifndef EA_RUN_H
#define EA_RUN_H

#include "fcgi/core/pool.h"

void ea_run_conn(struct ea_work *work, struct ea_worker *self); /* work: of a struct ea_conn */

#endif
