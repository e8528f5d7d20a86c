/* Subscribers: one open stream or one waiting poll, from joining to its end. All on the hub's thread. */
#include "fcgi/core/hub_private.h"

#include "fcgi/core/conn.h"
#include "lib/clock.h"
#include "lib/json.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

struct ea_sub *ea_sub_new(struct ea_hub *h, const struct ea_req *r, struct ea_topic_list *topics,
                          int64_t cursor)
{
    struct ea_sub *s = ea_slab_get(h->cells);
    if (s == NULL)
        return NULL;
    s->fd = -1;
    s->user = r->caller.claims.user;
    s->session = r->caller.claims.session;
    s->cursor = cursor;
    s->topics = *topics;
    *topics = (struct ea_topic_list){ 0 };
    return s;
}

void ea_sub_free(struct ea_hub *h, struct ea_sub *s)
{
    if (s == NULL)
        return;
    ea_topic_list_clear(&s->topics);
    ea_outbox_free(&s->out);
    if (s->seated)
        ea_seats_leave(h->seats, &s->user);
    ea_slab_put(h->cells, s);
}

void ea_sub_mark(struct ea_hub *h, struct ea_sub *s)
{
    if (s->dirty_link != NULL)
        return;
    s->next_dirty = h->dirty;
    s->dirty_link = &h->dirty;
    if (s->next_dirty != NULL)
        s->next_dirty->dirty_link = &s->next_dirty;
    h->dirty = s;
}

static void unmark(struct ea_sub *s)
{
    if (s->dirty_link == NULL)
        return;
    *s->dirty_link = s->next_dirty;
    if (s->next_dirty != NULL)
        s->next_dirty->dirty_link = s->dirty_link;
    s->dirty_link = NULL;
}

static void set_timer(struct ea_hub *h, struct ea_sub *s)
{
    int64_t due = s->end_ns;
    if (s->poll == NULL && s->heartbeat_ns < due)
        due = s->heartbeat_ns;
    ea_wheel_set(&h->wheel, &s->timer, due);
}

void ea_sub_link(struct ea_hub *h, struct ea_sub *s)
{
    s->next = h->subs;
    s->link = &h->subs;
    if (s->next != NULL)
        s->next->link = &s->next;
    h->subs = s;
    ea_metric_add(s->poll == NULL ? h->streams : h->polls, 1);
    s->heartbeat_ns = ea_clock_mono_ns() + EA_HUB_HEARTBEAT_NS;
    set_timer(h, s);
}

/* Out of every list; the caller still holds it. */
static void unlink_sub(struct ea_hub *h, struct ea_sub *s)
{
    ea_topics_remove_all(h->topics, &s->listens);
    ea_wheel_cancel(&h->wheel, &s->timer);
    unmark(s);
    *s->link = s->next;
    if (s->next != NULL)
        s->next->link = s->link;
    ea_metric_add(s->poll == NULL ? h->streams : h->polls, -1);
}

bool ea_sub_listen(struct ea_hub *h, struct ea_sub *s)
{
    bool ok = true;
    ea_topics_remove_all(h->topics, &s->listens);
    for (size_t i = 0; i < s->topics.n && ok; i++)
        ok = ea_topics_add(h->topics, s->topics.v[i], s, &s->listens) == EA_OK;
    struct ea_topic_list read = { .read_s = s->topics.read_s, .at = s->topics.at };
    ea_topic_list_clear(&s->topics);
    s->topics = read;
    return ok;
}

void ea_sub_forget(struct ea_hub *h, struct ea_sub *s)
{
    ea_sub_free(h, s);
    pthread_mutex_lock(&h->mutex);
    if (--h->held == 0)
        pthread_cond_broadcast(&h->idle);
    pthread_mutex_unlock(&h->mutex);
}

/* Whose stream ends like this soon comes back: to this process, and what they follow is known here. */
static const bool returns[EA_CUT__MAX] = {
    [EA_CUT_GONE] = true,
    [EA_CUT_SLOW] = true,
    [EA_CUT_AGE] = true,
    [EA_CUT_LOG] = true,
};

/* Once for each stream, while it still listens to all that it is to hear. */
static void count_end(struct ea_hub *h, const struct ea_sub *s, enum ea_cut why)
{
    if (returns[why])
        ea_hub_topics_keep(h, s);
    ea_metric_add(h->cuts[why], 1);
}

