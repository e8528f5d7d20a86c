#include "fcgi/quiz/pulse.h"

#include "fcgi/core/server.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/events.h"
#include "lib/follow.h"
#include "lib/id.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/pg.h"
#include "lib/redis.h"

#include <pthread.h>
#include <stdlib.h>

#define PERIOD_NS (1 * EA_NS_PER_S)
#define PAUSE_NS  (EA_NS_PER_S / 5) /* while it does not serve, and after a failure */
#define AT_ONCE   200               /* attempts of one transaction */
#define TEXT(n)   #n
#define DIGITS(n) TEXT(n)

struct quiz_pulse {
    pthread_t thread;
    pthread_mutex_t lock; /* of stop */
    pthread_cond_t wake;
    bool stop;
    struct ea_server *server;
    /* the thread's own */
    struct ea_pg *pg;
    struct ea_redis *redis;
    struct ea_arena *arena;
    struct ea_metric *outages, *seconds, *credits;
};

struct outage {
    const char *id; /* NULL: somebody else was first */
    const char *seconds;
    int credited; /* in this transaction */
    bool settled; /* nobody is left, and the pulse goes on */
};

/* ---- an outage ---- */

/* From here on the pulse is ours. */
static enum ea_err find(struct quiz_pulse *p, struct outage *o)
{
    struct ea_id id;
    PGresult *res;
    enum ea_err err = ea_pg_rows(p->pg, p->arena, &res, STMT_PULSE_LOCK, NULL, 0);

    ea_id_new(&id);
    if (err || (err = EA_PG(p->pg, p->arena, &res, STMT_OUTAGE_FIND, id.s, DIGITS(QUIZ_OUTAGE_MIN_S))) ||
        PQntuples(res) == 0)
        return err;
    o->id = ea_pg_str(res, 0, 0);
    o->seconds = ea_pg_str(res, 0, 1);
    return EA_OK;
}

/* *n events: those whose end has moved are told. */
static enum ea_err credit(struct quiz_pulse *p, struct outage *o, struct ea_event_new *events, size_t *n)
{
    PGresult *res;
    enum ea_err err = EA_PG(p->pg, p->arena, &res, STMT_OUTAGE_CREDIT, o->id, o->seconds, DIGITS(AT_ONCE));

    if (err)
        return err;
    o->credited = PQntuples(res);
    for (int i = 0; i < o->credited; i++) {
        char *topic = ea_arena_alloc(p->arena, EA_TOPIC_SIZE);
        if (!topic)
            return EA_ENOMEM;
        if (!ea_pg_str(res, i, 1))
            continue;
        events[(*n)++] = (struct ea_event_new){ .topic = ea_topic(EA_TOPIC_USER, ea_pg_str(res, i, 0), topic),
                                                .kind = "attempt.changed",
                                                .payload = ea_pg_str(res, i, 1) };
    }
    return EA_OK;
}

/* Inside the transaction, which it commits. With the last of those who get time back the pulse moves on. */
static enum ea_err settle_some(struct quiz_pulse *p, struct outage *o, size_t *n, int64_t *first_event)
{
    struct ea_event_new events[AT_ONCE];
    PGresult *res;
    enum ea_err err = find(p, o);

    if (!err && o->id)
        err = credit(p, o, events, n);
    o->settled = o->credited < AT_ONCE;
    if (!err && o->settled)
        err = EA_PG(p->pg, p->arena, &res, STMT_PULSE_MOVE, o->id);
    return err ? err : ea_events_commit(p->pg, events, *n, first_event);
}

static void tell(struct quiz_pulse *p, size_t n, int64_t first_event)
{
    if (n == 0)
        return;
    ea_events_wake(p->redis, first_event + (int64_t)n - 1);
    ea_follow_wake(ea_server_follow(p->server));
}

