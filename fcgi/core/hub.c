#include "fcgi/core/hub_private.h"

#include "fcgi/core/conn.h"
#include "fcgi/core/window.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/metrics.h"

#include <errno.h>
#include <json-c/json.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WINDOW_EVENTS = 16384, WINDOW_BYTES = 16 * 1024 * 1024, EVENTS_PER_WAIT = 256, DRAIN_MS = 5000 };

/* What other threads ask of the hub's. */
struct command {
    struct command *next;
    enum { SUBSCRIBE, EVENT, LOST, EXAMINED, SNAPSHOT, TRANSIENT, DRAIN, STOP } type;
    struct ea_sub *sub;     /* SUBSCRIBE */
    struct ea_recent event; /* EVENT; TRANSIENT: topic and frame */
    int64_t id;             /* LOST, EXAMINED, SNAPSHOT */
    struct ea_id except;    /* TRANSIENT */
};

enum cut { CUT_GONE, CUT_SLOW, CUT_SESSION, CUT_AGE, CUT_DRAIN, CUT_WINDOW, CUT_MEMORY, CUT__MAX };
static const char *const cut_labels[CUT__MAX] = {
    [CUT_GONE] = "reason=\"gone\"",       [CUT_SLOW] = "reason=\"slow\"",
    [CUT_SESSION] = "reason=\"session\"", [CUT_AGE] = "reason=\"age\"",
    [CUT_DRAIN] = "reason=\"drain\"",     [CUT_WINDOW] = "reason=\"window\"",
    [CUT_MEMORY] = "reason=\"memory\"",
};

struct ea_hub {
    struct ea_server *server;
    pthread_t thread;
    int epoll, wake;
    pthread_mutex_t mutex; /* inbox, its tail, closed */
    pthread_cond_t idle;   /* the last subscriber is gone */
    struct command *inbox, **inbox_tail;
    bool closed; /* takes no new subscribers */
    size_t held; /* subscribers accepted and not yet gone */
    _Atomic int64_t newest, window_after;

    /* the hub thread's own */
    struct ea_topics *topics;
    struct ea_window window;
    struct ea_wheel wheel;
    struct ea_sub *subs, *dirty;
    struct ea_frame *heartbeat, *end;
    int64_t heartbeat_id;
    int64_t examined; /* `newest`, once every event up to it has gone through the inbox */
    bool stopping;
    struct ea_metric *streams, *polls, *events, *deliveries, *cuts[CUT__MAX];
};

/* ---- subscribers ---- */

struct ea_sub *ea_sub_new(const struct ea_req *r, const struct ea_hub_ask *ask, int64_t cursor)
{
    struct ea_sub *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    s->fd = -1;
    s->user = r->caller.claims.user;
    s->session = r->caller.claims.session;
    s->cursor = cursor;
    s->topics_at = ask->topics_at;
    s->limit = ask->limit;
    s->topics = calloc(ask->topics_n + 1, sizeof(*s->topics));
    for (size_t i = 0; s->topics != NULL && i < ask->topics_n; i++, s->topics_n++)
        if ((s->topics[i] = strdup(ask->topics[i])) == NULL)
            break;
    if (s->topics == NULL || s->topics_n < ask->topics_n) {
        ea_sub_free(s);
        return NULL;
    }
    return s;
}

static void free_topics(struct ea_sub *s)
{
    for (size_t i = 0; i < s->topics_n; i++)
        free((void *)(uintptr_t)s->topics[i]);
    free(s->topics);
    s->topics = NULL;
    s->topics_n = 0;
}

void ea_sub_free(struct ea_sub *s)
{
    if (s == NULL)
        return;
    free_topics(s);
    ea_outbox_free(&s->out);
    free(s);
}

static void mark_dirty(struct ea_hub *h, struct ea_sub *s)
{
    if (s->dirty)
        return;
    s->dirty = true;
    s->next_dirty = h->dirty;
    h->dirty = s;
}

/* Out of every list; the caller still holds it. */
static void unlink_sub(struct ea_hub *h, struct ea_sub *s)
{
    ea_topics_remove_all(h->topics, &s->listens);
    ea_wheel_cancel(&h->wheel, &s->timer);
    for (struct ea_sub **p = &h->dirty; s->dirty && *p != NULL; p = &(*p)->next_dirty)
        if (*p == s) {
            *p = s->next_dirty;
            break;
        }
    *s->link = s->next;
    if (s->next != NULL)
        s->next->link = s->link;
}

