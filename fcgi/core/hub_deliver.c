/* What an event means to those who listen: delivery, changed memberships, closed sessions, and catching up when somebody joins. All on the hub's thread. */
#include "fcgi/core/hub_private.h"

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"

#include <json-c/json.h>
#include <string.h>
#include <sys/epoll.h>

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

static enum ea_err poll_session_closed(struct ea_req *r)
{
    return ea_fail(r, EA_EUNAUTHORIZED, "The session was closed.");
}

static void end_session(struct ea_hub *h, struct ea_sub *s)
{
    if (s->poll != NULL)
        ea_sub_answer(h, s, poll_session_closed);
    else
        ea_sub_end(h, s, EA_CUT_SESSION);
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
            ea_sub_mark(h, s);
        } else if (e->id > s->cursor && !s->ending) {
            s->cursor = e->id;
            if (ea_sub_send(h, s, e->frame))
                ea_metric_add(h->deliveries, 1);
        }
    }
    json_object_put(payload);
}

void ea_hub_take(struct ea_hub *h, const struct ea_recent *made)
{
    ea_metric_add(h->events, 1);
    const struct ea_recent *e = ea_window_add(&h->window, made);
    atomic_store(&h->window_after, h->window.after);
    deliver(h, e);
}

/* Events were missed: who is connected must come back and read them from the database. */
void ea_hub_restart(struct ea_hub *h, int64_t after)
{
    struct ea_sub *next;
    ea_window_start(&h->window, after);
    atomic_store(&h->window_after, after);
    for (struct ea_sub *s = h->subs; s != NULL; s = next) {
        next = s->next;
        if (s->poll != NULL)
            ea_sub_answer(h, s, ea_sub_answered);
        else
            ea_sub_end(h, s, EA_CUT_WINDOW);
    }
}

void ea_hub_pass_on(struct ea_hub *h, const struct ea_hub_command *c)
{
    struct ea_listen *next;
    for (struct ea_listen *l = ea_topics_first(h->topics, c->event.topic); l != NULL; l = next) {
        struct ea_sub *s = l->subscriber;
        next = l->next_of_topic;
        if (s->poll == NULL && !s->ending && strcmp(s->user.s, c->except.s) != 0)
            (void)ea_sub_send(h, s, c->event.frame);
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
        } else if (ea_sub_wants(s, e)) {
            if (s->poll != NULL) {
                ea_sub_mark(h, s);
                continue;
            }
            s->cursor = e->id;
            if (!ea_sub_send(h, s, e->frame))
                return;
        }
    }
}

static bool listen_all(struct ea_hub *h, struct ea_sub *s)
{
    bool ok = true;
    for (size_t i = 0; i < s->topics_n && ok; i++)
        ok = ea_topics_add(h->topics, s->topics[i], s, &s->listens) == EA_OK;
    ea_sub_free_topics(s);
    return ok;
}

void ea_hub_join(struct ea_hub *h, struct ea_sub *s)
{
    s->next = h->subs;
    s->link = &h->subs;
    if (s->next != NULL)
        s->next->link = &s->next;
    h->subs = s;
    ea_metric_add(s->poll == NULL ? h->streams : h->polls, 1);
    s->heartbeat_ns = ea_clock_mono_ns() + EA_HUB_HEARTBEAT_NS;
    ea_sub_set_timer(h, s);
    struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = s };
    bool ok = listen_all(h, s) && (s->poll != NULL || epoll_ctl(h->epoll, EPOLL_CTL_ADD, s->fd, &ev) == 0);
    /* The window has moved past where it stands: only the database can tell it what it missed, so it comes again. */
    bool late = s->cursor < h->window.after || s->topics_at < h->window.after;
    if (ok && !late)
        catch_up(h, s);
    else if (s->poll != NULL)
        ea_sub_answer(h, s, ea_sub_answered);
    else if (ok)
        ea_sub_end(h, s, EA_CUT_WINDOW);
    else
        ea_sub_cut(h, s, EA_CUT_MEMORY);
}

void ea_hub_end_all(struct ea_hub *h)
{
    struct ea_sub *next;
    for (struct ea_sub *s = h->subs; s != NULL; s = next) {
        next = s->next;
        if (s->poll != NULL)
            ea_sub_answer(h, s, ea_sub_answered);
        else
            ea_sub_end(h, s, EA_CUT_DRAIN);
    }
}
