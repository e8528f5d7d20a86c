/* The follower: every event exactly once and in order, without Redis, across lost connections; and what it does when the log is not what it was. */
#include "tests/unit/unit.h"

#include "lib/events.h"
#include "lib/follow.h"
#include "lib/pg.h"
#include "lib/redis.h"
#include "tests/unit/servers.h"

#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define SEEN_MAX 5000
#define FDS      100
#define NAPS     12000           /* a minute */
#define LETTER   "{\"turn\": 1}" /* told by one process to the others */

/* What the callbacks saw. Written by the follower's thread, read after `examined` said so or after it was joined. */
struct seen {
    int64_t snapshot;
    _Atomic int snapshots, held;
    int64_t ids[SEEN_MAX];
    size_t n;
    char last_topic[80], last_payload[80], last_at[40];
    _Atomic int live;
    _Atomic bool slow, over;           /* at what is not stored; enough of it was published */
    _Atomic int64_t examined, hold_at; /* the thread stands still at this event until it is 0 */
    _Atomic int64_t refuse;            /* the next event, if it is this one, is not taken in */
};

static enum ea_err on_snapshot(struct ea_pg *pg, int64_t newest, void *arg)
{
    struct seen *s = arg;
    PGresult *res;
    enum ea_err err = ea_pg_run(pg, STMT_EVENTS_NEWEST, NULL, 0, &res);
    s->snapshot = !err && ea_pg_i64(res, 0, 0) == newest && ea_pg_in_tx(pg) ? newest : -1;
    PQclear(res);
    s->snapshots++;
    return err;
}

static void nap(void)
{
    (void)nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
}

static enum ea_err on_event(const struct ea_event *ev, void *arg)
{
    struct seen *s = arg;
    if (s->n < SEEN_MAX)
        s->ids[s->n++] = ev->id;
    (void)snprintf(s->last_topic, sizeof s->last_topic, "%s", ev->topic ? ev->topic : "-");
    (void)snprintf(s->last_payload, sizeof s->last_payload, "%s", ev->payload);
    (void)snprintf(s->last_at, sizeof s->last_at, "%s", ev->at);
    while (ev->id == s->hold_at) {
        s->held = 1;
        nap();
    }
    return atomic_exchange(&s->refuse, 0) == ev->id ? EA_ENOMEM : EA_OK;
}

static void on_examined(int64_t newest, void *arg)
{
    ((struct seen *)arg)->examined = newest;
}

static void on_live(const char *payload, size_t n, void *arg)
{
    struct seen *s = arg;
    if (n == strlen(LETTER) && memcmp(payload, LETTER, n) == 0)
        s->live++;
    if (s->slow)
        nap();
}

static const struct ea_follow_ops ops = {
    .on_snapshot = on_snapshot,
    .on_event = on_event,
    .on_examined = on_examined,
    .on_live = on_live,
};

static struct seen *seen;
static struct ea_follow *follow;

static void start(const char *redis)
{
    const struct ea_cfg cfg = { .pg = servers_pg(), .redis = redis };
    seen = calloc(1, sizeof *seen);
    assert_non_null(seen);
    assert_ok(ea_follow_start(&cfg, &ops, seen, &follow));
}

static int stop(void **state)
{
    (void)state;
    ea_follow_stop(follow);
    follow = NULL;
    free(seen);
    return 0;
}

static bool until(const _Atomic int64_t *value, int64_t at_least)
{
    for (int i = 0; i < NAPS && *value < at_least; i++)
        nap();
    return *value >= at_least;
}

static bool until_int(const _Atomic int *value, int at_least)
{
    for (int i = 0; i < NAPS && *value < at_least; i++)
        nap();
    return *value >= at_least;
}

static int64_t append(struct ea_pg *pg, size_t n)
{
    struct ea_event_new *ev = calloc(n, sizeof *ev);
    int64_t first = -1;
    for (size_t i = 0; ev && i < n; i++)
        ev[i] = (struct ea_event_new){ .topic = "u:me", .kind = "test", .payload = "{\"n\": 1}" };
    if (!ev || ea_pg_begin(pg) || ea_events_commit(pg, ev, n, &first))
        first = -1;
    free(ev);
    return first < 0 ? -1 : first + (int64_t)n - 1;
}

static void *write_many(void *arg)
{
    struct ea_pg *pg = ea_pg_new(servers_pg(), "writer");
    int64_t last = 0;
    for (size_t i = 0; i < 100 && last >= 0; i++)
        last = append(pg, i % 4 + 1);
    ea_pg_free(pg);
    *(bool *)arg = last >= 0;
    return NULL;
}

static void assert_each_once_in_order(int64_t first, int64_t last)
{
    assert_int_equal(seen->n, last - first + 1);
    for (size_t i = 0; i < seen->n; i++)
        assert_int_equal(seen->ids[i], first + (int64_t)i);
}

