#include "fcgi/core/hub_private.h"

#include "fcgi/core/server.h"
#include "lib/clock.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* What one round does at most before it sends what there is to be sent, however much has been asked for. */
enum { EVENTS_PER_WAIT = 256, COMMANDS_PER_ROUND = 256 };

#define DRAIN_NS (5 * EA_NS_PER_S)

static const char *const cut_labels[EA_CUT__MAX] = {
    [EA_CUT_GONE] = "reason=\"gone\"",       [EA_CUT_SLOW] = "reason=\"slow\"",
    [EA_CUT_SESSION] = "reason=\"session\"", [EA_CUT_AGE] = "reason=\"age\"",
    [EA_CUT_DRAIN] = "reason=\"drain\"",     [EA_CUT_LOG] = "reason=\"log\"",
    [EA_CUT_BLIND] = "reason=\"blind\"",     [EA_CUT_MEMORY] = "reason=\"memory\"",
};

/* ---- the thread ---- */

/* What the follower has read anew: nobody's queue goes on from what was known before. */
static void start_anew(struct ea_hub *h, struct ea_hub_command *c)
{
    ea_hub_restart(h, c->id);
    ea_window_free(&h->window);
    h->window = *c->window;
    free(c->window);
    atomic_store(&h->window_after, h->window.after);
    h->examined = c->id;
    h->era = c->era;
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
        ea_hub_restart(h, ea_hub_lost_up_to(h)); /* from here on events are queued again */
        break;
    case EA_HUB_SNAPSHOT:
        start_anew(h, c);
        break;
    case EA_HUB_EXAMINED:
        h->examined = c->id;
        h->era = c->era;
        break;
    case EA_HUB_TRANSIENT:
        ea_hub_pass_on(h, c);
        ea_recent_clear(&c->event);
        break;
    case EA_HUB_PAGE:
        ea_hub_page(h, c->page);
        break;
    case EA_HUB_SEEN:
        ea_hub_presence_seen(h);
        break;
    case EA_HUB_GATHERED:
        ea_hub_presence_gathered(h);
        break;
    case EA_HUB_SIGHTED:
        ea_hub_presence_sighted(h, c->seen);
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

static void run_commands(struct ea_hub *h)
{
    for (int n = 0; h->todo != NULL && n < COMMANDS_PER_ROUND; n++) {
        struct ea_hub_command *c = h->todo;
        h->todo = c->next; /* before: LOST is queued again once it has run */
        run_command(h, c);
        free_command(h, c);
    }
}

static void on_ready(struct ea_hub *h, struct ea_sub *s, uint32_t events)
{
    /* nginx sends nothing on a connection whose reply is not complete, so anything readable is its end. */
    bool left = (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if (s->poll != NULL)
        ea_sub_answer(h, s, NULL);
    else if (left)
        ea_sub_cut(h, s, EA_CUT_GONE);
    else
        ea_sub_flush(h, s);
}

static int wait_ms(const struct ea_hub *h)
{
    if (h->todo != NULL || h->dirty != NULL)
        return 0;
    int timers = ea_wheel_wait_ms(&h->wheel, ea_clock_mono_ns()), presence = ea_hub_presence_wait_ms(h);
    return presence < 0 || (timers >= 0 && timers < presence) ? timers : presence;
}

void ea_hub_round(struct ea_hub *h)
{
    struct epoll_event ready[EVENTS_PER_WAIT];
    int n = epoll_wait(h->epoll, ready, EVENTS_PER_WAIT, wait_ms(h));
    bool woken = false;
    for (int i = 0; i < n; i++) {
        if (ready[i].data.ptr == h)
            woken = true;
        else
            on_ready(h, ready[i].data.ptr, ready[i].events);
    }
    if (woken && h->todo == NULL)
        h->todo = ea_hub_take_inbox(h);
    run_commands(h);
    ea_sub_run_timers(h);
    ea_hub_check_sight(h);
    ea_hub_presence_run(h);
    ea_sub_flush_all(h);
}

void ea_hub_run(struct ea_hub *h)
{
    while (!h->stopping)
        ea_hub_round(h);
    while (h->subs != NULL)
        if (h->subs->poll != NULL)
            ea_sub_answer(h, h->subs, NULL);
        else
            ea_sub_cut(h, h->subs, EA_CUT_DRAIN);
    while (h->reads > 0) /* what pool threads are reading comes back to a hub */
        ea_hub_round(h);
}

/* ---- life ---- */

int ea_hub_retry_ms(void)
{
    return 500 + (int)randombytes_uniform(2500);
}

static void make_metrics(struct ea_hub *h)
{
    h->streams = ea_metric_gauge("ea_hub_streams", "Open event streams", "");
    h->polls = ea_metric_gauge("ea_hub_polls", "Waiting long polls", "");
    h->events = ea_metric_counter("ea_hub_events_total", "Events taken in", "");
    h->deliveries = ea_metric_counter("ea_hub_deliveries_total", "Events queued to a stream", "");
    h->log_reads = ea_metric_counter("ea_hub_log_reads_total",
                                     "Looks into the stored log on behalf of one client, not of all", "");
    h->topic_loads = ea_metric_counter("ea_hub_topic_loads_total",
                                       "Statements that asked what people may follow, each for many", "");
    h->topics_asked = ea_metric_counter("ea_hub_topics_total", "Times that somebody's topics were asked for",
                                        "from=\"database\"");
    h->topics_kept = ea_metric_counter("ea_hub_topics_total", "Times that somebody's topics were asked for",
                                       "from=\"memory\"");
    h->refused =
        ea_metric_counter("ea_hub_refused_total", "Streams and polls of people who had too many open", "");
    for (size_t i = 0; i < EA_CUT__MAX; i++)
        h->cuts[i] =
            ea_metric_counter("ea_hub_ended_total", "Streams that were ended, by reason", cut_labels[i]);
}

void ea_hub_destroy(struct ea_hub *h)
{
    if (h->epoll >= 0)
        close(h->epoll);
    if (h->wake >= 0)
        close(h->wake);
    ea_frame_unref(h->end);
    ea_frame_unref(h->heartbeat);
    if (h->window.ring != NULL)
        ea_window_free(&h->window);
    ea_hub_presence_free(h);
    ea_topics_free(h->topics);
    ea_seats_free(h->seats);
    ea_kept_free(h->kept);
    ea_slab_free(h->cells);
    pthread_cond_destroy(&h->idle);
    pthread_mutex_destroy(&h->mutex);
    free(h);
}

/* A deadline that no step of the wall clock moves. */
static void init_waiting(struct ea_hub *h)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&h->mutex, NULL);
    pthread_cond_init(&h->idle, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

/* What the hub's thread does by itself. */
static enum ea_err make_loop(struct ea_hub *h)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = h };
    ea_wheel_init(&h->wheel, ea_clock_mono_ns());
    h->epoll = epoll_create1(EPOLL_CLOEXEC);
    h->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return h->epoll >= 0 && h->wake >= 0 && epoll_ctl(h->epoll, EPOLL_CTL_ADD, h->wake, &ev) == 0
               ? EA_OK
               : EA_EUNAVAILABLE;
}

