/* The limits without Redis; with it they are seen through the API. Includes the module, to look at the table. */
#include "fcgi/gateway/limit.c"

#include "tests/unit/unit.h"

static struct ea_redis *nowhere(void)
{
    struct ea_redis *r = ea_redis_new("unix:/nonexistent/redis.sock");
    assert_non_null(r);
    return r;
}

static void the_tenth_failure_closes_the_account_for_a_while(void **state)
{
    (void)state;
    struct ea_redis *redis = nowhere();
    struct gateway_limits *l = gateway_limits_new();
    int wait_s;
    for (int i = 0; i < 10; i++) {
        assert_false(gateway_limit_reached(l, redis, GATEWAY_LIMIT_ACCOUNT, "a@school.example", &wait_s));
        gateway_limit_count(l, redis, GATEWAY_LIMIT_ACCOUNT, "a@school.example");
    }
    assert_true(gateway_limit_reached(l, redis, GATEWAY_LIMIT_ACCOUNT, "a@school.example", &wait_s));
    assert_in_range(wait_s, 1, 900);
    assert_false(gateway_limit_reached(l, redis, GATEWAY_LIMIT_ACCOUNT, "b@school.example", &wait_s));
    assert_false(gateway_limit_reached(l, redis, GATEWAY_LIMIT_ADDRESS, "a@school.example", &wait_s));
    gateway_limit_clear(l, redis, GATEWAY_LIMIT_ACCOUNT, "a@school.example");
    assert_false(gateway_limit_reached(l, redis, GATEWAY_LIMIT_ACCOUNT, "a@school.example", &wait_s));
    gateway_limits_free(l);
    ea_redis_free(redis);
}

static void a_window_that_has_ended_counts_no_more(void **state)
{
    (void)state;
    struct ea_redis *redis = nowhere();
    struct gateway_limits *l = gateway_limits_new();
    char key[KEY_SIZE];
    int wait_s;
    for (int i = 0; i < 10; i++)
        gateway_limit_count(l, redis, GATEWAY_LIMIT_ACCOUNT, "a");
    key_of(GATEWAY_LIMIT_ACCOUNT, "a", key);
    struct entry *e = find(l, key, ea_clock_mono_ns());
    assert_non_null(e);
    e->until_ns = ea_clock_mono_ns() - 1;
    assert_false(gateway_limit_reached(l, redis, GATEWAY_LIMIT_ACCOUNT, "a", &wait_s));
    gateway_limits_free(l);
    ea_redis_free(redis);
}

static void an_ipv6_network_is_one_address(void **state)
{
    (void)state;
    char a[KEY_SIZE], b[KEY_SIZE];
    key_of(GATEWAY_LIMIT_ADDRESS, "2001:db8:1:2::1", a);
    key_of(GATEWAY_LIMIT_ADDRESS, "2001:db8:1:2:ffff::9", b);
    assert_string_equal(a, b);
    key_of(GATEWAY_LIMIT_ADDRESS, "2001:db8:1:3::1", b);
    assert_string_not_equal(a, b);
    key_of(GATEWAY_LIMIT_ADDRESS, "192.0.2.1", a);
    key_of(GATEWAY_LIMIT_ADDRESS, "192.0.2.2", b);
    assert_string_not_equal(a, b);
}

static void a_flood_of_names_takes_no_memory(void **state)
{
    (void)state;
    struct ea_redis *redis = nowhere();
    struct gateway_limits *l = gateway_limits_new();
    char name[32];
    int wait_s;
    for (int i = 0; i < 3 * SETS * WAYS; i++) {
        snprintf(name, sizeof name, "%d", i);
        gateway_limit_count(l, redis, GATEWAY_LIMIT_ACCOUNT, name);
    }
    for (int i = 0; i < 10; i++)
        gateway_limit_count(l, redis, GATEWAY_LIMIT_ACCOUNT, "victim");
    assert_true(gateway_limit_reached(l, redis, GATEWAY_LIMIT_ACCOUNT, "victim", &wait_s));
    gateway_limits_free(l);
    ea_redis_free(redis);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tenth_failure_closes_the_account_for_a_while),
        cmocka_unit_test(a_window_that_has_ended_counts_no_more),
        cmocka_unit_test(an_ipv6_network_is_one_address),
        cmocka_unit_test(a_flood_of_names_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
