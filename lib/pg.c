#include "lib/pg.h"

#include "lib/alloc.h"
#include "lib/log.h"
#include "lib/pg_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *prefix; /* of the SQLSTATE; the first that fits */
    enum ea_err err;
} states[] = {
    { "40001", EA_ERETRY }, { "40P01", EA_ERETRY },    { "55P03", EA_ERETRY },    { "57014", EA_ERETRY },
    { "26000", EA_ERETRY }, { "23505", EA_ECONFLICT }, { "23P01", EA_ECONFLICT }, { "23503", EA_ENOTFOUND },
    { "23514", EA_EINPUT }, { "22", EA_EINPUT },       { "53100", EA_ENOSPACE },
};

static enum ea_log_level level_of(enum ea_err err)
{
    switch (err) {
    case EA_ECONFLICT:
    case EA_ENOTFOUND:
    case EA_EINPUT:
        return EA_LOG_DEBUG; /* an answer rather than a fault */
    case EA_ERETRY:
        return EA_LOG_INFO;
    case EA_EUNAVAILABLE:
    case EA_EUNKNOWN:
        return EA_LOG_WARN;
    default:
        return EA_LOG_ERROR;
    }
}

void ea_pg_note(struct ea_pg *pg, const char *sqlstate, const char *constraint, const char *text)
{
    (void)snprintf(pg->sqlstate, sizeof pg->sqlstate, "%s", sqlstate ? sqlstate : "");
    (void)snprintf(pg->constraint, sizeof pg->constraint, "%s", constraint ? constraint : "");
    (void)snprintf(pg->error, sizeof pg->error, "%s", text ? text : "");
    pg->error[strcspn(pg->error, "\n")] = '\0';
}

static void log_failure(const struct ea_pg *pg, enum ea_stmt stmt, enum ea_err err)
{
    ea_log(level_of(err), "statement failed", EA_F_STR(STATEMENT, ea_stmts[stmt].name),
           EA_F_STR(ERROR_CODE, pg->sqlstate), EA_F_STR(ERROR, pg->error),
           EA_F_STR(REASON, ea_err_slug(err)));
}

/* A plan that was made before a migration changed its result: a new session makes a new one. */
static bool is_outdated_plan(const char *sqlstate, const PGresult *res)
{
    const char *where = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);
    return strcmp(sqlstate, "26000") == 0 ||
           (strcmp(sqlstate, "0A000") == 0 && where && strcmp(where, "RevalidateCachedQuery") == 0);
}

static enum ea_err err_of(const char *sqlstate)
{
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (strncmp(sqlstate, states[i].prefix, strlen(states[i].prefix)) == 0)
            return states[i].err;
    return EA_EINTERNAL;
}

enum ea_err ea_pg_failed(struct ea_pg *pg, enum ea_stmt stmt, const PGresult *res, bool *gone)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    if (!state)
        state = "";
    /* The primary message of class 22 quotes the value. */
    ea_pg_note(pg, state, PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME),
               strncmp(state, "22", 2) == 0 ? "bad value" : PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY));
    *gone = ea_pg_is_fatal(res);
    enum ea_err err = err_of(state);
    if (is_outdated_plan(state, res)) {
        pg->stale = true;
        err = EA_ERETRY;
    }
    if (*gone)
        return EA_EUNAVAILABLE;
    if (pg->in_tx && !pg->tx_err)
        pg->tx_err = err;
    log_failure(pg, stmt, err);
    return err;
}

enum ea_err ea_pg_lost(struct ea_pg *pg, enum ea_stmt stmt, enum ea_err err)
{
    log_failure(pg, stmt, err);
    ea_pg_close(pg);
    return err;
}

enum ea_err ea_pg_misuse(struct ea_pg *pg, enum ea_stmt stmt, const char *what)
{
    ea_pg_note(pg, "", "", what);
    log_failure(pg, stmt, EA_EINTERNAL);
    return EA_EINTERNAL;
}

bool ea_pg_reads(enum ea_stmt stmt)
{
    return strncmp(ea_stmts[stmt].sql, "SELECT", 6) == 0;
}

/* Reads the answer to one statement. if_lost: what it means when no answer comes. A session that was ended because it sat idle in its transaction
 * has rolled back before it read the statement. */
