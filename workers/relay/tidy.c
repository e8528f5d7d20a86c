#include "workers/relay/tidy.h"

#include "lib/clock.h"
#include "lib/pg.h"

#include <stdio.h>
#include <string.h>

#define EVERY_NS (3600 * EA_NS_PER_S)
#define ROWS_MAX 1000 /* of one step: few enough to be over in milliseconds */

static const enum ea_stmt tasks[] = { STMT_RELAY_TIDY_IDEMPOTENCY, STMT_RELAY_TIDY_REVOCATIONS,
                                      STMT_RELAY_TIDY_PROCESSED,   STMT_RELAY_TIDY_SUSPECTS,
                                      STMT_RELAY_TIDY_MAILS,       STMT_RELAY_TIDY_MESSAGES,
                                      STMT_RELAY_TIDY_FILES };
#define TASKS (sizeof(tasks) / sizeof(tasks[0]))

/* True: there may be more of it. */
static bool delete_some(struct ea_pg *pg, enum ea_stmt stmt)
{
    PGresult *res = NULL;
    char most[24];
    bool more;

    snprintf(most, sizeof(most), "%d", ROWS_MAX);
    if (ea_pg_run(pg, stmt, (const char *const[]){ most }, 1, &res) != EA_OK)
        return false;
    more = strcmp(PQcmdTuples(res), most) == 0;
    PQclear(res);
    return more;
}

bool relay_tidy_step(struct relay_tidy *t, struct ea_pg *pg)
{
    if (ea_clock_mono_ns() < t->due_ns)
        return false;
    if (t->task < TASKS) {
        if (!delete_some(pg, tasks[t->task]))
            t->task++;
        return true;
    }
    t->task = 0;
    t->due_ns = ea_clock_mono_ns() + EVERY_NS;
    return false;
}
