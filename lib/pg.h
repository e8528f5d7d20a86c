/* One PostgreSQL connection, owned by one thread; connects when first used and again after it broke (never within a transaction). Statements are ids (lib/stmt.h), prepared on
 * first use per connection. All parameters and results are text. Session settings on connect: UTC, statement_timeout, lock_timeout, idle_in_transaction_session_timeout.
 * Errors: EA_EUNAVAILABLE no connection (nothing was done), EA_EUNKNOWN connection lost during COMMIT or during a statement outside a transaction that
 * may write (does not begin with SELECT: a SELECT that writes through a function runs in a transaction), EA_ECONFLICT unique/exclusion violation,
 * EA_ERETRY 40001/40P01/55P03/57014, EA_ENOTFOUND foreign key missing (23503), EA_EINPUT check/data violation (23514, 22xxx), EA_ENOSPACE 53100, EA_EINTERNAL the rest.
 * Failures are logged here, once, with the statement's name; never with parameter values. */
#ifndef EA_PG_H
#define EA_PG_H

#include "lib/arena.h"
#include "lib/err.h"
#include "lib/stmt.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

struct ea_pg;

struct ea_pg *ea_pg_new(const char *conninfo,
                        const char *application_name); /* does not connect yet; NULL: no memory */
void ea_pg_free(struct ea_pg *pg);
/* From the next connect on: each statement is planned once per session, by its indexes. For the few statements of a hot path, whose tables may be tiny when they are
 * planned and large a minute later, and for which planning would cost as much as running. Loses to a plan by statistics where much of a table is read. */
void ea_pg_plan_once(struct ea_pg *pg);
enum ea_err ea_pg_connect(
    struct ea_pg *pg) EA_MUST; /* if not connected; at most one attempt per 200 ms, fails fast in between */
void ea_pg_drop(struct ea_pg *pg); /* closes the connection; the next use connects anew */
/* NULL when not connected; in libpq's non-blocking mode. For what has no statement here: ea-migrate's files, COPY. */
PGconn *ea_pg_conn(struct ea_pg *pg);
uint64_t ea_pg_connects(const struct ea_pg *pg); /* sessions opened so far: another number, another session */
const char *ea_pg_error(const struct ea_pg *pg); /* of the last failure, for logs */
const char *ea_pg_sqlstate(const struct ea_pg *pg);   /* "" when none */
const char *ea_pg_constraint(const struct ea_pg *pg); /* name of the violated constraint or "" */

/* Runs one statement; n must be its arity. *res is the caller's to PQclear (use ea_pg_rows to hang it on an arena); NULL on error. res may be NULL. */
enum ea_err ea_pg_run(struct ea_pg *pg, enum ea_stmt stmt, const char *const *args, size_t n,
                      PGresult **res) EA_MUST;
/* ... with the result freed by the arena. */
enum ea_err ea_pg_rows(struct ea_pg *pg, struct ea_arena *a, PGresult **res, enum ea_stmt stmt,
                       const char *const *args, size_t n) EA_MUST;
/* Hangs a result on an arena, which then clears it; *out is NULL on error. */
enum ea_err ea_pg_keep(struct ea_arena *a, PGresult *res, PGresult **out) EA_MUST;
/* EA_PG(pg, arena, &res, STMT_X, "a", id): at least one argument. */
#define EA_PG(pg, arena, res, stmt, ...)                                                                     \
    ea_pg_rows(pg, arena, res, stmt, (const char *const[]){ __VA_ARGS__ },                                   \
               sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

/* Runs one statement and hands over each row as it comes (libpq's single-row mode): memory is that of one row. on_row does not use pg. What it returns but EA_OK ends
 * the reading and is the result; rows that nobody reads cost the session (nothing ends the statement as surely), and an open transaction with it: roll back. */
typedef enum ea_err ea_pg_on_row(const PGresult *row, void *arg);
enum ea_err ea_pg_each(struct ea_pg *pg, enum ea_stmt stmt, const char *const *args, size_t n,
                       ea_pg_on_row *on_row, void *arg) EA_MUST;

enum ea_err ea_pg_begin(struct ea_pg *pg) EA_MUST;
enum ea_err ea_pg_begin_snapshot(struct ea_pg *pg) EA_MUST; /* REPEATABLE READ, READ ONLY */
enum ea_err ea_pg_commit(struct ea_pg *pg)
    EA_MUST; /* after it no transaction is open, whatever it returns; what a failed statement aborted returns that statement's error */
void ea_pg_rollback(struct ea_pg *pg); /* drops the connection when that fails */
bool ea_pg_in_tx(const struct ea_pg *pg);
enum ea_err ea_pg_savepoint(struct ea_pg *pg) EA_MUST;   /* one level */
enum ea_err ea_pg_rollback_to(struct ea_pg *pg) EA_MUST; /* back to it, releasing it */

/* Pipeline: queue statements, then one round trip. Used by events.c, batch users and follow.c. Between begin and end only these calls; once begun, it must be
 * ended, also after a send failed (the end then returns that error). STMT_BEGIN and STMT_COMMIT may be part of it. */
enum ea_err ea_pg_pipe_begin(struct ea_pg *pg) EA_MUST;
enum ea_err ea_pg_pipe_send(struct ea_pg *pg, enum ea_stmt stmt, const char *const *args,
                            size_t n) EA_MUST; /* prepares it before if needed */
/* Hands to the kernel what is queued so far: from here on it reaches the server even if this process is stopped. */
enum ea_err ea_pg_pipe_flush(struct ea_pg *pg) EA_MUST;
/* Sends the sync, reads every result in order into res[0..n) (n: as many as were sent; NULL from the first failure on), leaves pipeline mode. `commits`: index of the COMMIT in
 * the pipeline or -1; decides between EA_EUNAVAILABLE and EA_EUNKNOWN when the connection is lost. The caller clears every res. */
enum ea_err ea_pg_pipe_end(struct ea_pg *pg, PGresult **res, size_t n, int commits) EA_MUST;

/* Values. NULL columns: str NULL, i64 0, bool false. */
const char *ea_pg_str(const PGresult *res, int row, int col);
int64_t ea_pg_i64(const PGresult *res, int row, int col);
bool ea_pg_bool(const PGresult *res, int row, int col);

/* Text of a PostgreSQL array for unnest($1::type[]): elements are escaped, NULL pointers become NULL. Arena-owned; NULL: no memory. */
char *ea_pg_array(struct ea_arena *a, const char *const *v, size_t n) EA_MUST;

#endif
