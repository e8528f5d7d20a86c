#include "workers/core/run.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/mq.h"
#include "lib/pg.h"
#include "workers/core/process.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BREATHE_NS    (500 * EA_NS_PER_MS)
#define RETRIES       3 /* of a batch that met a lock */
#define BREAKS_MAX    3
#define IDLE_TOO_LONG "25P03" /* SQLSTATE: a handler did something else than statements for too long */

struct ea_work_events {
    struct ea_event_new *v;
    size_t n, cap;
    const char *trace; /* of the running job */
};

struct ea_run {
    const struct ea_worker_spec *spec;
    struct ea_work work;
    struct ea_work_events events;
    int64_t last_event;
    int64_t breathed_ns;
    void (*breathe)(void *arg);
    void *arg;
};

/* PostgreSQL being away is nobody's fault; a session cut for idling is the handler's. */
static bool pg_is_away(const struct ea_run *r, enum ea_err err)
{
    switch (err) {
    case EA_EUNAVAILABLE:
    case EA_EUNKNOWN:
        return ea_pg_conn(r->work.pg) == NULL && strcmp(ea_pg_sqlstate(r->work.pg), IDLE_TOO_LONG) != 0;
    case EA_ENOSPACE: /* the server's disk is full */
        return true;
    default:
        return false;
    }
}

/* A handler that gave no reason, or a statement of ours: what the database said, when it was the database. */
static void explain(struct ea_run *r, enum ea_err err)
{
    PGconn *conn = ea_pg_conn(r->work.pg);

    if (r->work.reason[0] != '\0')
        return;
    if (conn == NULL || PQtransactionStatus(conn) == PQTRANS_INERROR)
        snprintf(r->work.reason, sizeof(r->work.reason), "%s: %s %s", ea_err_slug(err),
                 ea_pg_sqlstate(r->work.pg), ea_pg_error(r->work.pg));
    else
        snprintf(r->work.reason, sizeof(r->work.reason), "%s", ea_err_title(err));
}

static void fail(const struct ea_run *r, struct ea_inbox_job *job)
{
    snprintf(job->reason, sizeof(job->reason), "%s", r->work.reason);
    job->outcome = EA_JOB_FAILED;
}

static enum ea_err handle(struct ea_run *r, struct ea_inbox_job *job)
{
    const struct ea_job view = {
        .event_id = job->m.event_id,
        .kind = job->m.kind,
        .trace = job->m.trace,
        .at = job->m.at,
        .payload = job->payload,
        .body = job->m.body,
        .attempt = job->m.attempt,
    };
    int64_t now = ea_clock_mono_ns();
    enum ea_err err;

    if (ea_process_hurried())
        return EA_ECLOSED;
    if (now - r->breathed_ns > BREATHE_NS) {
        r->breathe(r->arg);
        r->breathed_ns = now;
    }
    r->work.reason[0] = '\0';
    r->events.trace = job->m.trace[0] != '\0' ? job->m.trace : NULL;
    err = job->route->handle(&r->work, &view);
    if (err != EA_OK)
        explain(r, err);
    return err;
}

static void start_over(struct ea_run *r)
{
    ea_arena_reset(r->work.arena);
    memset(&r->events, 0, sizeof(r->events));
}

static void mark(struct ea_inbox_job **jobs, size_t n, enum ea_outcome from, enum ea_outcome to)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (jobs[i]->outcome == from)
            jobs[i]->outcome = to;
    }
}

/* Claims every open job in one statement; those that are not fresh become DUPLICATE. The same event may be there twice: only its first copy is fresh. */
static enum ea_err claim(struct ea_run *r, struct ea_inbox_job **jobs, size_t n)
{
    const char **ids = ea_arena_array(r->work.arena, n, sizeof(*ids));
    size_t open = 0, i;
    const char *array;
    PGresult *res;
    enum ea_err err;
    int row;

