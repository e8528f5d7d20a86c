/* Stamps: the last one counts, old ones go, and what Redis has forgotten is told to be unknown. */
#include "fcgi/core/stamps.h"
#include "tests/unit/servers.h"
#include "tests/unit/unit.h"

#include "lib/redis.h"

#include <signal.h>

enum { T0 = 1000000000 };
static const char *const people[] = { "anna", "ben", "cleo" };

static int setup(void **state)
{
    *state = ea_redis_new(servers_redis());
    return *state && ea_redis_del(*state, "ea:presence") == EA_OK ? 0 : -1;
}

static int teardown(void **state)
{
    enum ea_err err = ea_redis_del(*state, "ea:presence");
    ea_redis_free(*state);
    return err == EA_OK ? 0 : -1;
}

static void test_the_latest_stamp_counts(void **state)
{
    int64_t at[3], since;
    assert_ok(ea_stamps_put(*state, people, 2, T0, T0 + 10, false));
    assert_ok(ea_stamps_put(*state, people, 1, T0 + 500, T0 + 510, false));
    assert_ok(ea_stamps_put(*state, people, 1, T0 + 400, T0 + 520, false)); /* another clock's */
    assert_ok(ea_stamps_get(*state, people, 3, T0 + 600, at, &since));
    assert_int_equal(at[0], T0 + 500);
    assert_int_equal(at[1], T0);
    assert_true(at[2] == EA_STAMPS_NONE);
}

static void test_old_stamps_go(void **state)
{
    const int64_t later = T0 + EA_STAMPS_KEPT_MS;
    int64_t at[3], since;
    assert_ok(ea_stamps_put(*state, people, 1, T0, T0, false));
    assert_ok(ea_stamps_get(*state, people, 1, later, at, &since));
    assert_int_equal(at[0], T0);
    assert_ok(ea_stamps_get(*state, people, 1, later + 1, at, &since)); /* not cut off yet, nor shown */
    assert_true(at[0] == EA_STAMPS_NONE);
    assert_ok(ea_stamps_put(*state, people + 1, 1, later + 1, later + 1, false));
    assert_ok(ea_redis_zscores(*state, "ea:presence", people, 2, at));
    assert_true(at[0] == EA_REDIS_NO_SCORE);
    assert_int_equal(at[1], later + 1);
}

static void test_since_when_it_is_whole(void **state)
{
    int64_t at[3], since;
    assert_ok(ea_stamps_get(*state, people, 1, T0, at, &since));
    assert_int_equal(since, T0); /* nothing is known yet */
    assert_ok(ea_stamps_put(*state, people, 1, T0, T0 + 10, false));
    assert_ok(ea_stamps_put(*state, people, 1, T0 + 100, T0 + 100, false));
    assert_ok(ea_stamps_get(*state, people, 1, T0 + 200, at, &since));
    assert_int_equal(since, T0 + 10);
    assert_ok(ea_stamps_get(*state, people, 1, T0 + 2 * EA_STAMPS_KEPT_MS, at, &since));
    assert_int_equal(since, T0 + EA_STAMPS_KEPT_MS);
    assert_ok(ea_stamps_put(*state, people, 1, T0 + 300, T0 + 300, true)); /* something was lost before */
    assert_ok(ea_stamps_put(*state, people, 1, T0 + 400, T0 + 400, false));
    assert_ok(ea_stamps_get(*state, people, 1, T0 + 500, at, &since));
    assert_int_equal(since, T0 + 300);
    assert_ok(ea_redis_del(*state, "ea:presence")); /* forgotten */
    assert_ok(ea_stamps_put(*state, people, 1, T0 + 600, T0 + 600, false));
    assert_ok(ea_stamps_get(*state, people, 1, T0 + 700, at, &since));
    assert_int_equal(since, T0 + 600);
}

static void test_nobody_there(void **state)
{
    struct ea_redis *none = ea_redis_new("unix:/nonexistent/redis.sock");
    int64_t at[1], since;
    (void)state;
    assert_err(ea_stamps_put(none, people, 1, T0, T0, false), EA_EUNAVAILABLE);
    assert_err(ea_stamps_get(none, people, 1, T0, at, &since), EA_EUNAVAILABLE);
    ea_redis_free(none);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_the_latest_stamp_counts),
        TEST(test_old_stamps_go),
        TEST(test_since_when_it_is_whole),
        TEST(test_nobody_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
