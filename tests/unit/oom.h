/* Runs `step` again and again with the first, second, third … allocation of lib/ failing, until it succeeds. */
#ifndef EA_TEST_OOM_H
#define EA_TEST_OOM_H

#include "lib/alloc.h"

static size_t oom_countdown;

static bool oom_hook(size_t n)
{
    (void)n;
    return oom_countdown == 0 || --oom_countdown > 0;
}

/* step returns true when all went well, false when it met (and reported) a failure. Returns how many allocations could fail. */
static size_t each_allocation_fails(bool (*step)(void))
{
    bool ok = false;
    size_t n = 0;
    while (!ok) {
        oom_countdown = ++n;
        ea_alloc_hook = oom_hook;
        ok = step();
        ea_alloc_hook = NULL;
    }
    return n - 1;
}

#endif
