/* A timer wheel: one deadline per entry, O(1) to set and cancel, 100 ms ticks. Far deadlines take another turn. One thread. Entries are embedded by their owner. */
#ifndef EA_WHEEL_H
#define EA_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#define EA_WHEEL_SLOTS   512
#define EA_WHEEL_TICK_NS (100 * 1000000LL)

struct ea_timer {
    struct ea_timer *next, **link; /* link NULL: not set */
    int64_t due_ns;
};

struct ea_wheel {
    struct ea_timer *slots[EA_WHEEL_SLOTS];
    int64_t tick;  /* the last tick that was run */
    int64_t count; /* timers set */
};

void ea_wheel_init(struct ea_wheel *w, int64_t now_ns);
void ea_wheel_set(struct ea_wheel *w, struct ea_timer *t, int64_t due_ns); /* moves it when set already */
void ea_wheel_cancel(struct ea_wheel *w, struct ea_timer *t);
/* Takes one timer that is due at now_ns out of the wheel; NULL when there is none. Call until NULL. */
struct ea_timer *ea_wheel_due(struct ea_wheel *w, int64_t now_ns);
int ea_wheel_wait_ms(const struct ea_wheel *w,
                     int64_t now_ns); /* for epoll_wait: until the next tick; -1 when no timer is set */

#endif
