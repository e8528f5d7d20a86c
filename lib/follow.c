#include "lib/follow.h"

#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/pg.h"
#include "lib/redis.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PAGE       500
#define LOOK_MS    1000 /* at least this often, whoever wakes us */
#define RECOVER_MS 250  /* after a failed look */

enum { ID, TOPIC, KIND, PAYLOAD, QUEUE, AT }; /* columns of events_after */

struct ea_follow {
    struct ea_follow_ops ops;
    void *arg;
    struct ea_pg *pg;
    struct ea_redis *redis;
    int wake_fd;
    int first_fd; /* readable once the first look has ended */
    pthread_t thread;
    _Atomic bool stop;
    _Atomic int64_t looked_ns; /* when the last look that saw the end of the log began; 0: never */
    _Atomic int64_t newest;
    /* the thread's own */
    int64_t cursor, told; /* told: by Redis, that the log has come so far */
    bool loaded;
    uint64_t session; /* of PostgreSQL, in which the cursor was last compared with the log */
};

static enum ea_err one_number(struct ea_pg *pg, enum ea_stmt stmt, int64_t *out)
{
    PGresult *res;
    enum ea_err err = ea_pg_run(pg, stmt, NULL, 0, &res);
    if (!err)
        *out = ea_pg_i64(res, 0, 0);
    PQclear(res);
    return err;
}

/* Ids are in commit order, so a snapshot holds all events up to its newest id and none after. */
static enum ea_err load(struct ea_follow *f)
{
    int64_t newest = 0;
    enum ea_err err = ea_pg_begin_snapshot(f->pg);
    if (err)
        return err;
    err = one_number(f->pg, STMT_EVENTS_NEWEST, &newest);
    if (!err && f->ops.on_snapshot)
        err = f->ops.on_snapshot(f->pg, newest, f->arg);
    if (!err)
        err = ea_pg_commit(f->pg);
    if (err) {
        ea_pg_rollback(f->pg);
        return err;
    }
    f->cursor = newest;
    f->session = ea_pg_connects(f->pg);
    f->loaded = true;
    return EA_OK;
}

static void load_again(struct ea_follow *f, const char *why)
{
    ea_log(EA_LOG_WARN, "cannot follow the event log, loading anew", EA_F_INT(CURSOR, f->cursor),
           EA_F_STR(REASON, why));
    f->loaded = false;
}

/* A new session may be one of a database that was restored to an earlier time: then our cursor lies ahead of the log. */
static enum ea_err check_session(struct ea_follow *f)
{
    int64_t newest = 0;
    if (f->session == ea_pg_connects(f->pg))
        return EA_OK;
    enum ea_err err = one_number(f->pg, STMT_EVENTS_NEWEST, &newest);
    if (err)
        return err;
    if (newest < f->cursor)
        load_again(f, "the log ends before the cursor");
    f->session = ea_pg_connects(f->pg);
    return EA_OK;
}

static enum ea_err hand_on(struct ea_follow *f, const PGresult *res, int row)
{
    const struct ea_event ev = {
        .id = ea_pg_i64(res, row, ID),
        .topic = ea_pg_str(res, row, TOPIC),
        .kind = ea_pg_str(res, row, KIND),
        .payload = ea_pg_str(res, row, PAYLOAD),
        .queue = ea_pg_str(res, row, QUEUE),
        .at = ea_pg_str(res, row, AT),
    };
    f->cursor = ev.id;
    return f->ops.on_event ? f->ops.on_event(&ev, f->arg) : EA_OK;
}

static enum ea_err read_page(struct ea_follow *f, int *rows)
{
    char after[24], limit[24];
    (void)snprintf(after, sizeof after, "%" PRId64, f->cursor);
    (void)snprintf(limit, sizeof limit, "%d", PAGE);
    PGresult *res;
    *rows = 0;
    enum ea_err err = ea_pg_run(f->pg, STMT_EVENTS_AFTER, (const char *const[]){ after, limit }, 2, &res);
    if (err)
        return err;
    *rows = PQntuples(res);
    if (*rows > 0 && ea_pg_i64(res, 0, ID) != f->cursor + 1) {
        load_again(f, "the log was truncated past the cursor");
        *rows = 0;
    }
    for (int i = 0; i < *rows && f->loaded; i++)
        if (hand_on(f, res, i))
            load_again(f, "an event could not be taken in");
    PQclear(res);
    return EA_OK;
}

static void examined(struct ea_follow *f)
{
    atomic_store(&f->newest, f->cursor);
    if (f->ops.on_examined)
        f->ops.on_examined(f->cursor, f->arg);
}

/* To the end of the log. The time counted is that before the reading which found it. */
static enum ea_err look(struct ea_follow *f)
{
    int64_t began;
    int rows;
    do {
        began = ea_clock_mono_ns();
        enum ea_err err = f->loaded ? EA_OK : load(f);
        if (!err)
            err = read_page(f, &rows);
        if (!err)
            err = check_session(f);
        if (err)
            return err;
        if (f->loaded)
            examined(f);
    } while ((rows == PAGE || !f->loaded) && !atomic_load(&f->stop));
    if (f->loaded)
        atomic_store(&f->looked_ns, began);
    return EA_OK;
}

