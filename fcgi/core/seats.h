/* How many streams and waiting polls each person has open, so that nobody takes all there are. Thread-safe. */
#ifndef EA_SEATS_H
#define EA_SEATS_H

#include "lib/err.h"
#include "lib/id.h"

struct ea_seats;

struct ea_seats *ea_seats_new(unsigned most); /* for each person; NULL: no memory */
void ea_seats_free(struct ea_seats *s);       /* everybody has left; accepts NULL */
unsigned ea_seats_most(const struct ea_seats *s);
/* EA_ELIMIT: this person has as many as there are for one. EA_ENOMEM. */
enum ea_err ea_seats_take(struct ea_seats *s, const struct ea_id *who) EA_MUST;
void ea_seats_leave(struct ea_seats *s, const struct ea_id *who); /* once for each that was taken */

#endif
