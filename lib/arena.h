/* Arena: memory of one request or one job, freed all at once. Owned by one thread at a time (it may be handed over whole).
 * Everything returned lives until ea_arena_reset/_free. Out of memory is NULL, never an abort. */
#ifndef EA_ARENA_H
#define EA_ARENA_H

#include "lib/err.h"

#include <stddef.h>

struct ea_arena;

struct ea_arena *ea_arena_new(void);     /* NULL when out of memory */
void ea_arena_free(struct ea_arena *a);  /* runs the deferred calls; accepts NULL */
void ea_arena_reset(struct ea_arena *a); /* runs the deferred calls, keeps the first block for reuse */
size_t ea_arena_used(const struct ea_arena *a);

void *ea_arena_alloc(struct ea_arena *a, size_t n) EA_MUST;              /* zeroed, aligned for any type */
void *ea_arena_array(struct ea_arena *a, size_t n, size_t size) EA_MUST; /* n * size, NULL on overflow */
char *ea_arena_dup(struct ea_arena *a, const char *s) EA_MUST;
char *ea_arena_ndup(struct ea_arena *a, const void *p, size_t n) EA_MUST; /* NUL-terminated copy */
char *ea_arena_printf(struct ea_arena *a, const char *fmt, ...) EA_MUST EA_PRINTF(2, 3);

/* Calls fn(p) at reset/free, last registered first. When it cannot be registered fn(p) is called at once and EA_ENOMEM returned. */
enum ea_err ea_arena_defer(struct ea_arena *a, void (*fn)(void *), void *p) EA_MUST;

#endif
