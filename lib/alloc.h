/* The only way to the heap in lib/: malloc with a place where tests make the n-th call fail. Memory is freed with free(). Thread-safe. */
#ifndef EA_ALLOC_H
#define EA_ALLOC_H

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>

/* NULL, or asked before every allocation: false makes it fail. Tests set it while no other thread runs. */
extern bool (*ea_alloc_hook)(size_t n);

void *ea_alloc(size_t n) EA_MUST;                /* zeroed; NULL when out of memory */
void *ea_alloc_again(void *p, size_t n) EA_MUST; /* realloc: p stays valid when NULL is returned */
char *ea_alloc_dup(const char *s) EA_MUST;       /* copy of a string */

#endif
