/* Redis: values, counters, messages, and that its absence is an answer. */
#include "tests/unit/unit.h"

#include "lib/redis.c" /* a test cuts the connection */
#include "tests/unit/servers.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char key[64];

static int setup(void **state)
{
    *state = ea_redis_new(servers_redis());
    (void)snprintf(key, sizeof key, "ea:test:%d", (int)getpid());
    return *state && ea_redis_del(*state, key) == EA_OK ? 0 : -1;
}

static int teardown(void **state)
{
    enum ea_err err = ea_redis_del(*state, key);
    ea_redis_free(*state);
    return err == EA_OK ? 0 : -1;
}

/* A plain connection: the hand that breaks things. */
static redisContext *hand_open(void)
{
    const char *address = servers_redis();
    char host[200];
    (void)snprintf(host, sizeof host, "%s", address);
    char *colon = strrchr(host, ':');
    redisContext *c = strncmp(address, "unix:", 5) == 0 ? redisConnectUnix(address + 5) : NULL;
    if (!c && colon) {
        *colon = '\0';
        c = redisConnect(host, atoi(colon + 1));
    }
    assert_true(c && !c->err);
    return c;
}

static void test_values(void **state)
{
    struct ea_redis *r = *state;
    struct ea_buf b = { 0 };
    assert_err(ea_redis_get(r, key, &b), EA_ENOTFOUND);
    assert_ok(ea_redis_set(r, key, "a\0b", 3, 60000));
    assert_ok(ea_redis_get(r, key, &b));
    assert_int_equal(b.len, 3);
    assert_memory_equal(b.p, "a\0b", 3);
    ea_buf_reset(&b);
    assert_ok(ea_redis_getdel(r, key, &b));
    assert_int_equal(b.len, 3);
    assert_err(ea_redis_getdel(r, key, &b), EA_ENOTFOUND);
    assert_ok(ea_redis_ping(r));
    ea_buf_free(&b);
}

static void until_gone(struct ea_redis *r)
{
    int64_t count = 1, left;
    for (int i = 0; i < 6000 && count; i++) {
        assert_ok(ea_redis_peek(r, key, &count, &left));
        (void)nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    }
    assert_int_equal(count, 0);
}

static void test_counting_in_a_window(void **state)
{
    struct ea_redis *r = *state;
    int64_t count, left;
    assert_ok(ea_redis_peek(r, key, &count, &left));
    assert_true(count == 0 && left == 0);
    for (int64_t i = 1; i <= 3; i++) {
        assert_ok(ea_redis_count(r, key, 60000, &count, &left));
        assert_int_equal(count, i);
        assert_true(left > 0 && left <= 60000);
    }
    assert_ok(ea_redis_peek(r, key, &count, &left));
    assert_true(count == 3 && left > 0);
    assert_ok(ea_redis_del(r, key));
    assert_ok(ea_redis_count(r, key, 100, &count, &left));
    until_gone(r);
    assert_ok(ea_redis_count(r, key, 100, &count, &left));
    assert_int_equal(count, 1);
}

static void test_counting_after_the_scripts_were_flushed(void **state)
{
    int64_t count, left;
    assert_ok(ea_redis_count(*state, key, 60000, &count, &left));
    redisContext *c = hand_open();
    freeReplyObject(redisCommand(c, "SCRIPT FLUSH"));
    redisFree(c);
    assert_ok(ea_redis_count(*state, key, 60000, &count, &left));
    assert_int_equal(count, 2);
}

/* A counter without an end would lock somebody out for ever. */
static void test_a_counter_without_an_end_gets_one(void **state)
{
    int64_t count, left;
    assert_ok(ea_redis_count(*state, key, 60000, &count, &left));
    redisContext *c = hand_open();
    freeReplyObject(redisCommand(c, "PERSIST %s", key));
    redisFree(c);
    assert_ok(ea_redis_count(*state, key, 60000, &count, &left));
    assert_int_equal(count, 2);
    assert_true(left > 0 && left <= 60000);
    assert_ok(ea_redis_peek(*state, key, &count, &left));
    assert_true(left > 0);
}

static void test_an_error_reply_leaves_the_connection(void **state)
{
    struct ea_redis *r = *state;
    int64_t count, left;
    assert_ok(ea_redis_set(r, key, "no number", 9, 60000));
    assert_err(ea_redis_count(r, key, 1000, &count, &left), EA_EUNAVAILABLE);
    assert_ok(ea_redis_ping(r));
}