static void forget_sub(struct ea_hub *h, struct ea_sub *s)
{
    ea_metric_add(s->poll == NULL ? h->streams : h->polls, -1);
    ea_sub_free(s);
    pthread_mutex_lock(&h->mutex);
    if (--h->held == 0)
        pthread_cond_broadcast(&h->idle);
    pthread_mutex_unlock(&h->mutex);
}

/* The stream is over; a connection that was ended in good form goes back to the reactor when nginx keeps it. */
static void close_stream(struct ea_hub *h, struct ea_sub *s, bool complete)
{
    unlink_sub(h, s);
    (void)epoll_ctl(h->epoll, EPOLL_CTL_DEL, s->fd, NULL);
    ea_conn_give_back(h->server, s->fd, complete && s->keep);
    forget_sub(h, s);
}

static void cut(struct ea_hub *h, struct ea_sub *s, enum cut why)
{
    ea_metric_add(h->cuts[why], 1);
    close_stream(h, s, false);
}

/* ---- polls ---- */

void ea_poll_event(struct ea_jw *w, int64_t id, const char *kind, const char *at, const char *payload)
{
    ea_jw_obj(w);
    ea_jw_kint(w, "id", id);
    ea_jw_kstr(w, "kind", kind);
    ea_jw_kstr(w, "at", at);
    ea_jw_kraw(w, "data", payload);
    ea_jw_end(w);
}

static enum ea_err poll_answered(struct ea_req *r)
{
    (void)r;
    return EA_OK;
}

static enum ea_err poll_session_closed(struct ea_req *r)
{
    return ea_fail(r, EA_EUNAUTHORIZED, "The session was closed.");
}

static bool concerns(const struct ea_sub *s, const struct ea_recent *e)
{
    return !e->internal && e->id > s->cursor && ea_topics_has(s->listens, e->topic);
}

/* Writes the answer into the request, which this thread owns while it is parked, and lets a pool thread send it. */
static void finish_poll(struct ea_hub *h, struct ea_sub *s, ea_handler *fn)
{
    struct ea_req *r = s->poll;
    struct ea_jw *w = &r->resp.json;
    int64_t cursor = s->cursor > h->examined ? s->cursor : h->examined, n = 0;
    ea_jw_obj(w);
    ea_jw_key(w, "events");
    ea_jw_arr(w);
    for (size_t i = ea_window_find(&h->window, s->cursor); i < h->window.count; i++) {
        const struct ea_recent *e = ea_window_at(&h->window, i);
        if (n == s->limit) {
            cursor = s->cursor;
            break;
        }
        if (!concerns(s, e))
            continue;
        ea_poll_event(w, e->id, e->kind, e->at, e->payload);
        s->cursor = e->id;
        n++;
    }
    ea_jw_end(w);
    ea_jw_kint(w, "cursor", cursor);
    ea_jw_end(w);
    unlink_sub(h, s);
    forget_sub(h, s);
    ea_req_resume(r, fn);
}

/* ---- streams ---- */

static void set_timer(struct ea_hub *h, struct ea_sub *s)
{
    int64_t due = s->end_ns;
    if (s->poll == NULL && s->heartbeat_ns < due)
        due = s->heartbeat_ns;
    ea_wheel_set(&h->wheel, &s->timer, due);
}

/* False: the subscriber is gone. */
static bool enqueue(struct ea_hub *h, struct ea_sub *s, struct ea_frame *f)
{
    enum ea_err err = f == NULL ? EA_ENOMEM : ea_outbox_add(&s->out, f);
    if (err != EA_OK) {
        cut(h, s, err == EA_EOVERLOAD ? CUT_SLOW : CUT_MEMORY);
        return false;
    }
    mark_dirty(h, s);
    return true;
}

static void end_stream(struct ea_hub *h, struct ea_sub *s, enum cut why)
{
    if (s->ending)
        return;
    struct ea_frame *last =
        ea_frame_printf("retry: %d\nid: %lld\n\n", ea_hub_retry_ms(), (long long)s->cursor);
    bool there = enqueue(h, s, last);
    ea_frame_unref(last);
    if (!there || !enqueue(h, s, h->end))
        return;
    s->ending = true;
    ea_metric_add(h->cuts[why], 1);
    s->end_ns = s->heartbeat_ns =
        ea_clock_mono_ns() + EA_HUB_HEARTBEAT_NS; /* to take what is left; then it is slow */
    set_timer(h, s);
}

