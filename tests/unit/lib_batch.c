/* Group commit: keys, order, bounds, and that nobody is told OK whose row is not there. */
#include "tests/unit/unit.h"

#include "lib/batch.h"
#include "lib/clock.h"
#include "lib/events.h"
#include "lib/pg.h"
#include "tests/unit/servers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define USER      "0190a8c0-0000-7000-8000-000000000001"
#define ITEMS_MAX 400
#define NAPS      30000 /* a minute */

struct row {
    struct ea_batch_item item; /* first */
    char key[48];
    _Atomic bool done;
};

/* What the batcher did. `order` is written by its one writing thread and read when all is done. */
static struct {
    _Atomic bool gate; /* the writer stands before its next transaction */
    _Atomic int standing, flushes, committed, done_waits;
    _Atomic int64_t last_event;
    char order[8192];
    bool unsorted;
} log_;

static void nap(void)
{
    (void)nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

static void note(struct ea_batch_item **items, size_t n)
{
    size_t at = strlen(log_.order);
    for (size_t i = 0; i < n && at < sizeof log_.order; i++) {
        at += (size_t)snprintf(log_.order + at, sizeof log_.order - at, "%s%s", items[i]->key,
                               i + 1 < n ? " " : "|");
        if (i && strcmp(items[i - 1]->key, items[i]->key) >= 0)
            log_.unsorted = true;
    }
}

/* One claim per row: a key the table refuses ("") is a bad row. One event for the batch. */
static enum ea_err flush(struct ea_pg *pg, struct ea_arena *a, struct ea_batch_item **items, size_t n,
                         int64_t *last_event_id, void *arg)
{
    (void)arg;
    log_.flushes++;
    while (log_.gate) {
        log_.standing = 1;
        nap();
    }
    note(items, n);
    enum ea_err err = ea_pg_begin(pg);
    for (size_t i = 0; i < n && !err; i++) {
        const char *key = strcmp(items[i]->key, "bad") == 0 ? "" : items[i]->key;
        PGresult *res;
        err = EA_PG(pg, a, &res, STMT_IDEMPOTENCY_CLAIM, USER, "batch", key, "hash");
        if (!err && PQntuples(res) == 0)
            items[i]->err = EA_ESTALE; /* an expected refusal: it is there already */
    }
    const struct ea_event_new ev = { .kind = "test", .payload = "{}" };
    return err ? err : ea_events_commit(pg, &ev, 1, last_event_id);
}

static void committed(int64_t last_event_id, void *arg)
{
    (void)arg;
    log_.committed++;
    log_.last_event = last_event_id;
}

static void done(struct ea_batch_item *item, void *arg)
{
    (void)arg;
    while (log_.done_waits && log_.flushes < log_.done_waits)
        nap();
    ((struct row *)item)->done = true;
}

static struct ea_batch_ops ops = {
    .name = "test",
    .max_items = 300,
    .max_batch_rows = 100,
    .max_bytes = 100000,
    .max_age_ns = 60 * EA_NS_PER_S,
    .flush = flush,
    .done = done,
    .committed = committed,
};
static struct ea_batch *batch;
static struct row rows[ITEMS_MAX];
static PGconn *hand;

static int setup(void **state)
{
    (void)state;
    memset(&log_, 0, sizeof log_);
    memset(rows, 0, sizeof rows);
    hand = servers_pg_open();
    servers_pg_exec(hand, "TRUNCATE idempotency");
    return ea_batch_new(servers_pg(), &ops, NULL, &batch) == EA_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    log_.gate = false;
    ea_batch_free(batch);
    PQfinish(hand);
    return 0;
}

static enum ea_err add(size_t i, const char *key)
{
    (void)snprintf(rows[i].key, sizeof rows[i].key, "%s", key);
    rows[i].done = false;
    rows[i].item = (struct ea_batch_item){ .key = rows[i].key, .bytes = 10 };
    return ea_batch_add(batch, &rows[i].item);
}

/* Holds the writer, so that what is added next gathers. */
static void close_gate(void)
{
    log_.gate = true;
    assert_ok(add(ITEMS_MAX - 1, "gate"));
    for (int i = 0; i < NAPS && !log_.standing; i++) {
        nap();
        if (rows[ITEMS_MAX - 1].done) /* too old before the writer came to it */
            assert_ok(add(ITEMS_MAX - 1, "gate"));
    }
    assert_true(log_.standing);
}

static void wait_done(size_t from, size_t n)
{
    for (size_t i = from; i < from + n; i++) {
        for (int k = 0; k < NAPS && !rows[i].done; k++)
            nap();
        assert_true(rows[i].done);
    }
}

static long long stored(const char *key)
{
    char sql[200];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM idempotency WHERE key = '%s'", key);
    return servers_pg_number(hand, sql);
}

static void test_what_gathers_is_one_transaction(void **state)
{
    (void)state;
    close_gate();
    for (size_t i = 0; i < 50; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "k%02zu", 49 - i);
        assert_ok(add(i, key));
    }
    log_.gate = false;
    wait_done(0, 50);
    assert_int_equal(log_.flushes, 2);
    assert_false(log_.unsorted);
    for (size_t i = 0; i < 50; i++)
        assert_ok(rows[i].item.err);
    assert_int_equal(servers_pg_number(hand, "SELECT count(*) FROM idempotency"), 51);
    assert_int_equal(log_.last_event, servers_pg_number(hand, "SELECT max(id) FROM events"));
}

