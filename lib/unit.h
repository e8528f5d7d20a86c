/* Units of measurement, and exact conversion between those of one dimension. Pure functions, thread-safe. */
#ifndef EA_UNIT_H
#define EA_UNIT_H

#include "lib/exact.h"

struct ea_unit; /* a row of the table in unit.c */

const struct ea_unit *
ea_unit_of(const char *name); /* NULL: not in the table; names are case-sensitive, as symbols are */
bool ea_unit_alike(const struct ea_unit *a, const struct ea_unit *b); /* of one dimension */

/* x `from` and y `to` are brought to one scale: *x_out is comparable with *y_out, and a difference of one `to` there is *one. EA_EINPUT: too many digits. */
enum ea_err ea_unit_compare(const struct ea_unit *from, const struct ea_exact *x, const struct ea_unit *to,
                            const struct ea_exact *y, struct ea_exact *x_out, struct ea_exact *y_out,
                            struct ea_exact *one) EA_MUST;

#endif
