/* Draining. nginx keeps connections to a responder and may, at any moment, have written a request into one that looks idle to us. A POST written into a
 * connection that we close is lost: nginx must not repeat it, and its client gets 502. So we never close a connection first. After SIGTERM
 *  1. everything is served as before, new connections too, but each reply ends in a way that makes nginx close its connection afterwards
 *     (EA_END_LAST in conn.c); a connection that nginx does not use ends by `keepalive_timeout` of its upstream block;
 *  2. when the connections of before the signal are gone, or after HANDOVER_NS, the socket's file goes. A new connection then fails at once, before
 *     anything is sent, and nginx takes the next server of its list, also for a POST. What waits in the backlog is still accepted and served;
 *  3. when no connection is left the process ends.
 * What was seen with nginx 1.22 (tests/regress/nginx.c plays it): after an END_REQUEST with nothing behind it nginx keeps the connection; with bytes behind it,
 * in the same read, it closes it. A stale kept connection is retried for GET, PUT and DELETE only, even with one server in the list. nginx needs a second
 * server there (another process), or the time between the end of one process and the start of the next is an outage; and no `max_fails` that takes both out.
 * A reply to HEAD makes nginx close the connection in any case. */
#include "fcgi/core/reactor.h"

#include "fcgi/core/idle.h"
#include "fcgi/core/listen.h"
#include "lib/cfg.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define IO_TIMEOUT_S    10                  /* of one read or write on a connection that carries a request */
#define HANDOVER_NS     (5 * EA_NS_PER_S)   /* see above, 2. */
#define QUIET_NS        (50 * EA_NS_PER_MS) /* without a connection, before the end */
#define LATER_NS        (5 * EA_NS_PER_S)   /* for the first 8 bytes of a request */
#define EVENTS_PER_WAIT 16
#define TAKEN_AT_ONCE   64
#define STAND_IN_MS     5 /* between two looks at idle connections while every thread works */
#define CALM_LOOKS      20 /* looks that found a thread free, before the reactor sleeps until something happens */

enum source { SOURCE_LISTEN, SOURCE_SIGNAL, SOURCE_STOP, SOURCE_CALL };

struct ea_reactor {
    int epoll, signals, stop;
    struct ea_listen *listen;
    const struct ea_reactor_ops *ops;
    void *arg;
    int64_t drain_ns;
    struct ea_idle *idle;

    pthread_mutex_t lock; /* of the lists */
    struct ea_conn *all;
    struct ea_conn *later; /* connections whose first record is not whole yet */
    size_t open, old;      /* old: of before the drain */

    int calm; /* looks in a row that found a thread free */
    bool put_off, accepting, draining, hidden, cut;
    int64_t accept_again_ns, drain_began_ns, quiet_since_ns;
    struct ea_metric *connections, *accepted;
};

static void list_add(struct ea_reactor *r, struct ea_conn *c)
{
    pthread_mutex_lock(&r->lock);
    c->reactor = r;
    c->prev = NULL;
    c->next = r->all;
    if (r->all != NULL)
        r->all->prev = c;
    r->all = c;
    r->open++;
    pthread_mutex_unlock(&r->lock);
    ea_metric_add(r->connections, 1);
}

static void list_remove(struct ea_reactor *r, struct ea_conn *c)
{
    pthread_mutex_lock(&r->lock);
    *(c->prev != NULL ? &c->prev->next : &r->all) = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    r->open--;
    if (c->old)
        r->old--;
    pthread_mutex_unlock(&r->lock);
    ea_metric_add(r->connections, -1);
}

/* Rule 6: blocking with timeouts; O_NONBLOCK would turn a slow peer into a stream error. */
static bool configure(int fd)
{
    const struct timeval t = { .tv_sec = IO_TIMEOUT_S };
    int on = 1, flags = fcntl(fd, F_GETFL);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* refused on a unix socket, which needs none */
    return flags >= 0 && fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t) == 0;
}

static bool watch_source(struct ea_reactor *r, enum source s, int fd, int op, uint32_t events)
{
    struct epoll_event ev = { .events = events, .data.u32 = s };
    return epoll_ctl(r->epoll, op, fd, &ev) == 0;
}

static void accept_pause(struct ea_reactor *r)
{
    ea_log(EA_LOG_ERROR, "cannot accept", EA_F_STR(ERROR, strerror(errno)));
    watch_source(r, SOURCE_LISTEN, ea_listen_fd(r->listen), EPOLL_CTL_MOD, 0);
    r->accepting = false;
    r->accept_again_ns = ea_clock_mono_ns() + 100 * EA_NS_PER_MS;
}

