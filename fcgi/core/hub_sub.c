/* Subscribers: one open stream or one waiting poll, from joining to its end. All on the hub's thread. */
#include "fcgi/core/hub_private.h"

#include "fcgi/core/conn.h"
#include "lib/clock.h"
#include "lib/json.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

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

void ea_sub_free_topics(struct ea_sub *s)
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
    ea_sub_free_topics(s);
    ea_outbox_free(&s->out);
    free(s);
}

void ea_sub_mark(struct ea_hub *h, struct ea_sub *s)
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

void ea_sub_cut(struct ea_hub *h, struct ea_sub *s, enum ea_cut why)
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

enum ea_err ea_sub_answered(struct ea_req *r)
{
    (void)r;
    return EA_OK;
}

bool ea_sub_wants(const struct ea_sub *s, const struct ea_recent *e)
{
    return !e->internal && e->id > s->cursor && ea_topics_has(s->listens, e->topic);
}

/* Writes the answer into the request, which this thread owns while it is parked, and lets a pool thread send it. */
void ea_sub_answer(struct ea_hub *h, struct ea_sub *s, ea_handler *fn)
{
    struct ea_req *r = s->poll;
    struct ea_jw *w = &r->resp.json;
    int64_t n = 0;
    bool more = false;
    ea_jw_obj(w);
    ea_jw_key(w, "events");
    ea_jw_arr(w);
    for (size_t i = ea_window_find(&h->window, s->cursor); i < h->window.count; i++) {
        const struct ea_recent *e = ea_window_at(&h->window, i);
        if (!ea_sub_wants(s, e))
            continue;
        more = n == s->limit;
        if (more)
            break;
        ea_poll_event(w, e->id, e->kind, e->at, e->payload);
        s->cursor = e->id;
        n++;
    }
    ea_jw_end(w);
    /* Events run ahead of `examined`, and a cut answer ends at its last event. */
    ea_jw_kint(w, "cursor", more || s->cursor > h->examined ? s->cursor : h->examined);
    ea_jw_end(w);
    unlink_sub(h, s);
    forget_sub(h, s);
    ea_req_resume(r, fn);
}

/* ---- streams ---- */

void ea_sub_set_timer(struct ea_hub *h, struct ea_sub *s)
{
    int64_t due = s->end_ns;
    if (s->poll == NULL && s->heartbeat_ns < due)
        due = s->heartbeat_ns;
    ea_wheel_set(&h->wheel, &s->timer, due);
}

/* False: the subscriber is gone. */
bool ea_sub_send(struct ea_hub *h, struct ea_sub *s, struct ea_frame *f)
{
    enum ea_err err = f == NULL ? EA_ENOMEM : ea_outbox_add(&s->out, f);
    if (err != EA_OK) {
        ea_sub_cut(h, s, err == EA_EOVERLOAD ? EA_CUT_SLOW : EA_CUT_MEMORY);
        return false;
    }
    ea_sub_mark(h, s);
    return true;
}

void ea_sub_end(struct ea_hub *h, struct ea_sub *s, enum ea_cut why)
{
    if (s->ending)
        return;
    struct ea_frame *last =
        ea_frame_printf("retry: %d\nid: %lld\n\n", ea_hub_retry_ms(), (long long)s->cursor);
    bool there = ea_sub_send(h, s, last);
    ea_frame_unref(last);
    if (!there || !ea_sub_send(h, s, h->end))
        return;
    s->ending = true;
    ea_metric_add(h->cuts[why], 1);
    s->end_ns = s->heartbeat_ns =
        ea_clock_mono_ns() + EA_HUB_HEARTBEAT_NS; /* to take what is left; then it is slow */
    ea_sub_set_timer(h, s);
}

static void want_writable(struct ea_hub *h, struct ea_sub *s, bool on)
{
    if (s->writable_wait == on)
        return;
    struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP | (on ? EPOLLOUT : 0u), .data.ptr = s };
    s->writable_wait = on;
    (void)epoll_ctl(h->epoll, EPOLL_CTL_MOD, s->fd, &ev);
}

void ea_sub_flush(struct ea_hub *h, struct ea_sub *s)
{
    if (ea_outbox_send(&s->out, s->fd) != EA_OK)
        ea_sub_cut(h, s, EA_CUT_GONE);
    else if (!ea_outbox_empty(&s->out))
        want_writable(h, s, true);
    else if (s->ending)
        close_stream(h, s, true);
    else
        want_writable(h, s, false);
}

void ea_sub_flush_all(struct ea_hub *h)
{
    while (h->dirty != NULL) {
        struct ea_sub *s = h->dirty;
        h->dirty = s->next_dirty;
        s->dirty = false;
        if (s->poll != NULL)
            ea_sub_answer(h, s, ea_sub_answered);
        else
            ea_sub_flush(h, s);
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
    ea_sub_set_timer(h, s);
    (void)ea_sub_send(h, s, h->heartbeat);
}

void ea_sub_run_timers(struct ea_hub *h)
{
    int64_t now = ea_clock_mono_ns();
    for (struct ea_timer *t; (t = ea_wheel_due(&h->wheel, now)) != NULL;) {
        struct ea_sub *s = (struct ea_sub *)t;
        if (s->poll != NULL)
            ea_sub_answer(h, s, ea_sub_answered);
        else if (s->ending)
            ea_sub_cut(h, s, EA_CUT_SLOW);
        else if (now >= s->end_ns)
            ea_sub_end(h, s, EA_CUT_AGE);
        else
            beat(h, s, now);
    }
}
