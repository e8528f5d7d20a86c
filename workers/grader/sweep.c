#include "workers/grader/sweep.h"

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/events.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/pg.h"
#include "lib/redis.h"
#include "workers/grader/orphan.h"
#include "workers/grader/paper.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define PERIOD_NS (1 * EA_NS_PER_S)
#define PAUSE_NS  (5 * EA_NS_PER_S) /* after a failure */
#define AT_ONCE   100               /* attempts of one transaction */
#define AT_ONCE_S "100"

struct grader_sweep {
    pthread_t thread;
    pthread_mutex_t lock; /* of stop */
    pthread_cond_t wake;
    bool stop;
    /* the thread's own */
    struct ea_pg *pg;
    struct ea_redis *redis;
    struct ea_arena *arena;
    int64_t ahead_s;
    struct grader_orphans orphans;
    struct ea_metric *expired, *papers;
};

/* Inside the transaction: submits what is due, and commits it with the jobs of grading it. */
static enum ea_err submit_due(struct grader_sweep *s, int *n, int64_t *first_event)
{
    struct ea_event_new events[AT_ONCE];
    PGresult *res;
    enum ea_err err = EA_PG(s->pg, s->arena, &res, STMT_ATTEMPT_SWEEP, AT_ONCE_S);

    if (err)
        return err;
    *n = PQntuples(res);
    for (int i = 0; i < *n; i++) {
        events[i] = (struct ea_event_new){ .kind = "attempt.submitted", .queue = EA_QUEUE_GRADE };
        events[i].payload = ea_arena_printf(s->arena, "{\"attempt_id\":\"%s\"}", ea_pg_str(res, i, 0));
        if (!events[i].payload)
            return EA_ENOMEM;
    }
    return ea_events_commit(s->pg, events, (size_t)*n, first_event);
}

/* *n: how many were due. */
static enum ea_err sweep(struct grader_sweep *s, int *n)
{
    int64_t first_event = 0;
    enum ea_err err = ea_pg_begin(s->pg);

    *n = 0;
    if (!err)
        err = submit_due(s, n, &first_event);
    if (ea_pg_in_tx(s->pg))
        ea_pg_rollback(s->pg);
    ea_arena_reset(s->arena);
    if (err || *n == 0)
        return err;
    ea_events_wake(s->redis, first_event + *n - 1);
    ea_metric_add(s->expired, *n);
    ea_log(EA_LOG_INFO, "attempts that ran out were submitted", EA_F_INT(COUNT, *n));
    return EA_OK;
}

/* How many papers were made; 0 also when it failed (logged): that keeps nobody's attempt from its end. */
static int prepare(struct grader_sweep *s)
{
    int n;
    enum ea_err err = grader_papers_make(s->pg, s->arena, s->ahead_s, &n);

    if (err)
        return 0;
    ea_metric_add(s->papers, n);
    return n;
}

/* False: time to stop. */
static bool pause_for(struct grader_sweep *s, int64_t ns)
{
    int64_t end = ea_clock_mono_ns() + ns;
    struct timespec until = { .tv_sec = end / EA_NS_PER_S, .tv_nsec = end % EA_NS_PER_S };

    pthread_mutex_lock(&s->lock);
    while (!s->stop && ea_clock_mono_ns() < end)
        pthread_cond_timedwait(&s->wake, &s->lock, &until);
    bool go_on = !s->stop;
    pthread_mutex_unlock(&s->lock);
    return go_on;
}

static void *run(void *arg)
{
    struct grader_sweep *s = arg;
    enum ea_err err;
    int n;
    bool more;

    do {
        err = sweep(s, &n);
        more = prepare(s) == GRADER_PAPERS_AT_ONCE || n == AT_ONCE;
        if (!more) /* files are in no hurry */
            grader_orphans_step(&s->orphans, s->pg, s->arena);
    } while (pause_for(s, err ? PAUSE_NS : more ? 0 : PERIOD_NS));
    return NULL;
}

static void destroy(struct grader_sweep *s)
{
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    ea_pg_free(s->pg);
    ea_redis_free(s->redis);
    ea_arena_free(s->arena);
    free(s);
}

/* Signals are the main thread's. */
static bool start_thread(struct grader_sweep *s)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&s->thread, NULL, run, s) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

enum ea_err grader_sweep_start(const struct ea_cfg *cfg, struct ea_blobs *blobs, struct grader_sweep **out)
{
    struct grader_sweep *s = calloc(1, sizeof *s);
    pthread_condattr_t monotonic;

    if (!s)
        return EA_ENOMEM;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    s->pg = ea_pg_new(cfg->pg, "grader-sweep");
    s->redis = ea_redis_new(cfg->redis);
    s->arena = ea_arena_new();
    s->ahead_s = cfg->papers_ahead_s;
    s->orphans.blobs = blobs;
    s->orphans.older_s = cfg->blob_orphan_s;
    s->orphans.removed =
        ea_metric_counter("ea_blobs_orphaned_total", "Uploaded files that no submission named, removed", "");
    s->orphans.refused =
        ea_metric_counter("ea_blob_walks_refused_total",
                          "Walks that did not begin: the store is not known to be this database's", "");
    s->orphans.walks = ea_metric_counter("ea_blob_walks_total", "Walks over all uploaded files", "");
    s->papers = ea_metric_counter("ea_papers_made_total", "Papers made before the opening of their quiz", "");
    s->expired = ea_metric_counter("ea_attempts_expired_total",
                                   "Attempts submitted by the server when their time was over", "");
    if (!s->pg || !s->redis || !s->arena || !start_thread(s)) {
        destroy(s);
        return EA_ENOMEM;
    }
    *out = s;
    return EA_OK;
}

void grader_sweep_stop(struct grader_sweep *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    destroy(s);
}