static void want_writable(struct ea_hub *h, struct ea_sub *s, bool on)
{
    if (s->writable_wait == on)
        return;
    struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP | (on ? EPOLLOUT : 0u), .data.ptr = s };
    s->writable_wait = on;
    (void)epoll_ctl(h->epoll, EPOLL_CTL_MOD, s->fd, &ev);
}

static void flush_stream(struct ea_hub *h, struct ea_sub *s)
{
    if (ea_outbox_send(&s->out, s->fd) != EA_OK)
        cut(h, s, CUT_GONE);
    else if (!ea_outbox_empty(&s->out))
        want_writable(h, s, true);
    else if (s->ending)
        close_stream(h, s, true);
    else
        want_writable(h, s, false);
}

static void flush_dirty(struct ea_hub *h)
{
    while (h->dirty != NULL) {
        struct ea_sub *s = h->dirty;
        h->dirty = s->next_dirty;
        s->dirty = false;
        if (s->poll != NULL)
            finish_poll(h, s, poll_answered);
        else
            flush_stream(h, s);
    }
}

static void beat(struct ea_hub *h, struct ea_sub *s, int64_t now)
{
    int64_t id = h->examined;
    if (h->heartbeat == NULL || h->heartbeat_id != id) {
        ea_frame_unref(h->heartbeat);
        h->heartbeat = ea_frame_printf(":\nid: %lld\n\n", (long long)id);
        h->heartbeat_id = id;
    }
    if (s->cursor < id)
        s->cursor = id;
    s->heartbeat_ns = now + EA_HUB_HEARTBEAT_NS;
    set_timer(h, s);
    (void)enqueue(h, s, h->heartbeat);
}

static void run_timers(struct ea_hub *h)
{
    int64_t now = ea_clock_mono_ns();
    for (struct ea_timer *t; (t = ea_wheel_due(&h->wheel, now)) != NULL;) {
        struct ea_sub *s = (struct ea_sub *)t;
        if (s->poll != NULL)
            finish_poll(h, s, poll_answered);
        else if (s->ending)
            cut(h, s, CUT_SLOW);
        else if (now >= s->end_ns)
            end_stream(h, s, CUT_AGE);
        else
            beat(h, s, now);
    }
}

/* ---- events ---- */

static void change_topics(struct ea_hub *h, struct ea_sub *s, struct json_object *payload, const char *member)
{
    struct json_object *list;
    bool add = strcmp(member, "add") == 0;
    if (!json_object_object_get_ex(payload, member, &list) || !json_object_is_type(list, json_type_array))
        return;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        const char *topic = json_object_get_string(json_object_array_get_idx(list, i));
        if (topic == NULL)
            continue;
        if (!add)
            ea_topics_remove(h->topics, topic, &s->listens);
        else if (ea_topics_add(h->topics, topic, s, &s->listens) != EA_OK)
            ea_log0(EA_LOG_ERROR, "no memory for a subscription");
    }
}

static bool is_session(struct json_object *payload, const struct ea_sub *s)
{
    struct json_object *id;
    return json_object_object_get_ex(payload, "session_id", &id) &&
           strcmp(json_object_get_string(id), s->session.s) == 0;
}

static void end_session(struct ea_hub *h, struct ea_sub *s)
{
    if (s->poll != NULL)
        finish_poll(h, s, poll_session_closed);
    else
        end_stream(h, s, CUT_SESSION);
}

/* False: s is gone or ending. */
static bool apply_payload(struct ea_hub *h, struct ea_sub *s, const struct ea_recent *e,
                          struct json_object *payload)
{
    if (strcmp(e->kind, "membership.changed") == 0) {
        change_topics(h, s, payload, "remove");
        change_topics(h, s, payload, "add");
    } else if (strcmp(e->kind, "session.revoked") == 0 && is_session(payload, s)) {
        end_session(h, s);
        return false;
    }
    return true;
}

