/* Places of people: bounded for each, given back, and whole after many threads have taken and left them. */
#include "fcgi/core/seats.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdio.h>

static struct ea_id person(unsigned n)
{
    struct ea_id who;
    (void)snprintf(who.s, sizeof who.s, "018f0000-0000-7000-8000-%012x", n);
    return who;
}

static void each_has_so_many_and_no_more(void **state)
{
    (void)state;
    struct ea_seats *s = ea_seats_new(3);
    struct ea_id one = person(1), two = person(2);
    assert_int_equal(ea_seats_most(s), 3);
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < 3; i++)
            assert_int_equal(ea_seats_take(s, &one), EA_OK);
        assert_int_equal(ea_seats_take(s, &one), EA_ELIMIT);
        assert_int_equal(ea_seats_take(s, &two), EA_OK);
        ea_seats_leave(s, &one);
        assert_int_equal(ea_seats_take(s, &one), EA_OK);
        assert_int_equal(ea_seats_take(s, &one), EA_ELIMIT);
        for (int i = 0; i < 3; i++)
            ea_seats_leave(s, &one);
        ea_seats_leave(s, &two);
    }
    ea_seats_free(s);
}

/* More people than there are buckets, some of whom share one. */
static void many_people(void **state)
{
    (void)state;
    enum { PEOPLE = 10000 };
    struct ea_seats *s = ea_seats_new(1);
    for (unsigned n = 0; n < PEOPLE; n++) {
        struct ea_id who = person(n);
        assert_int_equal(ea_seats_take(s, &who), EA_OK);
    }
    for (unsigned n = 0; n < PEOPLE; n++) {
        struct ea_id who = person(n);
        assert_int_equal(ea_seats_take(s, &who), EA_ELIMIT);
        ea_seats_leave(s, &who);
        assert_int_equal(ea_seats_take(s, &who), EA_OK);
        ea_seats_leave(s, &who);
    }
    ea_seats_free(s);
}

enum { THREADS = 4, TURNS = 5000, MOST = 2 };

static void *come_and_go(void *arg)
{
    struct ea_seats *s = arg;
    struct ea_id who = person(7);
    for (int i = 0; i < TURNS; i++)
        if (ea_seats_take(s, &who) == EA_OK)
            ea_seats_leave(s, &who);
    return NULL;
}

static void nothing_is_lost_between_threads(void **state)
{
    (void)state;
    struct ea_seats *s = ea_seats_new(MOST);
    struct ea_id who = person(7);
    pthread_t t[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, come_and_go, s), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
    for (int i = 0; i < MOST; i++)
        assert_int_equal(ea_seats_take(s, &who), EA_OK);
    assert_int_equal(ea_seats_take(s, &who), EA_ELIMIT);
    for (int i = 0; i < MOST; i++)
        ea_seats_leave(s, &who);
    ea_seats_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_so_many_and_no_more),
        cmocka_unit_test(many_people),
        cmocka_unit_test(nothing_is_lost_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