static int64_t newest(void)
{
    PGconn *hand = servers_pg_open();
    int64_t id = servers_pg_number(hand, "SELECT coalesce(max(id), 0) FROM events");
    PQfinish(hand);
    return id;
}

static void test_each_event_once_in_order_without_redis(void **state)
{
    (void)state;
    pthread_t writers[4];
    bool ok[4] = { false };
    start("unix:/nonexistent/redis.sock");
    assert_true(until_int(&seen->snapshots, 1));
    int64_t before = newest();
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, write_many, &ok[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(writers[i], NULL);
        assert_true(ok[i]);
    }
    assert_true(until(&seen->examined, newest()));
    assert_each_once_in_order(before + 1, newest());
    assert_int_equal(ea_follow_newest(follow), newest());
    assert_int_equal(seen->snapshot, before);
    assert_string_equal(seen->last_topic, "u:me");
    assert_string_equal(seen->last_payload, "{\"n\": 1}");
    assert_int_equal(strlen(seen->last_at), 24);
}

static void test_with_redis(void **state)
{
    (void)state;
    start(servers_redis());
    assert_true(until_int(&seen->snapshots, 1));
    int64_t before = newest();
    struct ea_pg *pg = ea_pg_new(servers_pg(), "writer");
    struct ea_redis *redis = ea_redis_new(servers_redis());
    for (int i = 0; i < 20; i++) {
        int64_t last = append(pg, 2);
        ea_events_wake(redis, last);
        ea_follow_wake(follow);
    }
    assert_true(until(&seen->examined, newest()));
    assert_each_once_in_order(before + 1, newest());
    ea_redis_free(redis);
    ea_pg_free(pg);
}

static bool leads_to_redis(int fd)
{
    const char *at = servers_redis(), *end = strrchr(at, ':') + 1;
    union {
        struct sockaddr any;
        struct sockaddr_un un;
        struct sockaddr_in in;
    } peer = { 0 };
    socklen_t size = sizeof peer;
    if (getpeername(fd, &peer.any, &size))
        return false;
    if (peer.any.sa_family == AF_UNIX)
        return strncmp(at, "unix:", 5) == 0 && strcmp(peer.un.sun_path, end) == 0;
    return peer.any.sa_family == AF_INET && ntohs(peer.in.sin_port) == strtol(end, NULL, 10);
}

/* As if the server had hung up; on this follower only, for other tests that run beside this one subscribe there, too. */
static void cut_subscriber(void)
{
    int cut = 0;
    for (int fd = 0; fd < FDS; fd++)
        cut += leads_to_redis(fd) && shutdown(fd, SHUT_RDWR) == 0;
    assert_int_equal(cut, 1);
}

/* What is not of the log comes as it is told, and moves no cursor; also to who had lost Redis. */
static void test_what_is_not_stored(void **state)
{
    (void)state;
    start(servers_redis());
    assert_true(until(&seen->examined, newest()));
    int64_t before = newest();
    for (int turn = 0; turn < 2; turn++) {
        struct ea_redis *redis = ea_redis_new(servers_redis());
        int told = seen->live;
        for (int i = 0; i < NAPS && seen->live == told; i++) {
            assert_ok(ea_redis_publish(redis, EA_CHANNEL_LIVE, LETTER));
            nap();
        }
        assert_true(seen->live > told);
        ea_redis_free(redis);
        cut_subscriber();
    }
    assert_int_equal(newest(), before);
    assert_int_equal(seen->n, 0);
}

static void *publish(void *arg)
{
    struct ea_redis *redis = ea_redis_new(servers_redis());
    (void)arg;
    while (!seen->over) {
        enum ea_err ignored = ea_redis_publish(redis, EA_CHANNEL_LIVE, LETTER);
        (void)ignored;
    }
    ea_redis_free(redis);
    return NULL;
}

/* Others say more than it can take in, and nobody tells of the event: it looks once a second all the same. */
static void test_what_is_not_stored_is_never_too_much(void **state)
{
    (void)state;
    pthread_t flood;
    struct ea_pg *pg = ea_pg_new(servers_pg(), "writer");
    start(servers_redis());
    assert_true(until(&seen->examined, newest()));
    seen->slow = true;
    assert_int_equal(pthread_create(&flood, NULL, publish, NULL), 0);
    bool flooded = until_int(&seen->live, 3);
    int64_t last = append(pg, 1);
    bool found = until(&seen->examined, last);
    seen->over = true;
    seen->slow = false;
    pthread_join(flood, NULL);
    assert_true(flooded);
    assert_true(found);
    ea_pg_free(pg);
}