static struct json_object *payload_of(const struct ea_recent *e)
{
    struct json_object *o = NULL;
    size_t where;
    const char *why;
    return ea_json_parse(e->payload, strlen(e->payload), &o, &where, &why) == EA_OK ? o : NULL;
}

static bool apply_internal(struct ea_hub *h, struct ea_sub *s, const struct ea_recent *e)
{
    struct json_object *payload = payload_of(e);
    bool stays = payload == NULL || apply_payload(h, s, e, payload);
    json_object_put(payload);
    return stays;
}

/* Subscribers may leave the topic's list while it is walked: their own change ends the walk at the next, taken before. */
static void deliver(struct ea_hub *h, const struct ea_recent *e)
{
    struct json_object *payload = e->internal ? payload_of(e) : NULL;
    struct ea_listen *next;
    for (struct ea_listen *l = ea_topics_first(h->topics, e->topic); l != NULL; l = next) {
        struct ea_sub *s = l->subscriber;
        next = l->next_of_topic;
        if (e->internal) {
            if (payload != NULL)
                (void)apply_payload(h, s, e, payload);
        } else if (s->poll != NULL) {
            mark_dirty(h, s);
        } else if (e->id > s->cursor && !s->ending) {
            s->cursor = e->id;
            if (enqueue(h, s, e->frame))
                ea_metric_add(h->deliveries, 1);
        }
    }
    json_object_put(payload);
}

static void on_event(struct ea_hub *h, const struct ea_recent *made)
{
    ea_metric_add(h->events, 1);
    const struct ea_recent *e = ea_window_add(&h->window, made);
    atomic_store(&h->window_after, h->window.after);
    deliver(h, e);
}

/* Events were missed: who is connected must come back and read them from the database. */
static void restart_window(struct ea_hub *h, int64_t after)
{
    struct ea_sub *next;
    ea_window_start(&h->window, after);
    atomic_store(&h->window_after, after);
    for (struct ea_sub *s = h->subs; s != NULL; s = next) {
        next = s->next;
        if (s->poll != NULL)
            finish_poll(h, s, poll_answered);
        else
            end_stream(h, s, CUT_WINDOW);
    }
}

static void on_transient(struct ea_hub *h, const struct command *c)
{
    struct ea_listen *next;
    for (struct ea_listen *l = ea_topics_first(h->topics, c->event.topic); l != NULL; l = next) {
        struct ea_sub *s = l->subscriber;
        next = l->next_of_topic;
        if (s->poll == NULL && !s->ending && strcmp(s->user.s, c->except.s) != 0)
            (void)enqueue(h, s, c->event.frame);
    }
}

/* ---- joining ---- */

/* What happened since its topics were loaded changes them, in log order; what came after its cursor is delivered. */
static void catch_up(struct ea_hub *h, struct ea_sub *s)
{
    int64_t from = s->topics_at < s->cursor ? s->topics_at : s->cursor;
    for (size_t i = ea_window_find(&h->window, from); i < h->window.count; i++) {
        const struct ea_recent *e = ea_window_at(&h->window, i);
        if (!ea_topics_has(s->listens, e->topic))
            continue;
        if (e->internal) {
            if (e->id > s->topics_at && !apply_internal(h, s, e))
                return;
        } else if (concerns(s, e)) {
            if (s->poll != NULL) {
                mark_dirty(h, s);
                continue;
            }
            s->cursor = e->id;
            if (!enqueue(h, s, e->frame))
                return;
        }
    }
}

static bool listen_all(struct ea_hub *h, struct ea_sub *s)
{
    bool ok = true;
    for (size_t i = 0; i < s->topics_n && ok; i++)
        ok = ea_topics_add(h->topics, s->topics[i], s, &s->listens) == EA_OK;
    free_topics(s);
    return ok;
}

static void on_subscribe(struct ea_hub *h, struct ea_sub *s)
{
    s->next = h->subs;
    s->link = &h->subs;
    if (s->next != NULL)
        s->next->link = &s->next;
    h->subs = s;
    ea_metric_add(s->poll == NULL ? h->streams : h->polls, 1);
    s->heartbeat_ns = ea_clock_mono_ns() + EA_HUB_HEARTBEAT_NS;
    set_timer(h, s);
    struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = s };
    bool ok = listen_all(h, s) && (s->poll != NULL || epoll_ctl(h->epoll, EPOLL_CTL_ADD, s->fd, &ev) == 0);
    /* The window has moved past where it stands: only the database can tell it what it missed, so it comes again. */
    bool late = s->cursor < h->window.after || s->topics_at < h->window.after;
    if (ok && !late)
        catch_up(h, s);
    else if (s->poll != NULL)
        finish_poll(h, s, poll_answered);
    else if (ok)
        end_stream(h, s, CUT_WINDOW);
    else
        cut(h, s, CUT_MEMORY);
}

