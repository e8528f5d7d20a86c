/* Publishes that are on their way, in the order of the log. Confirms come in any order; the cursor may only move past events whose predecessors are all confirmed.
 * Plain memory, one thread. */
#ifndef RELAY_FLIGHT_H
#define RELAY_FLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELAY_FLIGHT_MAX 1024

struct relay_flight {
    struct {
        int64_t event_id;
        bool confirmed, returned;
    } ring[RELAY_FLIGHT_MAX];
    uint64_t first; /* confirm number of the oldest */
    uint64_t next;  /* ... of the next publish: first when nothing is on its way */
    int64_t cursor; /* every event up to it is dealt with */
};

/* Nothing on its way; the next publish has number next; confirms of earlier ones are ignored. */
void relay_flight_init(struct relay_flight *f, uint64_t next, int64_t cursor);
bool relay_flight_full(const struct relay_flight *f);
size_t relay_flight_count(const struct relay_flight *f);
/* seq must be the next number, event_id greater than all before. */
void relay_flight_add(struct relay_flight *f, uint64_t seq, int64_t event_id);
/* Moves the cursor as far as it goes. False: one of them was returned by the broker, which had no queue for it; then nothing is taken as confirmed from it on. */
bool relay_flight_confirm(struct relay_flight *f, uint64_t seq, bool multiple);
void relay_flight_returned(struct relay_flight *f, int64_t event_id);
/* The log was read up to here and holds no more jobs: with nothing on its way the cursor follows. */
void relay_flight_examined(struct relay_flight *f, int64_t event_id);

#endif
