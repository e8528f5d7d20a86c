/* Cells of one size, on pages of their own: for what stays for hours (an open stream) while requests come and go around it; among their memory each such cell would keep a page that is
 * otherwise empty. What is given back is used again; the pages go with the slab. Thread-safe. Under AddressSanitizer each cell is an allocation of its own, so that it sees who uses one too long. */
#ifndef EA_SLAB_H
#define EA_SLAB_H

#include "lib/err.h"

#include <stddef.h>

struct ea_slab;

struct ea_slab *ea_slab_new(size_t cell); /* bytes; aligned for anything. NULL: no memory */
void ea_slab_free(struct ea_slab *s);     /* every cell is given back, or nobody's any more; accepts NULL */
void *ea_slab_get(struct ea_slab *s) EA_MUST; /* zeroed; NULL: no memory */
void ea_slab_put(struct ea_slab *s, void *cell);

#endif
