/* Includes the module: the sets are filled to the brim. */
#include "fcgi/gateway/me_cache.c"

#include "tests/unit/unit.h"

#include <stdio.h>

#define ETAG "0123456789abcdef0123456789abcdef"

static void put(struct gateway_me_cache *c, const char *user, const char *body)
{
    gateway_me_cache_put(c, user, gateway_me_cache_ticket(c, user), body, strlen(body), ETAG);
}

static bool has(struct gateway_me_cache *c, const char *user, const char *body)
{
    struct ea_buf b = { 0 };
    char etag[GATEWAY_ETAG_SIZE];
    bool hit = gateway_me_cache_get(c, user, &b, etag);
    if (hit) {
        assert_string_equal(b.p, body);
        assert_string_equal(etag, ETAG);
    }
    ea_buf_free(&b);
    return hit;
}

static void what_is_put_is_got_until_dropped(void **state)
{
    (void)state;
    struct gateway_me_cache *c = gateway_me_cache_new();
    assert_false(has(c, "a", ""));
    put(c, "a", "{\"id\":\"a\"}");
    put(c, "b", "{\"id\":\"b\"}");
    assert_true(has(c, "a", "{\"id\":\"a\"}"));
    put(c, "a", "{\"id\":\"A\"}");
    assert_true(has(c, "a", "{\"id\":\"A\"}"));
    gateway_me_cache_drop(c, "a");
    assert_false(has(c, "a", ""));
    assert_true(has(c, "b", "{\"id\":\"b\"}"));
    gateway_me_cache_clear(c);
    assert_false(has(c, "b", ""));
    gateway_me_cache_free(c);
}

static void news_between_reading_and_keeping_wins(void **state)
{
    (void)state;
    struct gateway_me_cache *c = gateway_me_cache_new();
    uint64_t ticket = gateway_me_cache_ticket(c, "a");
    gateway_me_cache_drop(c, "a"); /* the database was read before this change */
    gateway_me_cache_put(c, "a", ticket, "old", 3, ETAG);
    assert_false(has(c, "a", ""));
    ticket = gateway_me_cache_ticket(c, "a");
    gateway_me_cache_clear(c);
    gateway_me_cache_put(c, "a", ticket, "old", 3, ETAG);
    assert_false(has(c, "a", ""));
    gateway_me_cache_free(c);
}

static void it_is_bounded_and_keeps_what_is_used(void **state)
{
    (void)state;
    struct gateway_me_cache *c = gateway_me_cache_new();
    char user[WAYS + 1][EA_ID_LEN + 1];
    size_t found = 0;
    for (unsigned i = 0; found < WAYS + 1; i++) { /* people of one set */
        char name[EA_ID_LEN + 1];
        snprintf(name, sizeof name, "user-%u", i);
        if (set_of(c, name) == &c->sets[7])
            strcpy(user[found++], name);
    }
    for (int i = 0; i < WAYS; i++)
        put(c, user[i], "x");
    assert_true(has(c, user[0], "x")); /* now the second is the oldest */
    put(c, user[WAYS], "x");
    assert_true(has(c, user[0], "x"));
    assert_false(has(c, user[1], "x"));
    for (int i = 2; i <= WAYS; i++)
        assert_true(has(c, user[i], "x"));
    gateway_me_cache_free(c);
}

static void a_giant_is_not_kept(void **state)
{
    (void)state;
    struct gateway_me_cache *c = gateway_me_cache_new();
    char *body = calloc(1, BODY_MAX + 2);
    assert_non_null(body);
    memset(body, 'x', BODY_MAX + 1);
    put(c, "a", body);
    assert_false(has(c, "a", body));
    body[BODY_MAX] = '\0';
    put(c, "a", body);
    assert_true(has(c, "a", body));
    free(body);
    gateway_me_cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_got_until_dropped),
        cmocka_unit_test(news_between_reading_and_keeping_wins),
        cmocka_unit_test(it_is_bounded_and_keeps_what_is_used),
        cmocka_unit_test(a_giant_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
