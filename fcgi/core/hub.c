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
    [EA_CUT_DRAIN] = "reason=\"drain\"",     [EA_CUT_LOG] = "reason=\"log\"",
    [EA_CUT_MEMORY] = "reason=\"memory\"",
};

/* ---- the thread ---- */

/* From here on events are queued again. */
static int64_t lost_up_to(struct ea_hub *h)
{
    pthread_mutex_lock(&h->mutex);
    int64_t id = h->lost.id;
    h->lost_queued = false;
    pthread_mutex_unlock(&h->mutex);
    return id;
}

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
        ea_hub_restart(h, lost_up_to(h));
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
    case EA_HUB_PAGE:
        ea_hub_page(h, c->page);
        break;
    case EA_HUB_DRAIN:
        ea_hub_end_all(h);
        break;
    case EA_HUB_STOP:
        h->stopping = true;
        break;
    }
}

static void free_command(struct ea_hub *h, struct ea_hub_command *c)
{
    if (c != &h->drain && c != &h->stop && c != &h->lost)
        free(c);
}

static struct ea_hub_command *take_inbox(struct ea_hub *h)
{
    pthread_mutex_lock(&h->mutex);
    struct ea_hub_command *list = h->inbox;
    h->inbox = NULL;
    h->inbox_tail = &h->inbox;
    pthread_mutex_unlock(&h->mutex);
    return list;
}

static void run_inbox(struct ea_hub *h)
{
    uint64_t ignored;
    (void)!read(h->wake, &ignored, sizeof(ignored));
    for (struct ea_hub_command *next, *c = take_inbox(h); c != NULL; c = next) {
        next = c->next; /* before: LOST is queued again once it has run */
        run_command(h, c);
        free_command(h, c);
    }
}

static void on_ready(struct ea_hub *h, struct ea_sub *s, uint32_t events)
{
    /* nginx sends nothing on a connection whose reply is not complete, so anything readable is its end. */
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        ea_sub_cut(h, s, EA_CUT_GONE);
    else
        ea_sub_flush(h, s);
}