static void count(struct quiz_pulse *p, const struct outage *o)
{
    int64_t seconds = o->id ? strtoll(o->seconds, NULL, 10) : 0;

    ea_metric_add(p->credits, o->credited);
    if (!o->settled || !o->id)
        return;
    ea_metric_add(p->outages, 1);
    ea_metric_add(p->seconds, seconds);
    ea_log(EA_LOG_WARN, "there was an outage; open attempts get its time back where their quiz says so",
           EA_F_STR(KEY, o->id), EA_F_INT(DURATION_US, seconds * 1000000));
}

/* Whatever fails or dies in between: what is not committed is found again as it was, by anybody. */
static enum ea_err settle(struct quiz_pulse *p)
{
    struct outage o;
    enum ea_err err;

    do {
        int64_t first_event = 0;
        size_t n = 0;
        o = (struct outage){ 0 };
        err = ea_pg_begin(p->pg);
        if (!err)
            err = settle_some(p, &o, &n, &first_event);
        if (ea_pg_in_tx(p->pg))
            ea_pg_rollback(p->pg);
        if (!err) {
            tell(p, n, first_event);
            count(p, &o);
        }
        ea_arena_reset(p->arena);
    } while (!err && !o.settled);
    return err;
}

/* ---- the thread ---- */

static enum ea_err beat(struct quiz_pulse *p)
{
    PGresult *res;
    enum ea_err err = EA_PG(p->pg, p->arena, &res, STMT_PULSE_BEAT, DIGITS(QUIZ_OUTAGE_MIN_S));
    bool fresh = !err && PQntuples(res) == 1;

    ea_arena_reset(p->arena);
    return err || fresh ? err : settle(p);
}

/* Whether requests are answered now: a process that cannot read the log trusts no token. */
static bool serves(const struct quiz_pulse *p)
{
    return ea_server_serving(p->server) &&
           ea_follow_age_ns(ea_server_follow(p->server)) <= EA_FOLLOW_STALE_NS;
}

/* False: time to stop. */
static bool pause_for(struct quiz_pulse *p, int64_t ns)
{
    int64_t end = ea_clock_mono_ns() + ns;
    struct timespec until = { .tv_sec = end / EA_NS_PER_S, .tv_nsec = end % EA_NS_PER_S };

    pthread_mutex_lock(&p->lock);
    while (!p->stop && ea_clock_mono_ns() < end)
        pthread_cond_timedwait(&p->wake, &p->lock, &until);
    bool go_on = !p->stop;
    pthread_mutex_unlock(&p->lock);
    return go_on;
}

static void *run(void *arg)
{
    struct quiz_pulse *p = arg;
    bool beaten;

    do {
        beaten = serves(p) && beat(p) == EA_OK;
    } while (pause_for(p, beaten ? PERIOD_NS : PAUSE_NS));
    return NULL;
}

static void destroy(struct quiz_pulse *p)
{
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    ea_pg_free(p->pg);
    ea_redis_free(p->redis);
    ea_arena_free(p->arena);
    free(p);
}

enum ea_err quiz_pulse_start(struct ea_server *server, struct quiz_pulse **out)
{
    struct quiz_pulse *p = calloc(1, sizeof *p);
    pthread_condattr_t monotonic;

    if (!p)
        return EA_ENOMEM;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    p->server = server;
    p->pg = ea_pg_new(ea_server_cfg(server)->pg, "quiz-pulse");
    p->redis = ea_redis_new(ea_server_cfg(server)->redis);
    p->arena = ea_arena_new();
    p->outages = ea_metric_counter("ea_outages_total", "Outages that this process settled", "");
    p->seconds = ea_metric_counter("ea_outage_seconds_total", "How long those were", "");
    p->credits = ea_metric_counter("ea_outage_credits_total", "Attempts that got time back for them", "");
    /* signals are blocked by the main thread, for all */
    if (!p->pg || !p->redis || !p->arena || pthread_create(&p->thread, NULL, run, p) != 0) {
        destroy(p);
        return EA_ENOMEM;
    }
    *out = p;
    return EA_OK;
}

void quiz_pulse_stop(struct quiz_pulse *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    destroy(p);
}
