/* Single flight: of all who want the value of one key at the same time, one gets it and the others share what it got. Any thread; nobody waits inside.
 * A seat is its owner's, and untouched until on_land was called for it, which is from whoever lands. */
#ifndef EA_FLIGHT_H
#define EA_FLIGHT_H

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>

struct ea_flight;

struct ea_flight_seat {
    struct ea_flight_seat *next;
    /* err EA_OK: the n bytes of v, which go when it returns. From its first moment on the seat is its owner's again. */
    void (*on_land)(struct ea_flight_seat *seat, enum ea_err err, const char *v, size_t n);
};

struct ea_flight *ea_flight_new(void);    /* NULL: no memory */
void ea_flight_free(struct ea_flight *f); /* nobody is under way; accepts NULL */

/* *leads: the caller gets the value and must land, whatever comes of it. Else the seat waits, and may have been served before this returns. EA_ENOMEM: neither. */
enum ea_err ea_flight_board(struct ea_flight *f, const char *key, struct ea_flight_seat *seat,
                            bool *leads) EA_MUST;
/* Serves who has waited, in the order in which they came; who boards from here on leads anew. */
void ea_flight_land(struct ea_flight *f, const char *key, enum ea_err err, const char *v, size_t n);

#endif
