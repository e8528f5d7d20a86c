#include "fcgi/core/heap.h"

#include <malloc.h>
#include <stddef.h>

#define PERIOD_NS (10 * 1000000000LL)
#define MUCH      ((size_t)512 * 1024)

/* What was given back still counts as free; so it is its growth that tells. */
void ea_heap_tidy(int64_t now_ns)
{
    static int64_t next_ns;
    static size_t kept;
    if (now_ns < next_ns)
        return;
    next_ns = now_ns + PERIOD_NS;
    size_t idle = mallinfo2().fordblks;
    if (idle > kept && idle - kept < MUCH)
        return;
    if (idle > kept)
        (void)malloc_trim(0);
    kept = idle;
}
