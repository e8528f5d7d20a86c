/* Cells: zeroed, apart from each other, used again, and nobody's twice however many threads take and give back. */
#include "fcgi/core/slab.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <string.h>

enum { CELL = 100, N = 10000 }; /* more than a chunk holds */

static void cells_are_zeroed_and_apart(void **state)
{
    (void)state;
    static const unsigned char zero[CELL];
    static unsigned char *cells[N];
    struct ea_slab *s = ea_slab_new(CELL);
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < N; i++) {
            cells[i] = ea_slab_get(s);
            assert_non_null(cells[i]);
            assert_int_equal((uintptr_t)cells[i] % _Alignof(max_align_t), 0);
            assert_memory_equal(cells[i], zero, CELL);
            memset(cells[i], 1 + i % 255, CELL);
        }
        for (int i = 0; i < N; i++) {
            for (int k = 0; k < CELL; k++)
                assert_int_equal(cells[i][k], 1 + i % 255);
            ea_slab_put(s, cells[i]);
        }
    }
    ea_slab_free(s);
}

/* One after the other is one cell: the slab does not grow by it. */
static void what_is_given_back_is_used_again(void **state)
{
    (void)state;
    struct ea_slab *s = ea_slab_new(CELL);
    void *first = ea_slab_get(s), *second = ea_slab_get(s);
    ea_slab_put(s, first);
#ifndef __SANITIZE_ADDRESS__ /* which keeps freed memory apart, and that is why it is asked there */
    assert_ptr_equal(ea_slab_get(s), first);
    ea_slab_put(s, first);
#endif
    ea_slab_put(s, second);
    ea_slab_free(s);
}

static void *take_and_give_back(void *arg)
{
    struct ea_slab *s = arg;
    for (int round = 0; round < 200; round++) {
        int *mine[50];
        for (int i = 0; i < 50; i++) {
            mine[i] = ea_slab_get(s);
            if (mine[i] == NULL || *mine[i] != 0)
                return "a cell is missing, or has another one's content";
            *mine[i] = i + 1;
        }
        for (int i = 0; i < 50; i++) {
            if (*mine[i] != i + 1)
                return "somebody else wrote into a cell";
            ea_slab_put(s, mine[i]);
        }
    }
    return NULL;
}

static void many_threads_share_no_cell(void **state)
{
    (void)state;
    pthread_t threads[4];
    struct ea_slab *s = ea_slab_new(sizeof(int));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give_back, s), 0);
    for (size_t i = 0; i < 4; i++) {
        void *fault;
        assert_int_equal(pthread_join(threads[i], &fault), 0);
        assert_null(fault);
    }
    ea_slab_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_zeroed_and_apart),
        cmocka_unit_test(what_is_given_back_is_used_again),
        cmocka_unit_test(many_threads_share_no_cell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
