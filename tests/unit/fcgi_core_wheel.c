/* The timer wheel: no timer early, none lost, none twice. */
#include "fcgi/core/wheel.h"
#include "tests/unit/unit.h"

#include <stdlib.h>

enum { MS = 1000000, TIMERS = 500 };

static void fires_once_and_not_early(void **state)
{
    (void)state;
    struct ea_wheel w;
    struct ea_timer t = { 0 };
    ea_wheel_init(&w, 0);
    ea_wheel_set(&w, &t, 250 * (int64_t)MS);
    assert_null(ea_wheel_due(&w, 249 * (int64_t)MS));
    assert_ptr_equal(ea_wheel_due(&w, 400 * (int64_t)MS), &t);
    assert_null(ea_wheel_due(&w, 60000 * (int64_t)MS));
    assert_int_equal(ea_wheel_wait_ms(&w, 0), -1);
}

static void cancelled_never_fires(void **state)
{
    (void)state;
    struct ea_wheel w;
    struct ea_timer a = { 0 }, b = { 0 };
    ea_wheel_init(&w, 0);
    ea_wheel_set(&w, &a, 100 * (int64_t)MS);
    ea_wheel_set(&w, &b, 100 * (int64_t)MS);
    ea_wheel_cancel(&w, &a);
    ea_wheel_cancel(&w, &a);
    assert_ptr_equal(ea_wheel_due(&w, 1000 * (int64_t)MS), &b);
    assert_null(ea_wheel_due(&w, 1000 * (int64_t)MS));
}

static void setting_again_moves_it(void **state)
{
    (void)state;
    struct ea_wheel w;
    struct ea_timer t = { 0 };
    ea_wheel_init(&w, 0);
    ea_wheel_set(&w, &t, 200 * (int64_t)MS);
    ea_wheel_set(&w, &t, 5000 * (int64_t)MS);
    assert_null(ea_wheel_due(&w, 1000 * (int64_t)MS));
    assert_ptr_equal(ea_wheel_due(&w, 5100 * (int64_t)MS), &t);
}

/* Deadlines up to several turns of the wheel, time in uneven steps, some longer than a turn. */
static void every_timer_fires_in_its_time(void **state)
{
    (void)state;
    static struct ea_timer timers[TIMERS];
    struct ea_wheel w;
    int64_t now = 12345 * (int64_t)MS, before = now;
    int fired = 0;
    srand(7);
    ea_wheel_init(&w, now);
    for (int i = 0; i < TIMERS; i++)
        ea_wheel_set(&w, &timers[i], now + rand() % 200000 * (int64_t)MS);
    for (int step = 0; fired < TIMERS; step++) {
        assert_in_range(step, 0, 100000);
        before = now;
        now += rand() % (step % 50 == 0 ? 60000 : 700) * (int64_t)MS;
        for (struct ea_timer *t; (t = ea_wheel_due(&w, now)) != NULL; fired++) {
            assert_true(t->due_ns <= now);
            assert_true(t->due_ns >= before - EA_WHEEL_TICK_NS);
        }
    }
    assert_int_equal(w.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_once_and_not_early),
        cmocka_unit_test(cancelled_never_fires),
        cmocka_unit_test(setting_again_moves_it),
        cmocka_unit_test(every_timer_fires_in_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
