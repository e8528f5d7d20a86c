/* A write's transaction: from ea_req_begin to the COMMIT that makes its reply true. An Idempotency-Key is a row of the same transaction, so there is
 * never a key without its effect or an effect without its key. */
#include "fcgi/core/req_private.h"
#include "fcgi/core/server_private.h"
#include "lib/clock.h"
#include "lib/events.h"
#include "lib/follow.h"
#include "lib/log.h"
#include "lib/pg.h"

#include <stdio.h>
#include <string.h>

#define LOCK_TIMEOUT "55P03"

static const char *scope(struct ea_req *r)
{
    return ea_arena_printf(r->arena, "%s %s", ea_method_name(r->method), r->path);
}

/* One round trip: waits longer for this one lock than for others. *rows: 1 when the key is ours now. */
static enum ea_err claim(struct ea_req *r, const char *in_scope, int *rows)
{
    PGresult *res[3] = { NULL };
    const char *args[] = { r->caller.claims.user.s, in_scope, r->priv->key, r->priv->body_sha256 };
    enum ea_err err = ea_pg_pipe_begin(r->pg);
    if (err != EA_OK)
        return err;
    err = ea_pg_pipe_send(r->pg, STMT_IDEMPOTENCY_PATIENCE, NULL, 0);
    if (err == EA_OK)
        err = ea_pg_pipe_send(r->pg, STMT_IDEMPOTENCY_CLAIM, args, 4);
    if (err == EA_OK)
        err = ea_pg_pipe_send(r->pg, STMT_IDEMPOTENCY_IMPATIENCE, NULL, 0);
    enum ea_err end = ea_pg_pipe_end(r->pg, res, 3, -1);
    if (err == EA_OK)
        err = end;
    *rows = err == EA_OK ? PQntuples(res[1]) : 0;
    for (size_t i = 0; i < 3; i++)
        PQclear(res[i]);
    if (err == EA_ERETRY && strcmp(ea_pg_sqlstate(r->pg), LOCK_TIMEOUT) == 0)
        return EA_EINPROGRESS;
    return err;
}

/* The stored reply of the request that had the key before. */
static enum ea_err replay(struct ea_req *r, const char *in_scope)
{
    PGresult *res;
    enum ea_err err =
        EA_PG(r->pg, r->arena, &res, STMT_IDEMPOTENCY_READ, r->caller.claims.user.s, in_scope, r->priv->key);
    if (err != EA_OK)
        return err;
    if (PQntuples(res) == 0)
        return EA_ERETRY; /* it was forgotten between the two statements */
    if (strcmp(ea_pg_str(res, 0, 0), r->priv->body_sha256) != 0)
        return EA_EKEYREUSE;
    const char *headers = ea_pg_str(res, 0, 3), *body = ea_pg_str(res, 0, 4);
    ea_resp_reset(r);
    r->resp.status = (int)ea_pg_i64(res, 0, 1);
    r->resp.content_type = ea_pg_str(res, 0, 2);
    ea_buf_str(&r->resp.headers, headers != NULL ? headers : "");
    ea_buf_str(&r->resp.body, body != NULL ? body : "");
    if (r->resp.status == 0 || r->resp.content_type == NULL)
        return EA_EINTERNAL;
    err = ea_resp_header(r, "Idempotent-Replay", "true");
    r->priv->replay = err == EA_OK;
    return err == EA_OK ? EA_REPLAY : err;
}

static enum ea_err begin_with_key(struct ea_req *r)
{
    int rows = 0;
    const char *in_scope = scope(r);
    if (in_scope == NULL)
        return EA_ENOMEM;
    if (!r->priv->body_ended) {
        ea_log(EA_LOG_ERROR, "a transaction began before the body was read",
               EA_F_STR(ROUTE, r->route->pattern));
        return EA_EINTERNAL;
    }
    enum ea_err err = claim(r, in_scope, &rows);
    if (err != EA_OK)
        return err;
    r->priv->claimed = rows > 0;
    return rows > 0 ? EA_OK : replay(r, in_scope);
}

bool ea_req_has_key(const struct ea_req *r)
{
    return r->priv->key != NULL;
}

enum ea_err ea_req_begin(struct ea_req *r)
{
    if (r->priv->began)
        return EA_EINTERNAL;
    enum ea_err err = ea_pg_begin(r->pg);
    if (err != EA_OK)
        return err;
    r->priv->began = true;
    return r->priv->key != NULL ? begin_with_key(r) : EA_OK;
}

static bool room_for_event(struct ea_req *r)
{
    struct ea_req_private *v = r->priv;
    if (v->events_n < v->events_cap)
        return true;
    size_t cap = v->events_cap > 0 ? v->events_cap * 2 : 4;
    struct ea_event_new *more = ea_arena_array(r->arena, cap, sizeof *more);
    if (more == NULL)
        return false;
    if (v->events_n > 0)
        memcpy(more, v->events, v->events_n * sizeof *more);
    v->events = more;
    v->events_cap = cap;
    return true;
}

