#include "fcgi/core/idle.h"

#include "fcgi/core/conn.h"
#include "lib/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { TAKEN_AT_ONCE = 64, LOCKS = 16 };

struct ea_idle {
    int epoll, wake; /* wake: an eventfd among the connections */
    int call;        /* an eventfd for the reactor */
    atomic_size_t waiting;
    atomic_bool dozing; /* the reactor */
    atomic_bool woken;  /* a wake is on its way; who swallows it looks for work afterwards */
    /* Giving a connection up must happen before its being taken, also where C looks for an order and epoll shows none: who gives it up holds the connection's lock
     * until epoll_ctl has returned, who takes it passes through that lock. The locks are not in the connections, which the taker may free. */
    pthread_mutex_t locks[LOCKS];
};

enum ea_err ea_idle_new(struct ea_idle **out)
{
    struct ea_idle *i = calloc(1, sizeof *i);
    *out = NULL;
    if (i == NULL)
        return EA_ENOMEM;
    for (size_t k = 0; k < LOCKS; k++)
        pthread_mutex_init(&i->locks[k], NULL);
    i->epoll = epoll_create1(EPOLL_CLOEXEC);
    i->wake = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
    i->call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = NULL };
    if (i->epoll >= 0 && i->wake >= 0 && i->call >= 0 &&
        epoll_ctl(i->epoll, EPOLL_CTL_ADD, i->wake, &ev) == 0) {
        *out = i;
        return EA_OK;
    }
    ea_idle_free(i);
    return EA_EUNAVAILABLE;
}

void ea_idle_free(struct ea_idle *i)
{
    if (i == NULL)
        return;
    const int fds[] = { i->epoll, i->wake, i->call };
    for (size_t k = 0; k < sizeof fds / sizeof *fds; k++)
        if (fds[k] >= 0)
            close(fds[k]);
    for (size_t k = 0; k < LOCKS; k++)
        pthread_mutex_destroy(&i->locks[k]);
    free(i);
}

static pthread_mutex_t *lock_of(struct ea_idle *i, const struct ea_conn *c)
{
    return &i->locks[((uintptr_t)c >> 6) % LOCKS];
}

enum ea_err ea_idle_watch(struct ea_idle *i, struct ea_conn *c, bool first)
{
    struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.ptr = c };
    pthread_mutex_t *lock = lock_of(i, c);
    pthread_mutex_lock(lock);
    int rc = epoll_ctl(i->epoll, first ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, c->fd, &ev);
    pthread_mutex_unlock(lock);
    return rc == 0 ? EA_OK : EA_EUNAVAILABLE;
}

static struct ea_conn *took(struct ea_idle *i, struct ea_conn *c, int64_t now)
{
    pthread_mutex_t *lock = lock_of(i, c);
    pthread_mutex_lock(lock);
    pthread_mutex_unlock(lock);
    c->received_ns = now;
    return c;
}

void ea_idle_forget(struct ea_idle *i, const struct ea_conn *c)
{
    epoll_ctl(i->epoll, EPOLL_CTL_DEL, c->fd, NULL);
}

static void swallow_wake(struct ea_idle *i)
{
    uint64_t one;
    (void)!read(i->wake, &one, sizeof one); /* another thread may have been faster */
    atomic_store(&i->woken, false);
}

struct ea_conn *ea_idle_wait(struct ea_idle *i, bool (*more)(void *arg), void *arg)
{
    struct epoll_event ev;
    int n = 0;
    atomic_fetch_add(&i->waiting, 1);
    if (!more(arg))
        n = epoll_wait(i->epoll, &ev, 1, -1);
    if (atomic_fetch_sub(&i->waiting, 1) == 1 && atomic_load(&i->dozing) &&
        atomic_exchange(&i->dozing, false))
        ea_idle_call(i);
    if (n <= 0)
        return NULL;
    if (ev.data.ptr != NULL)
        return took(i, ev.data.ptr, ea_clock_mono_ns());
    swallow_wake(i);
    return NULL;
}

void ea_idle_wake(struct ea_idle *i)
{
    const uint64_t one = 1;
    if (atomic_load(&i->waiting) > 0 && !atomic_exchange(&i->woken, true))
        (void)!write(i->wake, &one, sizeof one);
}

void ea_idle_wake_all(struct ea_idle *i)
{
    const uint64_t many = UINT32_MAX;
    (void)!write(i->wake, &many, sizeof many);
}

bool ea_idle_all_busy(const struct ea_idle *i)
{
    return atomic_load_explicit(&i->waiting, memory_order_relaxed) == 0;
}

size_t ea_idle_take(struct ea_idle *i, struct ea_conn **out, size_t n)
{
    struct epoll_event ev[TAKEN_AT_ONCE];
    int found = epoll_wait(i->epoll, ev, n < TAKEN_AT_ONCE ? (int)n : TAKEN_AT_ONCE, 0);
    int64_t now = ea_clock_mono_ns();
    size_t taken = 0;
    for (int k = 0; k < found; k++)
        if (ev[k].data.ptr != NULL) /* a wake is the threads' own */
            out[taken++] = took(i, ev[k].data.ptr, now);
    return taken;
}

int ea_idle_call_fd(const struct ea_idle *i)
{
    return i->call;
}

void ea_idle_call(struct ea_idle *i)
{
    const uint64_t one = 1;
    (void)!write(i->call, &one, sizeof one);
}

bool ea_idle_doze(struct ea_idle *i)
{
    atomic_store(&i->dozing, true);
    if (atomic_load(&i->waiting) > 0)
        return true;
    atomic_store(&i->dozing, false);
    return false;
}
