#include "lib/alloc.h"
#include "lib/pg_internal.h"

#include <string.h>

enum ea_err ea_pg_pipe_begin(struct ea_pg *pg)
{
    if (pg->piping)
        return ea_pg_misuse(pg, STMT_BEGIN, "a pipeline is open");
    enum ea_err err = ea_pg_ready(pg);
    if (err)
        return err;
    if (!PQenterPipelineMode(pg->conn))
        return ea_pg_misuse(pg, STMT_BEGIN, PQerrorMessage(pg->conn));
    pg->piping = true;
    pg->pipe_in_tx = pg->in_tx;
    pg->pipe_err = EA_OK;
    pg->steps_n = pg->sent = 0;
    return EA_OK;
}

static enum ea_err add_step(struct ea_pg *pg, enum ea_stmt stmt, bool prepare)
{
    if (pg->steps_n == pg->steps_cap) {
        size_t cap = pg->steps_cap ? 2 * pg->steps_cap : 16;
        struct ea_pg_step *more = ea_alloc_again(pg->steps, cap * sizeof *more);
        if (!more)
            return EA_ENOMEM;
        pg->steps = more;
        pg->steps_cap = cap;
    }
    pg->steps[pg->steps_n++] = (struct ea_pg_step){ .stmt = stmt, .prepare = prepare };
    return EA_OK;
}

static bool is_prepared(const struct ea_pg *pg, enum ea_stmt stmt)
{
    for (size_t i = 0; i < pg->steps_n; i++)
        if (pg->steps[i].prepare && pg->steps[i].stmt == stmt)
            return true;
    return pg->prepared[stmt];
}

static enum ea_err not_queued(struct ea_pg *pg)
{
    ea_pg_note(pg, "", "", PQerrorMessage(pg->conn));
    return EA_EUNAVAILABLE;
}

static enum ea_err queue(struct ea_pg *pg, enum ea_stmt stmt, const char *const *args, size_t n)
{
    const struct ea_stmt_text *s = &ea_stmts[stmt];
    if (n != s->arity)
        return ea_pg_misuse(pg, stmt, "wrong number of arguments");
    enum ea_err err = EA_OK;
    if (!is_prepared(pg, stmt)) {
        if (!PQsendPrepare(pg->conn, s->name, s->sql, (int)n, NULL))
            return not_queued(pg);
        err = add_step(pg, stmt, true);
    }
    if (!err && !PQsendQueryPrepared(pg->conn, s->name, (int)n, args, NULL, NULL, 0))
        return not_queued(pg);
    if (!err)
        err = add_step(pg, stmt, false);
    if (!err)
        pg->sent++;
    return err;
}

enum ea_err ea_pg_pipe_send(struct ea_pg *pg, enum ea_stmt stmt, const char *const *args, size_t n)
{
    if (!pg->piping)
        return ea_pg_misuse(pg, stmt, "no pipeline is open");
    if (!pg->pipe_err)
        pg->pipe_err = queue(pg, stmt, args, n);
    return pg->pipe_err;
}

/* How far the reading of a pipeline's results has come. */
struct reading {
    PGresult **res;
    int commits;
    size_t done; /* statements whose result was read and good */
    enum ea_err err;
    bool in_doubt; /* what is lost from here on may have been committed */
};

static bool writes(const struct ea_pg *pg)
{
    for (size_t i = 0; i < pg->steps_n; i++)
        if (!pg->steps[i].prepare && !ea_pg_reads(pg->steps[i].stmt))
            return true;
    return false;
}

/* Without an explicit transaction the sync commits. */
static bool may_commit(const struct ea_pg *pg, int commits)
{
    return commits >= 0 || (!pg->pipe_in_tx && writes(pg));
}

/* The session ended at a step. Answers come in order: when the server said why at a statement before the COMMIT, it never got to it. */
static void read_end(struct ea_pg *pg, struct reading *r, enum ea_stmt stmt)
{
    bool told = pg->sqlstate[0] && r->commits >= 0 &&
                (r->done < (size_t)r->commits || strcmp(pg->sqlstate, EA_PG_IDLE_TOO_LONG) == 0);
    enum ea_err err = r->in_doubt && !told ? EA_EUNKNOWN : EA_EUNAVAILABLE;
    err = ea_pg_lost(pg, stmt, err);
    if (!r->err)
        r->err = err;
}