/* The stream is over; a connection that was ended in good form goes back to the reactor when nginx keeps it. */
static void close_stream(struct ea_hub *h, struct ea_sub *s, bool complete)
{
    unlink_sub(h, s);
    (void)epoll_ctl(h->epoll, EPOLL_CTL_DEL, s->fd, NULL);
    ea_conn_give_back(h->server, s->fd, complete && s->keep);
    s->gone = true;
    if (!s->reading)
        ea_sub_forget(h, s);
}

void ea_sub_cut(struct ea_hub *h, struct ea_sub *s, enum ea_cut why)
{
    if (!s->ending) /* else it is counted already */
        count_end(h, s, why);
    close_stream(h, s, false);
}

/* ---- polls ---- */

void ea_poll_begin(struct ea_jw *w)
{
    ea_jw_obj(w);
    ea_jw_key(w, "events");
    ea_jw_arr(w);
}

static void put_event(struct ea_jw *w, int64_t id, const char *kind, const char *at, const char *payload,
                      size_t n)
{
    ea_jw_obj(w);
    ea_jw_kint(w, "id", id);
    ea_jw_kstr(w, "kind", kind);
    ea_jw_kstr(w, "at", at);
    ea_jw_key(w, "data");
    ea_jw_raw_n(w, payload, n);
    ea_jw_end(w);
}

void ea_poll_event(struct ea_jw *w, int64_t id, const char *kind, const char *at, const char *payload)
{
    put_event(w, id, kind, at, payload, payload == NULL ? 0 : strlen(payload));
}

/* Weak: the tag is that of the events, as they are told now (304 must not confirm what was taken back since), and the cursor, which moves on with everybody's, is not in it: 304 brings
 * it as a header. */
static void put_tag(struct ea_req *r, const struct ea_poll_shown *shown, int64_t cursor)
{
    const struct ea_buf *events = &r->resp.body;
    unsigned char digest[crypto_generichash_BYTES_MIN];
    char tag[2 * sizeof(digest) + 1];
    if (shown->n == 0) {
        snprintf(tag, sizeof(tag), "%" PRId64, shown->asked < 0 ? cursor : shown->asked);
    } else {
        crypto_generichash(digest, sizeof(digest), (const unsigned char *)events->p, events->len, NULL, 0);
        sodium_bin2hex(tag, sizeof(tag), digest, sizeof(digest));
    }
    ea_resp_etag_weak(r, tag);
}

void ea_poll_end(struct ea_req *r, const struct ea_poll_shown *shown, int64_t cursor)
{
    struct ea_jw *w = &r->resp.json;
    ea_jw_end(w);
    if (shown != NULL)
        put_tag(r, shown, cursor);
    ea_jw_kint(w, "cursor", cursor);
    ea_jw_end(w);
    r->cursor = cursor;
}

/* The events that the window holds for a poll. Returns up to where that is all: the cursor to go on from. */
static int64_t write_events(const struct ea_hub *h, const struct ea_sub *s, struct ea_poll_shown *shown)
{
    struct ea_resp *resp = &s->poll->resp;
    int64_t cursor = s->cursor;
    if (cursor < h->window.after || s->topics.at < h->window.after)
        return cursor; /* only the database can tell: it asks again */
    for (size_t i = ea_window_find(&h->window, cursor); i < h->window.count; i++) {
        const struct ea_recent *e = ea_window_at(&h->window, i);
        if (!e->internal && ea_hub_hears(h, s, e)) {
            if (shown->n == s->limit || resp->body.len > EA_HUB_POLL_BYTES)
                return cursor;
            shown->n++;
            put_event(&resp->json, e->id, e->kind, e->at, e->payload, e->payload_n);
        }
        cursor = e->id;
        if (cursor == s->upto)
            return cursor;
    }
    return cursor > h->examined ? cursor : h->examined; /* events run ahead of `examined` */
}

static enum ea_err answered(struct ea_req *r)
{
    (void)r;
    return EA_OK;
}

/* Written here, into the request that is the hub's while it is parked, and sent by a pool thread. */
void ea_sub_answer(struct ea_hub *h, struct ea_sub *s, ea_handler *fn)
{
    struct ea_req *r = s->poll;
    if (fn == NULL) {
        struct ea_poll_shown shown = { .asked = s->asked };
        ea_poll_begin(&r->resp.json);
        int64_t cursor = write_events(h, s, &shown);
        ea_poll_end(r, &shown, cursor);
    }
    unlink_sub(h, s);
    if (s->fd >= 0)
        (void)epoll_ctl(h->epoll, EPOLL_CTL_DEL, s->fd, NULL);
    ea_sub_forget(h, s);
    ea_req_resume(r, fn == NULL ? answered : fn);
}

