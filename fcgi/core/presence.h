/* Who was seen and was not told of yet. Sightings gather, by room; then whoever follows those rooms is told at once: each receiver gets one frame, with everybody that is new to it, each once;
 * receivers who follow the same of those rooms share its bytes. Everything here is bounded, for nothing of it is stored and whoever is still there is seen again: what does not fit is left out.
 * One thread (the hub's). */
#ifndef EA_PRESENCE_H
#define EA_PRESENCE_H

#include "fcgi/core/frame.h"
#include "fcgi/core/topics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most people of a room who are told of each other. What n people hear of n grows with n * n: 200 who are all there are 40,000 entries (4 MB) a time, a lecture hall of 2,000 were 100 times as many,
 * of whom nobody looks at more than a few. Such rooms are asked by GET. */
#define EA_PRESENCE_ROOM_MAX 200
/* Most people in one frame (25 KB), the smallest rooms' first: whole rooms always fit, and those one talks to alone are never left out. */
#define EA_PRESENCE_FRAME_PEOPLE 256
/* Most bytes of all frames of one telling. With more, some receivers, others each time, hear nothing this time. */
#define EA_PRESENCE_BYTES ((size_t)16 * 1024 * 1024)

struct ea_presence;

struct ea_presence_ops {
    bool (*takes)(const void *subscriber); /* of ea_topics: whether it is to be told */
    void (*give)(void *subscriber, struct ea_frame *f, void *arg); /* takes a reference of its own */
};

struct ea_presence *ea_presence_new(void); /* NULL: no memory */
void ea_presence_free(struct ea_presence *p);
bool ea_presence_empty(const struct ea_presence *p);
/* Somebody of a room with so many members was seen at at_ms by the wall clock. False: there is no room or no memory for it. */
bool ea_presence_add(struct ea_presence *p, const char *room, int64_t members, const char *user,
                     int64_t at_ms);
/* Tells all of it, and forgets it. Returns how many frames were made. now_ms: the wall clock. */
size_t ea_presence_tell(struct ea_presence *p, struct ea_topics *topics, int64_t now_ms,
                        const struct ea_presence_ops *ops, void *arg);

#endif
