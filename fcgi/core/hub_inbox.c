/* What other threads tell the hub: events, subscribers, its end. Commands are queued under the mutex and run on the hub's thread in that order. */
#include "fcgi/core/hub_private.h"

#include "lib/clock.h"
#include "lib/events.h"
#include "lib/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

void ea_hub_close_with(struct ea_hub *h, struct ea_hub_command *last)
{
    pthread_mutex_lock(&h->mutex);
    h->closed = true;
    bool first = put_locked(h, last);
    pthread_mutex_unlock(&h->mutex);
    if (first)
        wake(h);
}

struct ea_hub_command *ea_hub_take_inbox(struct ea_hub *h)
{
    uint64_t ignored;
    (void)!read(h->wake, &ignored, sizeof(ignored));
    pthread_mutex_lock(&h->mutex);
    struct ea_hub_command *list = h->inbox;
    h->inbox = NULL;
    h->inbox_tail = &h->inbox;
    pthread_mutex_unlock(&h->mutex);
    return list;
}

int64_t ea_hub_lost_up_to(struct ea_hub *h)
{
    pthread_mutex_lock(&h->mutex);
    int64_t id = h->lost.id;
    h->lost_queued = false;
    pthread_mutex_unlock(&h->mutex);
    return id;
}

/* ---- the follower's ---- */

struct ea_hub_command *ea_hub_command_new(enum ea_hub_do type)
{
    struct ea_hub_command *c = calloc(1, sizeof(*c));
    if (c != NULL)
        c->type = type;
    return c;
}

static struct ea_hub_command *event_command(const struct ea_event *ev)
{
    struct ea_hub_command *c = ea_hub_command_new(EA_HUB_EVENT);
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

/* Of what is told to processes alone, the hub hears what to forget. */
static bool concerns(const struct ea_event *ev)
{
    return ev->topic != NULL &&
           (strcmp(ev->topic, EA_TOPIC_SYS) != 0 || strcmp(ev->kind, EA_EVENTS_UNSAID) == 0);
}

void ea_hub_mark_change(struct ea_hub *h, const struct ea_event *ev)
{
    if (strcmp(ev->kind, EA_HUB_MEMBERSHIP) == 0)
        ea_kept_changed(h->kept, ev->topic, ev->id);
}

void ea_hub_event(struct ea_hub *h, const struct ea_event *ev)
{
    if (!concerns(ev))
        return;
    ea_hub_mark_change(h, ev);
    struct ea_hub_command *c = event_command(ev);
    if (put_event(h, c, ev->id))
        return;
    ea_log(EA_LOG_ERROR, "no memory for an event: the streams start anew", EA_F_INT(EVENT_ID, ev->id));
    if (c != NULL)
        ea_recent_clear(&c->event);
    free(c);
}

/* After that long the log may be that of a database that took over, and have lost what this process knows of. False: it was not so long. */
static bool forget_if_blind(struct ea_hub *h, int64_t newest_id)
{
    int64_t now = ea_clock_mono_ns(), before = h->looked_ns;
    h->looked_ns = now;
    ea_kept_tidy(h->kept, now);
    if (now - before <= EA_FOLLOW_STALE_NS)
        return false;
    (void)ea_kept_close(h->kept);
    ea_kept_open(h->kept, newest_id);
    return true;
}

void ea_hub_examined(struct ea_hub *h, int64_t newest_id)
{
    /* In this order: a subscriber that reads `newest` is queued behind the events it stands for. */
    bool known = atomic_exchange(&h->newest, newest_id) == newest_id;
    if (!forget_if_blind(h, newest_id) && known)
        return;
    struct ea_hub_command *c = ea_hub_command_new(EA_HUB_EXAMINED);
    if (c == NULL)
        return; /* heartbeats carry it a little later, then */
    c->id = newest_id;
    c->era = ea_kept_era(h->kept);
    ea_hub_put(h, c);
}

/* ---- not stored: what this process was told, or another one ---- */

void ea_hub_say(struct ea_hub *h, const char *topic, const char *kind, const char *data_json,
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

/* ---- the handlers' ---- */

bool ea_hub_closed(struct ea_hub *h)
{
    pthread_mutex_lock(&h->mutex);
    bool closed = h->closed;
    pthread_mutex_unlock(&h->mutex);
    return closed;
}

enum ea_err ea_hub_subscribe(struct ea_hub *h, struct ea_sub *s)
{
    struct ea_hub_command *c = ea_hub_command_new(EA_HUB_SUBSCRIBE);
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
