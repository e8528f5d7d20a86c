/* What an event means to those who listen: delivery, changed memberships, closed sessions. All on the hub's thread. */
#include "fcgi/core/hub_private.h"

#include "lib/events.h"
#include "lib/json.h"
#include "lib/log.h"

#include <json-c/json.h>
#include <string.h>

/* False: no memory. */
static bool change_topics(struct ea_hub *h, struct ea_sub *s, struct json_object *payload, const char *member)
{
    struct json_object *list;
    bool add = strcmp(member, "add") == 0, ok = true;
    if (!json_object_object_get_ex(payload, member, &list) || !json_object_is_type(list, json_type_array))
        return true;
    for (size_t i = 0; i < json_object_array_length(list) && ok; i++) {
        const char *topic = json_object_get_string(json_object_array_get_idx(list, i));
        if (topic == NULL)
            continue;
        if (add)
            ok = ea_topics_add(h->topics, topic, s, &s->listens) == EA_OK;
        else
            ea_topics_remove(h->topics, topic, &s->listens);
    }
    return ok;
}

static enum ea_err poll_session_closed(struct ea_req *r)
{
    return ea_fail(r, EA_EUNAUTHORIZED, "The session was closed.");
}

static enum ea_err poll_no_memory(struct ea_req *r)
{
    (void)r;
    return EA_ENOMEM;
}

/* Both are false: what the caller returns. */
static bool end_for_memory(struct ea_hub *h, struct ea_sub *s)
{
    if (s->poll != NULL)
        ea_sub_answer(h, s, poll_no_memory);
    else
        ea_sub_end(h, s, EA_CUT_MEMORY);
    return false;
}

bool ea_sub_close_session(struct ea_hub *h, struct ea_sub *s)
{
    if (s->poll != NULL)
        ea_sub_answer(h, s, poll_session_closed);
    else
        ea_sub_end(h, s, EA_CUT_SESSION);
    return false;
}

static bool closes(struct json_object *payload, const struct ea_sub *s)
{
    struct json_object *id;
    const char *session =
        json_object_object_get_ex(payload, "session_id", &id) ? json_object_get_string(id) : NULL;
    return session != NULL && strcmp(session, s->session.s) == 0;
}

static bool is_revocation(const struct ea_recent *e)
{
    return strcmp(e->kind, "session.revoked") == 0;
}

/* A poll has something to say. Where this is the first, nothing before it was for the poll, so the answer begins here, wherever the window does by now. */
static void poll_finds(struct ea_hub *h, struct ea_sub *s, const struct ea_recent *e)
{
    if (s->dirty_link == NULL)
        s->cursor = s->topics.at = e->id - 1;
    ea_sub_mark(h, s);
}

/* Each event of an answer is judged by the same topics: who asks again from there is judged by the new ones. */
static void end_answer(struct ea_hub *h, struct ea_sub *s, const struct ea_recent *e)
{
    if (s->upto == 0)
        s->upto = e->id;
    poll_finds(h, s, e);
}

/* False: s is ending or gone. */
static bool apply(struct ea_hub *h, struct ea_sub *s, const struct ea_recent *e, struct json_object *payload)
{
    if (is_revocation(e))
        return !closes(payload, s) || ea_sub_close_session(h, s);
    if (strcmp(e->kind, EA_HUB_MEMBERSHIP) != 0)
        return true;
    if (s->poll != NULL && e->id > s->cursor) {
        end_answer(h, s, e);
        return true;
    }
    return (change_topics(h, s, payload, "remove") && change_topics(h, s, payload, "add")) ||
           end_for_memory(h, s);
}

/* *out NULL: there is nothing in it to apply. EA_ENOMEM. */
static enum ea_err payload_of(const struct ea_recent *e, struct json_object **out)
{
    size_t where;
    const char *why;
    *out = NULL;
    enum ea_err err = ea_json_parse(e->payload, e->payload_n, out, &where, &why);
    if (err == EA_ENOMEM)
        return err;
    if (err != EA_OK)
        ea_log(EA_LOG_ERROR, "an event is not understood", EA_F_STR(JOB_KIND, e->kind),
               EA_F_INT(EVENT_ID, e->id));
    return EA_OK;
}

static bool give(struct ea_hub *h, struct ea_sub *s, const struct ea_recent *e)
{
    s->cursor = e->id;
    if (!ea_sub_send(h, s, e->frame))
        return false;
    ea_metric_add(h->deliveries, 1);
    return true;
}

