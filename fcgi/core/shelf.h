/* A growing array of things that begin with their id (struct ea_id), found by it: open addressing over places in the array. Bounded. One thread; one who has a place keeps it, while
 * pointers are good until the next is put. */
#ifndef EA_SHELF_H
#define EA_SHELF_H

#include "lib/err.h"

#include <stddef.h>
#include <stdint.h>

struct ea_shelf {      /* width and max are set by its owner, the rest begins with zeros */
    size_t width, max; /* of a thing in bytes; how many at most, a power of two */
    size_t n, size;
    char *v;
    uint32_t *slots; /* twice as many as things fit; a place and 1, 0: free */
};

/* The thing of that id; zeroed but for the id when it was not there. NULL: it is no id, full, or no memory. */
void *ea_shelf_put(struct ea_shelf *s, const char *id) EA_MUST;
void *ea_shelf_at(const struct ea_shelf *s, size_t place); /* place < n */
uint32_t ea_shelf_place(const struct ea_shelf *s, const void *thing);
void ea_shelf_clear(struct ea_shelf *s); /* back to nothing, memory included */

#endif
