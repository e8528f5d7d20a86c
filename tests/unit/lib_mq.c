/* Against a real RabbitMQ (EA_TEST_AMQP: a virtual host where no worker runs). */
#include "tests/unit/unit.h"

#include "lib/clock.h"
#include "lib/mq.h"
#include "lib/mq_topology.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DELAYS      "1,2"
#define PATIENCE_MS 60000

static struct ea_mq *open_mq(void)
{
    const char *url = getenv("EA_TEST_AMQP");
    struct ea_mq *mq;

    if (url == NULL || *url == '\0') {
        fprintf(stderr,
                "EA_TEST_AMQP is not set: this test needs a real RabbitMQ (./dev check starts one)\n");
        exit(1);
    }
    assert_int_equal(ea_mq_new(url, DELAYS, &mq), EA_OK);
    assert_int_equal(ea_mq_connect(mq), EA_OK);
    return mq;
}

static void empty(struct ea_mq *mq, const char *name)
{
    struct ea_mq_in in;
    enum ea_err err;

    while ((err = ea_mq_get(mq, name, &in)) == EA_OK)
        assert_int_equal(ea_mq_ack(mq, in.job.tag, false), EA_OK);
    assert_int_equal(err, EA_ENOTFOUND);
}

static int set_up(void **state)
{
    struct ea_mq *mq = open_mq();

    empty(mq, "ea.grade");
    empty(mq, "ea.grade.delay.1s");
    empty(mq, "ea.grade.dead");
    empty(mq, "ea.unrouted.dead");
    *state = mq;
    return 0;
}

static int tear_down(void **state)
{
    ea_mq_free(*state);
    return 0;
}

static struct ea_mq_message job(int64_t id, const char *body)
{
    return (struct ea_mq_message){ .queue = "grade",
                                   .event_id = id,
                                   .kind = "test.kind",
                                   .body = body,
                                   .body_len = strlen(body),
                                   .trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                   .attempt = 2,
                                   .reason = "gr\u00fc\u00dfe",
                                   .at = "2026-11-23T09:00:00.123Z" };
}

static void put(struct ea_mq *mq, const struct ea_mq_message *m)
{
    uint64_t seq;

    assert_int_equal(ea_mq_publish(mq, m, &seq), EA_OK);
    assert_int_equal(ea_mq_confirmed(mq, seq, PATIENCE_MS), EA_OK);
}

static struct ea_mq_in take(struct ea_mq *mq)
{
    struct ea_mq_in in;

    do
        assert_int_equal(ea_mq_next(mq, PATIENCE_MS, &in), EA_OK);
    while (in.type == EA_MQ_ACK);
    assert_int_equal(in.type, EA_MQ_JOB);
    return in;
}

static void a_job_arrives_as_it_was_sent(void **state)
{
    struct ea_mq *mq = *state;
    struct ea_mq_message m = job(INT64_MAX, "{\"a\": 1}");
    struct ea_mq_in in;

    put(mq, &m);
    assert_int_equal(ea_mq_consume(mq, "grade", 10), EA_OK);
    in = take(mq);
    assert_int_equal(in.job.event_id, m.event_id);
    assert_string_equal(in.job.queue, m.queue);
    assert_string_equal(in.job.kind, m.kind);
    assert_string_equal(in.job.body, m.body);
    assert_int_equal(in.job.body_len, m.body_len);
    assert_string_equal(in.job.trace, m.trace);
    assert_int_equal(in.job.attempt, m.attempt);
    assert_string_equal(in.job.reason, m.reason);
    assert_string_equal(in.job.at, m.at);
    assert_false(in.job.redelivered);
    assert_int_equal(ea_mq_ack(mq, in.job.tag, false), EA_OK);
    assert_int_equal(ea_mq_next(mq, 0, &in), EA_OK);
    assert_int_equal(in.type, EA_MQ_NOTHING);
}

static void bodies_of_every_size(void **state)
{
    static const size_t sizes[] = { 0, 1, 131000, 131064, 131065, 700000 };
    struct ea_mq *mq = *state;
    char *body = malloc(700000);
    size_t i;

    assert_non_null(body);
    for (i = 0; i < 700000; i++)
        body[i] = (char)('a' + i % 23);
    assert_int_equal(ea_mq_consume(mq, "grade", 10), EA_OK);
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct ea_mq_message m = job(1, "");
        struct ea_mq_in in;
        uint64_t seq;

        m.body = body;
        m.body_len = sizes[i];
        assert_int_equal(ea_mq_publish(mq, &m, &seq), EA_OK);
        in = take(mq);
        assert_int_equal(in.job.body_len, sizes[i]);
        assert_memory_equal(in.job.body, body, sizes[i]);
        assert_int_equal(in.job.body[sizes[i]], '\0');
        assert_int_equal(ea_mq_ack(mq, in.job.tag, false), EA_OK);
    }
    free(body);
}