static void deliver_internal(struct ea_hub *h, struct ea_sub *s, const struct ea_recent *e,
                             struct json_object *payload)
{
    /* A closed session ends now; the rest finds who is behind in its turn. */
    if (!s->ending && (!s->behind || is_revocation(e)))
        (void)apply(h, s, e, payload);
}

/* Its queue is full: from here on it is fed, as fast as it reads. Everything before e it has had. */
static void fall_behind(struct ea_sub *s, const struct ea_recent *e)
{
    s->behind = true;
    s->cursor = s->topics.at = e->id - 1;
}

static void deliver_public(struct ea_hub *h, struct ea_sub *s, const struct ea_recent *e)
{
    if (e->id <= s->cursor)
        return;
    if (s->poll != NULL)
        poll_finds(h, s, e);
    else if (s->behind || s->ending)
        return;
    else if (!ea_outbox_takes(&s->out, e->frame))
        fall_behind(s, e);
    else
        (void)give(h, s, e);
}

/* Subscribers may leave the topic's list while it is walked: each at most by itself, so the next one is taken before. */
static void deliver(struct ea_hub *h, const struct ea_recent *e, struct json_object *payload)
{
    struct ea_listen *next;
    for (struct ea_listen *l = ea_topics_first(h->topics, e->topic); l != NULL; l = next) {
        next = l->next_of_topic;
        if (!e->internal)
            deliver_public(h, l->subscriber, e);
        else if (payload != NULL)
            deliver_internal(h, l->subscriber, e, payload);
    }
}

/* From here on who comes back hears what the log says now. What is queued to a stream, or was read from the log for one, was on its way before. */
static void forget(struct ea_hub *h, const struct ea_recent *made)
{
    struct ea_recent unsaid = *made;
    ea_window_unsay(&h->window, unsaid.id, unsaid.payload);
    atomic_store(&h->window_after, h->window.after);
    ea_recent_clear(&unsaid);
}

void ea_hub_take(struct ea_hub *h, const struct ea_recent *made)
{
    struct json_object *payload = NULL;
    ea_metric_add(h->events, 1);
    if (strcmp(made->kind, EA_EVENTS_UNSAID) == 0) {
        forget(h, made);
        return;
    }
    const struct ea_recent *e = ea_window_add(&h->window, made);
    atomic_store(&h->window_after, h->window.after);
    if (e->internal && payload_of(e, &payload) == EA_ENOMEM)
        ea_hub_restart(h, e->id);
    else
        deliver(h, e, payload);
    json_object_put(payload);
}

bool ea_hub_hears(const struct ea_hub *h, const struct ea_sub *s, const struct ea_recent *e)
{
    return ea_topics_has(h->topics, e->topic, e->topic_hash, s);
}

bool ea_hub_examine(struct ea_hub *h, struct ea_sub *s, const struct ea_recent *e)
{
    struct json_object *payload = NULL;
    bool stays = true, listens = ea_hub_hears(h, s, e);
    if (listens && e->internal && e->id > s->topics.at) {
        if (payload_of(e, &payload) == EA_ENOMEM)
            stays = end_for_memory(h, s);
        else
            stays = payload == NULL || apply(h, s, e, payload);
        json_object_put(payload);
    } else if (listens && !e->internal && e->id > s->cursor) {
        if (s->poll != NULL)
            poll_finds(h, s, e);
        else
            stays = give(h, s, e);
    }
    if (!stays)
        return false;
    if (s->topics.at < e->id)
        s->topics.at = e->id;
    if (s->poll == NULL && s->cursor < e->id) /* a poll's is where its answer begins */
        s->cursor = e->id;
    return true;
}

static void end_all(struct ea_hub *h, enum ea_cut why)
{
    struct ea_sub *next;
    for (struct ea_sub *s = h->subs; s != NULL; s = next) {
        next = s->next;
        ea_sub_end(h, s, why);
    }
}

void ea_hub_restart(struct ea_hub *h, int64_t after)
{
    ea_window_start(&h->window, after);
    atomic_store(&h->window_after, after);
    end_all(h, EA_CUT_LOG);
}

void ea_hub_end_all(struct ea_hub *h)
{
    end_all(h, EA_CUT_DRAIN);
}
