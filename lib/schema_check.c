#include "lib/schema_check.h"

#include "lib/log.h"
#include "lib/pg.h"
#include "schema_version.h" /* generated */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NO_SUCH_TABLE "42P01"

enum ea_err ea_schema_check(struct ea_pg *pg)
{
    PGresult *res;
    enum ea_err err = ea_pg_run(pg, STMT_SCHEMA_NEWEST, NULL, 0, &res);
    bool empty = err && strcmp(ea_pg_sqlstate(pg), NO_SUCH_TABLE) == 0;
    if (err && !empty)
        return err;
    int64_t have = empty ? 0 : ea_pg_i64(res, 0, 0);
    PQclear(res);
    if (have == EA_SCHEMA_VERSION)
        return EA_OK;
    char why[160];
    (void)snprintf(
        why, sizeof why, "the database is at schema version %" PRId64 ", this program needs %d: %s", have,
        EA_SCHEMA_VERSION, have < EA_SCHEMA_VERSION ? "run ea-migrate" : "install a newer program");
    ea_log(EA_LOG_ERROR, "the schema does not fit", EA_F_STR(REASON, why));
    return EA_EPRECONDITION;
}
