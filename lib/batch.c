#include "lib/batch.h"

#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/pg.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RETRIES    3
#define TICK_NS    (250 * EA_NS_PER_MS) /* how often what waits is looked at for its age */
#define LOOK_AHEAD 4                    /* batches' worth of items searched for keys that are not taken yet */

struct queue {
    struct ea_batch_item *head, **tail;
};

struct ea_batch {
    struct ea_batch_ops ops;
    void *arg;

    pthread_mutex_t lock; /* of the following */
    pthread_cond_t work, hand;
    struct queue waiting, finished;
    size_t waiting_n, waiting_bytes;
    int64_t finished_event;
    bool stop, written; /* no more is taken; all that was taken is finished */

    pthread_t writer, hander;
    /* the writer's own */
    struct ea_pg *pg;
    struct ea_arena *arena;
    struct ea_batch_item **rows, **taken; /* a batch; a hash table of it by key */
    size_t slots;                         /* of taken; a power of two */
    int64_t last_event;

    struct ea_metric *depth, *refused, *seconds, *retries, *written_rows, *sizes[5];
};

static const struct {
    size_t most;
    const char *label;
} sizes[] = { { 1, "1" }, { 8, "2-8" }, { 32, "9-32" }, { 128, "33-128" }, { SIZE_MAX, "129-" } };

static void push(struct queue *q, struct ea_batch_item *item)
{
    item->next = NULL;
    *q->tail = item;
    q->tail = &item->next;
}

/* ---- the queue; all under the lock ---- */

static void unlink_waiting(struct ea_batch *b, struct ea_batch_item **at)
{
    struct ea_batch_item *item = *at;
    *at = item->next;
    if (!item->next)
        b->waiting.tail = at;
    b->waiting_n--;
    b->waiting_bytes -= item->bytes;
    ea_metric_set(b->depth, (int64_t)b->waiting_n);
}

static void expire(struct ea_batch *b)
{
    int64_t oldest = ea_clock_mono_ns() - b->ops.max_age_ns;
    while (b->waiting.head && b->waiting.head->queued_ns < oldest) {
        struct ea_batch_item *item = b->waiting.head;
        unlink_waiting(b, &b->waiting.head);
        item->err = EA_EOVERLOAD;
        ea_metric_add(b->refused, 1);
        push(&b->finished, item);
        pthread_cond_signal(&b->hand);
    }
}

static size_t hash(const char *key)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (; *key; key++)
        h = (h ^ (unsigned char)*key) * 1099511628211u;
    return (size_t)(h ^ h >> 32);
}

/* False when the batch has the key already. */
static bool take_key(struct ea_batch *b, struct ea_batch_item *item)
{
    size_t i = hash(item->key) & (b->slots - 1);
    for (; b->taken[i]; i = (i + 1) & (b->slots - 1))
        if (strcmp(b->taken[i]->key, item->key) == 0)
            return false;
    b->taken[i] = item;
    return true;
}

/* Each key once, first come first served: a later item of the same key stays where it is. */
static size_t gather(struct ea_batch *b)
{
    size_t n = 0, looked = 0;
    struct ea_batch_item **at = &b->waiting.head;
    memset(b->taken, 0, b->slots * sizeof(struct ea_batch_item *));
    while (*at && n < b->ops.max_batch_rows && looked++ < LOOK_AHEAD * b->ops.max_batch_rows) {
        struct ea_batch_item *item = *at;
        if (!take_key(b, item)) {
            at = &item->next;
            continue;
        }
        unlink_waiting(b, at);
        b->rows[n++] = item;
    }
    return n;
}

/* ---- writing ---- */

static void count_batch(struct ea_batch *b, size_t n, int64_t ns)
{
    size_t i = 0;
    while (n > sizes[i].most)
        i++;
    ea_metric_add(b->sizes[i], 1);
    ea_metric_observe_ns(b->seconds, ns);
}

