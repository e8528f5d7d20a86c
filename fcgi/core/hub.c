#include "fcgi/core/hub_private.h"

#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { WINDOW_EVENTS = 16384, WINDOW_BYTES = 16 * 1024 * 1024, EVENTS_PER_WAIT = 256, DRAIN_MS = 5000 };

static const char *const cut_labels[EA_CUT__MAX] = {
    [EA_CUT_GONE] = "reason=\"gone\"",       [EA_CUT_SLOW] = "reason=\"slow\"",
    [EA_CUT_SESSION] = "reason=\"session\"", [EA_CUT_AGE] = "reason=\"age\"",
    [EA_CUT_DRAIN] = "reason=\"drain\"",     [EA_CUT_WINDOW] = "reason=\"window\"",
    [EA_CUT_MEMORY] = "reason=\"memory\"",
};

/* ---- the thread ---- */

static void run_command(struct ea_hub *h, struct ea_hub_command *c)
{
    switch (c->type) {
    case EA_HUB_SUBSCRIBE:
        ea_hub_join(h, c->sub);
        break;
    case EA_HUB_EVENT:
        ea_hub_take(h, &c->event);
        break;
    case EA_HUB_LOST:
        ea_hub_restart(h, c->id);
        break;
    case EA_HUB_SNAPSHOT:
        if (c->id != h->examined)
            ea_hub_restart(h, c->id);
        h->examined = c->id;
        break;
    case EA_HUB_EXAMINED:
        h->examined = c->id;
        break;
    case EA_HUB_TRANSIENT:
        ea_hub_pass_on(h, c);
        ea_recent_clear(&c->event);
        break;
    case EA_HUB_DRAIN:
        ea_hub_end_all(h);
        break;
    case EA_HUB_STOP:
        h->stopping = true;
        break;
    }
}

static void run_inbox(struct ea_hub *h)
{
    uint64_t ignored;
    (void)!read(h->wake, &ignored, sizeof(ignored));
    pthread_mutex_lock(&h->mutex);
    struct ea_hub_command *list = h->inbox;
    h->inbox = NULL;
    h->inbox_tail = &h->inbox;
    pthread_mutex_unlock(&h->mutex);
    while (list != NULL) {
        struct ea_hub_command *c = list;
        list = c->next;
        run_command(h, c);
        free(c);
    }
}

static void on_ready(struct ea_hub *h, struct ea_sub *s, uint32_t events)
{
    /* nginx sends nothing on a connection whose reply is not complete, so anything readable is its end. */
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 &&
        !(s->ending && ea_outbox_empty(&s->out)))
        ea_sub_cut(h, s, EA_CUT_GONE);
    else if ((events & EPOLLOUT) != 0)
        ea_sub_flush(h, s);
}

/* One round: what is ready, what others asked for, what is due, then one send per stream that has something to say. */
static void *hub_thread(void *arg)
{
    struct ea_hub *h = arg;
    struct epoll_event ready[EVENTS_PER_WAIT];
    while (!h->stopping) {
        int n = epoll_wait(h->epoll, ready, EVENTS_PER_WAIT, ea_wheel_wait_ms(&h->wheel, ea_clock_mono_ns()));
        bool woken = false;
        for (int i = 0; i < n; i++) {
            if (ready[i].data.ptr == h)
                woken = true;
            else
                on_ready(h, ready[i].data.ptr, ready[i].events);
        }
        if (woken)
            run_inbox(h);
        ea_sub_run_timers(h);
        ea_sub_flush_all(h);
    }
    while (h->subs != NULL)
        if (h->subs->poll != NULL)
            ea_sub_answer(h, h->subs, ea_sub_answered);
        else
            ea_sub_cut(h, h->subs, EA_CUT_DRAIN);
    return NULL;
}

/* ---- from other threads ---- */

static void put(struct ea_hub *h, struct ea_hub_command *c)
{
    const uint64_t one = 1;
    pthread_mutex_lock(&h->mutex);
    bool first = h->inbox == NULL;
    c->next = NULL;
    *h->inbox_tail = c;
    h->inbox_tail = &c->next;
    pthread_mutex_unlock(&h->mutex);
    if (first)
        (void)!write(h->wake, &one, sizeof(one));
}

static struct ea_hub_command *command_new(int type)
{
    struct ea_hub_command *c = calloc(1, sizeof(*c));
    if (c != NULL)
        c->type = (unsigned)type;
    return c;
}

static void put_id(struct ea_hub *h, int type, int64_t id)
{
    struct ea_hub_command *c = command_new(type);
    if (c == NULL) {
        ea_log(EA_LOG_ERROR, "no memory to tell the hub", EA_F_INT(EVENT_ID, id));
        return;
    }
    c->id = id;
    put(h, c);
}

void ea_hub_event(struct ea_hub *h, const struct ea_event *ev)
{
    if (ev->topic == NULL || strcmp(ev->topic, "sys") == 0)
        return;
    struct ea_hub_command *c = command_new(EA_HUB_EVENT);
    if (c != NULL && ea_recent_make(&c->event, ev) == EA_OK) {
        put(h, c);
        return;
    }
    free(c);
    put_id(h, EA_HUB_LOST, ev->id);
}

