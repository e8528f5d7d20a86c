#include "workers/core/worker.h"

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/mq.h"
#include "lib/pg.h"
#include "lib/redis.h"
#include "workers/core/inbox.h"
#include "workers/core/park.h"
#include "workers/core/process.h"
#include "workers/core/run.h"
#include "workers/core/tally.h"

#include <inttypes.h>
#include <json-c/json_object.h>
#include <stdio.h>
#include <string.h>

#define BATCH_MAX  300
#define DEATHS_MAX 3 /* of the worker, while the job ran alone */
#define TOGETHER_MAX                                                                                         \
    3 /* times a batch may find PostgreSQL gone, though it came back in between, before its jobs are suspected */
#define IDLE_MS 1000
#define HOLD_MS 500
#define PARK_MS 200
#define PING_NS (5 * EA_NS_PER_S)

struct worker {
    const struct ea_worker_spec *spec;
    struct ea_process process;
    struct ea_work work;
    struct ea_mq *mq;
    struct ea_park *park;
    struct ea_run *run;
    struct ea_inbox inbox;
    struct ea_id id; /* of this process: who has started a suspect */
    int64_t pinged_ns;
};

static bool ping(struct worker *w)
{
    bool there = ea_pg_run(w->work.pg, STMT_PING, NULL, 0, NULL) == EA_OK;

    atomic_store(&w->process.pg_ready, there);
    w->pinged_ns = ea_clock_mono_ns();
    return there;
}

/* Takes in what arrives and lets heartbeats pass. False: the connection to RabbitMQ is lost, and with it the inbox. */
static bool pump(struct worker *w)
{
    bool there = ea_inbox_fill(&w->inbox, w->mq) == EA_OK;

    if (!there)
        atomic_store(&w->process.amqp_ready, false);
    ea_park_idle(w->park);
    return there;
}

static void breathe(void *arg)
{
    (void)pump(arg); /* what is lost is seen when the batch is settled */
}

static void give_up(struct ea_inbox_job *job, const char *reason)
{
    job->outcome = EA_JOB_DEAD;
    snprintf(job->reason, sizeof(job->reason), "%s", reason);
}

/* Finds the route and the payload; what has none will never have. */
static void prepare(struct worker *w, struct ea_inbox_job *job)
{
    const struct ea_worker_route *route = w->spec->routes;
    const char *why = "";
    char reason[160];
    size_t where;

    while (route->kind != NULL && strcmp(route->kind, job->m.kind) != 0)
        route++;
    if (route->kind == NULL || job->m.event_id == 0) {
        snprintf(reason, sizeof(reason), "%s does not know jobs of kind \"%.60s\"", w->spec->name,
                 job->m.kind);
        give_up(job, job->m.event_id == 0 ? "it bears no event id" : reason);
        return;
    }
    job->route = route;
    if (ea_json_parse(job->m.body, job->m.body_len, &job->payload, &where, &why) != EA_OK) {
        snprintf(reason, sizeof(reason), "its payload is not JSON: %s at byte %zu", why, where);
        give_up(job, reason);
    } else if (!json_object_is_type(job->payload, json_type_object)) {
        give_up(job, "its payload is not an object");
    }
}

/* The jobs stay in hand, unacknowledged, and RabbitMQ's heartbeats are answered, until PostgreSQL is back. False: they need not be done any more by us. */
static bool hold(struct worker *w)
{
    ea_tally_held(true);
    atomic_store(&w->process.pg_ready, false);
    do {
        ea_process_wait(NULL, 0, HOLD_MS);
        if (ea_process_stopping() || !pump(w))
            return false;
    } while (!ping(w));
    ea_tally_held(false);
    return true;
}

/* A job that was delivered before runs alone, and first leaves a note that it begins. A note that is found means a process that did not live to take it away. */
static enum ea_err start_suspect(struct worker *w, struct ea_inbox_job *job)
{
    char event[24], reason[64];
    PGresult *res;
    enum ea_err err;