static void test_sorted_sets(void **state)
{
    static const char *const members[] = { "a", "b", "c" };
    struct ea_redis *r = *state;
    int64_t scores[3];
    assert_ok(ea_redis_zadd(r, key, "NX", 1790000000123, members, 2));
    assert_ok(ea_redis_zadd(r, key, "NX", 5, members, 1));
    assert_ok(ea_redis_zadd(r, key, "GT", 1780000000000, members + 1, 2));
    assert_ok(ea_redis_zscores(r, key, members, 3, scores));
    assert_int_equal(scores[0], 1790000000123);
    assert_int_equal(scores[1], 1790000000123);
    assert_int_equal(scores[2], 1780000000000);
    assert_ok(ea_redis_zadd(r, key, "LT", -1780000000000, members, 1));
    assert_ok(ea_redis_zcut(r, key, 0, 1790000000123));
    assert_ok(ea_redis_zscores(r, key, members, 3, scores));
    assert_int_equal(scores[0], -1780000000000);
    assert_int_equal(scores[1], 1790000000123);
    assert_true(scores[2] == EA_REDIS_NO_SCORE);
}

struct heard {
    int n;
    char channel[40], payload[40];
};

static void on_message(const char *channel, const char *payload, size_t n, void *arg)
{
    struct heard *h = arg;
    h->n++;
    (void)snprintf(h->channel, sizeof h->channel, "%s", channel);
    (void)snprintf(h->payload, sizeof h->payload, "%.*s", (int)n, payload);
}

static enum ea_err hear(struct ea_redis *r, struct heard *h, int n)
{
    enum ea_err err = EA_OK;
    while (!err && h->n < n) {
        struct pollfd p = { .fd = ea_redis_fd(r), .events = POLLIN };
        if (poll(&p, 1, 60000) != 1)
            return EA_ETIMEOUT;
        err = ea_redis_drain(r, on_message, h);
    }
    return err;
}

static void test_messages(void **state)
{
    struct ea_redis *r = ea_redis_new(servers_redis());
    struct heard h = { 0 };
    char other[80];
    (void)snprintf(other, sizeof other, "%s:2", key);
    assert_int_equal(ea_redis_fd(r), -1);
    assert_err(ea_redis_drain(r, on_message, &h), EA_EUNAVAILABLE);
    assert_ok(ea_redis_subscribe(r, key));
    assert_true(ea_redis_fd(r) >= 0);
    assert_ok(ea_redis_drain(r, on_message, &h)); /* nothing there: does not wait */
    for (int i = 0; i < 50; i++)
        assert_ok(ea_redis_publish(*state, key, "hello"));
    assert_ok(hear(r, &h, 50));
    assert_string_equal(h.channel, key);
    assert_string_equal(h.payload, "hello");
    assert_ok(ea_redis_subscribe(r, other));
    redisReply *reply = NULL;
    redisContext *c = hand_open();
    for (int heard_by = 0; heard_by == 0;) { /* until the server has it */
        reply = redisCommand(c, "PUBLISH %s %s", other, "you");
        heard_by = (int)reply->integer;
        freeReplyObject(reply);
    }
    redisFree(c);
    assert_ok(hear(r, &h, 51));
    assert_string_equal(h.payload, "you");
    assert_int_equal(shutdown(ea_redis_fd(r), SHUT_RDWR), 0);
    assert_err(hear(r, &h, 52), EA_EUNAVAILABLE);
    assert_int_equal(ea_redis_fd(r), -1);
    ea_redis_free(r);
}

static void test_a_closed_connection_is_an_answer_and_comes_back(void **state)
{
    struct ea_redis *r = *state;
    assert_int_equal(shutdown(r->c->fd, SHUT_RDWR), 0);
    assert_err(ea_redis_ping(r), EA_EUNAVAILABLE);
    enum ea_err err = EA_EUNAVAILABLE;
    for (int i = 0; i < 6000 && err; i++) {
        (void)nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
        err = ea_redis_ping(r);
    }
    assert_ok(err);
}

static void test_nobody_there(void **state)
{
    (void)state;
    static const char *const addresses[] = { "unix:/nonexistent/redis.sock", "127.0.0.1:1", "unix:", "x" };
    struct ea_buf b = { 0 };
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct ea_redis *r = ea_redis_new(addresses[i]);
        int64_t count, left;
        assert_err(ea_redis_get(r, key, &b), EA_EUNAVAILABLE);
        assert_err(ea_redis_count(r, key, 1000, &count, &left), EA_EUNAVAILABLE);
        assert_err(ea_redis_subscribe(r, key), EA_EUNAVAILABLE);
        ea_redis_free(r);
    }
    ea_redis_free(NULL);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_values),
        TEST(test_counting_in_a_window),
        TEST(test_counting_after_the_scripts_were_flushed),
        TEST(test_a_counter_without_an_end_gets_one),
        TEST(test_an_error_reply_leaves_the_connection),
        TEST(test_sorted_sets),
        TEST(test_messages),
        TEST(test_a_closed_connection_is_an_answer_and_comes_back),
        TEST(test_nobody_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