void ea_hub_examined(struct ea_hub *h, int64_t newest_id)
{
    /* In this order: a subscriber that reads `newest` is queued behind the events it stands for. */
    if (atomic_exchange(&h->newest, newest_id) != newest_id)
        put_id(h, EA_HUB_EXAMINED, newest_id);
}

void ea_hub_snapshot(struct ea_hub *h, int64_t newest_id)
{
    put_id(h, EA_HUB_SNAPSHOT, newest_id);
    atomic_store(&h->newest, newest_id);
}

void ea_hub_transient(struct ea_hub *h, const char *topic, const char *kind, const char *data_json,
                      const char *except)
{
    struct ea_hub_command *c = command_new(EA_HUB_TRANSIENT);
    struct ea_event ev = { .id = 0, .topic = topic, .kind = kind, .payload = data_json, .at = "" };
    if (c == NULL || ea_recent_make(&c->event, &ev) != EA_OK) {
        free(c); /* nobody's loss: it was not to be kept */
        return;
    }
    if (except != NULL)
        memcpy(c->except.s, except, strnlen(except, EA_ID_LEN));
    put(h, c);
}

enum ea_err ea_hub_subscribe(struct ea_hub *h, struct ea_sub *s)
{
    struct ea_hub_command *c = command_new(EA_HUB_SUBSCRIBE);
    if (c == NULL)
        return EA_ENOMEM;
    c->sub = s;
    pthread_mutex_lock(&h->mutex);
    bool closed = h->closed;
    if (!closed)
        h->held++;
    pthread_mutex_unlock(&h->mutex);
    if (closed) {
        free(c);
        return EA_EOVERLOAD;
    }
    put(h, c);
    return EA_OK;
}

int64_t ea_hub_newest(const struct ea_hub *h)
{
    return atomic_load(&h->newest);
}

int64_t ea_hub_window_after(const struct ea_hub *h)
{
    return atomic_load(&h->window_after);
}

int ea_hub_retry_ms(void)
{
    return 500 + (int)randombytes_uniform(2500);
}

/* ---- life ---- */

static void make_metrics(struct ea_hub *h)
{
    h->streams = ea_metric_gauge("ea_hub_streams", "Open event streams", "");
    h->polls = ea_metric_gauge("ea_hub_polls", "Waiting long polls", "");
    h->events = ea_metric_counter("ea_hub_events_total", "Events taken in", "");
    h->deliveries = ea_metric_counter("ea_hub_deliveries_total", "Events queued to a stream", "");
    for (size_t i = 0; i < EA_CUT__MAX; i++)
        h->cuts[i] =
            ea_metric_counter("ea_hub_ended_total", "Streams that were ended, by reason", cut_labels[i]);
}

static void hub_destroy(struct ea_hub *h)
{
    if (h->epoll >= 0)
        close(h->epoll);
    if (h->wake >= 0)
        close(h->wake);
    ea_frame_unref(h->end);
    ea_frame_unref(h->heartbeat);
    if (h->window.ring != NULL)
        ea_window_free(&h->window);
    ea_topics_free(h->topics);
    pthread_cond_destroy(&h->idle);
    pthread_mutex_destroy(&h->mutex);
    free(h);
}

static enum ea_err start_thread(struct ea_hub *h)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&h->thread, NULL, hub_thread, h);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0 ? EA_OK : EA_EINTERNAL;
}

enum ea_err ea_hub_new(struct ea_server *server, struct ea_hub **out)
{
    struct ea_hub *h = calloc(1, sizeof(*h));
    if (h == NULL)
        return EA_ENOMEM;
    enum ea_err err = EA_ENOMEM;
    pthread_mutex_init(&h->mutex, NULL);
    pthread_cond_init(&h->idle, NULL);
    h->server = server;
    h->inbox_tail = &h->inbox;
    h->epoll = epoll_create1(EPOLL_CLOEXEC);
    h->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    h->topics = ea_topics_new();
    h->end = ea_frame_end();
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = h };
    make_metrics(h);
    ea_wheel_init(&h->wheel, ea_clock_mono_ns());
    if (h->epoll < 0 || h->wake < 0 || h->topics == NULL || h->end == NULL ||
        epoll_ctl(h->epoll, EPOLL_CTL_ADD, h->wake, &ev) != 0 ||
        (err = ea_window_init(&h->window, WINDOW_EVENTS, WINDOW_BYTES)) != EA_OK ||
        (err = start_thread(h)) != EA_OK) {
        hub_destroy(h);
        return err;
    }
    *out = h;
    return EA_OK;
}

void ea_hub_drain(struct ea_hub *h)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DRAIN_MS / 1000;
    pthread_mutex_lock(&h->mutex);
    h->closed = true;
    pthread_mutex_unlock(&h->mutex);
    put_id(h, EA_HUB_DRAIN, 0);
    pthread_mutex_lock(&h->mutex);
    while (h->held > 0 && pthread_cond_timedwait(&h->idle, &h->mutex, &until) != ETIMEDOUT) {
    }
    pthread_mutex_unlock(&h->mutex);
}

void ea_hub_free(struct ea_hub *h)
{
    if (h == NULL)
        return;
    put_id(h, EA_HUB_STOP, 0);
    pthread_join(h->thread, NULL);
    hub_destroy(h);
}
