#include "tests/unit/unit.h"

#include "workers/relay/flight.h"

#include <stdlib.h>

static void the_cursor_waits_for_the_first(void **state)
{
    static struct relay_flight f;

    (void)state;
    relay_flight_init(&f, 1, 100);
    relay_flight_add(&f, 1, 101);
    relay_flight_add(&f, 2, 105);
    relay_flight_add(&f, 3, 106);
    assert_true(relay_flight_confirm(&f, 3, false));
    assert_true(relay_flight_confirm(&f, 2, false));
    assert_int_equal(f.cursor, 100);
    relay_flight_examined(&f, 200);
    assert_int_equal(f.cursor, 100);
    assert_true(relay_flight_confirm(&f, 1, false));
    assert_int_equal(f.cursor, 106);
    assert_int_equal(relay_flight_count(&f), 0);
    relay_flight_examined(&f, 200);
    assert_int_equal(f.cursor, 200);
    relay_flight_examined(&f, 150);
    assert_int_equal(f.cursor, 200);
}

static void multiple_means_all_before_too(void **state)
{
    static struct relay_flight f;
    uint64_t seq;

    (void)state;
    relay_flight_init(&f, 7, 0);
    for (seq = 7; seq < 17; seq++)
        relay_flight_add(&f, seq, (int64_t)seq * 10);
    assert_true(relay_flight_confirm(&f, 12, true));
    assert_int_equal(f.cursor, 120);
    assert_true(relay_flight_confirm(&f, 9, true));  /* late and known */
    assert_true(relay_flight_confirm(&f, 99, true)); /* never published */
    assert_int_equal(f.cursor, 120);
    assert_int_equal(relay_flight_count(&f), 4);
}

static void confirms_of_before_a_new_start_are_ignored(void **state)
{
    static struct relay_flight f;

    (void)state;
    relay_flight_init(&f, 50, 10);
    relay_flight_add(&f, 50, 11);
    assert_true(relay_flight_confirm(&f, 49, true));
    assert_int_equal(f.cursor, 10);
    assert_int_equal(relay_flight_count(&f), 1);
}

static void what_was_returned_is_not_confirmed(void **state)
{
    static struct relay_flight f;

    (void)state;
    relay_flight_init(&f, 1, 0);
    relay_flight_add(&f, 1, 1);
    relay_flight_add(&f, 2, 2);
    relay_flight_add(&f, 3, 3);
    relay_flight_returned(&f, 2);
    assert_true(relay_flight_confirm(&f, 1, false));
    assert_false(relay_flight_confirm(&f, 2, false));
    assert_true(relay_flight_confirm(&f, 3, false));
    assert_int_equal(f.cursor, 1);
}

static uint32_t draw(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

/* Against a model: the cursor is always the newest event whose predecessors are all confirmed, whatever the order of confirms. */
static void the_cursor_is_what_the_model_says(void **state)
{
    enum { N = 20000 };
    static struct relay_flight f;
    static bool confirmed[N + 1];
    uint32_t seed;

    (void)state;
    for (seed = 1; seed <= 20; seed++) {
        uint32_t rng = seed;
        uint64_t next = 1, first = 1, s;

        for (s = 0; s <= N; s++)
            confirmed[s] = false;
        relay_flight_init(&f, 1, 0);
        while (first <= N) {
            if (next <= N && !relay_flight_full(&f) && draw(&rng, 2) == 0) {
                relay_flight_add(&f, next, (int64_t)next * 3);
                next++;
            } else if (next > first) {
                bool multiple = draw(&rng, 10) == 0;
                uint64_t seq = first + draw(&rng, (uint32_t)(next - first));

                for (s = multiple ? first : seq; s <= seq; s++)
                    confirmed[s] = true;
                assert_true(relay_flight_confirm(&f, seq, multiple));
            }
            while (first < next && confirmed[first])
                first++;
            assert_int_equal(f.cursor, (int64_t)(first - 1) * 3);
            assert_int_equal(relay_flight_count(&f), next - first);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cursor_waits_for_the_first),
        cmocka_unit_test(multiple_means_all_before_too),
        cmocka_unit_test(confirms_of_before_a_new_start_are_ignored),
        cmocka_unit_test(what_was_returned_is_not_confirmed),
        cmocka_unit_test(the_cursor_is_what_the_model_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