static void test_the_same_key_waits_for_the_next_batch(void **state)
{
    (void)state;
    close_gate();
    static const char *const keys[] = { "b", "a", "b", "c", "b", "a" };
    for (size_t i = 0; i < 6; i++)
        assert_ok(add(i, keys[i]));
    log_.gate = false;
    wait_done(0, 6);
    assert_string_equal(log_.order, "gate|a b c|a b|b|");
    static const enum ea_err expect[] = { EA_OK, EA_OK, EA_ESTALE, EA_OK, EA_ESTALE, EA_ESTALE };
    for (size_t i = 0; i < 6; i++)
        assert_err(rows[i].item.err, expect[i]);
}

static void test_one_bad_row_fails_alone(void **state)
{
    (void)state;
    close_gate();
    for (size_t i = 0; i < 50; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "k%02zu", i);
        assert_ok(add(i, i == 33 ? "bad" : key));
    }
    log_.gate = false;
    wait_done(0, 50);
    for (size_t i = 0; i < 50; i++)
        assert_err(rows[i].item.err, i == 33 ? EA_EINPUT : EA_OK);
    assert_int_equal(servers_pg_number(hand, "SELECT count(*) FROM idempotency"), 50);
}

/* Fails by the database's own word for the rows named flaky, as often as the sequence says. */
static void make_flaky(int times)
{
    char sql[600];
    servers_pg_exec(hand, "DROP SEQUENCE IF EXISTS test_tries CASCADE");
    servers_pg_exec(hand, "CREATE SEQUENCE test_tries");
    (void)snprintf(
        sql, sizeof sql,
        "CREATE OR REPLACE FUNCTION test_flaky() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF NEW.key = 'flaky' AND nextval('test_tries') <= %d THEN "
        "RAISE EXCEPTION 'test' USING ERRCODE = 'serialization_failure'; END IF; RETURN NEW; END $$",
        times);
    servers_pg_exec(hand, sql);
    servers_pg_exec(hand, "CREATE OR REPLACE TRIGGER test_flaky BEFORE INSERT ON idempotency FOR EACH ROW "
                          "EXECUTE FUNCTION test_flaky()");
}

static void test_a_serialization_failure_is_tried_again(void **state)
{
    (void)state;
    make_flaky(2);
    close_gate();
    assert_ok(add(0, "flaky"));
    assert_ok(add(1, "other"));
    log_.gate = false;
    wait_done(0, 2);
    assert_ok(rows[0].item.err);
    assert_ok(rows[1].item.err);
    assert_int_equal(log_.flushes, 4);
    make_flaky(1000);
    assert_ok(add(2, "flaky"));
    wait_done(2, 1);
    assert_err(rows[2].item.err, EA_ERETRY);
    assert_int_equal(log_.flushes, 8);
    servers_pg_exec(hand, "DROP TRIGGER test_flaky ON idempotency");
}

static void make_slow(const char *trigger)
{
    char sql[300];
    servers_pg_exec(hand,
                    "CREATE OR REPLACE FUNCTION test_slow() RETURNS trigger LANGUAGE plpgsql AS "
                    "$$ BEGIN IF NEW.key = 'slow' THEN PERFORM pg_sleep(60); END IF; RETURN NEW; END $$");
    (void)snprintf(sql, sizeof sql, "CREATE %s FOR EACH ROW EXECUTE FUNCTION test_slow()", trigger);
    servers_pg_exec(hand, sql);
}

static void kill_during(const char *trigger, enum ea_err expect)
{
    make_slow(trigger);
    close_gate();
    assert_ok(add(0, "a"));
    assert_ok(add(1, "slow"));
    assert_ok(add(2, "z"));
    log_.gate = false;
    servers_pg_until(
        hand,
        "SELECT count(pg_terminate_backend(pid)) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep' "
        "AND datname = current_database()");
    wait_done(0, 3);
    for (size_t i = 0; i < 3; i++)
        assert_err(rows[i].item.err, expect);
    assert_int_equal(stored("a") + stored("slow") + stored("z"), 0);
    servers_pg_exec(hand, "DROP TRIGGER test_slow ON idempotency");
    enum ea_err err = EA_EUNAVAILABLE;
    for (int i = 0; i < 1000 && err == EA_EUNAVAILABLE; i++) {
        assert_ok(add(3, "after"));
        wait_done(3, 1);
        err = rows[3].item.err;
        nap();
    }
    assert_ok(err);
    assert_int_equal(stored("after"), 1);
}