    if (job->started || job->outcome != EA_JOB_OPEN)
        return EA_OK;
    snprintf(event, sizeof(event), "%" PRId64, job->m.event_id);
    err = ea_pg_run(w->work.pg, STMT_WORKER_SUSPECT_START,
                    (const char *const[]){ w->spec->name, event, w->id.s }, 3, &res);
    if (err != EA_OK)
        return EA_EUNAVAILABLE;
    job->started = true;
    if (ea_pg_i64(res, 0, 0) > DEATHS_MAX) {
        snprintf(reason, sizeof(reason), "its worker died %d times", DEATHS_MAX);
        give_up(job, reason);
    }
    PQclear(res);
    return EA_OK;
}

static void end_suspect(struct worker *w, const struct ea_inbox_job *job)
{
    char event[24];
    PGresult *res = NULL;

    snprintf(event, sizeof(event), "%" PRId64, job->m.event_id);
    if (ea_pg_run(w->work.pg, STMT_WORKER_SUSPECT_END, (const char *const[]){ w->spec->name, event }, 2,
                  &res) == EA_OK)
        PQclear(res); /* if not, it only makes a later delivery of the same event a little more suspect */
}

/* Until every job has its outcome. EA_ECLOSED: they stay undone, and will be delivered again. */
static enum ea_err run(struct worker *w, struct ea_inbox_job **jobs, size_t n)
{
    int losses = 0;

    for (;;) {
        enum ea_err err = EA_OK;

        if (jobs[0]->m.redelivered)
            err = start_suspect(w, jobs[0]);
        if (err == EA_OK)
            err = losses < TOGETHER_MAX ? ea_run_batch(w->run, jobs, n) : ea_run_singly(w->run, jobs, n);
        if (err != EA_EUNAVAILABLE)
            return err;
        if (!hold(w))
            return EA_ECLOSED;
        losses++;
    }
}

/* False: it is not stored, as we must end or the delivery is not ours any more. */
static bool park(struct worker *w, struct ea_inbox_job *job, unsigned connection)
{
    bool dead;

    while (ea_park_job(w->park, job, &dead) != EA_OK) {
        if (ea_process_stopping() || !pump(w) || w->inbox.connection != connection)
            return false;
        ea_process_wait(NULL, 0, PARK_MS);
    }
    ea_tally_job(job, dead);
    return true;
}

static bool is_bad(const struct ea_inbox_job *job)
{
    return job->outcome == EA_JOB_FAILED || job->outcome == EA_JOB_DEAD;
}

static void ack(struct worker *w, const struct ea_inbox_job *job, bool multiple)
{
    if (ea_mq_ack(w->mq, job->m.tag, multiple) != EA_OK)
        ea_inbox_clear(&w->inbox);
}

/* Acknowledges what is done at once, then stores what is not and acknowledges that. False: the connection was lost or we must end, so that some of it comes again;
 * `processed` will know what is done. */
static bool settle(struct worker *w, struct ea_inbox_job **jobs, size_t n, unsigned connection)
{
    size_t bad = 0, i;

    for (i = 0; i < n; i++) {
        if (is_bad(jobs[i]))
            bad++;
        else
            ea_tally_job(jobs[i], false);
    }
    if (bad == 0) {
        if (w->inbox.connection == connection)
            ack(w, jobs[n - 1], true);
        return w->inbox.connection == connection;
    }
    for (i = 0; i < n && w->inbox.connection == connection; i++) {
        if (!is_bad(jobs[i]))
            ack(w, jobs[i], false);
    }
    for (i = 0; i < n && w->inbox.connection == connection; i++) {
        if (!is_bad(jobs[i]))
            continue;
        if (!park(w, jobs[i], connection))
            return false;
        ack(w, jobs[i], false);
    }
    return w->inbox.connection == connection;
}

static void work_on(struct worker *w, struct ea_inbox_job **jobs, size_t n)
{
    unsigned connection = w->inbox.connection;
    int64_t begin = ea_clock_mono_ns(), last;
    size_t i;

    for (i = 0; i < n; i++)
        prepare(w, jobs[i]);
    if (run(w, jobs, n) != EA_OK)
        return;
    last = ea_run_last_event(w->run);
    if (last > 0)
        ea_events_wake(w->work.redis, last);
    if (w->spec->after_commit != NULL)
        w->spec->after_commit(w->work.data);
    if (settle(w, jobs, n, connection) && jobs[0]->started)
        end_suspect(w, jobs[0]);
    ea_tally_batch(ea_clock_mono_ns() - begin);
}

