#include "lib/alloc.h"

#include <stdlib.h>
#include <string.h>

bool (*ea_alloc_hook)(size_t n);

static bool allowed(size_t n)
{
    return !ea_alloc_hook || ea_alloc_hook(n);
}

void *ea_alloc(size_t n)
{
    return allowed(n) ? calloc(1, n) : NULL;
}

void *ea_alloc_again(void *p, size_t n)
{
    return allowed(n) ? realloc(p, n) : NULL;
}

char *ea_alloc_dup(const char *s)
{
    size_t n = strlen(s) + 1;
    char *copy = ea_alloc(n);
    if (copy)
        memcpy(copy, s, n);
    return copy;
}