static enum ea_err collect(struct ea_pg *pg, enum ea_stmt stmt, enum ea_err if_lost, PGresult **out)
{
    enum ea_err err = EA_OK;
    bool gone;
    PGresult *res = NULL;
    for (PGresult *next; (next = ea_pg_next(pg, &gone)) && !gone;) {
        PQclear(res);
        res = next;
        ExecStatusType status = PQresultStatus(res);
        if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
            continue;
        err = ea_pg_failed(pg, stmt, res, &gone);
        if (gone)
            break;
    }
    if (gone)
        err =
            ea_pg_lost(pg, stmt, strcmp(pg->sqlstate, EA_PG_IDLE_TOO_LONG) == 0 ? EA_EUNAVAILABLE : if_lost);
    if (err || !out)
        PQclear(res);
    else
        *out = res;
    return err;
}

static enum ea_err not_sent(struct ea_pg *pg, enum ea_stmt stmt)
{
    ea_pg_note(pg, "", "", PQerrorMessage(pg->conn));
    return ea_pg_lost(pg, stmt, EA_EUNAVAILABLE);
}

/* Transaction control goes by the simple protocol: nothing to prepare. */
static enum ea_err control(struct ea_pg *pg, enum ea_stmt stmt, enum ea_err if_lost)
{
    if (!PQsendQuery(pg->conn, ea_stmts[stmt].sql))
        return not_sent(pg, stmt);
    return collect(pg, stmt, if_lost, NULL);
}

static enum ea_err prepare(struct ea_pg *pg, enum ea_stmt stmt)
{
    if (pg->prepared[stmt])
        return EA_OK;
    const struct ea_stmt_text *s = &ea_stmts[stmt];
    if (!PQsendPrepare(pg->conn, s->name, s->sql, (int)s->arity, NULL))
        return not_sent(pg, stmt);
    enum ea_err err = collect(pg, stmt, EA_EUNAVAILABLE, NULL);
    pg->prepared[stmt] = err == EA_OK;
    return err;
}

static enum ea_err send_prepared(struct ea_pg *pg, enum ea_stmt stmt, const char *const *args, size_t n)
{
    if (n != ea_stmts[stmt].arity)
        return ea_pg_misuse(pg, stmt, "wrong number of arguments");
    if (pg->piping)
        return ea_pg_misuse(pg, stmt, "a pipeline is open");
    enum ea_err err = ea_pg_ready(pg);
    if (!err)
        err = prepare(pg, stmt);
    if (err)
        return err;
    return PQsendQueryPrepared(pg->conn, ea_stmts[stmt].name, (int)n, args, NULL, NULL, 0)
               ? EA_OK
               : not_sent(pg, stmt);
}

/* What it means when no answer to a statement comes. */
static enum ea_err loss_of(const struct ea_pg *pg, enum ea_stmt stmt)
{
    return pg->in_tx || ea_pg_reads(stmt) ? EA_EUNAVAILABLE : EA_EUNKNOWN;
}

enum ea_err ea_pg_run(struct ea_pg *pg, enum ea_stmt stmt, const char *const *args, size_t n, PGresult **res)
{
    if (res)
        *res = NULL;
    enum ea_err err = send_prepared(pg, stmt, args, n);
    return err ? err : collect(pg, stmt, loss_of(pg, stmt), res);
}

enum ea_err ea_pg_each(struct ea_pg *pg, enum ea_stmt stmt, const char *const *args, size_t n,
                       ea_pg_on_row *on_row, void *arg)
{
    enum ea_err err = send_prepared(pg, stmt, args, n), stop = EA_OK;
    bool gone = false;
    if (err)
        return err;
    if (!PQsetSingleRowMode(pg->conn))
        return ea_pg_lost(pg, stmt, EA_EINTERNAL);
    for (PGresult *res; !stop && !gone && (res = ea_pg_next(pg, &gone)); PQclear(res)) {
        ExecStatusType status = PQresultStatus(res);
        if (status == PGRES_SINGLE_TUPLE)
            stop = on_row(res, arg);
        else if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
            err = ea_pg_failed(pg, stmt, res, &gone);
    }
    if (gone)
        return ea_pg_lost(pg, stmt, loss_of(pg, stmt));
    if (stop) {
        ea_pg_close(pg);
        pg->next_try_ns = 0; /* nothing is wrong with the server */
    }
    return stop ? stop : err;
}

static void clear_result(void *res)
{
    PQclear(res);
}

enum ea_err ea_pg_keep(struct ea_arena *a, PGresult *res, PGresult **out)
{
    enum ea_err err = ea_arena_defer(a, clear_result, res);
    *out = err ? NULL : res;
    return err;
}