static void test_killed_before_commit(void **state)
{
    (void)state;
    kill_during("TRIGGER test_slow BEFORE INSERT ON idempotency", EA_EUNAVAILABLE);
}

static void test_killed_during_commit(void **state)
{
    (void)state;
    kill_during("CONSTRAINT TRIGGER test_slow AFTER INSERT ON idempotency DEFERRABLE INITIALLY DEFERRED",
                EA_EUNKNOWN);
}

struct adder {
    pthread_t thread;
    size_t first;
    _Atomic bool *stop;
};

static void *add_steadily(void *arg)
{
    struct adder *r = arg;
    for (size_t i = 0; i < 80; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "s%03zu", r->first + i);
        while (add(r->first + i, key))
            nap();
        nap();
    }
    return NULL;
}

/* The session is killed again and again while rows are written: what was called saved is there, what was called unavailable is not. */
static void test_never_a_false_ok(void **state)
{
    (void)state;
    struct adder adders[4];
    for (size_t i = 0; i < 4; i++) {
        adders[i].first = i * 80;
        assert_int_equal(pthread_create(&adders[i].thread, NULL, add_steadily, &adders[i]), 0);
    }
    for (int i = 0; i < 30; i++) {
        servers_pg_exec(
            hand, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test' "
                  "AND datname = current_database()");
        nap();
    }
    for (size_t i = 0; i < 4; i++)
        pthread_join(adders[i].thread, NULL);
    wait_done(0, 320);
    for (size_t i = 0; i < 320; i++) {
        if (rows[i].item.err == EA_OK)
            assert_int_equal(stored(rows[i].key), 1);
        else if (rows[i].item.err == EA_EUNAVAILABLE)
            assert_int_equal(stored(rows[i].key), 0);
        else
            assert_err(rows[i].item.err, EA_EUNKNOWN);
    }
}

static void test_full(void **state)
{
    (void)state;
    close_gate();
    for (size_t i = 0; i < 300; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "k%03zu", i);
        assert_ok(add(i, key));
    }
    assert_err(add(300, "one more"), EA_EOVERLOAD);
    log_.gate = false;
    wait_done(0, 300);
    assert_ok(add(300, "one more"));
    wait_done(300, 1);
    rows[301].item = (struct ea_batch_item){ .key = "big", .bytes = 100001 };
    assert_err(ea_batch_add(batch, &rows[301].item), EA_EOVERLOAD);
}

/* The writer stands: who waits is still answered in time. */
static void test_too_old(void **state)
{
    teardown(state);
    ops.max_age_ns = 100 * EA_NS_PER_MS;
    assert_int_equal(setup(state), 0);
    close_gate();
    assert_ok(add(0, "a"));
    assert_ok(add(1, "b"));
    wait_done(0, 2);
    assert_err(rows[0].item.err, EA_EOVERLOAD);
    assert_err(rows[1].item.err, EA_EOVERLOAD);
    log_.gate = false;
    wait_done(ITEMS_MAX - 1, 1);
    assert_int_equal(stored("a") + stored("b"), 0);
    ops.max_age_ns = 60 * EA_NS_PER_S;
}

/* done() of the first batch returns only when the second is being written: it would never, if the writer waited for it. */
static void test_the_next_batch_does_not_wait_for_handing_back(void **state)
{
    (void)state;
    log_.done_waits = 2;
    close_gate();
    assert_ok(add(0, "next"));
    log_.gate = false;
    wait_done(0, 1);
    assert_ok(rows[0].item.err);
}

static void test_stopping_writes_what_is_queued(void **state)
{
    (void)state;
    close_gate();
    for (size_t i = 0; i < 250; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "k%03zu", i);
        assert_ok(add(i, key));
    }
    log_.gate = false;
    ea_batch_free(batch);
    batch = NULL;
    for (size_t i = 0; i < 250; i++) {
        assert_true(rows[i].done);
        assert_ok(rows[i].item.err);
    }
    assert_int_equal(servers_pg_number(hand, "SELECT count(*) FROM idempotency"), 251);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_what_gathers_is_one_transaction),
        TEST(test_the_same_key_waits_for_the_next_batch),
        TEST(test_one_bad_row_fails_alone),
        TEST(test_a_serialization_failure_is_tried_again),
        TEST(test_killed_before_commit),
        TEST(test_killed_during_commit),
        TEST(test_never_a_false_ok),
        TEST(test_full),
        TEST(test_too_old),
        TEST(test_the_next_batch_does_not_wait_for_handing_back),
        TEST(test_stopping_writes_what_is_queued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