/* ---- streams ---- */

/* False: the subscriber is gone. */
bool ea_sub_send(struct ea_hub *h, struct ea_sub *s, struct ea_frame *f)
{
    if (f == NULL || ea_outbox_add(&s->out, f) != EA_OK) {
        ea_sub_cut(h, s, EA_CUT_MEMORY);
        return false;
    }
    ea_sub_mark(h, s);
    return true;
}

static void end_stream(struct ea_hub *h, struct ea_sub *s, enum ea_cut why)
{
    struct ea_frame *last =
        ea_frame_printf("retry: %d\nid: %lld\n\n", ea_hub_retry_ms(), (long long)s->cursor);
    bool there = ea_sub_send(h, s, last);
    ea_frame_unref(last);
    if (!there || !ea_sub_send(h, s, h->end))
        return;
    count_end(h, s, why);
    s->ending = true;
    s->end_ns = s->heartbeat_ns =
        ea_clock_mono_ns() + EA_HUB_HEARTBEAT_NS; /* to take what is left; then it is slow */
    set_timer(h, s);
}

void ea_sub_end(struct ea_hub *h, struct ea_sub *s, enum ea_cut why)
{
    if (s->poll != NULL)
        ea_sub_answer(h, s, NULL);
    else if (!s->ending)
        end_stream(h, s, why);
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
    size_t before = ea_outbox_left(&s->out);
    if (ea_outbox_send(&s->out, s->fd) != EA_OK) {
        ea_sub_cut(h, s, EA_CUT_GONE);
        return;
    }
    size_t left = ea_outbox_left(&s->out);
    if (left < before)
        s->idle_beats = 0;
    want_writable(h, s, left > 0);
    if (left > 0)
        return;
    if (s->ending)
        close_stream(h, s, true);
    else if (s->behind)
        ea_hub_feed(h, s);
}

/* One turn for each: a stream that is behind is marked again by what it gets next, and as fast as it reads nobody else would have a turn. */
void ea_sub_flush_all(struct ea_hub *h)
{
    struct ea_sub *turns = h->dirty;
    if (turns != NULL)
        turns->dirty_link = &turns;
    h->dirty = NULL;
    while (turns != NULL) {
        struct ea_sub *s = turns;
        unmark(s);
        if (s->poll != NULL)
            ea_sub_answer(h, s, NULL);
        else
            ea_sub_flush(h, s);
    }
}

/* The comment that keeps proxies from giving up, and the newest event examined, so that a quiet stream does not come back with an old cursor. */
static void send_heartbeat(struct ea_hub *h, struct ea_sub *s)
{
    if (!s->behind && s->cursor < h->examined)
        s->cursor = h->examined;
    if (h->heartbeat == NULL || h->heartbeat_id != s->cursor) {
        ea_frame_unref(h->heartbeat);
        h->heartbeat = ea_frame_printf(":\nid: %lld\n\n", (long long)s->cursor);
        h->heartbeat_id = s->cursor;
    }
    (void)ea_sub_send(h, s, h->heartbeat);
}

static void beat(struct ea_hub *h, struct ea_sub *s, int64_t now)
{
    s->heartbeat_ns = now + EA_HUB_HEARTBEAT_NS;
    set_timer(h, s);
    if (ea_outbox_empty(&s->out))
        send_heartbeat(h, s);
    else if (++s->idle_beats > 1) /* a whole interval, at least */
        ea_sub_cut(h, s, EA_CUT_SLOW);
}

/* It was not marked, so nothing of what has been examined is for it. */
static void end_wait(struct ea_hub *h, struct ea_sub *s)
{
    if (s->dirty_link == NULL && s->cursor < h->examined)
        s->cursor = s->topics.at = h->examined;
    ea_sub_answer(h, s, NULL);
}

void ea_sub_run_timers(struct ea_hub *h)
{
    int64_t now = ea_clock_mono_ns();
    for (struct ea_timer *t; (t = ea_wheel_due(&h->wheel, now)) != NULL;) {
        struct ea_sub *s = (struct ea_sub *)t;
        if (s->poll != NULL)
            end_wait(h, s);
        else if (s->ending)
            ea_sub_cut(h, s, EA_CUT_SLOW);
        else if (now >= s->end_ns)
            ea_sub_end(h, s, EA_CUT_AGE);
        else
            beat(h, s, now);
    }
}