static void accept_all(struct ea_reactor *r)
{
    for (;;) {
        int fd = accept4(ea_listen_fd(r->listen), NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            ea_metric_add(r->accepted, 1);
            if (ea_reactor_adopt(r, fd) != EA_OK)
                close(fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            accept_pause(r); /* descriptors run out: without the pause the loop would spin */
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

/* Rare: the first segment was shorter than a header. The reactor looks again in a moment. */
static void put_off(struct ea_reactor *r, struct ea_conn *c)
{
    pthread_mutex_lock(&r->lock);
    c->later = r->later;
    r->later = c;
    pthread_mutex_unlock(&r->lock);
}

/* Only EA_OK leaves c with the caller. EA_PARKED: it was put off. */
static enum ea_err judge(struct ea_conn *c)
{
    struct ea_reactor *r = c->reactor;
    enum ea_err err = ea_conn_peek(c);
    if (err == EA_PARKED)
        put_off(r, c);
    else if (err != EA_OK)
        ea_reactor_close(c);
    return err;
}

bool ea_reactor_begins(struct ea_conn *c)
{
    struct ea_reactor *r = c->reactor;
    enum ea_err err = judge(c);
    if (err == EA_PARKED)
        ea_idle_call(r->idle);
    return err == EA_OK;
}

/* On the reactor's own thread, which calls itself by no event: it would be awake at once, and again. */
static void look(struct ea_reactor *r, struct ea_conn *c)
{
    if (judge(c) == EA_OK)
        r->ops->on_ready(c, r->arg);
}

static struct ea_conn *take_later(struct ea_reactor *r)
{
    pthread_mutex_lock(&r->lock);
    struct ea_conn *c = r->later;
    r->later = NULL;
    pthread_mutex_unlock(&r->lock);
    return c;
}

/* put_off stays true as long as there are some: until then it looks every ten milliseconds. */
static void look_again(struct ea_reactor *r, int64_t now)
{
    struct ea_conn *c = take_later(r), *next;
    r->put_off = c != NULL;
    for (; c != NULL; c = next) {
        next = c->later;
        if (now - c->received_ns < LATER_NS)
            look(r, c);
        else
            ea_reactor_close(c);
    }
}

/* While all threads work, what comes is taken note of here: when it came, and in which order. */
static void stand_in(struct ea_reactor *r)
{
    struct ea_conn *ready[TAKEN_AT_ONCE];
    r->calm = ea_idle_all_busy(r->idle) ? 0 : r->calm + 1;
    if (r->calm > 0)
        return;
    size_t n = ea_idle_take(r->idle, ready, TAKEN_AT_ONCE);
    for (size_t i = 0; i < n; i++)
        look(r, ready[i]);
}

static void drain_begin(struct ea_reactor *r)
{
    if (r->draining) {
        r->cut = true;
        return;
    }
    r->draining = true;
    r->drain_began_ns = r->quiet_since_ns = ea_clock_mono_ns();
    pthread_mutex_lock(&r->lock);
    for (struct ea_conn *c = r->all; c != NULL; c = c->next)
        c->old = true;
    size_t old = r->old = r->open;
    pthread_mutex_unlock(&r->lock);
    ea_log(EA_LOG_INFO, "draining", EA_F_INT(COUNT, old));
    r->ops->on_drain(r->arg);
}

static void on_signal(struct ea_reactor *r)
{
    struct signalfd_siginfo info;
    while (read(r->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            drain_begin(r);
        else
            r->ops->on_signal((int)info.ssi_signo, r->arg);
    }
}

static void on_source(struct ea_reactor *r, enum source s)
{
    uint64_t n;
    switch (s) {
    case SOURCE_LISTEN:
        accept_all(r);
        return;
    case SOURCE_SIGNAL:
        on_signal(r);
        return;
    case SOURCE_STOP:
        if (read(r->stop, &n, sizeof n) > 0)
            drain_begin(r);
        return;
    case SOURCE_CALL:
        (void)!read(ea_idle_call_fd(r->idle), &n, sizeof n);
        r->calm = 0;
    }
}

static void hide(struct ea_reactor *r, int64_t now)
{
    if (!ea_listen_is_unix(r->listen))
        accept_all(r); /* what waits there would be reset */
    ea_listen_hide(r->listen);
    r->hidden = true;
    r->quiet_since_ns = now;
}

/* One step of the drain. False: it is over. */
static bool drain_goes_on(struct ea_reactor *r, int64_t now)
{
    pthread_mutex_lock(&r->lock);
    size_t open = r->open, old = r->old;
    pthread_mutex_unlock(&r->lock);
    if (!r->hidden && (old == 0 || now - r->drain_began_ns > HANDOVER_NS))
        hide(r, now);
    if (open > 0 || !r->ops->may_end(r->arg))
        r->quiet_since_ns = now;
    return !r->hidden || now - r->quiet_since_ns < QUIET_NS;
}

static int wait_ms(struct ea_reactor *r)
{
    if (r->draining || r->put_off)
        return 10;
    if (r->calm < CALM_LOOKS || !ea_idle_doze(r->idle))
        return STAND_IN_MS;
    return r->accepting ? -1 : 100;
}

static void tick(struct ea_reactor *r, int64_t now)
{
    stand_in(r);
    look_again(r, now);
    if (!r->accepting && now >= r->accept_again_ns && ea_listen_fd(r->listen) >= 0)
        r->accepting = watch_source(r, SOURCE_LISTEN, ea_listen_fd(r->listen), EPOLL_CTL_MOD, EPOLLIN);
}

static enum ea_err open_sources(struct ea_reactor *r)
{
    sigset_t mask;
    sigemptyset(&mask);
    const int wanted[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        sigaddset(&mask, wanted[i]);
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    r->signals = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
    r->stop = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    bool ok = r->epoll >= 0 && r->signals >= 0 && r->stop >= 0 &&
              watch_source(r, SOURCE_SIGNAL, r->signals, EPOLL_CTL_ADD, EPOLLIN) &&
              watch_source(r, SOURCE_STOP, r->stop, EPOLL_CTL_ADD, EPOLLIN) &&
              watch_source(r, SOURCE_CALL, ea_idle_call_fd(r->idle), EPOLL_CTL_ADD, EPOLLIN) &&
              watch_source(r, SOURCE_LISTEN, ea_listen_fd(r->listen), EPOLL_CTL_ADD, EPOLLIN);
    r->accepting = ok;
    return ok ? EA_OK : EA_EUNAVAILABLE;
}

enum ea_err ea_reactor_open(const struct ea_cfg *cfg, struct ea_idle *idle, const struct ea_reactor_ops *ops,
                            void *arg, struct ea_reactor **out)
{
    *out = NULL;
    struct ea_reactor *r = calloc(1, sizeof *r);
    if (r == NULL)
        return EA_ENOMEM;
    pthread_mutex_init(&r->lock, NULL);
    r->epoll = r->signals = r->stop = -1;
    r->idle = idle;
    r->ops = ops;
    r->arg = arg;
    r->drain_ns = cfg->drain_s * EA_NS_PER_S;
    r->connections = ea_metric_gauge("ea_fcgi_connections", "Open connections from nginx", "");
    r->accepted = ea_metric_counter("ea_fcgi_accepted_total", "Connections accepted", "");
    enum ea_err err = ea_listen_open(cfg->listen, &r->listen);
    if (err == EA_OK)
        err = open_sources(r);
    if (err == EA_OK)
        *out = r;
    else
        ea_reactor_free(r);
    return err;
}

enum ea_err ea_reactor_run(struct ea_reactor *r)
{
    struct epoll_event ev[EVENTS_PER_WAIT];
    for (;;) {
        int n = epoll_wait(r->epoll, ev, EVENTS_PER_WAIT, wait_ms(r));
        int64_t now = ea_clock_mono_ns();
        for (int i = 0; i < n; i++)
            on_source(r, (enum source)ev[i].data.u32);
        tick(r, now);
        if (!r->draining)
            continue;
        if (!drain_goes_on(r, now))
            return EA_OK;
        if (r->cut || now - r->drain_began_ns > r->drain_ns)
            return EA_ETIMEOUT;
    }
}

void ea_reactor_free(struct ea_reactor *r)
{
    if (r == NULL)
        return;
    while (r->all != NULL)
        ea_reactor_close(r->all);
    ea_listen_close(r->listen);
    const int fds[] = { r->epoll, r->signals, r->stop };
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    pthread_mutex_destroy(&r->lock);
    free(r);
}

void ea_reactor_watch(struct ea_conn *c)
{
    if (ea_idle_watch(c->reactor->idle, c, false) != EA_OK)
        ea_reactor_close(c);
}

void ea_reactor_close(struct ea_conn *c)
{
    list_remove(c->reactor, c);
    ea_conn_free(c);
}

void ea_reactor_forget(struct ea_conn *c)
{
    ea_idle_forget(c->reactor->idle, c);
    list_remove(c->reactor, c);
}

enum ea_err ea_reactor_adopt(struct ea_reactor *r, int fd)
{
    if (!configure(fd))
        return EA_EUNAVAILABLE;
    struct ea_conn *c = ea_conn_new(fd);
    if (c == NULL)
        return EA_ENOMEM;
    c->received_ns = ea_clock_mono_ns();
    list_add(r, c);
    if (ea_idle_watch(r->idle, c, true) == EA_OK)
        return EA_OK;
    c->fd = -1; /* stays the caller's */
    ea_reactor_close(c);
    return EA_EUNAVAILABLE;
}

void ea_reactor_stop(struct ea_reactor *r)
{
    uint64_t one = 1;
    if (write(r->stop, &one, sizeof one) < 0)
        ea_log(EA_LOG_ERROR, "cannot stop", EA_F_STR(ERROR, strerror(errno)));
}
