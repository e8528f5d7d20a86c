/* Is the database migrated to the schema that this build knows? Every responder and worker asks at its start and stops when it is not. */
#ifndef EA_SCHEMA_CHECK_H
#define EA_SCHEMA_CHECK_H

#include "lib/err.h"

struct ea_pg;

/* EA_EPRECONDITION: another version, or none; which, and what to do, is logged. EA_EUNAVAILABLE: not known yet, ask again. */
enum ea_err ea_schema_check(struct ea_pg *pg) EA_MUST;

#endif