static enum ea_err write_once(struct ea_batch *b, struct ea_batch_item **rows, size_t n)
{
    int64_t start = ea_clock_mono_ns(), event = 0;
    ea_arena_reset(b->arena);
    for (size_t i = 0; i < n; i++)
        rows[i]->err = EA_OK;
    enum ea_err err = b->ops.flush(b->pg, b->arena, rows, n, &event, b->arg);
    if (ea_pg_in_tx(b->pg)) {
        ea_pg_rollback(b->pg);
        err = err ? err : EA_EINTERNAL; /* it said that it had committed */
    }
    if (!err && event > b->last_event)
        b->last_event = event;
    count_batch(b, n, ea_clock_mono_ns() - start);
    return err;
}

/* Faults that splitting a batch cannot cure, nor find the culprit of. */
static bool concerns_all(enum ea_err err)
{
    return err == EA_ERETRY || err == EA_EUNAVAILABLE || err == EA_EUNKNOWN || err == EA_ENOSPACE;
}

static void write_rows(struct ea_batch *b, struct ea_batch_item **rows, size_t n)
{
    enum ea_err err = write_once(b, rows, n);
    for (int i = 0; i < RETRIES && err == EA_ERETRY; i++) {
        ea_metric_add(b->retries, 1);
        err = write_once(b, rows, n);
    }
    if (!err) {
        ea_metric_add(b->written_rows, (int64_t)n);
        return;
    }
    if (n > 1 && !concerns_all(err)) {
        write_rows(b, rows, n / 2);
        write_rows(b, rows + n / 2, n - n / 2);
        return;
    }
    for (size_t i = 0; i < n; i++)
        rows[i]->err = err;
}

static int by_key(const void *a, const void *b)
{
    const struct ea_batch_item *const *x = a, *const *y = b;
    return strcmp((*x)->key, (*y)->key);
}

static void finish(struct ea_batch *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        push(&b->finished, b->rows[i]);
    if (b->last_event > b->finished_event)
        b->finished_event = b->last_event;
    pthread_cond_signal(&b->hand);
}