static struct ea_kept *kept_new(const struct ea_server *server)
{
    const struct ea_kept_bounds bounds = {
        .bytes_max = EA_HUB_KEPT_BYTES,
        .idle_ns = EA_HUB_KEPT_IDLE_NS,
        .age_ns = ea_server_cfg(server)->stream_age_s * EA_NS_PER_S,
    };
    return ea_kept_new(&bounds);
}

static enum ea_err make_parts(struct ea_hub *h)
{
    h->topics = ea_topics_new();
    h->seats = ea_seats_new((unsigned)ea_server_cfg(h->server)->streams_per_user);
    h->cells = ea_slab_new(sizeof(struct ea_sub));
    h->kept = kept_new(h->server);
    h->end = ea_frame_end();
    if (h->topics == NULL || h->seats == NULL || h->cells == NULL || h->kept == NULL || h->end == NULL)
        return EA_ENOMEM;
    enum ea_err err = ea_window_init(&h->window, EA_HUB_WINDOW_EVENTS, EA_HUB_WINDOW_BYTES);
    return err == EA_OK ? ea_hub_presence_new(h) : err;
}

enum ea_err ea_hub_make(struct ea_server *server, struct ea_hub **out)
{
    struct ea_hub *h = calloc(1, sizeof(*h));
    if (h == NULL)
        return EA_ENOMEM;
    h->server = server;
    h->inbox_tail = &h->inbox;
    h->drain.type = EA_HUB_DRAIN;
    h->stop.type = EA_HUB_STOP;
    h->lost.type = EA_HUB_LOST;
    ea_id_new(&h->id);
    init_waiting(h);
    ea_hub_feed_init(h);
    ea_hub_topics_init(h);
    make_metrics(h);
    enum ea_err err = make_loop(h);
    if (err == EA_OK)
        err = make_parts(h);
    if (err == EA_OK)
        *out = h;
    else
        ea_hub_destroy(h);
    return err;
}

static void *hub_thread(void *arg)
{
    ea_hub_run(arg);
    return NULL;
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
    struct ea_hub *h;
    enum ea_err err = ea_hub_make(server, &h);
    if (err != EA_OK)
        return err;
    err = start_thread(h);
    if (err == EA_OK)
        *out = h;
    else
        ea_hub_destroy(h);
    return err;
}

void ea_hub_drain(struct ea_hub *h)
{
    const int64_t end = ea_clock_mono_ns() + DRAIN_NS;
    const struct timespec until = { .tv_sec = end / EA_NS_PER_S, .tv_nsec = end % EA_NS_PER_S };
    ea_hub_close_with(h, &h->drain);
    pthread_mutex_lock(&h->mutex);
    while (h->held > 0 && pthread_cond_timedwait(&h->idle, &h->mutex, &until) != ETIMEDOUT) {
    }
    pthread_mutex_unlock(&h->mutex);
}

void ea_hub_free(struct ea_hub *h)
{
    if (h == NULL)
        return;
    ea_hub_close_with(h, &h->stop);
    pthread_join(h->thread, NULL);
    ea_hub_destroy(h);
}
