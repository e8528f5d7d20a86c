#include "fcgi/core/window.h"

#include "fcgi/core/topics.h"
#include "lib/events.h"
#include "lib/json.h"
#include "lib/log.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

static const char *const internal_kinds[] = { EA_EVENTS_UNSAID, "membership.changed", "session.revoked",
                                              "user.changed", NULL };

bool ea_event_internal(const char *kind)
{
    for (const char *const *k = internal_kinds; *k != NULL; k++)
        if (strcmp(*k, kind) == 0)
            return true;
    return false;
}

void ea_recent_clear(struct ea_recent *r)
{
    ea_frame_unref(r->frame);
    free(r->topic);
    memset(r, 0, sizeof(*r));
}

static void drop_oldest(struct ea_window *w)
{
    struct ea_recent *r = &w->ring[w->first];
    w->after = r->id;
    w->bytes -= r->bytes;
    ea_recent_clear(r);
    w->first = (w->first + 1) % w->size;
    w->count--;
}

static char *append(char **to, const char *s)
{
    size_t n = strlen(s) + 1;
    char *at = *to;
    memcpy(at, s, n);
    *to += n;
    return at;
}

/* Where a frame ends with the payload and the empty line, as it does unless that has line breaks or is larger than a record. Else NULL. */
static const char *payload_in(const struct ea_frame *f, const char *payload, size_t n)
{
    if (f == NULL || f->len < n + 2)
        return NULL;
    const unsigned char *at = f->bytes + f->len - 2 - n;
    return memcmp(at, payload, n) == 0 ? (const char *)at : NULL;
}

enum ea_err ea_recent_make(struct ea_recent *r, const struct ea_event *ev)
{
    size_t n = strlen(ev->payload);
    *r = (struct ea_recent){ .id = ev->id, .internal = ea_event_internal(ev->kind), .payload_n = n };
    if (!r->internal && (r->frame = ea_frame_event(ev->id, ev->kind, ev->payload)) == NULL)
        return EA_ENOMEM;
    r->payload = payload_in(r->frame, ev->payload, n);
    size_t own = strlen(ev->topic) + strlen(ev->kind) + strlen(ev->at) + 3 + (r->payload == NULL ? n + 1 : 0);
    char *p = malloc(own);
    if (p == NULL) {
        ea_recent_clear(r);
        return EA_ENOMEM;
    }
    r->topic = append(&p, ev->topic);
    r->topic_hash = ea_topics_hash(r->topic);
    r->kind = append(&p, ev->kind);
    r->at = append(&p, ev->at);
    if (r->payload == NULL)
        r->payload = append(&p, ev->payload);
    r->bytes = own + (r->frame == NULL ? 0 : r->frame->len);
    return EA_OK;
}

enum ea_err ea_window_init(struct ea_window *w, size_t events_max, size_t bytes_max)
{
    *w = (struct ea_window){ .size = events_max, .bytes_max = bytes_max };
    w->ring = calloc(events_max, sizeof(*w->ring));
    return w->ring == NULL ? EA_ENOMEM : EA_OK;
}

void ea_window_free(struct ea_window *w)
{
    while (w->count > 0)
        drop_oldest(w);
    free(w->ring);
    w->ring = NULL;
}

void ea_window_start(struct ea_window *w, int64_t after)
{
    while (w->count > 0)
        drop_oldest(w);
    w->after = after;
}

const struct ea_recent *ea_window_add(struct ea_window *w, const struct ea_recent *r)
{
    while (w->count == w->size || (w->count > 0 && w->bytes + r->bytes > w->bytes_max))
        drop_oldest(w);
    struct ea_recent *to = &w->ring[(w->first + w->count) % w->size];
    *to = *r;
    w->count++;
    w->bytes += r->bytes;
    return to;
}

/* What is not in the window was never here, or has gone. */
static enum ea_err reword(struct ea_window *w, int64_t id, const char *payload)
{
    size_t pos = ea_window_find(w, id - 1);
    struct ea_recent now, *r = &w->ring[(w->first + pos) % w->size];
    if (pos == w->count || r->id != id)
        return EA_OK;
    const struct ea_event ev = {
        .id = id, .topic = r->topic, .kind = r->kind, .at = r->at, .payload = payload
    };
    enum ea_err err = ea_recent_make(&now, &ev);
    if (err != EA_OK)
        return err;
    w->bytes += now.bytes - r->bytes;
    ea_recent_clear(r);
    *r = now;
    return EA_OK;
}

static enum ea_err reword_all(struct ea_window *w, const struct json_object *unsaid)
{
    struct json_object *list, *id;
    enum ea_err err = EA_OK;
    if (!json_object_object_get_ex(unsaid, "events", &list) || !json_object_is_type(list, json_type_array))
        return EA_ESYNTAX;
    for (size_t i = 0; i < json_object_array_length(list) && err == EA_OK; i++) {
        const struct json_object *e = json_object_array_get_idx(list, i);
        const char *payload = ea_json_text(e, "payload");
        if (payload == NULL || !json_object_object_get_ex(e, "id", &id))
            return EA_ESYNTAX;
        err = reword(w, json_object_get_int64(id), payload);
    }
    return err;
}

static enum ea_err drop_before(struct ea_window *w, const struct json_object *unsaid)
{
    struct json_object *oldest;
    if (!json_object_object_get_ex(unsaid, "oldest", &oldest))
        return EA_ESYNTAX;
    while (w->count > 0 && ea_window_at(w, 0)->id < json_object_get_int64(oldest))
        drop_oldest(w);
    return EA_OK;
}

void ea_window_unsay(struct ea_window *w, int64_t at, const char *payload)
{
    struct json_object *unsaid = NULL;
    size_t where;
    const char *why;
    enum ea_err err = ea_json_parse(payload, strlen(payload), &unsaid, &where, &why);
    if (err == EA_OK)
        err = drop_before(w, unsaid);
    if (err == EA_OK)
        err = reword_all(w, unsaid);
    json_object_put(unsaid);
    if (err == EA_OK)
        return;
    ea_log(EA_LOG_ERROR, "what was taken back cannot be forgotten by itself: recent events go with it",
           EA_F_INT(EVENT_ID, at), EA_F_STR(REASON, ea_err_slug(err)));
    ea_window_start(w, at);
}

size_t ea_window_find(const struct ea_window *w, int64_t after)
{
    size_t low = 0, high = w->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (ea_window_at(w, mid)->id > after)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

const struct ea_recent *ea_window_at(const struct ea_window *w, size_t pos)
{
    return &w->ring[(w->first + pos) % w->size];
}