static void a_delayed_job_comes_back(void **state)
{
    struct ea_mq *mq = *state;
    struct ea_mq_message m = job(7, "{}");
    int64_t begin = ea_clock_mono_ns();
    struct ea_mq_in in;
    uint64_t seq;

    assert_int_equal(ea_mq_publish_delayed(mq, &m, 2, &seq), EA_EINPUT);
    assert_int_equal(ea_mq_publish_delayed(mq, &m, 0, &seq), EA_OK);
    assert_int_equal(ea_mq_confirmed(mq, seq, PATIENCE_MS), EA_OK);
    assert_int_equal(ea_mq_consume(mq, "grade", 10), EA_OK);
    in = take(mq);
    assert_int_equal(in.job.event_id, 7);
    assert_int_equal(in.job.attempt, 2);
    assert_string_equal(in.job.reason, m.reason); /* not the broker's "expired" */
    assert_false(in.job.redelivered);
    assert_true(ea_clock_mono_ns() - begin >= 900 * EA_NS_PER_MS);
    assert_int_equal(ea_mq_ack(mq, in.job.tag, false), EA_OK);
}

static void dead_letters_keep_their_reason(void **state)
{
    struct ea_mq *mq = *state;
    struct ea_mq_message m = job(8, "{}");
    int64_t messages = -1, consumers = -1;
    struct ea_mq_in in;
    uint64_t seq;

    assert_int_equal(ea_mq_publish_dead(mq, &m, &seq), EA_OK);
    assert_int_equal(ea_mq_confirmed(mq, seq, PATIENCE_MS), EA_OK);
    m.queue = "nowhere";
    assert_int_equal(ea_mq_publish_dead(mq, &m, &seq), EA_OK);
    assert_int_equal(ea_mq_confirmed(mq, seq, PATIENCE_MS), EA_OK);
    assert_int_equal(ea_mq_depth(mq, "ea.grade.dead", &messages, &consumers), EA_OK);
    assert_int_equal(consumers, 0);
    assert_int_equal(ea_mq_get(mq, "ea.grade.dead", &in), EA_OK);
    assert_string_equal(in.job.reason, m.reason);
    assert_int_equal(ea_mq_ack(mq, in.job.tag, false), EA_OK);
    assert_int_equal(ea_mq_get(mq, "ea.grade.dead", &in), EA_ENOTFOUND);
    assert_int_equal(ea_mq_get(mq, "ea.unrouted.dead", &in), EA_OK);
    assert_string_equal(in.job.queue, "nowhere");
    assert_int_equal(ea_mq_ack(mq, in.job.tag, false), EA_OK);
}

static void what_nobody_takes_is_returned(void **state)
{
    struct ea_mq *mq = *state;
    struct ea_mq_message m = job(9, "{\"x\": 1}");
    struct ea_mq_in in;
    uint64_t seq;

    m.queue = "nowhere";
    assert_int_equal(ea_mq_publish(mq, &m, &seq), EA_OK);
    assert_int_equal(ea_mq_next(mq, PATIENCE_MS, &in), EA_OK);
    assert_int_equal(in.type, EA_MQ_RETURNED);
    assert_int_equal(in.job.event_id, 9);
    assert_string_equal(in.job.body, m.body);
    assert_string_equal(in.job.reason, "NO_ROUTE");
    assert_int_equal(ea_mq_next(mq, PATIENCE_MS, &in), EA_OK);
    assert_int_equal(in.type, EA_MQ_ACK);
    assert_int_equal(in.seq, seq);
    assert_int_equal(ea_mq_publish(mq, &m, &seq), EA_OK);
    assert_int_equal(ea_mq_confirmed(mq, seq, PATIENCE_MS), EA_ERETRY);
}

static void rejected_jobs(void **state)
{
    struct ea_mq *mq = *state;
    struct ea_mq_message m = job(10, "{}");
    struct ea_mq_in in;
    enum ea_err err;
    int tries;

    put(mq, &m);
    assert_int_equal(ea_mq_consume(mq, "grade", 10), EA_OK);
    in = take(mq);
    assert_int_equal(ea_mq_reject(mq, in.job.tag, true), EA_OK);
    in = take(mq);
    assert_true(in.job.redelivered);
    assert_int_equal(ea_mq_reject(mq, in.job.tag, false), EA_OK);
    /* the broker moves it by itself, some time later */
    for (tries = 0; tries < PATIENCE_MS / 50 && (err = ea_mq_get(mq, "ea.grade.dead", &in)) == EA_ENOTFOUND;
         tries++)
        usleep(50000);
    assert_int_equal(err, EA_OK);
    assert_int_equal(in.job.event_id, 10);
    assert_string_equal(in.job.reason, "the broker gave it up: rejected");
    assert_int_equal(ea_mq_ack(mq, in.job.tag, false), EA_OK);
}

