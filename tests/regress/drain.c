/* SIGTERM: kept connections are served until their peer has let them go, and are ended in a way that makes nginx do so. */
#include "tests/regress/client.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The empty STDERR record behind END_REQUEST: nginx does not keep a connection on which something follows. */
#define LAST 8

static size_t ask(int fd, int status)
{
    struct reply r;
    client_ask(fd, &(struct ask){ .method = "POST", .uri = "/v1/text", .type = "text/plain", .body = "x" });
    client_reply(fd, &r);
    assert_int_equal(r.status, status);
    assert_true(r.ended);
    reply_free(&r);
    return r.after;
}

static void kept_connections_are_served_to_their_end(void **state)
{
    struct subject s = { 0 };
    struct stat st;
    (void)state;
    subject_start(&s, NULL);
    int used = client_connect(&s), idle = client_connect(&s);
    assert_int_equal(ask(used, 200), 0);
    assert_int_equal(ask(idle, 200), 0);
    assert_int_equal(kill(s.pid, SIGTERM), 0);
    while (ask(used, 200) != LAST) /* until the signal has come through */
        ;
    int fresh = client_connect(&s); /* as long as old ones are there, new ones are welcome */
    assert_int_equal(ask(fresh, 200), LAST);
    /* whoever does not understand the hint is served all the same */
    for (int i = 0; i < 20; i++)
        assert_int_equal(ask(used, 200), LAST);
    assert_int_equal(ask(idle, 200), LAST);
    close(used);
    close(idle);
    close(fresh);
    assert_int_equal(subject_wait(&s), 0);
    assert_int_equal(stat(s.socket, &st), -1);
    subject_remove(&s);
}

static void a_parked_request_is_answered(void **state)
{
    struct subject s = { 0 };
    struct reply r;
    (void)state;
    subject_start(&s, NULL);
    int waiting = client_connect(&s), other = client_connect(&s);
    client_ask(waiting, &(struct ask){ .uri = "/v1/park" });
    while (strstr(client_get(other, "/v1/echo", 200), "\"parked\":true") == NULL)
        ;
    assert_int_equal(kill(s.pid, SIGTERM), 0);
    while (ask(other, 200) != LAST)
        ;
    (void)client_get(other, "/v1/unpark", 204);
    client_reply(waiting, &r);
    assert_int_equal(r.status, 200);
    reply_free(&r);
    close(waiting);
    close(other);
    assert_int_equal(subject_wait(&s), 0);
    subject_remove(&s);
}

static void the_deadline_holds(void **state)
{
    struct subject s = { 0 };
    (void)state;
    subject_start(&s, (const char *const[]){ "EA_DRAIN_S=1", NULL });
    int fd = client_connect(&s);
    assert_int_equal(ask(fd, 200), 0);
    assert_int_equal(kill(s.pid, SIGTERM), 0);
    assert_int_equal(subject_wait(&s), 0);
    close(fd);
    subject_remove(&s);
}

/* The next process has put its own socket there: it stays. */
static void anothers_socket_is_left_alone(void **state)
{
    struct subject s = { 0 };
    struct stat st;
    (void)state;
    subject_start(&s, NULL);
    int fd = client_connect(&s);
    assert_int_equal(unlink(s.socket), 0);
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    stpcpy(a.sun_path, s.socket);
    int other = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(other, (const struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(kill(s.pid, SIGTERM), 0);
    close(fd);
    assert_int_equal(subject_wait(&s), 0);
    assert_int_equal(stat(s.socket, &st), 0);
    close(other);
    subject_remove(&s);
}

static int exit_code(const struct subject *first)
{
    struct subject second = *first;
    const char *const env[] = { NULL };
    int status = -1;
    (void)snprintf(second.log, sizeof second.log, "%s/log2", first->dir);
    subject_spawn(&second, env);
    status = subject_wait(&second);
    (void)unlink(second.log);
    return status;
}

static void a_socket_that_answers_is_not_taken_over(void **state)
{
    struct subject s = { 0 };
    (void)state;
    subject_start(&s, NULL);
    int fd = client_connect(&s);
    (void)client_get(fd, "/v1/echo", 200);
    assert_int_equal(exit_code(&s), 1 << 8);
    (void)client_get(fd, "/v1/echo", 200);
    close(fd);
    fd = client_connect(&s);
    (void)client_get(fd, "/v1/echo", 200);
    close(fd);
    /* but one that nobody listens on is */
    assert_int_equal(kill(s.pid, SIGKILL), 0);
    (void)subject_wait(&s);
    subject_start(&s, NULL);
    subject_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_connections_are_served_to_their_end),
        cmocka_unit_test(a_parked_request_is_answered),
        cmocka_unit_test(the_deadline_holds),
        cmocka_unit_test(anothers_socket_is_left_alone),
        cmocka_unit_test(a_socket_that_answers_is_not_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
