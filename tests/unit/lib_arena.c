#include "lib/arena.h"

#include "tests/unit/oom.h"
#include "tests/unit/unit.h"

#include <string.h>

static int called[8];
static size_t calls;

static void note(void *p)
{
    called[calls++] = *(int *)p;
}

static bool is_zero(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

static void memory_is_zeroed_and_aligned(void **state)
{
    static const size_t sizes[] = { 0, 1, 3, 16, 100, 4000, 5000, 70000, 1, 200000, 24, 65536 };
    (void)state;
    struct ea_arena *a = ea_arena_new();
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            char *p = ea_arena_alloc(a, sizes[i]);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
            assert_true(is_zero(p, sizes[i]));
            if (sizes[i])
                memset(p, 0xA5, sizes[i]);
        }
        assert_true(ea_arena_used(a) >= 4000 + 5000 + 70000 + 200000);
        ea_arena_reset(a);
        assert_int_equal(ea_arena_used(a), 0);
    }
    ea_arena_free(a);
}

static void pieces_do_not_overlap(void **state)
{
    (void)state;
    struct ea_arena *a = ea_arena_new();
    unsigned char *p[1000];
    for (size_t i = 0; i < 1000; i++) {
        p[i] = ea_arena_alloc(a, 1 + i % 97);
        memset(p[i], (int)(i % 251), 1 + i % 97);
    }
    for (size_t i = 0; i < 1000; i++)
        for (size_t k = 0; k < 1 + i % 97; k++)
            assert_int_equal(p[i][k], i % 251);
    ea_arena_free(a);
}

static void strings(void **state)
{
    (void)state;
    struct ea_arena *a = ea_arena_new();
    assert_string_equal(ea_arena_dup(a, "quiz"), "quiz");
    assert_string_equal(ea_arena_dup(a, ""), "");
    assert_string_equal(ea_arena_ndup(a, "assignment", 6), "assign");
    assert_string_equal(ea_arena_ndup(a, NULL, 0), "");
    assert_string_equal(ea_arena_printf(a, "%d/%s", 7, "x"), "7/x");
    assert_int_equal(strlen(ea_arena_printf(a, "%9000d", 1)), 9000);
    ea_arena_free(a);
}

static void sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    struct ea_arena *a = ea_arena_new();
    assert_null(ea_arena_array(a, SIZE_MAX / 2, 3));
    assert_null(ea_arena_alloc(a, SIZE_MAX));
    assert_null(ea_arena_alloc(a, SIZE_MAX - 40));
    assert_null(ea_arena_ndup(a, "", SIZE_MAX));
    assert_non_null(ea_arena_array(a, 10, 10));
    ea_arena_free(a);
}

static void deferred_calls_run_last_first(void **state)
{
    static int n[] = { 1, 2, 3 };
    (void)state;
    struct ea_arena *a = ea_arena_new();
    calls = 0;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(ea_arena_defer(a, note, &n[i]), EA_OK);
    ea_arena_reset(a);
    assert_int_equal(calls, 3);
    assert_int_equal(called[0], 3);
    assert_int_equal(called[2], 1);
    assert_int_equal(ea_arena_defer(a, note, &n[1]), EA_OK);
    ea_arena_free(a);
    assert_int_equal(calls, 4);
    assert_int_equal(called[3], 2);
    ea_arena_free(NULL);
}

static void count(void *p)
{
    (*(int *)p)++;
}

static void a_call_that_cannot_be_deferred_is_made(void **state)
{
    int n = 0, registered = 0;
    enum ea_err err;
    (void)state;
    struct ea_arena *a = ea_arena_new();
    oom_countdown = 1;
    ea_alloc_hook = oom_hook;
    while ((err = ea_arena_defer(a, count, &n)) == EA_OK)
        registered++;
    ea_alloc_hook = NULL;
    assert_int_equal(err, EA_ENOMEM);
    assert_int_equal(n, 1);
    ea_arena_free(a);
    assert_int_equal(n, registered + 1);
}

static bool use_an_arena(void)
{
    struct ea_arena *a = ea_arena_new();
    bool ok = a && ea_arena_alloc(a, 100) && ea_arena_alloc(a, 8000) && ea_arena_alloc(a, 500000) &&
              ea_arena_dup(a, "x") && ea_arena_array(a, 100, 100);
    ea_arena_free(a);
    return ok;
}

static void out_of_memory_is_null(void **state)
{
    (void)state;
    assert_true(each_allocation_fails(use_an_arena) >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(pieces_do_not_overlap),
        cmocka_unit_test(strings),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(deferred_calls_run_last_first),
        cmocka_unit_test(a_call_that_cannot_be_deferred_is_made),
        cmocka_unit_test(out_of_memory_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