static void test_a_killed_session_loses_and_repeats_nothing(void **state)
{
    (void)state;
    struct ea_pg *pg = ea_pg_new(servers_pg(), "writer");
    PGconn *hand = servers_pg_open();
    start("unix:/nonexistent/redis.sock");
    assert_true(until_int(&seen->snapshots, 1));
    int64_t before = newest();
    for (int i = 0; i < 5; i++) {
        assert_true(append(pg, 3) > 0);
        servers_pg_exec(
            hand, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'follow' "
                  "AND datname = current_database()");
        assert_true(append(pg, 3) > 0);
        ea_follow_wake(follow);
    }
    assert_true(until(&seen->examined, newest()));
    assert_each_once_in_order(before + 1, newest());
    assert_int_equal(seen->snapshots, 1);
    PQfinish(hand);
    ea_pg_free(pg);
}

static void test_age(void **state)
{
    (void)state;
    const struct ea_cfg cfg = { .pg = "host=/nonexistent", .redis = "unix:/nonexistent/redis.sock" };
    seen = calloc(1, sizeof *seen);
    assert_ok(ea_follow_start(&cfg, &ops, seen, &follow));
    assert_true(ea_follow_age_ns(follow) == INT64_MAX);
    assert_false(ea_follow_wait_first(follow, 20000));
    ea_follow_stop(follow);
    free(seen);
    start("unix:/nonexistent/redis.sock");
    assert_true(until(&seen->examined, newest()));
    assert_true(ea_follow_wait_first(follow, 60000));
    assert_true(ea_follow_age_ns(follow) < INT64_MAX);
}

/* It stands at an event while what comes after it is removed: what it missed cannot be handed on, so it loads anew. */
static void test_a_log_truncated_past_it(void **state)
{
    (void)state;
    struct ea_pg *pg = ea_pg_new(servers_pg(), "writer");
    PGconn *hand = servers_pg_open();
    start("unix:/nonexistent/redis.sock");
    assert_true(until_int(&seen->snapshots, 1));
    int64_t before = newest();
    seen->hold_at = before + 1;
    assert_true(append(pg, 10) > 0);
    assert_true(until_int(&seen->held, 1));
    int64_t last = append(pg, 2000);
    char sql[100];
    (void)snprintf(sql, sizeof sql, "DELETE FROM events WHERE id < %lld", (long long)last);
    servers_pg_exec(hand, sql);
    seen->hold_at = 0;
    assert_true(until_int(&seen->snapshots, 2));
    assert_true(until(&seen->examined, last));
    assert_int_equal(seen->snapshot, last);
    int64_t next = append(pg, 1);
    assert_true(until(&seen->examined, next));
    assert_int_equal(seen->ids[seen->n - 1], next);
    PQfinish(hand);
    ea_pg_free(pg);
}

/* What comes after it is not handed on either: it is in what is loaded. */
static void test_an_event_that_could_not_be_taken_in(void **state)
{
    (void)state;
    struct ea_pg *pg = ea_pg_new(servers_pg(), "writer");
    start("unix:/nonexistent/redis.sock");
    assert_true(until_int(&seen->snapshots, 1));
    int64_t before = newest();
    seen->refuse = before + 1;
    int64_t last = append(pg, 10);
    assert_true(until_int(&seen->snapshots, 2));
    assert_true(until(&seen->examined, last));
    assert_true(seen->snapshot >= last);
    assert_int_equal(seen->n, 1);
    int64_t next = append(pg, 1);
    assert_true(until(&seen->examined, next));
    assert_int_equal(seen->n, 2);
    assert_int_equal(seen->ids[1], next);
    ea_pg_free(pg);
}

/* A database restored to an earlier time: the cursor lies ahead of the log. Seen when the session is a new one. */
static void test_a_log_that_went_back(void **state)
{
    (void)state;
    struct ea_pg *pg = ea_pg_new(servers_pg(), "writer");
    PGconn *hand = servers_pg_open();
    assert_true(append(pg, 5) > 0);
    start("unix:/nonexistent/redis.sock");
    assert_true(until_int(&seen->snapshots, 1));
    servers_pg_exec(hand, "DELETE FROM events WHERE id > (SELECT max(id) - 3 FROM events)");
    servers_pg_exec(
        hand, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'follow' "
              "AND datname = current_database()");
    assert_true(until_int(&seen->snapshots, 2));
    int64_t next = append(pg, 1);
    assert_true(until(&seen->examined, next));
    ea_follow_stop(follow);
    follow = NULL;
    assert_each_once_in_order(next, next);
    PQfinish(hand);
    ea_pg_free(pg);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
#define TEST(f) cmocka_unit_test_setup_teardown(f, NULL, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_each_event_once_in_order_without_redis),
        TEST(test_with_redis),
        TEST(test_what_is_not_stored),
        TEST(test_what_is_not_stored_is_never_too_much),
        TEST(test_a_killed_session_loses_and_repeats_nothing),
        TEST(test_age),
        TEST(test_a_log_truncated_past_it),
        TEST(test_an_event_that_could_not_be_taken_in),
        TEST(test_a_log_that_went_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
