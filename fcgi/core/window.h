/* The newest events in memory, so that whoever comes back with a recent cursor needs no database. Bounded in count and bytes; the oldest go first. It says what the log says: what is
 * changed there (EA_EVENTS_UNSAID) changes here.
 * One thread writes and reads (the hub's). */
#ifndef EA_WINDOW_H
#define EA_WINDOW_H

#include "fcgi/core/frame.h"
#include "lib/follow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ea_recent {
    int64_t id;
    bool internal;           /* for processes: membership, sessions; never shown */
    char *topic, *kind, *at; /* one allocation */
    uint64_t topic_hash;     /* ea_topics_hash */
    const char
        *payload; /* payload_n bytes of JSON, in the frame or behind `at`; NUL-terminated when internal */
    size_t payload_n;
    struct ea_frame *frame; /* NULL when internal */
    size_t bytes;
};

struct ea_window {
    struct ea_recent *ring;
    size_t size, first, count;
    size_t bytes, bytes_max;
    int64_t after; /* complete from here: every event with id > after that has a topic is in the ring */
};

enum ea_err ea_window_init(struct ea_window *w, size_t events_max, size_t bytes_max) EA_MUST;
void ea_window_free(struct ea_window *w);
void ea_window_start(struct ea_window *w, int64_t after); /* empties it: it is complete from `after` on */
bool ea_event_internal(const char *kind);                 /* for processes, not for people */
/* Encodes an event; any thread. EA_ENOMEM: *r holds nothing. */
enum ea_err ea_recent_make(struct ea_recent *r, const struct ea_event *ev) EA_MUST;
void ea_recent_clear(struct ea_recent *r);
const struct ea_recent *ea_window_add(struct ea_window *w,
                                      const struct ea_recent *r); /* takes what *r holds */
/* Event `at` was EA_EVENTS_UNSAID, of this payload: what it names keeps its place and says what it says now. What the log no longer holds is not held here either, for no event can change it.
 * Without memory, or if that is not understood, all up to `at` goes. */
void ea_window_unsay(struct ea_window *w, int64_t at, const char *payload);
size_t ea_window_find(const struct ea_window *w,
                      int64_t after); /* position of the first event with id > after; count when none */
const struct ea_recent *ea_window_at(const struct ea_window *w, size_t pos); /* pos < count */

#endif
