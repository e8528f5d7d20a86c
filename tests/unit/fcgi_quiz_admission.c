/* The rule of the gate, on a clock of its own. */
#include "fcgi/quiz/admission.c"
#include "tests/unit/unit.h"

#define MS       1000000LL
#define TARGET   (100 * MS)
#define STANDING (INTERVAL * TARGET)

static void a_short_wait_is_always_let_in(void **state)
{
    struct quiz_admission a = { .target_ns = TARGET };

    (void)state;
    for (int64_t now = 1; now < 60000 * MS; now += MS)
        assert_true(quiz_admission_judge(&a, now, now % TARGET));
    assert_true(quiz_admission_judge(&a, 60000 * MS, TARGET));
}

static void a_burst_is_absorbed(void **state)
{
    struct quiz_admission a = { .target_ns = TARGET };
    int64_t now = MS;

    (void)state;
    for (int burst = 0; burst < 10; burst++) {
        for (int i = 0; i < STANDING / MS - 1; i++, now += MS)
            assert_true(quiz_admission_judge(&a, now, 3 * TARGET));
        assert_true(quiz_admission_judge(&a, now += MS, TARGET / 2));
    }
}

static void a_standing_queue_is_cut(void **state)
{
    struct quiz_admission a = { .target_ns = TARGET };
    int64_t now = MS;

    (void)state;
    for (; now < MS + STANDING; now += MS)
        assert_true(quiz_admission_judge(&a, now, TARGET + 1));
    for (; now < 10 * STANDING; now += MS) {
        assert_false(quiz_admission_judge(&a, now, TARGET + 1));
        assert_true(
            quiz_admission_judge(&a, now, TARGET)); /* one that came just now, which does not end it */
    }
}

static void it_ends_when_nobody_has_waited_for_an_interval(void **state)
{
    struct quiz_admission a = { .target_ns = TARGET };
    int64_t now = MS;

    (void)state;
    assert_true(quiz_admission_judge(&a, now, 2 * TARGET));
    assert_false(quiz_admission_judge(&a, now += STANDING, 2 * TARGET));
    assert_false(quiz_admission_judge(&a, now += STANDING - 1, 2 * TARGET));
    assert_true(
        quiz_admission_judge(&a, now += STANDING, 2 * TARGET)); /* from here a burst is absorbed again */
    assert_true(quiz_admission_judge(&a, now += STANDING - 1, 2 * TARGET));
    assert_false(quiz_admission_judge(&a, now += 1, 2 * TARGET));
}

/* A machine that serves one start each 10 ms, and twice as many that come: whoever is let in has waited no longer than a burst may last. */
static void waits_stay_bounded_under_any_load(void **state)
{
    struct quiz_admission a = { .target_ns = TARGET };
    int64_t free_at = MS, worst_late = 0, admitted = 0;

    (void)state;
    for (int64_t came = MS; came < 60 * 1000 * MS; came += 5 * MS) {
        int64_t now = came > free_at ? came : free_at, waited = now - came;
        if (!quiz_admission_judge(&a, now, waited))
            continue;
        free_at = now + 10 * MS;
        admitted++;
        if (came > 10 * 1000 * MS && waited > worst_late)
            worst_late = waited;
    }
    assert_true(worst_late <= TARGET);
    assert_true(admitted > 5900); /* of the 6000 that it can serve */
}

static void the_gate_counts(void **state)
{
    struct quiz_gate *g = quiz_gate_new(TARGET);

    (void)state;
    assert_non_null(g);
    assert_true(quiz_gate_admit(g, MS, 2 * TARGET));
    assert_false(quiz_gate_admit(g, MS + STANDING, 2 * TARGET));
    assert_int_equal(ea_metric_value(g->admitted), 1);
    assert_int_equal(ea_metric_value(g->refused), 1);
    quiz_gate_free(g);
    quiz_gate_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_wait_is_always_let_in),
        cmocka_unit_test(a_burst_is_absorbed),
        cmocka_unit_test(a_standing_queue_is_cut),
        cmocka_unit_test(it_ends_when_nobody_has_waited_for_an_interval),
        cmocka_unit_test(waits_stay_bounded_under_any_load),
        cmocka_unit_test(the_gate_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