    if (ids == NULL)
        return EA_ENOMEM;
    for (i = 0; i < n; i++) {
        if (jobs[i]->outcome != EA_JOB_OPEN)
            continue;
        ids[open] = ea_arena_printf(r->work.arena, "%" PRId64, jobs[i]->m.event_id);
        if (ids[open++] == NULL)
            return EA_ENOMEM;
    }
    array = ea_pg_array(r->work.arena, ids, open);
    if (array == NULL)
        return EA_ENOMEM;
    r->work.reason[0] = '\0';
    err = EA_PG(r->work.pg, r->work.arena, &res, STMT_WORKER_PROCESSED, r->spec->name, array);
    if (err != EA_OK) {
        explain(r, err);
        return err;
    }
    mark(jobs, n, EA_JOB_OPEN, EA_JOB_DUPLICATE);
    for (row = 0; row < PQntuples(res); row++) {
        int64_t id = ea_pg_i64(res, row, 0);

        for (i = 0; i < n; i++) {
            if (jobs[i]->outcome == EA_JOB_DUPLICATE && jobs[i]->m.event_id == id) {
                jobs[i]->outcome = EA_JOB_OPEN;
                break;
            }
        }
    }
    return EA_OK;
}

static enum ea_err commit(struct ea_run *r)
{
    int64_t first;
    enum ea_err err;

    r->work.reason[0] = '\0';
    err = ea_events_commit(r->work.pg, r->events.v, r->events.n, &first);
    if (err == EA_OK && r->events.n > 0)
        r->last_event = first + (int64_t)r->events.n - 1;
    if (err != EA_OK)
        snprintf(r->work.reason, sizeof(r->work.reason), "%s: %s %s", ea_err_slug(err),
                 ea_pg_sqlstate(r->work.pg), ea_pg_error(r->work.pg));
    return err;
}

/* All open jobs in one transaction. On an error it is rolled back and their outcomes are as before. */
static enum ea_err run_together(struct ea_run *r, struct ea_inbox_job **jobs, size_t n)
{
    enum ea_outcome *before;
    enum ea_err err;
    size_t i;

    start_over(r);
    before = ea_arena_array(r->work.arena, n, sizeof(*before));
    if (before == NULL)
        return EA_ENOMEM;
    for (i = 0; i < n; i++)
        before[i] = jobs[i]->outcome;
    err = ea_pg_begin(r->work.pg);
    if (err == EA_OK)
        err = claim(r, jobs, n);
    for (i = 0; err == EA_OK && i < n; i++) {
        if (jobs[i]->outcome == EA_JOB_OPEN)
            err = handle(r, jobs[i]);
    }
    if (err == EA_OK)
        err = commit(r);
    else
        ea_pg_rollback(r->work.pg);
    if (err == EA_OK) {
        mark(jobs, n, EA_JOB_OPEN, EA_JOB_DONE);
        return EA_OK;
    }
    for (i = 0; i < n; i++)
        jobs[i]->outcome = before[i];
    return err;
}

/* One job inside a savepoint of the batch's transaction. EA_OK also when it failed: then it has left no trace in the transaction. */
static enum ea_err run_guarded(struct ea_run *r, struct ea_inbox_job *job)
{
    size_t events = r->events.n;
    enum ea_err err = ea_pg_savepoint(r->work.pg);

    if (err == EA_OK)
        err = claim(r, &job, 1);
    if (err == EA_OK && job->outcome == EA_JOB_OPEN)
        err = handle(r, job);
    if (err == EA_OK || err == EA_ECLOSED || ea_pg_conn(r->work.pg) == NULL)
        return err;
    fail(r, job);
    r->events.n = events;
    return ea_pg_rollback_to(r->work.pg);
}

static enum ea_err run_carefully(struct ea_run *r, struct ea_inbox_job **jobs, size_t n)
{
    enum ea_err err;
    size_t i;

    start_over(r);
    err = ea_pg_begin(r->work.pg);
    for (i = 0; err == EA_OK && i < n; i++) {
        if (jobs[i]->outcome == EA_JOB_OPEN)
            err = run_guarded(r, jobs[i]);
    }
    if (err == EA_OK)
        err = commit(r);
    else
        ea_pg_rollback(r->work.pg);
    return err;
}

/* What failed inside a savepoint failed by itself and stays failed; what succeeded did not get committed. */
static void reopen(struct ea_inbox_job **jobs, size_t n, const enum ea_outcome *before)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (before[i] == EA_JOB_OPEN && jobs[i]->outcome != EA_JOB_FAILED)
            jobs[i]->outcome = EA_JOB_OPEN;
    }
}

