/* Housekeeping of the database, by the active relay: once an hour, in small steps between its other work. Its caller's connection; one thread. */
#ifndef RELAY_TIDY_H
#define RELAY_TIDY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ea_pg;

struct relay_tidy { /* zeroed: begins soon */
    size_t task;
    int64_t due_ns;
};

/* Does one small step if it is time for one; true: the next one waits already. What fails is logged and tried again in an hour. */
bool relay_tidy_step(struct relay_tidy *t, struct ea_pg *pg);

#endif
