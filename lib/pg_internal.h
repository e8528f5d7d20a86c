/* What pg_session.c (the connection), pg.c (statements, transactions) and pg_pipe.c (pipelines) share; of others, only events.c includes it. */
#ifndef EA_PG_INTERNAL_H
#define EA_PG_INTERNAL_H

#include "lib/pg.h"

#include <stddef.h>

#define EA_PG_IDLE_TOO_LONG "25P03"

struct ea_pg_step { /* one message group of a pipeline: a statement, or the preparing of one */
    enum ea_stmt stmt;
    bool prepare;
};

struct ea_pg {
    char *conninfo, *application_name;
    PGconn *conn;
    uint64_t connects;
    int64_t next_try_ns, next_log_ns;
    bool prepared[STMT__MAX];
    bool plan_once;     /* ea_pg_plan_once */
    bool stale;         /* the session is no longer of use: connect anew before the next transaction */
    bool in_tx;         /* begun and neither committed nor rolled back; outlives its connection */
    enum ea_err tx_err; /* what aborted the open transaction */
    char error[256], sqlstate[6], constraint[64];

    bool piping, pipe_in_tx;
    enum ea_err pipe_err; /* the first that could not be queued */
    struct ea_pg_step *steps;
    size_t steps_n, steps_cap, sent; /* sent: statements without the preparing */
};

void ea_pg_close(struct ea_pg *pg); /* the session only: an open transaction stays open in name */
/* False when the server has closed an idle session, or told it to go. */
bool ea_pg_alive(struct ea_pg *pg);
bool ea_pg_is_fatal(const PGresult *res); /* an error that ends the session */
/* A usable connection: connects, or finds out that an idle one was closed by the server. Within a transaction it never connects anew. */
enum ea_err ea_pg_ready(struct ea_pg *pg) EA_MUST;
/* The next result. NULL with *gone false is the end of one statement's results; *gone: no answer, or the connection is lost, with words in pg->error.
 * A server that is alive answers within statement_timeout, so silence is a loss too. */
PGresult *ea_pg_next(struct ea_pg *pg, bool *gone);
/* What ea_pg_error and its like tell; NULL is "". */
void ea_pg_note(struct ea_pg *pg, const char *sqlstate, const char *constraint, const char *text);
/* Notes and logs the error that a result holds; *gone when it ended the session. */
enum ea_err ea_pg_failed(struct ea_pg *pg, enum ea_stmt stmt, const PGresult *res, bool *gone);
/* Closes a lost connection, logs it and returns err. */
enum ea_err ea_pg_lost(struct ea_pg *pg, enum ea_stmt stmt, enum ea_err err);
/* A statement that changes nothing by itself: losing its answer loses nothing. */
bool ea_pg_reads(enum ea_stmt stmt);
/* EA_EINTERNAL with words, for a caller that broke the contract. */
enum ea_err ea_pg_misuse(struct ea_pg *pg, enum ea_stmt stmt, const char *what);

#endif