/* Writes batch after batch; what arrives while one commits is the next. */
static void *write_batches(void *arg)
{
    struct ea_batch *b = arg;
    pthread_mutex_lock(&b->lock);
    while (b->waiting.head || !b->stop) {
        if (!b->waiting.head) {
            pthread_cond_wait(&b->work, &b->lock);
            continue;
        }
        expire(b);
        size_t n = gather(b);
        if (n == 0)
            continue;
        pthread_mutex_unlock(&b->lock);
        qsort(b->rows, n, sizeof(struct ea_batch_item *), by_key);
        write_rows(b, b->rows, n);
        pthread_mutex_lock(&b->lock);
        finish(b, n);
    }
    b->written = true;
    pthread_cond_signal(&b->hand);
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* ---- handing back ---- */

static void wait_tick(struct ea_batch *b)
{
    struct timespec until;
    int64_t end = ea_clock_mono_ns() + TICK_NS;
    until.tv_sec = end / EA_NS_PER_S;
    until.tv_nsec = end % EA_NS_PER_S;
    pthread_cond_timedwait(&b->hand, &b->lock, &until);
}

static void hand_back(struct ea_batch *b, struct ea_batch_item *item, int64_t event)
{
    if (event && b->ops.committed)
        b->ops.committed(event, b->arg);
    while (item) {
        struct ea_batch_item *next = item->next; /* after done() it is somebody else's */
        item->next = NULL;
        b->ops.done(item, b->arg);
        item = next;
    }
}

/* A thread of its own, so that the writer goes on at once; it also refuses what has waited too long, even while the writer is held up. */
static void *hand_back_batches(void *arg)
{
    struct ea_batch *b = arg;
    pthread_mutex_lock(&b->lock);
    for (;;) {
        expire(b);
        if (b->finished.head) {
            struct ea_batch_item *items = b->finished.head;
            int64_t event = b->finished_event;
            b->finished = (struct queue){ .tail = &b->finished.head };
            b->finished_event = 0;
            pthread_mutex_unlock(&b->lock);
            hand_back(b, items, event);
            pthread_mutex_lock(&b->lock);
        } else if (b->written)
            break;
        else
            wait_tick(b);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* ---- */

enum ea_err ea_batch_add(struct ea_batch *b, struct ea_batch_item *item)
{
    pthread_mutex_lock(&b->lock);
    bool full = b->stop || b->waiting_n >= b->ops.max_items || item->bytes > b->ops.max_bytes ||
                b->waiting_bytes > b->ops.max_bytes - item->bytes;
    if (!full) {
        item->queued_ns = ea_clock_mono_ns();
        push(&b->waiting, item);
        b->waiting_n++;
        b->waiting_bytes += item->bytes;
        ea_metric_set(b->depth, (int64_t)b->waiting_n);
        pthread_cond_signal(&b->work);
    }
    pthread_mutex_unlock(&b->lock);
    if (full)
        ea_metric_add(b->refused, 1);
    return full ? EA_EOVERLOAD : EA_OK;
}

static void make_metrics(struct ea_batch *b)
{
    char l[100];
    (void)snprintf(l, sizeof l, "batch=\"%s\"", b->ops.name);
    b->depth = ea_metric_gauge("ea_batch_queue_items", "Items that wait to be written", l);
    b->refused = ea_metric_counter("ea_batch_refused_total", "Items refused: full, or waited too long", l);
    b->retries =
        ea_metric_counter("ea_batch_retries_total", "Batches run again after a serialization failure", l);
    b->written_rows = ea_metric_counter("ea_batch_rows_total", "Rows committed", l);
    b->seconds = ea_metric_histogram("ea_batch_flush_seconds", "Time of one transaction", l);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        (void)snprintf(l, sizeof l, "batch=\"%s\",rows=\"%s\"", b->ops.name, sizes[i].label);
        b->sizes[i] = ea_metric_counter("ea_batch_flushes_total", "Transactions by number of rows", l);
    }
}

static void destroy(struct ea_batch *b)
{
    pthread_cond_destroy(&b->hand);
    pthread_cond_destroy(&b->work);
    pthread_mutex_destroy(&b->lock);
    ea_pg_free(b->pg);
    ea_arena_free(b->arena);
    free(b->rows);
    free(b->taken);
    free(b);
}

static struct ea_batch *make(const char *conninfo, const struct ea_batch_ops *ops, void *arg)
{
    struct ea_batch *b = ea_alloc(sizeof *b);
    if (!b)
        return NULL;
    b->ops = *ops;
    b->arg = arg;
    b->waiting.tail = &b->waiting.head;
    b->finished.tail = &b->finished.head;
    for (b->slots = 4; b->slots < 2 * ops->max_batch_rows;)
        b->slots *= 2;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->work, NULL);
    pthread_cond_init(&b->hand, &monotonic);
    pthread_condattr_destroy(&monotonic);
    b->rows = ea_alloc(ops->max_batch_rows * sizeof(struct ea_batch_item *));
    b->taken = ea_alloc(b->slots * sizeof(struct ea_batch_item *));
    b->pg = ea_pg_new(conninfo, ops->name);
    b->arena = ea_arena_new();
    if (b->rows && b->taken && b->pg && b->arena) {
        ea_pg_plan_once(b->pg); /* planning a batch's statement takes longer than running it */
        return b;
    }
    destroy(b);
    return NULL;
}

static void stop_writer(struct ea_batch *b)
{
    pthread_mutex_lock(&b->lock);
    b->stop = true;
    pthread_cond_signal(&b->work);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->writer, NULL);
}

/* Signals are the process's main thread's. */
static bool start_threads(struct ea_batch *b)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool writing = pthread_create(&b->writer, NULL, write_batches, b) == 0;
    bool handing = writing && pthread_create(&b->hander, NULL, hand_back_batches, b) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (writing && !handing)
        stop_writer(b);
    return handing;
}

enum ea_err ea_batch_new(const char *conninfo, const struct ea_batch_ops *ops, void *arg,
                         struct ea_batch **out)
{
    *out = NULL;
    struct ea_batch *b = make(conninfo, ops, arg);
    if (!b)
        return EA_ENOMEM;
    make_metrics(b);
    if (!start_threads(b)) {
        destroy(b);
        return EA_ENOMEM;
    }
    *out = b;
    return EA_OK;
}

void ea_batch_free(struct ea_batch *b)
{
    if (!b)
        return;
    stop_writer(b);
    pthread_join(b->hander, NULL);
    destroy(b);
}