/* Jobs are taken only while PostgreSQL can be reached: every delivery that comes to nothing counts with the broker. */
static bool ready_for_jobs(struct worker *w)
{
    int retry;

    if (ea_mq_connected(w->mq))
        return true;
    if (!ping(w)) {
        ea_process_wait(NULL, 0, HOLD_MS);
        return false;
    }
    if (ea_mq_connect(w->mq) == EA_OK && ea_mq_consume(w->mq, w->spec->queue, w->spec->prefetch) == EA_OK) {
        atomic_store(&w->process.amqp_ready, true);
        return true;
    }
    retry = ea_mq_retry_ms(w->mq);
    ea_process_wait(NULL, 0, retry < IDLE_MS ? retry : IDLE_MS);
    return false;
}

static void wait_for_jobs(struct worker *w)
{
    struct pollfd fd = { .fd = ea_mq_fd(w->mq), .events = POLLIN };

    if (ea_clock_mono_ns() - w->pinged_ns > PING_NS)
        (void)ping(w);
    ea_process_wait(&fd, 1, IDLE_MS);
}

static void serve(struct worker *w)
{
    struct ea_inbox_job *jobs[BATCH_MAX];

    while (!ea_process_stopping()) {
        size_t n;

        if (!ready_for_jobs(w) || !pump(w))
            continue;
        n = ea_inbox_take(&w->inbox, jobs, BATCH_MAX);
        if (n == 0) {
            wait_for_jobs(w);
            continue;
        }
        work_on(w, jobs, n);
        ea_inbox_drop(jobs, n);
    }
}

static enum ea_err set_up(struct worker *w)
{
    const struct ea_cfg *cfg = w->process.cfg;
    enum ea_err err;

    ea_id_new(&w->id);
    w->work.cfg = cfg;
    w->work.pg = ea_pg_new(cfg->pg, w->spec->name);
    w->work.redis = ea_redis_new(cfg->redis);
    w->work.arena = ea_arena_new();
    if (w->work.pg == NULL || w->work.redis == NULL || w->work.arena == NULL)
        return EA_ENOMEM;
    err = ea_mq_new(cfg->amqp, cfg->mq_delays, &w->mq);
    if (err == EA_OK)
        err = ea_park_new(cfg, &w->park);
    if (err == EA_OK)
        err = ea_process_await_schema(&w->process, w->work.pg);
    if (err == EA_OK && w->spec->start != NULL)
        err = w->spec->start(cfg, &w->work.data);
    if (err != EA_OK)
        return err;
    w->run = ea_run_new(w->spec, &w->work, breathe, w);
    return w->run != NULL ? EA_OK : EA_ENOMEM;
}

static void tear_down(struct worker *w)
{
    if (w->spec->stop != NULL && w->work.data != NULL)
        w->spec->stop(w->work.data);
    ea_run_free(w->run);
    ea_park_free(w->park);
    ea_mq_free(w->mq);
    ea_inbox_clear(&w->inbox);
    ea_arena_free(w->work.arena);
    ea_redis_free(w->work.redis);
    ea_pg_free(w->work.pg);
}

int ea_worker_main(const struct ea_worker_spec *spec)
{
    struct worker w = { .spec = spec };
    enum ea_err err;

    ea_inbox_init(&w.inbox);
    if (ea_process_start(&w.process) != EA_OK)
        return 1;
    err = set_up(&w);
    if (err == EA_OK)
        serve(&w);
    else if (err != EA_ECLOSED)
        ea_log(EA_LOG_ERROR, "the worker cannot start", EA_F_STR(REASON, ea_err_title(err)));
    tear_down(&w);
    ea_process_end(&w.process);
    return err == EA_OK || err == EA_ECLOSED ? 0 : 1;
}
