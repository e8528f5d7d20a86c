/* The event log: ids without gaps in commit order, whatever the writers do or suffer. */
#include "tests/unit/unit.h"

#include "lib/events.h"
#include "lib/pg.h"
#include "tests/unit/servers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WRITERS 8
#define ROUNDS  60

static const struct ea_event_new plain = { .topic = "u:1", .kind = "test", .payload = "{}" };

static int setup(void **state)
{
    *state = ea_pg_new(servers_pg(), "lib_events");
    return *state && ea_pg_connect(*state) == EA_OK ? 0 : -1;
}

static int teardown(void **state)
{
    ea_pg_free(*state);
    return 0;
}

static void assert_no_gaps(void)
{
    PGconn *hand = servers_pg_open();
    assert_int_equal(servers_pg_number(hand, "SELECT coalesce(max(id), 0) - count(*) FROM events"), 0);
    PQfinish(hand);
}

static long long events_in_log(void)
{
    PGconn *hand = servers_pg_open();
    long long n = servers_pg_number(hand, "SELECT count(*) FROM events");
    PQfinish(hand);
    return n;
}

static void test_columns_arrive_as_given(void **state)
{
    const struct ea_event_new ev[] = {
        { .topic = "r:1", .kind = "a", .payload = "{\"text\": \"a \\\"b\\\" \\\\ {c,d}\"}" },
        { .kind = "b", .payload = "{}", .queue = EA_QUEUE_GRADE, .trace = "00-1-2-01" },
    };
    int64_t first;
    assert_ok(ea_pg_begin(*state));
    assert_ok(ea_events_commit(*state, ev, 2, &first));
    assert_false(ea_pg_in_tx(*state));
    char sql[200];
    PGconn *hand = servers_pg_open();
    (void)snprintf(
        sql, sizeof sql,
        "SELECT id, topic, kind, payload->>'text', queue, trace FROM events WHERE id >= %lld ORDER BY id",
        (long long)first);
    PGresult *res = PQexec(hand, sql);
    assert_int_equal(PQntuples(res), 2);
    assert_string_equal(PQgetvalue(res, 0, 1), "r:1");
    assert_string_equal(PQgetvalue(res, 0, 3), "a \"b\" \\ {c,d}");
    assert_true(PQgetisnull(res, 0, 4) && PQgetisnull(res, 0, 5) && PQgetisnull(res, 1, 1));
    assert_int_equal(ea_pg_i64(res, 1, 0), first + 1);
    assert_string_equal(PQgetvalue(res, 1, 2), "b");
    assert_string_equal(PQgetvalue(res, 1, 4), "grade");
    assert_string_equal(PQgetvalue(res, 1, 5), "00-1-2-01");
    PQclear(res);
    PQfinish(hand);
}

static void test_no_events_is_a_plain_commit(void **state)
{
    int64_t first = 7;
    assert_ok(ea_pg_begin(*state));
    assert_ok(ea_events_commit(*state, NULL, 0, &first));
    assert_int_equal(first, 0);
    assert_false(ea_pg_in_tx(*state));
    assert_err(ea_events_commit(*state, &plain, 1, &first), EA_EINTERNAL); /* there is nothing to commit */
}

static void test_large_events(void **state)
{
    char *payload = malloc(300000);
    assert_non_null(payload);
    memset(payload, 'x', 300000);
    memcpy(payload, "{\"a\": \"", 7);
    memcpy(payload + 299997, "\"}", 3);
    const struct ea_event_new ev[] = { { .topic = "r:1", .kind = "a", .payload = payload }, plain };
    int64_t first, second;
    assert_ok(ea_pg_begin(*state));
    assert_ok(ea_events_commit(*state, ev, 2, &first));
    assert_ok(ea_pg_begin(*state));
    assert_ok(ea_events_commit(*state, &plain, 1, &second));
    assert_int_equal(second, first + 2);
    free(payload);
    assert_no_gaps();
}

static void test_a_bad_event_rolls_all_back(void **state)
{
    const struct ea_event_new ev[] = { plain, { .topic = "u:1", .kind = "bad", .payload = "{" } };
    long long before = events_in_log();
    int64_t first;
    assert_ok(ea_pg_begin(*state));
    assert_err(ea_events_commit(*state, ev, 2, &first), EA_EINPUT);
    assert_false(ea_pg_in_tx(*state));
    assert_int_equal(events_in_log(), before);
}

struct writer {
    pthread_t thread;
    unsigned seed;
    int64_t ids[ROUNDS * 3];
    size_t n;
    enum ea_err err;
};

