/* A fixture: an arena of a test's own. */
#ifndef EA_TEST_ARENA_H
#define EA_TEST_ARENA_H

#include "lib/arena.h"
#include "tests/unit/unit.h"

static struct ea_arena *arena;

static int arena_set_up(void **state)
{
    (void)state;
    arena = ea_arena_new();
    return arena ? 0 : -1;
}

static int arena_tear_down(void **state)
{
    (void)state;
    ea_arena_free(arena);
    return 0;
}

#endif
