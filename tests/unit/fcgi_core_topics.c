/* Topics: who listens is found, who left is not, and an unheard topic costs nothing. */
#include "fcgi/core/topics.h"
#include "tests/unit/unit.h"

#include <stdio.h>

static size_t listeners(struct ea_topics *t, const char *topic)
{
    size_t n = 0;
    for (struct ea_listen *l = ea_topics_first(t, topic); l != NULL; l = l->next_of_topic)
        n++;
    return n;
}

static bool hears(struct ea_topics *t, const char *topic, const void *who)
{
    return ea_topics_has(t, topic, ea_topics_hash(topic), who);
}

static void listening_twice_is_once(void **state)
{
    (void)state;
    struct ea_topics *t = ea_topics_new();
    struct ea_listen *mine = NULL;
    int me;
    assert_int_equal(ea_topics_add(t, "r:1", &me, &mine), EA_OK);
    assert_int_equal(ea_topics_add(t, "r:1", &me, &mine), EA_OK);
    assert_int_equal(listeners(t, "r:1"), 1);
    ea_topics_remove_all(t, &mine);
    assert_null(mine);
    assert_int_equal(ea_topics_count(t), 0);
    ea_topics_free(t);
}

static void who_leaves_is_not_found(void **state)
{
    (void)state;
    struct ea_topics *t = ea_topics_new();
    struct ea_listen *a = NULL, *b = NULL;
    int first, second;
    assert_int_equal(ea_topics_add(t, "c:1", &first, &a), EA_OK);
    assert_int_equal(ea_topics_add(t, "c:1", &second, &b), EA_OK);
    assert_int_equal(ea_topics_add(t, "u:1", &first, &a), EA_OK);
    ea_topics_remove(t, "c:1", &a);
    ea_topics_remove(t, "c:9", &a);
    assert_false(hears(t, "c:1", &first));
    assert_true(hears(t, "u:1", &first));
    assert_true(hears(t, "c:1", &second));
    assert_false(hears(t, "u:1", &second));
    assert_false(hears(t, "r:1", &first));
    assert_int_equal(listeners(t, "c:1"), 1);
    assert_ptr_equal(ea_topics_first(t, "c:1")->subscriber, &second);
    ea_topics_remove_all(t, &a);
    ea_topics_remove_all(t, &b);
    ea_topics_free(t);
}

/* More topics than buckets: the tables grow and lose none, and one who listens to all of them is asked no longer than another. */
static void thousands_of_topics(void **state)
{
    (void)state;
    enum { N = 100000 };
    struct ea_topics *t = ea_topics_new();
    struct ea_listen *mine = NULL;
    char name[32];
    int me, other;
    for (int i = 0; i < N; i++) {
        (void)snprintf(name, sizeof(name), "r:%d", i);
        assert_int_equal(ea_topics_add(t, name, &me, &mine), EA_OK);
    }
    assert_int_equal(ea_topics_count(t), N);
    for (int i = 0; i < N; i++) {
        (void)snprintf(name, sizeof(name), "r:%d", i);
        assert_int_equal(listeners(t, name), 1);
        assert_true(hears(t, name, &me));
        assert_false(hears(t, name, &other));
    }
    ea_topics_remove_all(t, &mine);
    assert_int_equal(ea_topics_count(t), 0);
    ea_topics_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listening_twice_is_once),
        cmocka_unit_test(who_leaves_is_not_found),
        cmocka_unit_test(thousands_of_topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
