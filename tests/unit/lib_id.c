#include "lib/id.h"

#include "lib/clock.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4
#define EACH    20000

static int64_t ms_of(const struct ea_id *id)
{
    char hex[13] = { 0 };
    memcpy(hex, id->s, 8);
    memcpy(hex + 8, id->s + 9, 4);
    return strtoll(hex, NULL, 16);
}

static void ids_are_version_7(void **state)
{
    struct ea_id id;
    (void)state;
    int64_t before = ea_clock_wall_us() / 1000;
    for (int i = 0; i < 1000; i++) {
        ea_id_new(&id);
        assert_true(ea_id_valid(id.s));
        assert_int_equal(id.s[14], '7');
        assert_non_null(strchr("89ab", id.s[19]));
    }
    /* the counter may run into the milliseconds to come, by less than one per thousand ids */
    assert_in_range(ms_of(&id), before, ea_clock_wall_us() / 1000 + 1);
}

static void *make(void *arg)
{
    struct ea_id *ids = arg;
    for (int i = 0; i < EACH; i++)
        ea_id_new(&ids[i]);
    return NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void ids_sort_as_made_and_never_repeat(void **state)
{
    (void)state;
    struct ea_id *ids = calloc(THREADS * EACH, sizeof *ids);
    pthread_t threads[THREADS];
    for (int t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, make, ids + t * EACH), 0);
    for (int t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    for (int t = 0; t < THREADS; t++)
        for (int i = 1; i < EACH; i++)
            assert_true(strcmp(ids[t * EACH + i - 1].s, ids[t * EACH + i].s) < 0);
    qsort(ids, THREADS * EACH, sizeof *ids, by_text);
    for (int i = 1; i < THREADS * EACH; i++)
        assert_string_not_equal(ids[i - 1].s, ids[i].s);
    free(ids);
}

static void validity(void **state)
{
    static const struct {
        const char *s;
        bool valid;
    } cases[] = {
        { "019083a2-7d5c-7b1e-8a4f-0123456789ab", true },  { "019083A2-7D5C-4B1E-8A4F-0123456789AB", true },
        { "00000000-0000-0000-0000-000000000000", true },  { "", false },
        { "019083a2-7d5c-7b1e-8a4f-0123456789a", false },  { "019083a2-7d5c-7b1e-8a4f-0123456789abc", false },
        { "019083a27d5c7b1e8a4f0123456789ab", false },     { "019083a2-7d5c-7b1e-8a4f-0123456789ag", false },
        { "019083a2-7d5c-7b1e-8a4f+0123456789ab", false }, { "{19083a2-7d5c-7b1e-8a4f-0123456789a}", false },
        { "-19083a2-7d5c-7b1e-8a4f-0123456789ab", false },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(ea_id_valid(cases[i].s), cases[i].valid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_version_7),
        cmocka_unit_test(ids_sort_as_made_and_never_repeat),
        cmocka_unit_test(validity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