static enum ea_err run_split(struct ea_run *r, struct ea_inbox_job **jobs, size_t n)
{
    enum ea_outcome *before = calloc(n, sizeof(*before));
    enum ea_err err;
    size_t i;

    if (before == NULL)
        return ea_run_singly(r, jobs, n);
    for (i = 0; i < n; i++)
        before[i] = jobs[i]->outcome;
    err = run_carefully(r, jobs, n);
    if (err == EA_OK)
        mark(jobs, n, EA_JOB_OPEN, EA_JOB_DONE);
    else
        reopen(jobs, n, before);
    free(before);
    if (err == EA_OK || err == EA_ECLOSED)
        return err;
    return pg_is_away(r, err) ? EA_EUNAVAILABLE : ea_run_singly(r, jobs, n);
}

struct ea_run *ea_run_new(const struct ea_worker_spec *spec, const struct ea_work *with,
                          void (*breathe)(void *arg), void *arg)
{
    struct ea_run *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->spec = spec;
    r->work = *with;
    r->work.events = &r->events;
    r->breathe = breathe;
    r->arg = arg;
    return r;
}

void ea_run_free(struct ea_run *r)
{
    free(r);
}

enum ea_err ea_run_batch(struct ea_run *r, struct ea_inbox_job **jobs, size_t n)
{
    enum ea_err err = EA_OK;
    int tries;

    r->breathed_ns = ea_clock_mono_ns();
    for (tries = 0; tries < RETRIES; tries++) {
        err = run_together(r, jobs, n);
        if (err != EA_ERETRY)
            break;
    }
    if (err == EA_OK || err == EA_ECLOSED)
        return err;
    if (pg_is_away(r, err))
        return EA_EUNAVAILABLE;
    if (n == 1) {
        fail(r, jobs[0]);
        return EA_OK;
    }
    ea_log(EA_LOG_INFO, "a batch failed: its jobs are run one by one", EA_F_INT(COUNT, n),
           EA_F_STR(REASON, r->work.reason));
    return run_split(r, jobs, n);
}

enum ea_err ea_run_singly(struct ea_run *r, struct ea_inbox_job **jobs, size_t n)
{
    size_t i;

    r->breathed_ns = ea_clock_mono_ns();
    for (i = 0; i < n; i++) {
        enum ea_err err;

        if (jobs[i]->outcome != EA_JOB_OPEN)
            continue;
        err = run_together(r, &jobs[i], 1);
        if (err == EA_ECLOSED)
            return err;
        if (pg_is_away(r, err) && (err == EA_ENOSPACE || ++jobs[i]->breaks < BREAKS_MAX))
            return EA_EUNAVAILABLE;
        if (err != EA_OK)
            fail(r, jobs[i]);
    }
    return EA_OK;
}

int64_t ea_run_last_event(struct ea_run *r)
{
    int64_t id = r->last_event;

    r->last_event = 0;
    return id;
}

enum ea_err ea_work_event(struct ea_work *w, const char *topic, const char *kind, const char *payload,
                          const char *queue)
{
    struct ea_work_events *e = w->events;
    const char *from[] = { topic, kind, payload, queue, e->trace };
    char *copy[sizeof(from) / sizeof(from[0])] = { NULL };
    size_t i;

    if (e->n == e->cap) {
        size_t cap = e->cap != 0 ? e->cap * 2 : 64;
        struct ea_event_new *v = ea_arena_array(w->arena, cap, sizeof(*v));

        if (v == NULL)
            return EA_ENOMEM;
        if (e->n > 0)
            memcpy(v, e->v, e->n * sizeof(*v));
        e->v = v;
        e->cap = cap;
    }
    for (i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
        if (from[i] != NULL && (copy[i] = ea_arena_dup(w->arena, from[i])) == NULL)
            return EA_ENOMEM;
    }
    e->v[e->n++] = (struct ea_event_new){
        .topic = copy[0], .kind = copy[1], .payload = copy[2], .queue = copy[3], .trace = copy[4]
    };
    return EA_OK;
}
