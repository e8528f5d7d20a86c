/* One of many gets the value, all have it; and none is left behind. */
#include "tests/unit/unit.h"

#include "lib/flight.h"
#include "tests/unit/oom.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

struct passenger {
    struct ea_flight_seat seat; /* first */
    int served, order;
    enum ea_err err;
    char value[16];
};
static int served_so_far;

static void on_land(struct ea_flight_seat *seat, enum ea_err err, const char *v, size_t n)
{
    struct passenger *p = (struct passenger *)seat;
    p->served++;
    p->order = ++served_so_far;
    p->err = err;
    memcpy(p->value, v ? v : "", n);
}

static bool leads(struct ea_flight *f, const char *key, struct passenger *p)
{
    bool first;
    *p = (struct passenger){ .seat = { .on_land = on_land } };
    assert_ok(ea_flight_board(f, key, &p->seat, &first));
    return first;
}

static void the_first_leads_and_the_others_are_served_in_order(void **state)
{
    struct ea_flight *f = ea_flight_new();
    struct passenger p[4], other;
    (void)state;
    served_so_far = 0;
    assert_true(leads(f, "a", &p[0]));
    for (int i = 1; i < 4; i++)
        assert_false(leads(f, "a", &p[i]));
    assert_true(leads(f, "b", &other)); /* another key is another flight */
    ea_flight_land(f, "a", EA_OK, "value", 5);
    assert_int_equal(p[0].served, 0);
    for (int i = 1; i < 4; i++) {
        assert_int_equal(p[i].served, 1);
        assert_int_equal(p[i].order, i);
        assert_string_equal(p[i].value, "value");
    }
    assert_true(leads(f, "a", &p[0]));
    ea_flight_land(f, "a", EA_OK, "", 0);
    ea_flight_land(f, "b", EA_OK, "", 0);
    ea_flight_free(f);
}

static void a_failure_is_everybodys(void **state)
{
    struct ea_flight *f = ea_flight_new();
    struct passenger p[2];
    (void)state;
    assert_true(leads(f, "a", &p[0]));
    assert_false(leads(f, "a", &p[1]));
    ea_flight_land(f, "a", EA_EUNAVAILABLE, NULL, 0);
    assert_int_equal(p[1].served, 1);
    assert_err(p[1].err, EA_EUNAVAILABLE);
    ea_flight_free(f);
}

/* ---- many threads ---- */

#define THREADS 8
#define ROUNDS  2000

static struct ea_flight *shared;
static atomic_int landed, led, leaders[3];

static void count(struct ea_flight_seat *seat, enum ea_err err, const char *v, size_t n)
{
    (void)seat;
    assert_ok(err);
    assert_int_equal(n, 1);
    assert_int_equal(*v, 'x');
    atomic_fetch_add(&landed, 1);
}

static void *fly(void *arg)
{
    struct ea_flight_seat *seats = arg;
    for (int i = 0; i < ROUNDS; i++) {
        char key[2] = { (char)('a' + i % 3), '\0' };
        bool first;
        seats[i].on_land = count;
        assert_ok(ea_flight_board(shared, key, &seats[i], &first));
        if (!first)
            continue;
        assert_int_equal(atomic_fetch_add(&leaders[i % 3], 1), 0); /* never two of one key */
        atomic_fetch_add(&led, 1);
        atomic_fetch_sub(&leaders[i % 3], 1);
        ea_flight_land(shared, key, EA_OK, "x", 1);
    }
    return NULL;
}

static void nobody_is_forgotten_and_no_key_has_two_leaders(void **state)
{
    static struct ea_flight_seat seats[THREADS][ROUNDS];
    pthread_t threads[THREADS];
    (void)state;
    shared = ea_flight_new();
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, fly, seats[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(led + landed, THREADS * ROUNDS);
    ea_flight_free(shared);
}

static bool board(void)
{
    struct ea_flight *f = ea_flight_new();
    struct ea_flight_seat seat = { .on_land = on_land };
    bool first = false, ok = f && ea_flight_board(f, "a", &seat, &first) == EA_OK;
    if (ok)
        ea_flight_land(f, "a", EA_OK, "", 0);
    ea_flight_free(f);
    return ok;
}

static void out_of_memory_is_told(void **state)
{
    (void)state;
    assert_true(each_allocation_fails(board) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_leads_and_the_others_are_served_in_order),
        cmocka_unit_test(a_failure_is_everybodys),
        cmocka_unit_test(nobody_is_forgotten_and_no_key_has_two_leaders),
        cmocka_unit_test(out_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