/* One step's result and the NULL that ends it. False: the session is gone. */
static bool read_step(struct ea_pg *pg, struct reading *r, const struct ea_pg_step *step)
{
    bool gone;
    PGresult *res;
    while ((res = ea_pg_next(pg, &gone))) {
        switch (PQresultStatus(res)) {
        case PGRES_COMMAND_OK:
        case PGRES_TUPLES_OK:
            if (step->prepare)
                pg->prepared[step->stmt] = true;
            else {
                r->res[r->done++] = res;
                res = NULL;
            }
            break;
        case PGRES_PIPELINE_ABORTED:
            break;
        default: {
            enum ea_err err = ea_pg_failed(pg, step->stmt, res, &gone);
            if (!gone) {
                r->err = r->err ? r->err : err;
                r->in_doubt = false; /* what follows is skipped by the server */
            }
        }
        }
        PQclear(res);
        if (gone)
            break;
    }
    if (gone)
        read_end(pg, r, step->stmt);
    return !gone;
}

static bool read_sync(struct ea_pg *pg, struct reading *r)
{
    bool gone;
    PGresult *res = ea_pg_next(pg, &gone);
    bool synced = res && PQresultStatus(res) == PGRES_PIPELINE_SYNC;
    PQclear(res);
    if (synced && PQexitPipelineMode(pg->conn))
        return true;
    bool committed = r->commits >= 0 && r->done > (size_t)r->commits;
    enum ea_stmt last = pg->steps[pg->steps_n - 1].stmt;
    enum ea_err err = ea_pg_lost(pg, last, r->in_doubt && !committed ? EA_EUNKNOWN : EA_EUNAVAILABLE);
    if (!r->err && !committed)
        r->err = err;
    return false;
}

/* PostgreSQL answers the COMMIT of an aborted transaction with success and the word ROLLBACK. */
static void check_commit(struct ea_pg *pg, struct reading *r)
{
    if (r->err || r->commits < 0 || strcmp(PQcmdStatus(r->res[r->commits]), "COMMIT") == 0)
        return;
    r->err = pg->tx_err ? pg->tx_err : ea_pg_misuse(pg, STMT_COMMIT, "the transaction was aborted");
}

static void read_all(struct ea_pg *pg, struct reading *r)
{
    size_t i = 0;
    while (i < pg->steps_n && read_step(pg, r, &pg->steps[i]))
        i++;
    if (i == pg->steps_n && read_sync(pg, r))
        pg->in_tx = PQtransactionStatus(pg->conn) != PQTRANS_IDLE;
    check_commit(pg, r);
}

enum ea_err ea_pg_pipe_end(struct ea_pg *pg, PGresult **res, size_t n, int commits)
{
    memset(res, 0, n * sizeof(PGresult *));
    if (!pg->piping)
        return ea_pg_misuse(pg, STMT_BEGIN, "no pipeline is open");
    pg->piping = false;
    enum ea_stmt first = pg->steps_n ? pg->steps[0].stmt : STMT_BEGIN;
    if (!pg->pipe_err && (n != pg->sent || n == 0 || commits >= (int)n))
        pg->pipe_err = ea_pg_misuse(pg, first, "not as many results as statements");
    if (!pg->pipe_err && !PQpipelineSync(pg->conn))
        pg->pipe_err = not_queued(pg);
    struct reading r = { .res = res, .commits = commits, .in_doubt = may_commit(pg, commits) };
    if (!pg->pipe_err)
        read_all(pg, &r);
    else /* without a sync an implicit transaction rolls back; an explicit COMMIT may be on its way */
        r.err =
            ea_pg_lost(pg, first, commits >= 0 && pg->sent > (size_t)commits ? EA_EUNKNOWN : pg->pipe_err);
    if (r.err == EA_EUNKNOWN || (!r.err && commits >= 0))
        pg->in_tx = false;
    return r.err;
}