/* A wake-up tells the newest id: what we have seen needs no look. */
static void on_message(const char *channel, const char *payload, size_t n, void *arg)
{
    struct ea_follow *f = arg;
    if (strcmp(channel, EA_CHANNEL_LIVE) == 0) {
        f->ops.on_live(payload, n, f->arg);
        return;
    }
    int64_t id = strtoll(payload, NULL, 10);
    if (id > f->told)
        f->told = id;
}

/* Until there may be news, or until it is time to look anyway. Redis that is gone only leaves the latter. */
static void wait_for_news(struct ea_follow *f, int64_t wait_ms)
{
    int64_t end = ea_clock_mono_ns() + wait_ms * EA_NS_PER_MS;
    f->told = 0;
    for (;;) {
        int redis_fd = ea_redis_fd(f->redis);
        struct pollfd p[2] = { { .fd = f->wake_fd, .events = POLLIN }, { .fd = redis_fd, .events = POLLIN } };
        int64_t left = (end - ea_clock_mono_ns()) / EA_NS_PER_MS;
        int n = poll(p, 2, left > 0 ? (int)left : 0);
        if (n <= 0)
            return;
        if (p[1].revents && ea_redis_drain(f->redis, on_message, f))
            f->told = 0; /* it is subscribed anew before the next wait */
        if (p[0].revents) {
            eventfd_t ignored;
            (void)eventfd_read(f->wake_fd, &ignored);
            return;
        }
        if (f->told > f->cursor || left <= 0) /* however much else is published */
            return;
    }
}

/* Without Redis we look by ourselves. */
static void subscribe(struct ea_follow *f)
{
    if (ea_redis_fd(f->redis) >= 0)
        return;
    enum ea_err err = ea_redis_subscribe(f->redis, EA_CHANNEL_WAKE);
    if (!err && f->ops.on_live)
        err = ea_redis_subscribe(f->redis, EA_CHANNEL_LIVE);
    (void)err;
}

static void *run(void *arg)
{
    struct ea_follow *f = arg;
    bool told_first = false;
    while (!atomic_load(&f->stop)) {
        subscribe(f); /* before looking: news that comes in between is announced */
        int64_t began = ea_clock_mono_ns();
        enum ea_err looked = look(f);
        if (!told_first)
            told_first = eventfd_write(f->first_fd, 1) == 0;
        /* From the beginning of this one: a look that was held up has told how things were then, and is old already. */
        wait_for_news(f, looked ? RECOVER_MS : LOOK_MS - (ea_clock_mono_ns() - began) / EA_NS_PER_MS);
    }
    return NULL;
}

static void destroy(struct ea_follow *f)
{
    ea_pg_free(f->pg);
    ea_redis_free(f->redis);
    if (f->wake_fd >= 0)
        close(f->wake_fd);
    if (f->first_fd >= 0)
        close(f->first_fd);
    free(f);
}

/* Signals are the process's main thread's. */
static int start_thread(struct ea_follow *f)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&f->thread, NULL, run, f);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

enum ea_err ea_follow_start(const struct ea_cfg *cfg, const struct ea_follow_ops *ops, void *arg,
                            struct ea_follow **out)
{
    *out = NULL;
    struct ea_follow *f = ea_alloc(sizeof *f);
    if (!f)
        return EA_ENOMEM;
    f->ops = *ops;
    f->arg = arg;
    f->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    f->first_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    f->pg = ea_pg_new(cfg->pg, "follow");
    f->redis = ea_redis_new(cfg->redis);
    if (f->wake_fd < 0 || f->first_fd < 0 || !f->pg || !f->redis || start_thread(f)) {
        destroy(f);
        return EA_ENOMEM;
    }
    *out = f;
    return EA_OK;
}

void ea_follow_halt(struct ea_follow *f)
{
    if (!f || atomic_exchange(&f->stop, true))
        return;
    ea_follow_wake(f);
    pthread_join(f->thread, NULL);
}

void ea_follow_stop(struct ea_follow *f)
{
    if (!f)
        return;
    ea_follow_halt(f);
    destroy(f);
}

void ea_follow_wake(struct ea_follow *f)
{
    (void)eventfd_write(f->wake_fd, 1);
}

int64_t ea_follow_age_ns(const struct ea_follow *f)
{
    int64_t looked = atomic_load(&f->looked_ns);
    return looked ? ea_clock_mono_ns() - looked : INT64_MAX;
}

bool ea_follow_wait_first(const struct ea_follow *f, int wait_ms)
{
    struct pollfd p = { .fd = f->first_fd, .events = POLLIN };
    return poll(&p, 1, wait_ms) == 1 && atomic_load(&f->looked_ns);
}

int64_t ea_follow_newest(const struct ea_follow *f)
{
    return atomic_load(&f->newest);
}
