#include "fcgi/core/window.h"

#include <stdlib.h>
#include <string.h>

static const char *const internal_kinds[] = { "membership.changed", "session.revoked", "user.changed", NULL };

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

enum ea_err ea_recent_make(struct ea_recent *r, const struct ea_event *ev)
{
    size_t n = strlen(ev->topic) + strlen(ev->kind) + strlen(ev->at) + strlen(ev->payload) + 4;
    char *p = malloc(n);
    *r = (struct ea_recent){ .id = ev->id, .internal = ea_event_internal(ev->kind), .bytes = n };
    if (p == NULL)
        return EA_ENOMEM;
    r->topic = append(&p, ev->topic);
    r->kind = append(&p, ev->kind);
    r->at = append(&p, ev->at);
    r->payload = append(&p, ev->payload);
    if (r->internal)
        return EA_OK;
    r->frame = ea_frame_event(r->id, r->kind, r->payload);
    if (r->frame == NULL) {
        ea_recent_clear(r);
        return EA_ENOMEM;
    }
    r->bytes += r->frame->len;
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
