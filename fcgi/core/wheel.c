#include "fcgi/core/wheel.h"

#include <stddef.h>
#include <string.h>

static int64_t tick_of(int64_t ns)
{
    return ns / EA_WHEEL_TICK_NS;
}

void ea_wheel_init(struct ea_wheel *w, int64_t now_ns)
{
    memset(w, 0, sizeof(*w));
    w->tick = tick_of(now_ns);
}

void ea_wheel_cancel(struct ea_wheel *w, struct ea_timer *t)
{
    if (t->link == NULL)
        return;
    *t->link = t->next;
    if (t->next != NULL)
        t->next->link = t->link;
    t->next = NULL;
    t->link = NULL;
    w->count--;
}

void ea_wheel_set(struct ea_wheel *w, struct ea_timer *t, int64_t due_ns)
{
    ea_wheel_cancel(w, t);
    /* Rounded up, so that a timer never fires early; a deadline in the past lands in the next tick that is run. */
    int64_t tick = tick_of(due_ns + EA_WHEEL_TICK_NS - 1);
    if (tick <= w->tick)
        tick = w->tick + 1;
    struct ea_timer **slot = &w->slots[tick % EA_WHEEL_SLOTS];
    t->due_ns = due_ns;
    t->next = *slot;
    t->link = slot;
    if (t->next != NULL)
        t->next->link = &t->next;
    *slot = t;
    w->count++;
}

struct ea_timer *ea_wheel_due(struct ea_wheel *w, int64_t now_ns)
{
    int64_t now = tick_of(now_ns);
    /* After a long pause one turn of the wheel has met every timer. */
    if (now - w->tick > EA_WHEEL_SLOTS)
        w->tick = now - EA_WHEEL_SLOTS;
    while (w->tick < now) {
        struct ea_timer *t = w->slots[(w->tick + 1) % EA_WHEEL_SLOTS];
        while (t != NULL && t->due_ns > now_ns)
            t = t->next;
        if (t != NULL) {
            ea_wheel_cancel(w, t);
            return t;
        }
        w->tick++;
    }
    return NULL;
}

int ea_wheel_wait_ms(const struct ea_wheel *w, int64_t now_ns)
{
    if (w->count == 0)
        return -1;
    int64_t next_ns = (w->tick + 1) * EA_WHEEL_TICK_NS;
    return next_ns <= now_ns ? 0 : (int)((next_ns - now_ns + 999999) / 1000000);
}
