/* What core remembers about callers: verified tokens, closed sessions. */
#include "tests/unit/unit.h"

#include "fcgi/core/revoked.h"
#include "fcgi/core/token_cache.h"

#include <stdio.h>
#include <string.h>

static struct ea_claims claims_of(int n, int64_t expires_s)
{
    struct ea_claims c = { .expires_s = expires_s };
    (void)snprintf(c.user.s, sizeof c.user.s, "0193b0c2-7c1e-7b3a-9d2e-%012d", n);
    return c;
}

static struct ea_token_hash hash_of(int n)
{
    char jwt[32];
    (void)snprintf(jwt, sizeof jwt, "token %d", n);
    return ea_token_hash_of(jwt);
}

static void a_token_is_remembered_until_it_expires(void **state)
{
    struct ea_token_cache *c = ea_token_cache_new();
    struct ea_claims in = claims_of(1, 1000), out;
    struct ea_token_hash h = hash_of(1), other = hash_of(2);
    (void)state;
    assert_false(ea_token_cache_get(c, &h, 1, &out));
    ea_token_cache_put(c, &h, &in);
    assert_true(ea_token_cache_get(c, &h, 999, &out));
    assert_string_equal(out.user.s, in.user.s);
    assert_false(ea_token_cache_get(c, &h, 1000, &out));
    assert_false(ea_token_cache_get(c, &other, 1, &out));
    ea_token_cache_free(c);
}

/* Far more tokens than there is room for: what is found is right, and the newest are. */
static void the_cache_is_bounded_and_never_wrong(void **state)
{
    struct ea_token_cache *c = ea_token_cache_new();
    struct ea_claims out;
    const int many = 200000;
    int found = 0;
    (void)state;
    for (int i = 0; i < many; i++) {
        struct ea_claims in = claims_of(i, 1000 + i);
        struct ea_token_hash h = hash_of(i);
        ea_token_cache_put(c, &h, &in);
        assert_true(ea_token_cache_get(c, &h, 1, &out));
    }
    for (int i = 0; i < many; i++) {
        struct ea_claims in = claims_of(i, 0);
        struct ea_token_hash h = hash_of(i);
        if (ea_token_cache_get(c, &h, 1, &out)) {
            assert_string_equal(out.user.s, in.user.s);
            found++;
        }
    }
    assert_true(found > 30000 && found <= 65536);
    ea_token_cache_free(c);
}

static const char *session(int n)
{
    static char s[40];
    (void)snprintf(s, sizeof s, "0193b0c2-7c1e-7b3a-9d2e-%012d", n);
    return s;
}

static void closed_sessions_stay_closed(void **state)
{
    struct ea_revoked *r = ea_revoked_new();
    (void)state;
    assert_false(ea_revoked_has(r, session(1)));
    for (int i = 0; i < 10000; i++)
        assert_ok(ea_revoked_add(r, session(i), 5000, 1000));
    assert_ok(ea_revoked_add(r, session(3), 4000, 1000)); /* told twice, and with less: as before */
    for (int i = 0; i < 10000; i++)
        assert_true(ea_revoked_has(r, session(i)));
    assert_false(ea_revoked_has(r, session(10000)));
    assert_err(ea_revoked_add(r, "no session", 5000, 1000), EA_EINPUT);
    ea_revoked_free(r);
}

/* Whatever time an event names. */
static void closed_for_ever_is_closed(void **state)
{
    struct ea_revoked *r = ea_revoked_new();
    (void)state;
    assert_ok(ea_revoked_add(r, session(0), INT64_MAX, 1000));
    for (int i = 1; i < 1000; i++)
        assert_ok(ea_revoked_add(r, session(i), 5000, 1000));
    assert_true(ea_revoked_has(r, session(0)));
    ea_revoked_free(r);
}

/* What is long over makes room, so the set does not grow for ever. */
static void what_is_over_goes(void **state)
{
    struct ea_revoked *r = ea_revoked_new();
    (void)state;
    for (int i = 0; i < 200000; i++)
        assert_ok(ea_revoked_add(r, session(i), i * 60 + 900, i * 60));
    assert_true(ea_revoked_has(r, session(199999)));
    assert_false(ea_revoked_has(r, session(0)));
    ea_revoked_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_remembered_until_it_expires),
        cmocka_unit_test(the_cache_is_bounded_and_never_wrong),
        cmocka_unit_test(closed_sessions_stay_closed),
        cmocka_unit_test(closed_for_ever_is_closed),
        cmocka_unit_test(what_is_over_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
