#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/pg_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRY_EVERY_NS (200 * EA_NS_PER_MS)
#define LOG_EVERY_NS (10 * EA_NS_PER_S)

/* Who waits for a lock outlives a stopped holder: it is cut after a second, the waiter gives up after one and a half.
 * The server's own keepalives end a session whose client's machine is gone. */
#define SESSION                                                                                              \
    "-c timezone=UTC -c statement_timeout=5000 -c lock_timeout=1500 "                                        \
    "-c idle_in_transaction_session_timeout=1000 "                                                           \
    "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"
/* A batch is a few rows, each found by a key; the planner, who has yet to see the arrays, would rather read all attempts into a hash table. */
#define PLAN_ONCE                                                                                            \
    " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off "                   \
    "-c enable_mergejoin=off"
#define SILENCE_NS (7 * EA_NS_PER_S) /* statement_timeout and some */

bool ea_pg_is_fatal(const PGresult *res)
{
    const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
    return severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
}

static void on_notice(void *arg, const PGresult *res)
{
    struct ea_pg *pg = arg;
    if (ea_pg_is_fatal(res))
        pg->stale = true; /* an idle session was told to go */
    const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    ea_log(EA_LOG_INFO, "notice from postgres", EA_F_STR(ERROR, text ? text : ""),
           EA_F_STR(ERROR_CODE, state ? state : ""));
}

/* Our settings after those that the connection string may bring. */
static char *session_options(const char *conninfo, bool plan_once)
{
    char *out = NULL;
    PQconninfoOption *opts = PQconninfoParse(conninfo, NULL);
    const char *given = "";
    for (const PQconninfoOption *o = opts; o && o->keyword; o++)
        if (strcmp(o->keyword, "options") == 0 && o->val)
            given = o->val;
    size_t size = strlen(given) + sizeof SESSION + sizeof PLAN_ONCE;
    out = ea_alloc(size);
    if (out)
        (void)snprintf(out, size, "%s %s%s", given, SESSION, plan_once ? PLAN_ONCE : "");
    PQconninfoFree(opts);
    return out;
}

static PGconn *open_session(const struct ea_pg *pg)
{
    char *options = session_options(pg->conninfo, pg->plan_once);
    if (!options)
        return NULL;
    /* What stands before dbname may be overridden by the connection string, what follows may not. */
    const char *const keys[] = {
        "connect_timeout", "keepalives_idle",  "keepalives_interval", "keepalives_count", "tcp_user_timeout",
        "dbname",          "application_name", "client_encoding",     "options",          NULL
    };
    const char *const values[] = { "2",    "5",     "2", "3", "5000", pg->conninfo, pg->application_name,
                                   "UTF8", options, NULL };
    PGconn *conn = PQconnectdbParams(keys, values, 1);
    free(options);
    return conn;
}

static void log_no_connection(struct ea_pg *pg, int64_t now)
{
    if (now < pg->next_log_ns)
        return;
    pg->next_log_ns = now + LOG_EVERY_NS;
    ea_log(EA_LOG_WARN, "cannot connect", EA_F_STR(DEPENDENCY, "postgres"), EA_F_STR(ERROR, pg->error));
}

enum ea_err ea_pg_connect(struct ea_pg *pg)
{
    if (pg->conn)
        return EA_OK;
    int64_t start = ea_clock_mono_ns();
    if (start < pg->next_try_ns)
        return EA_EUNAVAILABLE;
    pg->next_try_ns = start + TRY_EVERY_NS;
    PGconn *conn = open_session(pg);
    if (!conn || PQstatus(conn) != CONNECTION_OK || PQsetnonblocking(conn, 1) != 0) {
        ea_pg_note(pg, "", "", conn ? PQerrorMessage(conn) : "out of memory");
        PQfinish(conn);
        int64_t now = ea_clock_mono_ns();
        pg->next_try_ns = now + TRY_EVERY_NS;
        log_no_connection(pg, now);
        return EA_EUNAVAILABLE;
    }
    PQsetNoticeReceiver(conn, on_notice, pg);
    memset(pg->prepared, 0, sizeof pg->prepared);
    pg->conn = conn;
    pg->stale = false;
    pg->next_log_ns = 0;
    pg->connects++;
    return EA_OK;
}

void ea_pg_close(struct ea_pg *pg)
{
    PQfinish(pg->conn);
    pg->conn = NULL;
}

void ea_pg_plan_once(struct ea_pg *pg)
{
    pg->plan_once = true;
}

void ea_pg_drop(struct ea_pg *pg)
{
    ea_pg_close(pg);
    pg->in_tx = false;
    pg->piping = false;
}

/* An idle connection has nothing to read, unless the server closed it or tells us something. */
bool ea_pg_alive(struct ea_pg *pg)
{
    struct pollfd p = { .fd = PQsocket(pg->conn), .events = POLLIN };
    for (int i = 0; i < 4 && poll(&p, 1, 0) > 0; i++)
        if (!PQconsumeInput(pg->conn) || PQisBusy(pg->conn) || PQstatus(pg->conn) != CONNECTION_OK)
            return false;
    return !pg->stale;
}

enum ea_err ea_pg_ready(struct ea_pg *pg)
{
    if (pg->in_tx)
        return pg->conn ? EA_OK : EA_EUNAVAILABLE;
    if (pg->conn && !ea_pg_alive(pg))
        ea_pg_close(pg);
    return ea_pg_connect(pg);
}

/* Until PQgetResult (or, when only flushing, nothing more) has to wait. False: silence. */
static bool await(struct ea_pg *pg, bool flush_only)
{
    int64_t deadline = ea_clock_mono_ns() + SILENCE_NS;
    for (;;) {
        int unsent = PQflush(pg->conn);
        if (unsent < 0 || (unsent == 0 && (flush_only || !PQisBusy(pg->conn))))
            return true;
        int64_t left = deadline - ea_clock_mono_ns();
        if (left <= 0)
            return false;
        struct pollfd p = { .fd = PQsocket(pg->conn), .events = (short)(POLLIN | (unsent ? POLLOUT : 0)) };
        int ready = poll(&p, 1, (int)(left / EA_NS_PER_MS) + 1);
        if (ready < 0 && errno != EINTR)
            return false;
        if (ready > 0 && (p.revents & ~POLLOUT) && !PQconsumeInput(pg->conn))
            return true;
    }
}

enum ea_err ea_pg_pipe_flush(struct ea_pg *pg)
{
    if (await(pg, true) && PQstatus(pg->conn) == CONNECTION_OK)
        return EA_OK;
    ea_pg_note(pg, "", "", "the connection does not take what is sent");
    pg->pipe_err = EA_EUNAVAILABLE;
    return pg->pipe_err;
}

PGresult *ea_pg_next(struct ea_pg *pg, bool *gone)
{
    *gone = !await(pg, false);
    if (*gone) {
        ea_pg_note(pg, "", "", "no answer in time");
        return NULL;
    }
    PGresult *res = PQgetResult(pg->conn);
    *gone = PQstatus(pg->conn) != CONNECTION_OK && (!res || !PQresultErrorField(res, PG_DIAG_SQLSTATE));
    if (*gone) {
        ea_pg_note(pg, "", "", res ? PQresultErrorMessage(res) : PQerrorMessage(pg->conn));
        PQclear(res);
        return NULL;
    }
    return res;
}
