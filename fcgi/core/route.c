/* The way of a request through the pool: its records are read, its preconditions checked, its handler run, its transaction committed, its reply sent.
 * Only here is an error turned into a problem document, and only here is a request logged and counted. */
#include "fcgi/core/route.h"

#include "fcgi/core/pool.h"
#include "fcgi/core/reactor.h"
#include "fcgi/core/req_private.h"
#include "fcgi/core/run.h"
#include "fcgi/core/server_private.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/pg.h"
#include "lib/problem.h"

#include <sodium.h>
#include <string.h>

#define RUNS_MAX      3                 /* of a handler whose transaction lost against another */
#define RERUN_NS      (1 * EA_NS_PER_S) /* a transaction that took longer is not tried again */
#define DRAIN_MAX     EA_MB(64)         /* of a body that nobody wants: reading it keeps the connection */
#define RETRY_AFTER_S 3
#define SLOW_NS                                                                                              \
    (1 *                                                                                                     \
     EA_NS_PER_S) /* nginx logs every request; we those that failed or took this long, all of them at level debug */
#define WAITED_NS                                                                                            \
    (100 * EA_NS_PER_MS) /* for a thread: then it is worth looking whether the client still waits too */

/* --- the reply ---------------------------------------------------------------------------------------------------------------- */

/* nginx's own clients come back together after an outage; a spread keeps them from returning together. */
static int retry_after(const struct ea_req *r, enum ea_err err)
{
    int status = ea_err_status(err);
    if (r->resp.retry_after_s > 0)
        return r->resp.retry_after_s;
    return status == 429 || status == 503 ? 1 + (int)randombytes_uniform(RETRY_AFTER_S) : 0;
}

static enum ea_err challenge(struct ea_req *r)
{
    bool shown = ea_req_header(r, "Authorization") != NULL;
    return ea_resp_header(r, "WWW-Authenticate", shown ? "Bearer error=\"invalid_token\"" : "Bearer");
}

static enum ea_err problem_headers(struct ea_req *r, enum ea_err err)
{
    switch (ea_err_status(err)) {
    case 401:
        return challenge(r);
    case 405:
        return r->priv->allow != NULL ? ea_resp_header(r, "Allow", r->priv->allow) : EA_OK;
    case 415:
        return r->priv->accept != NULL ? ea_resp_header(r, "Accept-Post", r->priv->accept) : EA_OK;
    default:
        return EA_OK;
    }
}

static void make_problem(struct ea_req *r, enum ea_err err)
{
    const struct ea_problem problem = { .err = err,
                                        .detail = r->detail[0] != '\0' ? r->detail : NULL,
                                        .instance = r->path,
                                        .request_id = r->request_id,
                                        .faults = &r->faults,
                                        .members = r->members };
    int wait = retry_after(r, err);
    ea_resp_reset(r);
    r->resp.status = ea_err_status(err);
    r->resp.content_type = EA_PROBLEM_TYPE;
    r->resp.retry_after_s = wait;
    ea_problem_write(&problem, &r->resp.body);
    if (problem_headers(r, err) != EA_OK)
        ea_log(EA_LOG_WARN, "a problem's headers could not be written", EA_F_STR(REQUEST_ID, r->request_id));
}

/* OPTIONS is answered from the table; nginx adds what CORS wants. */
static enum ea_err make_options(struct ea_req *r)
{
    enum ea_err err = ea_resp_none(r);
    return err == EA_OK ? ea_resp_header(r, "Allow", r->priv->allow) : err;
}

static enum ea_err send_whole(struct ea_req *r)
{
    const struct ea_buf *body = &r->resp.body;
    ea_resp_conditional(r);
    enum ea_err err = ea_resp_send_head(r, true);
    bool empty = r->method == EA_HEAD || r->resp.status == 204 || r->resp.status == 304;
    if (err != EA_OK || empty || body->len == 0)
        return err;
    r->priv->bytes_out = body->len;
    return ea_conn_write(r->conn, body->p, body->len);
}

/* What is left to send, and how the reply ends. */
static enum ea_conn_end send_reply(struct ea_req *r, enum ea_err err)
{
    if (err == EA_ECLOSED)
        return EA_END_ABORT;
    if (r->resp.streaming) /* the head is out: an error can only be shown by breaking off */
        return err == EA_OK && ea_resp_flush(r) == EA_OK ? EA_END_KEEP : EA_END_ABORT;
    if (err == EA_EMETHOD && r->method == EA_OPTIONS)
        err = make_options(r);
    if (err == EA_REPLAY)
        err = r->priv->replay ? EA_OK : EA_EINTERNAL;
    if (err == EA_OK && (r->resp.body.failed || r->resp.headers.failed))
        err = EA_ENOMEM;
    if (err != EA_OK)
        make_problem(r, err);
    if (ea_conn_drain(r->conn, DRAIN_MAX) == EA_ECLOSED)
        return EA_END_ABORT;
    return send_whole(r) == EA_OK ? EA_END_KEEP : EA_END_ABORT;
}

/* --- logging and counting ------------------------------------------------------------------------------------------------------- */

