/* An idle connection costs no thread: with 512 of them, and four threads, nobody waits. */
#include "tests/regress/client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define IDLE 512

static void nobody_waits_for_an_idle_connection(void **state)
{
    static int idle[IDLE];
    struct subject s = { 0 };
    (void)state;
    subject_start(&s, (const char *const[]){ "EA_THREADS=4", NULL });
    for (int i = 0; i < IDLE; i++) {
        idle[i] = client_connect(&s);
        (void)client_get(idle[i], "/v1/echo", 200); /* it is a kept connection now */
    }
    int fd = client_connect(&s);
    for (int i = 0; i < 100; i++)
        (void)client_get(fd, "/v1/echo", 200);
    close(fd);
    /* all of them ask at once */
    for (int i = 0; i < IDLE; i++)
        client_ask(idle[i], &(struct ask){ .uri = "/v1/echo" });
    for (int i = IDLE - 1; i >= 0; i--) {
        struct reply r;
        client_reply(idle[i], &r);
        assert_int_equal(r.status, 200);
        reply_free(&r);
    }
    subject_await_metric(&s, "ea_fcgi_connections ", IDLE + 1);
    for (int i = 0; i < IDLE; i++)
        close(idle[i]);
    subject_await_metric(&s, "ea_fcgi_connections ", 1);
    subject_stop(&s);
}

/* Connections that were opened and never said anything are no work either. */
static void silent_connections_cost_nothing(void **state)
{
    static int silent[64];
    struct subject s = { 0 };
    (void)state;
    subject_start(&s, (const char *const[]){ "EA_THREADS=1", NULL });
    for (size_t i = 0; i < 64; i++)
        silent[i] = client_connect(&s);
    int fd = client_connect(&s);
    (void)client_get(fd, "/v1/echo", 200);
    close(fd);
    for (size_t i = 0; i < 64; i++)
        close(silent[i]);
    subject_stop(&s);
}

/* The time that a process has had of a processor, or of the clock on the wall. */
static double seconds(clockid_t clock)
{
    struct timespec t;
    assert_int_equal(clock_gettime(clock, &t), 0);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The rest of a header is waited for until the responder gives up, by looking now and then. */
static void half_a_header_is_next_to_no_work(void **state)
{
    struct subject s = { 0 };
    clockid_t its;
    char rest;
    (void)state;
    subject_start(&s, (const char *const[]){ "EA_THREADS=1", NULL });
    assert_int_equal(clock_getcpuclockid(s.pid, &its), 0);
    int fd = client_connect(&s);
    double worked = seconds(its), waited = seconds(CLOCK_MONOTONIC);
    client_send(fd, "\1\1\0\1", 4);
    assert_true(recv(fd, &rest, 1, 0) < 0 && errno == ECONNRESET); /* closed with what was not read */
    worked = seconds(its) - worked;
    waited = seconds(CLOCK_MONOTONIC) - waited;
    assert_true(worked < waited / 10);
    close(fd);
    subject_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_waits_for_an_idle_connection),
        cmocka_unit_test(silent_connections_cost_nothing),
        cmocka_unit_test(half_a_header_is_next_to_no_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
