#include "fcgi/core/pool.h"

#include "fcgi/core/idle.h"
#include "lib/cfg.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/pg.h"
#include "lib/redis.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

struct queue {
    struct ea_work *first, **last;
};

struct thread {
    struct ea_worker worker; /* first */
    struct ea_pool *pool;
    pthread_t id;
};

struct ea_pool {
    struct ea_idle *idle;
    struct ea_work *(*begins)(struct ea_conn *c);
    pthread_mutex_t lock; /* of the queues */
    struct queue fresh, hurried;
    atomic_size_t in_queue; /* of both: a look without the lock */
    atomic_bool stopping;
    struct ea_metric *queued;
    size_t n;
    struct thread threads[];
};

static void put(struct queue *q, struct ea_work *w)
{
    w->next = NULL;
    *q->last = w;
    q->last = &w->next;
}

static struct ea_work *take(struct queue *q)
{
    struct ea_work *w = q->first;
    if (w == NULL)
        return NULL;
    q->first = w->next;
    if (q->first == NULL)
        q->last = &q->first;
    return w;
}

static void add(struct ea_pool *p, struct queue *q, struct ea_work *w)
{
    ea_metric_add(p->queued, 1);
    pthread_mutex_lock(&p->lock);
    put(q, w);
    atomic_fetch_add(&p->in_queue, 1);
    pthread_mutex_unlock(&p->lock);
    ea_idle_wake(p->idle);
}

static struct ea_work *from_queue(struct ea_pool *p)
{
    struct ea_work *w;
    if (atomic_load(&p->in_queue) == 0)
        return NULL;
    pthread_mutex_lock(&p->lock);
    if ((w = take(&p->hurried)) == NULL)
        w = take(&p->fresh);
    bool more = w != NULL && atomic_fetch_sub(&p->in_queue, 1) > 1;
    pthread_mutex_unlock(&p->lock);
    if (more)
        ea_idle_wake(p->idle);
    if (w != NULL)
        ea_metric_add(p->queued, -1);
    return w;
}

static bool has_more(void *arg)
{
    struct ea_pool *p = arg;
    return atomic_load(&p->in_queue) > 0 || atomic_load(&p->stopping);
}

/* NULL: stopping, and nothing is left */
static struct ea_work *next(struct ea_pool *p)
{
    for (;;) {
        struct ea_work *w = from_queue(p);
        if (w != NULL)
            return w;
        if (atomic_load(&p->stopping))
            return NULL;
        struct ea_conn *c = ea_idle_wait(p->idle, has_more, p);
        if (c != NULL && (w = p->begins(c)) != NULL)
            return w;
    }
}

/* A pool thread. It blocks all signals: EINTR would become a stream error inside libfcgi (rule 6). */
static void *work(void *arg)
{
    struct thread *t = arg;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    for (struct ea_work *w; (w = next(t->pool)) != NULL;)
        w->run(w, &t->worker);
    return NULL;
}

static enum ea_err start_thread(struct ea_pool *p, struct ea_server *s, const struct ea_cfg *cfg)
{
    struct thread *t = &p->threads[p->n];
    t->pool = p;
    t->worker.server = s;
    t->worker.pg = ea_pg_new(cfg->pg, cfg->service_name);
    t->worker.redis = ea_redis_new(cfg->redis);
    if (t->worker.pg != NULL && t->worker.redis != NULL && pthread_create(&t->id, NULL, work, t) == 0) {
        p->n++;
        return EA_OK;
    }
    ea_pg_free(t->worker.pg);
    ea_redis_free(t->worker.redis);
    return EA_ENOMEM;
}

enum ea_err ea_pool_start(struct ea_server *s, const struct ea_cfg *cfg, struct ea_idle *idle,
                          struct ea_work *(*begins)(struct ea_conn *c), struct ea_pool **out)
{
    size_t n = (size_t)cfg->threads;
    *out = NULL;
    struct ea_pool *p = calloc(1, sizeof *p + n * sizeof p->threads[0]);
    if (p == NULL)
        return EA_ENOMEM;
    p->idle = idle;
    p->begins = begins;
    pthread_mutex_init(&p->lock, NULL);
    p->fresh.last = &p->fresh.first;
    p->hurried.last = &p->hurried.first;
    p->queued = ea_metric_gauge("ea_pool_queued", "Requests that wait for a thread", "");
    ea_metric_set(ea_metric_gauge("ea_pool_threads", "Threads of the pool", ""), (int64_t)n);
    enum ea_err err = EA_OK;
    while (err == EA_OK && p->n < n)
        err = start_thread(p, s, cfg);
    if (err == EA_OK)
        *out = p;
    else
        ea_pool_stop(p);
    return err;
}

void ea_pool_add(struct ea_pool *p, struct ea_work *w)
{
    add(p, &p->fresh, w);
}

void ea_pool_hurry(struct ea_pool *p, struct ea_work *w)
{
    add(p, &p->hurried, w);
}

void ea_pool_stop(struct ea_pool *p)
{
    if (p == NULL)
        return;
    atomic_store(&p->stopping, true);
    ea_idle_wake_all(p->idle);
    for (size_t i = 0; i < p->n; i++) {
        pthread_join(p->threads[i].id, NULL);
        ea_pg_free(p->threads[i].worker.pg);
        ea_redis_free(p->threads[i].worker.redis);
    }
    pthread_mutex_destroy(&p->lock);
    free(p);
}