static void account(struct ea_req *r, int status)
{
    int64_t ns = ea_clock_mono_ns() - r->received_ns;
    ea_router_count(r->server->router, r->priv->stats, status, ns);
    ea_log(status >= 400 || ns > SLOW_NS ? EA_LOG_INFO : EA_LOG_DEBUG, "request",
           EA_F_STR(METHOD, ea_method_name(r->method)),
           EA_F_STR(ROUTE, r->route != NULL ? r->route->pattern : "-"), EA_F_INT(STATUS, status),
           EA_F_INT(DURATION_US, ns / 1000), EA_F_INT(BYTES_IN, r->priv->body_seen),
           EA_F_INT(BYTES_OUT, r->priv->bytes_out),
           EA_F_STR(USER_ID, r->signed_in ? r->caller.claims.user.s : NULL),
           EA_F_STR(REQUEST_ID, r->request_id), EA_F_STR(TRACE, r->priv->trace_id),
           EA_F_STR(ADDRESS, r->address));
}

/* --- running -------------------------------------------------------------------------------------------------------------------- */

static void finish(struct ea_req *r, enum ea_err err)
{
    struct ea_conn *c = r->conn;
    enum ea_conn_end how = send_reply(r, err);
    bool sent;
    if (how == EA_END_KEEP && ea_server_draining(r->server))
        how = EA_END_LAST;
    bool keep = ea_conn_end(c, how, &sent);
    r->conn = NULL;
    if (keep)
        ea_reactor_watch(c); /* before the log line: nginx may be waiting with the next request */
    else
        ea_reactor_close(c);
    account(r, sent ? r->resp.status : ea_err_status(EA_ECLOSED));
    ea_req_free(r);
}

/* Ends the transaction that the run left open. */
static enum ea_err settle(struct ea_req *r, enum ea_err err)
{
    struct ea_req_private *v = r->priv;
    if (v->began && err == EA_OK)
        return ea_req_commit(r);
    if (v->began || v->after != NULL)
        ea_req_rollback(r);
    else if (ea_pg_in_tx(r->pg)) /* the handler's own, for reading */
        ea_pg_rollback(r->pg);
    return err;
}

static bool may_rerun(const struct ea_req *r, enum ea_err err, bool began, int runs)
{
    return err == EA_ERETRY && began && runs < RUNS_MAX && r->route->body != EA_BODY_STREAM &&
           !r->resp.streaming && ea_clock_mono_ns() - r->priv->run_ns < RERUN_NS;
}

static void reset_run(struct ea_req *r)
{
    ea_resp_reset(r);
    memset(&r->faults, 0, sizeof r->faults);
    r->detail[0] = '\0';
    r->members = NULL;
}

/* A transaction cannot wait with a parked request: its connection is this thread's. */
static void check_parked(struct ea_pg *pg)
{
    if (!ea_pg_in_tx(pg))
        return;
    ea_log0(EA_LOG_ERROR, "a request was parked within a transaction");
    ea_pg_rollback(pg);
}

/* EA_PARKED: r is another's, and may be running or gone already. */
static enum ea_err run(struct ea_req *r, ea_handler *fn)
{
    struct ea_pg *pg = r->pg;
    r->priv->run_ns = ea_clock_mono_ns();
    for (int runs = 1;; runs++) {
        enum ea_err err = fn(r);
        if (err == EA_PARKED) {
            check_parked(pg);
            return err;
        }
        bool began = r->priv->began;
        err = settle(r, err);
        if (!may_rerun(r, err, began, runs))
            return err;
        reset_run(r);
    }
}

static void run_and_finish(struct ea_req *r, ea_handler *fn)
{
    enum ea_err err = run(r, fn);
    if (err != EA_PARKED)
        finish(r, err);
}

void ea_run_conn(struct ea_work *work, struct ea_worker *self)
{
    struct ea_conn *c = (struct ea_conn *)work;
    struct ea_req *r = ea_conn_begin(c) == EA_OK ? ea_req_new(self, c) : NULL;
    if (r == NULL) {
        ea_reactor_close(c);
        return;
    }
    r->cursor = ea_follow_newest(r->server->follow);
    bool waited = ea_clock_mono_ns() - c->received_ns > WAITED_NS;
    enum ea_err err = waited && ea_conn_gone(c) ? EA_ECLOSED : ea_precond(r);
    if (err == EA_OK)
        run_and_finish(r, r->route->handler);
    else
        finish(r, err);
}

static void run_resumed(struct ea_work *work, struct ea_worker *self)
{
    struct ea_req *r = ((struct ea_req_private *)work)->req;
    ea_req_attach(r, self);
    run_and_finish(r, r->priv->run);
}

void ea_req_resume(struct ea_req *r, ea_handler *fn)
{
    struct ea_req_private *v = r->priv;
    v->run = fn;
    v->work.run = run_resumed;
    ea_pool_hurry(r->server->pool, &v->work);
}

void ea_req_release(struct ea_req *r)
{
    account(r, r->resp.status);
    ea_req_free(r);
}