static enum ea_err write_some(struct writer *w, struct ea_pg *pg)
{
    const struct ea_event_new good[3] = { plain, plain, plain };
    const struct ea_event_new bad[2] = { plain, { .kind = "bad", .payload = "no JSON" } };
    int64_t first;
    unsigned dice = (unsigned)rand_r(&w->seed) % 10;
    enum ea_err err = ea_pg_begin(pg);
    if (err)
        return err;
    if (dice == 0) {
        ea_pg_rollback(pg);
        return EA_OK;
    }
    if (dice == 1)
        return ea_events_commit(pg, bad, 2, &first) == EA_EINPUT ? EA_OK : EA_EINTERNAL;
    size_t n = dice % 3 + 1;
    err = ea_events_commit(pg, good, n, &first);
    for (size_t i = 0; i < n && !err; i++)
        w->ids[w->n++] = first + (int64_t)i;
    return err;
}

static void *write_many(void *arg)
{
    struct writer *w = arg;
    struct ea_pg *pg = ea_pg_new(servers_pg(), "writer");
    for (int i = 0; i < ROUNDS && !w->err; i++)
        w->err = write_some(w, pg);
    ea_pg_free(pg);
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void test_many_writers_leave_no_gap(void **state)
{
    (void)state;
    static struct writer writers[WRITERS];
    static int64_t all[WRITERS * ROUNDS * 3];
    size_t n = 0;
    long long before = events_in_log();
    for (int i = 0; i < WRITERS; i++) {
        writers[i].seed = (unsigned)i + 1;
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_many, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        assert_ok(writers[i].err);
        for (size_t k = 0; k < writers[i].n; k++) {
            assert_true(k == 0 || writers[i].ids[k] > writers[i].ids[k - 1]);
            all[n++] = writers[i].ids[k];
        }
    }
    qsort(all, n, sizeof *all, by_value);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(all[i], before + (long long)i + 1);
    assert_int_equal(events_in_log(), before + (long long)n);
    assert_no_gaps();
}

/* A process that stands still with the lock in its hand: it is cut, who waits goes on. */
static void test_a_stopped_writer_does_not_stop_the_others(void **state)
{
    struct ea_pg *stopped = *state;
    struct ea_pg *other = ea_pg_new(servers_pg(), "other");
    int64_t first;
    assert_ok(ea_pg_connect(other));
    assert_ok(ea_pg_begin(stopped));
    assert_ok(ea_pg_run(stopped, STMT_EVENTS_LOCK, NULL, 0, NULL));
    assert_ok(ea_pg_begin(other));
    assert_ok(ea_events_commit(other, &plain, 1, &first));
    assert_err(ea_events_commit(stopped, &plain, 1, &first), EA_EUNAVAILABLE);
    assert_false(ea_pg_in_tx(stopped));
    ea_pg_free(other);
    assert_no_gaps();
}

static void test_who_waits_too_long_for_the_lock_may_try_again(void **state)
{
    PGconn *hand = servers_pg_open();
    int64_t first;
    servers_pg_exec(hand, "BEGIN");
    servers_pg_exec(hand, "SELECT pg_advisory_xact_lock(4242)");
    long long before = events_in_log();
    assert_ok(ea_pg_begin(*state));
    assert_err(ea_events_commit(*state, &plain, 1, &first), EA_ERETRY);
    assert_false(ea_pg_in_tx(*state));
    PQfinish(hand);
    assert_int_equal(events_in_log(), before);
    assert_ok(ea_pg_begin(*state));
    assert_ok(ea_events_commit(*state, &plain, 1, &first));
    assert_no_gaps();
}

static void *kill_who_waits(void *arg)
{
    servers_pg_until(
        arg,
        "SELECT count(pg_terminate_backend(pid)) > 0 FROM pg_stat_activity WHERE wait_event = 'advisory' "
        "AND datname = current_database()");
    return NULL;
}

/* The server said so before it came to the COMMIT: nothing is in doubt. */
static void test_killed_while_waiting_for_the_lock(void **state)
{
    PGconn *holder = servers_pg_open(), *hand = servers_pg_open();
    pthread_t killer;
    int64_t first;
    long long before = events_in_log();
    servers_pg_exec(holder, "BEGIN");
    servers_pg_exec(holder, "SELECT pg_advisory_xact_lock(4242)");
    assert_ok(ea_pg_begin(*state));
    assert_int_equal(pthread_create(&killer, NULL, kill_who_waits, hand), 0);
    assert_err(ea_events_commit(*state, &plain, 1, &first), EA_EUNAVAILABLE);
    pthread_join(killer, NULL);
    PQfinish(holder);
    PQfinish(hand);
    assert_int_equal(events_in_log(), before);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_columns_arrive_as_given),
        TEST(test_no_events_is_a_plain_commit),
        TEST(test_large_events),
        TEST(test_a_bad_event_rolls_all_back),
        TEST(test_many_writers_leave_no_gap),
        TEST(test_a_stopped_writer_does_not_stop_the_others),
        TEST(test_who_waits_too_long_for_the_lock_may_try_again),
        TEST(test_killed_while_waiting_for_the_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