/* One round: what is ready, what others asked for, what is due, then one send per stream that has something to say. */
static void run_round(struct ea_hub *h)
{
    struct epoll_event ready[EVENTS_PER_WAIT];
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

static void *hub_thread(void *arg)
{
    struct ea_hub *h = arg;
    while (!h->stopping)
        run_round(h);
    while (h->subs != NULL)
        if (h->subs->poll != NULL)
            ea_sub_answer(h, h->subs, NULL);
        else
            ea_sub_cut(h, h->subs, EA_CUT_DRAIN);
    while (h->reads > 0) /* what pool threads are reading comes back to a hub */
        run_round(h);
    return NULL;
}

/* ---- from other threads ---- */

static bool put_locked(struct ea_hub *h, struct ea_hub_command *c)
{
    bool first = h->inbox == NULL;
    c->next = NULL;
    *h->inbox_tail = c;
    h->inbox_tail = &c->next;
    return first;
}

static void wake(struct ea_hub *h)
{
    const uint64_t one = 1;
    (void)!write(h->wake, &one, sizeof(one));
}

void ea_hub_put(struct ea_hub *h, struct ea_hub_command *c)
{
    pthread_mutex_lock(&h->mutex);
    bool first = put_locked(h, c);
    pthread_mutex_unlock(&h->mutex);
    if (first)
        wake(h);
}

static struct ea_hub_command *command_new(enum ea_hub_do type)
{
    struct ea_hub_command *c = calloc(1, sizeof(*c));
    if (c != NULL)
        c->type = type;
    return c;
}

static enum ea_err put_id(struct ea_hub *h, enum ea_hub_do type, int64_t id)
{
    struct ea_hub_command *c = command_new(type);
    if (c == NULL)
        return EA_ENOMEM;
    c->id = id;
    ea_hub_put(h, c);
    return EA_OK;
}

static struct ea_hub_command *event_command(const struct ea_event *ev)
{
    struct ea_hub_command *c = command_new(EA_HUB_EVENT);
    if (c != NULL && ea_recent_make(&c->event, ev) == EA_OK)
        return c;
    free(c);
    return NULL;
}

/* While LOST is in the inbox, what comes is lost too: it would run ahead of what is missing. */
static bool put_event(struct ea_hub *h, struct ea_hub_command *c, int64_t id)
{
    pthread_mutex_lock(&h->mutex);
    bool queued = c != NULL && !h->lost_queued, first = false;
    if (queued)
        first = put_locked(h, c);
    else if (!h->lost_queued)
        first = put_locked(h, &h->lost);
    if (!queued) {
        h->lost_queued = true;
        h->lost.id = id;
    }
    pthread_mutex_unlock(&h->mutex);
    if (first)
        wake(h);
    return queued;
}

void ea_hub_event(struct ea_hub *h, const struct ea_event *ev)
{
    if (ev->topic == NULL || strcmp(ev->topic, "sys") == 0)
        return;
    struct ea_hub_command *c = event_command(ev);
    if (put_event(h, c, ev->id))
        return;
    ea_log(EA_LOG_ERROR, "no memory for an event: the streams start anew", EA_F_INT(EVENT_ID, ev->id));
    if (c != NULL)
        ea_recent_clear(&c->event);
    free(c);
}

void ea_hub_examined(struct ea_hub *h, int64_t newest_id)
{
    /* In this order: a subscriber that reads `newest` is queued behind the events it stands for. */
    if (atomic_exchange(&h->newest, newest_id) == newest_id)
        return;
    enum ea_err err = put_id(h, EA_HUB_EXAMINED, newest_id);
    (void)err; /* heartbeats carry it a little later, then */
}

enum ea_err ea_hub_snapshot(struct ea_hub *h, int64_t newest_id)
{
    enum ea_err err = put_id(h, EA_HUB_SNAPSHOT, newest_id);
    if (err == EA_OK)
        atomic_store(&h->newest, newest_id);
    return err;
}

void ea_hub_transient(struct ea_hub *h, const char *topic, const char *kind, const char *data_json,
                      const char *except)
{
    const struct ea_event ev = { .id = 0, .topic = topic, .kind = kind, .payload = data_json, .at = "" };
    struct ea_hub_command *c = event_command(&ev);
    if (c == NULL)
        return; /* nobody's loss: it was not to be kept */
    c->type = EA_HUB_TRANSIENT;
    if (except != NULL)
        memcpy(c->except.s, except, strnlen(except, EA_ID_LEN));
    ea_hub_put(h, c);
}

bool ea_hub_closed(struct ea_hub *h)
{
    pthread_mutex_lock(&h->mutex);
    bool closed = h->closed;
    pthread_mutex_unlock(&h->mutex);
    return closed;
}

enum ea_err ea_hub_subscribe(struct ea_hub *h, struct ea_sub *s)
{
    struct ea_hub_command *c = command_new(EA_HUB_SUBSCRIBE);
    if (c == NULL)
        return EA_ENOMEM;
    c->sub = s;
    pthread_mutex_lock(&h->mutex);
    bool closed = h->closed, first = false;
    if (!closed) {
        h->held++;
        first = put_locked(h, c); /* in one go with `closed`: DRAIN and STOP come after it */
    }
    pthread_mutex_unlock(&h->mutex);
    if (first)
        wake(h);
    if (closed)
        free(c);
    return closed ? EA_EOVERLOAD : EA_OK;
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
    h->pages =
        ea_metric_counter("ea_hub_pages_total", "Pages of the log read for streams that were behind", "");
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
    h->drain.type = EA_HUB_DRAIN;
    h->stop.type = EA_HUB_STOP;
    h->lost.type = EA_HUB_LOST;
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

/* Nobody joins behind `last`. */
static void close_with(struct ea_hub *h, struct ea_hub_command *last)
{
    pthread_mutex_lock(&h->mutex);
    h->closed = true;
    bool first = put_locked(h, last);
    pthread_mutex_unlock(&h->mutex);
    if (first)
        wake(h);
}

void ea_hub_drain(struct ea_hub *h)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DRAIN_MS / 1000;
    close_with(h, &h->drain);
    pthread_mutex_lock(&h->mutex);
    while (h->held > 0 && pthread_cond_timedwait(&h->idle, &h->mutex, &until) != ETIMEDOUT) {
    }
    pthread_mutex_unlock(&h->mutex);
}

void ea_hub_free(struct ea_hub *h)
{
    if (h == NULL)
        return;
    close_with(h, &h->stop);
    pthread_join(h->thread, NULL);
    hub_destroy(h);
}