static void end_all(struct ea_hub *h)
{
    struct ea_sub *next;
    for (struct ea_sub *s = h->subs; s != NULL; s = next) {
        next = s->next;
        if (s->poll != NULL)
            finish_poll(h, s, poll_answered);
        else
            end_stream(h, s, CUT_DRAIN);
    }
}

static void run_command(struct ea_hub *h, struct command *c)
{
    switch (c->type) {
    case SUBSCRIBE:
        on_subscribe(h, c->sub);
        break;
    case EVENT:
        on_event(h, &c->event);
        break;
    case LOST:
        restart_window(h, c->id);
        break;
    case SNAPSHOT:
        if (c->id != h->examined)
            restart_window(h, c->id);
        h->examined = c->id;
        break;
    case EXAMINED:
        h->examined = c->id;
        break;
    case TRANSIENT:
        on_transient(h, c);
        ea_recent_clear(&c->event);
        break;
    case DRAIN:
        end_all(h);
        break;
    case STOP:
        h->stopping = true;
        break;
    }
}

/* ---- the thread ---- */

static void run_inbox(struct ea_hub *h)
{
    uint64_t ignored;
    (void)!read(h->wake, &ignored, sizeof(ignored));
    pthread_mutex_lock(&h->mutex);
    struct command *list = h->inbox;
    h->inbox = NULL;
    h->inbox_tail = &h->inbox;
    pthread_mutex_unlock(&h->mutex);
    while (list != NULL) {
        struct command *c = list;
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
        cut(h, s, CUT_GONE);
    else if ((events & EPOLLOUT) != 0)
        flush_stream(h, s);
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
        run_timers(h);
        flush_dirty(h);
    }
    while (h->subs != NULL)
        if (h->subs->poll != NULL)
            finish_poll(h, h->subs, poll_answered);
        else
            cut(h, h->subs, CUT_DRAIN);
    return NULL;
}

/* ---- from other threads ---- */

static void put(struct ea_hub *h, struct command *c)
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

static struct command *command_new(int type)
{
    struct command *c = calloc(1, sizeof(*c));
    if (c != NULL)
        c->type = (unsigned)type;
    return c;
}

static void put_id(struct ea_hub *h, int type, int64_t id)
{
    struct command *c = command_new(type);
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
    struct command *c = command_new(EVENT);
    if (c != NULL && ea_recent_make(&c->event, ev) == EA_OK) {
        put(h, c);
        return;
    }
    free(c);
    put_id(h, LOST, ev->id);
}

void ea_hub_examined(struct ea_hub *h, int64_t newest_id)
{
    /* In this order: a subscriber that reads `newest` is queued behind the events it stands for. */
    if (atomic_exchange(&h->newest, newest_id) != newest_id)
        put_id(h, EXAMINED, newest_id);
}

void ea_hub_snapshot(struct ea_hub *h, int64_t newest_id)
{
    put_id(h, SNAPSHOT, newest_id);
    atomic_store(&h->newest, newest_id);
}

void ea_hub_transient(struct ea_hub *h, const char *topic, const char *kind, const char *data_json,
                      const char *except)
{
    struct command *c = command_new(TRANSIENT);
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
    struct command *c = command_new(SUBSCRIBE);
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
    for (size_t i = 0; i < CUT__MAX; i++)
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
    put_id(h, DRAIN, 0);
    pthread_mutex_lock(&h->mutex);
    while (h->held > 0 && pthread_cond_timedwait(&h->idle, &h->mutex, &until) != ETIMEDOUT) {
    }
    pthread_mutex_unlock(&h->mutex);
}

void ea_hub_free(struct ea_hub *h)
{
    if (h == NULL)
        return;
    put_id(h, STOP, 0);
    pthread_join(h->thread, NULL);
    hub_destroy(h);
}
