#include "tests/unit/unit.h"
#include "workers/grader/late.h"

#include <stdlib.h>

#define MINUTE 60000000LL
#define DAY    (1440 * MINUTE)

static struct ea_late_policy policy(int64_t per_day, int64_t floor, int64_t grace)
{
    return (struct ea_late_policy){ .given = { .given = true },
                                    .per_day_percent = { .given = true, .v = per_day },
                                    .floor_percent = { .given = true, .v = floor },
                                    .grace_minutes = { .given = true, .v = grace } };
}

static void in_time_costs_nothing(void **state)
{
    (void)state;
    struct ea_late_policy p = policy(10000, 0, 0);

    assert_int_equal(grader_late_of(&p, -DAY).kept, GRADER_ALL);
    assert_int_equal(grader_late_of(&p, 0).kept, GRADER_ALL);
    assert_int_equal(grader_late_of(&p, 0).days, 0);
}

static void without_policy_late_costs_nothing(void **state)
{
    (void)state;
    struct ea_late_policy absent = { 0 }, null = { .given = { .given = true, .null = true } };

    assert_int_equal(grader_late_of(&absent, 9 * DAY).kept, GRADER_ALL);
    assert_int_equal(grader_late_of(&null, 9 * DAY).kept, GRADER_ALL);
}

static void each_day_begun_counts(void **state)
{
    (void)state;
    struct ea_late_policy p = policy(10000, 0, 0);

    assert_int_equal(grader_late_of(&p, 1).days, 1);
    assert_int_equal(grader_late_of(&p, DAY).days, 1);
    assert_int_equal(grader_late_of(&p, DAY + 1).days, 2);
    assert_int_equal(grader_late_of(&p, DAY + 1).kept, 80000);
    assert_int_equal(grader_late_of(&p, 30 * DAY).kept, 0);
}

static void grace_forgives_then_counts_from_the_due_date(void **state)
{
    (void)state;
    struct ea_late_policy p = policy(10000, 0, 15);

    assert_int_equal(grader_late_of(&p, 15 * MINUTE).kept, GRADER_ALL);
    assert_int_equal(grader_late_of(&p, 15 * MINUTE + 1).kept, 90000);
    assert_int_equal(grader_late_of(&p, DAY).days, 1);
}

static void the_floor_holds(void **state)
{
    (void)state;
    struct ea_late_policy p = policy(33333, 50000, 0);

    assert_int_equal(grader_late_of(&p, 1).kept, 66667);
    assert_int_equal(grader_late_of(&p, 2 * DAY).kept, 50000);
    assert_int_equal(grader_late_of(&p, INT64_MAX).kept, 50000);
}

static void shares_are_rounded_half_up(void **state)
{
    (void)state;

    assert_int_equal(grader_late_apply((struct grader_late){ .kept = 50000 }, 5), 3);
    assert_int_equal(grader_late_apply((struct grader_late){ .kept = 49999 }, 5), 2);
    assert_int_equal(grader_late_apply((struct grader_late){ .kept = GRADER_ALL }, 7777), 7777);
    assert_int_equal(grader_late_apply((struct grader_late){ .kept = 0 }, 7777), 0);
}

/* Whatever the policy: later never keeps more, and what is kept stays between the floor and all. */
static void later_is_never_better(void **state)
{
    (void)state;
    unsigned seed = 20261123;

    for (int i = 0; i < 20000; i++) {
        struct ea_late_policy p =
            policy(rand_r(&seed) % (GRADER_ALL + 1), rand_r(&seed) % (GRADER_ALL + 1), rand_r(&seed) % 3000);
        int64_t t = (int64_t)rand_r(&seed) * 1000 - DAY, later = t + (int64_t)rand_r(&seed) * 100;
        struct grader_late a = grader_late_of(&p, t), b = grader_late_of(&p, later);
        assert_true(b.kept <= a.kept);
        assert_true(b.kept >= p.floor_percent.v || b.kept == GRADER_ALL);
        assert_true(a.kept >= 0 && a.kept <= GRADER_ALL);
        int64_t score = rand_r(&seed);
        assert_true(grader_late_apply(b, score) <= grader_late_apply(a, score));
        assert_true(grader_late_apply(a, score) <= score);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_time_costs_nothing),
        cmocka_unit_test(without_policy_late_costs_nothing),
        cmocka_unit_test(each_day_begun_counts),
        cmocka_unit_test(grace_forgives_then_counts_from_the_due_date),
        cmocka_unit_test(the_floor_holds),
        cmocka_unit_test(shares_are_rounded_half_up),
        cmocka_unit_test(later_is_never_better),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