static const char *copy(struct ea_req *r, const char *s, bool *ok)
{
    const char *c = s != NULL ? ea_arena_dup(r->arena, s) : NULL;
    *ok = *ok && (s == NULL || c != NULL);
    return c;
}

enum ea_err ea_req_event(struct ea_req *r, const char *topic, const char *kind, const char *payload,
                         const char *queue)
{
    struct ea_req_private *v = r->priv;
    bool ok = true;
    if (!v->began)
        return EA_EINTERNAL;
    if (!room_for_event(r))
        return EA_ENOMEM;
    v->events[v->events_n] = (struct ea_event_new){ .topic = copy(r, topic, &ok),
                                                    .kind = copy(r, kind, &ok),
                                                    .payload = copy(r, payload, &ok),
                                                    .queue = copy(r, queue, &ok),
                                                    .trace = r->traceparent };
    v->events_n += ok;
    return ok ? EA_OK : EA_ENOMEM;
}

enum ea_err ea_req_after(struct ea_req *r, void (*fn)(bool committed, void *arg), void *arg)
{
    struct ea_after *a = ea_arena_alloc(r->arena, sizeof *a), **last = &r->priv->after;
    if (a == NULL)
        return EA_ENOMEM;
    while (*last != NULL)
        last = &(*last)->next;
    *a = (struct ea_after){ .fn = fn, .arg = arg };
    *last = a;
    return EA_OK;
}

static void tell(struct ea_req *r, bool committed)
{
    for (struct ea_after *a = r->priv->after; a != NULL; a = a->next)
        a->fn(committed, a->arg);
    r->priv->after = NULL;
}

static enum ea_err store_reply(struct ea_req *r)
{
    const struct ea_resp *p = &r->resp;
    char status[12];
    PGresult *res;
    const char *in_scope = scope(r);
    snprintf(status, sizeof status, "%d", p->status);
    if (in_scope == NULL || p->body.failed || p->headers.failed)
        return EA_ENOMEM;
    return EA_PG(r->pg, r->arena, &res, STMT_IDEMPOTENCY_STORE, r->caller.claims.user.s, in_scope,
                 r->priv->key, status, p->content_type, p->headers.len > 0 ? p->headers.p : "",
                 p->body.len > 0 ? p->body.p : "");
}

static void forget(struct ea_req *r)
{
    struct ea_req_private *v = r->priv;
    v->began = v->claimed = false;
    v->events_n = 0;
}

enum ea_err ea_req_commit(struct ea_req *r)
{
    struct ea_req_private *v = r->priv;
    int64_t first = 0;
    size_t n = v->events_n;
    enum ea_err err = v->claimed ? store_reply(r) : EA_OK;
    if (err == EA_OK)
        err = ea_events_commit(r->pg, v->events, n, &first);
    if (err != EA_OK) {
        ea_req_rollback(r);
        return err;
    }
    forget(r);
    tell(r, true);
    if (n > 0) {
        ea_events_wake(r->redis, first + (int64_t)n - 1);
        ea_follow_wake(r->server->follow);
    }
    return EA_OK;
}

static enum ea_err send_end(struct ea_req *r, enum ea_stmt stmt, const char *const settle[6])
{
    enum ea_err err = ea_pg_pipe_send(r->pg, STMT_EVENTS_LOCK, NULL, 0);
    if (err == EA_OK)
        err = ea_pg_pipe_send(r->pg, stmt, NULL, 0);
    if (err == EA_OK)
        err = ea_pg_pipe_send(r->pg, STMT_IDEMPOTENCY_SETTLE, settle, 6);
    return err == EA_OK ? ea_pg_pipe_send(r->pg, STMT_COMMIT, NULL, 0) : err;
}

enum ea_err ea_req_commit_by(struct ea_req *r, enum ea_stmt stmt, PGresult **res)
{
    enum { STMT = 1, COMMIT = 3, STMTS = 4 };
    PGresult *got[STMTS] = { NULL };
    const struct ea_resp *p = &r->resp;
    char status[12];
    if (!r->priv->claimed || r->priv->events_n > 0)
        return EA_EINTERNAL;
    snprintf(status, sizeof status, "%d", p->status);
    const char *settle[] = { r->caller.claims.user.s,
                             scope(r),
                             r->priv->key,
                             status,
                             p->content_type,
                             p->headers.len > 0 ? p->headers.p : "" };
    if (settle[1] == NULL || p->headers.failed)
        return EA_ENOMEM;
    enum ea_err err = ea_pg_pipe_begin(r->pg);
    if (err != EA_OK)
        return err;
    err = send_end(r, stmt, settle);
    enum ea_err ended = ea_pg_pipe_end(r->pg, got, STMTS, COMMIT);
    if (err == EA_OK)
        err = ended;
    if (err == EA_OK) {
        *res = got[STMT];
        got[STMT] = NULL;
        forget(r);
        tell(r, true);
    }
    for (size_t i = 0; i < STMTS; i++)
        PQclear(got[i]);
    return err;
}

void ea_req_rollback(struct ea_req *r)
{
    if (r->pg != NULL && ea_pg_in_tx(r->pg))
        ea_pg_rollback(r->pg);
    forget(r);
    tell(r, false);
}
