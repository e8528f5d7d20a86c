/* The scalars of schema.h, judged as text, whether they came in JSON or in a query string. For schema.c, and for readers of other formats with the same rules.
 * Values and faults live in the reading's arena; a failed allocation sticks in `err`. */
#ifndef EA_SCALAR_H
#define EA_SCALAR_H

#include "lib/schema.h"

/* Where we are in the document; becomes a JSON pointer only when there is a fault. */
struct ea_path {
    const struct ea_path *up;
    const char *name; /* NULL: an item */
    size_t index;
};

struct ea_reading {
    struct ea_arena *a;
    struct ea_faults *faults;
    enum ea_err err; /* EA_ENOMEM or EA_OK */
};

struct ea_text {
    const char *p; /* NUL-terminated, though it may hold NUL */
    size_t n;
};

/* What a scalar must be: a field's own rule, or that of its items. */
struct ea_rule {
    enum ea_type type;
    unsigned flags;
    int64_t min, max;
    const char *const *values;
};

bool ea_scalar_type(enum ea_type type); /* not RAW, OBJ or LIST */
/* Writes the struct ea_str or ea_int at dest, or adds a fault. */
void ea_scalar_read(struct ea_reading *r, const struct ea_rule *rule, const struct ea_path *at,
                    struct ea_text t, void *dest);

void *ea_reading_claim(struct ea_reading *r, void *p); /* returns p; notes that it is NULL */
char *ea_reading_pointer(struct ea_reading *r, const struct ea_path *at); /* RFC 6901 */
#define EA_FAULT(r, at, ...) ea_faults_add((r)->faults, (r)->a, ea_reading_pointer(r, at), __VA_ARGS__)

#endif