static void confirms_of_many(void **state)
{
    enum { N = 2000 };
    struct ea_mq *mq = *state;
    struct ea_mq_message m = job(11, "{}");
    static bool confirmed[N + 1];
    uint64_t sent = 0, seq, first = 1;
    struct ea_mq_in in;

    memset(confirmed, 0, sizeof(confirmed));
    while (first <= N) {
        enum ea_err err = sent < N ? ea_mq_publish(mq, &m, &seq) : EA_EOVERLOAD;

        if (err == EA_OK) {
            assert_int_equal(seq, ++sent);
            continue;
        }
        assert_int_equal(err, EA_EOVERLOAD);
        assert_int_equal(ea_mq_next(mq, PATIENCE_MS, &in), EA_OK);
        assert_int_equal(in.type, EA_MQ_ACK);
        for (seq = in.multiple ? first : in.seq; seq <= in.seq; seq++)
            confirmed[seq] = true;
        while (first <= N && confirmed[first])
            first++;
    }
    empty(mq, "ea.grade");
}

static void texts_that_do_not_fit(void **state)
{
    struct ea_mq *mq = *state;
    struct ea_mq_message m = job(12, "{}");
    char text[5000];
    uint64_t seq;

    memset(text, 'x', sizeof(text));
    text[300] = '\0';
    m.kind = text;
    assert_int_equal(ea_mq_publish(mq, &m, &seq), EA_EINPUT);
    m = job(12, "{}");
    text[300] = 'x';
    text[4999] = '\0';
    m.reason = text;
    assert_int_equal(ea_mq_publish(mq, &m, &seq), EA_EINPUT);
    assert_true(ea_mq_connected(mq));
}

static void settings(void **state)
{
    static const char *const bad[] = {
        "", "0", "1,", ",1", "1,,2", "a", "1s", "-1", "1,2,3,4,5,6,7,8,9", "99999999", "1 2"
    };
    struct ea_mq_delays d;
    struct ea_mq *mq;
    size_t i;

    (void)state;
    assert_int_equal(ea_mq_topology_delays("1,10,60,600", &d), EA_OK);
    assert_int_equal(d.n, 4);
    assert_int_equal(d.seconds[3], 600);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(ea_mq_topology_delays(bad[i], &d), EA_EINPUT);
    assert_int_equal(ea_mq_new("http://localhost", DELAYS, &mq), EA_EINPUT);
    assert_null(mq);
    assert_int_equal(ea_mq_new("amqps://localhost", DELAYS, &mq), EA_EINPUT);
}

/* A port that takes connections and says nothing. */
static int silent_port(int *fd)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(a);

    *fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(*fd >= 0);
    assert_int_equal(bind(*fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(*fd, 5), 0);
    assert_int_equal(getsockname(*fd, (struct sockaddr *)&a, &size), 0);
    return ntohs(a.sin_port);
}

static void a_broker_that_does_not_answer(void **state)
{
    char url[100];
    struct ea_mq *mq;
    uint64_t seq;
    struct ea_mq_message m = job(13, "{}");
    struct ea_mq_in in;
    int fd;

    (void)state;
    snprintf(url, sizeof(url), "amqp://guest:guest@127.0.0.1:%d/", silent_port(&fd));
    assert_int_equal(ea_mq_new(url, DELAYS, &mq), EA_OK);
    assert_int_equal(ea_mq_connect(mq), EA_EUNAVAILABLE);
    assert_non_null(strstr(ea_mq_error(mq), "log in"));
    assert_true(ea_mq_retry_ms(mq) > 0);
    assert_int_equal(ea_mq_connect(mq), EA_EUNAVAILABLE); /* paced: at once */
    assert_int_equal(ea_mq_publish(mq, &m, &seq), EA_EUNAVAILABLE);
    assert_int_equal(ea_mq_next(mq, 0, &in), EA_EUNAVAILABLE);
    assert_int_equal(ea_mq_ack(mq, 1, false), EA_EUNAVAILABLE);
    assert_int_equal(ea_mq_fd(mq), -1);
    ea_mq_free(mq);
    close(fd);
}

static void a_connection_that_was_closed(void **state)
{
    struct ea_mq *mq = *state;
    struct ea_mq_in in;

    assert_int_equal(ea_mq_get(mq, "ea.no-such-queue", &in), EA_EUNAVAILABLE);
    assert_non_null(strstr(ea_mq_error(mq), "404"));
    assert_false(ea_mq_connected(mq));
    while (ea_mq_retry_ms(mq) > 0)
        usleep(10000);
    assert_int_equal(ea_mq_connect(mq), EA_OK);
    assert_string_equal(ea_mq_error(mq), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_job_arrives_as_it_was_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bodies_of_every_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_delayed_job_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dead_letters_keep_their_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_nobody_takes_is_returned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rejected_jobs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(confirms_of_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(texts_that_do_not_fit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_connection_that_was_closed, set_up, tear_down),
        cmocka_unit_test(settings),
        cmocka_unit_test(a_broker_that_does_not_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