enum ea_err ea_pg_rows(struct ea_pg *pg, struct ea_arena *a, PGresult **res, enum ea_stmt stmt,
                       const char *const *args, size_t n)
{
    *res = NULL;
    PGresult *rows;
    enum ea_err err = ea_pg_run(pg, stmt, args, n, &rows);
    return err ? err : ea_pg_keep(a, rows, res);
}

static enum ea_err begin(struct ea_pg *pg, enum ea_stmt how)
{
    if (pg->in_tx)
        return ea_pg_misuse(pg, how, "a transaction is open");
    enum ea_err err = ea_pg_ready(pg);
    if (!err)
        err = control(pg, how, EA_EUNAVAILABLE);
    pg->in_tx = err == EA_OK;
    pg->tx_err = EA_OK;
    return err;
}

enum ea_err ea_pg_begin(struct ea_pg *pg)
{
    return begin(pg, STMT_BEGIN);
}

enum ea_err ea_pg_begin_snapshot(struct ea_pg *pg)
{
    return begin(pg, STMT_BEGIN_SNAPSHOT);
}

/* A session that the server has ended already (it sat idle too long) is found before COMMIT is sent, so that this is no case of doubt. */
enum ea_err ea_pg_commit(struct ea_pg *pg)
{
    if (!pg->in_tx)
        return ea_pg_misuse(pg, STMT_COMMIT, "no transaction is open");
    enum ea_err why = pg->tx_err;
    if (pg->conn && PQtransactionStatus(pg->conn) == PQTRANS_INERROR) {
        ea_pg_rollback(pg);
        return why ? why : EA_EINTERNAL;
    }
    pg->in_tx = false;
    if (!pg->conn)
        return EA_EUNAVAILABLE;
    if (!ea_pg_alive(pg))
        return not_sent(pg, STMT_COMMIT);
    return control(pg, STMT_COMMIT, EA_EUNKNOWN);
}

void ea_pg_rollback(struct ea_pg *pg)
{
    bool open = pg->conn && PQtransactionStatus(pg->conn) != PQTRANS_IDLE;
    pg->in_tx = false;
    pg->tx_err = EA_OK;
    if (open && (pg->piping || control(pg, STMT_ROLLBACK, EA_EUNAVAILABLE)))
        ea_pg_drop(pg);
}

bool ea_pg_in_tx(const struct ea_pg *pg)
{
    return pg->in_tx;
}

enum ea_err ea_pg_savepoint(struct ea_pg *pg)
{
    if (!pg->in_tx)
        return ea_pg_misuse(pg, STMT_SAVEPOINT, "no transaction is open");
    return pg->conn ? control(pg, STMT_SAVEPOINT, EA_EUNAVAILABLE) : EA_EUNAVAILABLE;
}

enum ea_err ea_pg_rollback_to(struct ea_pg *pg)
{
    if (!pg->in_tx)
        return ea_pg_misuse(pg, STMT_ROLLBACK_TO, "no transaction is open");
    if (!pg->conn)
        return EA_EUNAVAILABLE;
    enum ea_err err = control(pg, STMT_ROLLBACK_TO, EA_EUNAVAILABLE);
    if (!err)
        err = control(pg, STMT_RELEASE, EA_EUNAVAILABLE);
    if (!err)
        pg->tx_err = EA_OK;
    return err;
}

struct ea_pg *ea_pg_new(const char *conninfo, const char *application_name)
{
    struct ea_pg *pg = ea_alloc(sizeof *pg);
    if (!pg)
        return NULL;
    pg->conninfo = ea_alloc_dup(conninfo);
    pg->application_name = ea_alloc_dup(application_name);
    if (pg->conninfo && pg->application_name)
        return pg;
    ea_pg_free(pg);
    return NULL;
}

void ea_pg_free(struct ea_pg *pg)
{
    if (!pg)
        return;
    ea_pg_close(pg);
    free(pg->conninfo);
    free(pg->application_name);
    free(pg->steps);
    free(pg);
}

PGconn *ea_pg_conn(struct ea_pg *pg)
{
    return pg->conn;
}

uint64_t ea_pg_connects(const struct ea_pg *pg)
{
    return pg->connects;
}

const char *ea_pg_error(const struct ea_pg *pg)
{
    return pg->error;
}

const char *ea_pg_sqlstate(const struct ea_pg *pg)
{
    return pg->sqlstate;
}

const char *ea_pg_constraint(const struct ea_pg *pg)
{
    return pg->constraint;
}
