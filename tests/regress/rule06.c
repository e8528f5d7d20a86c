/* Rule 6: descriptors block, with time limits, and no signal reaches the pool: a read that would wait, or is interrupted, is for libfcgi an error of the stream. */
#include "tests/regress/client.h"

#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A pause in which the other side has long read what was sent; what is asserted does not depend on its length. */
static void pause_a_little(void)
{
    (void)nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
}

static void a_slow_peer_is_waited_for(void **state)
{
    struct subject s = { 0 };
    struct ea_buf b = { 0 };
    size_t at[3];
    struct reply r;
    (void)state;
    subject_start(&s, (const char *const[]){ "EA_THREADS=1", NULL });
    put_request(
        &b, &(struct ask){ .method = "POST", .uri = "/v1/text", .type = "text/plain", .body = "hello" }, at);
    int fd = client_connect(&s);
    const size_t cuts[] = {
        0, 3, 8, at[0], at[0] + 4, at[0] + 30, at[1], at[1] + 9, at[2], at[2] + 5, b.len
    };
    for (size_t i = 0; i + 1 < sizeof cuts / sizeof *cuts; i++) {
        client_send(fd, b.p + cuts[i], cuts[i + 1] - cuts[i]);
        pause_a_little();
        assert_int_equal(kill(s.pid, SIGUSR1), 0);
        assert_int_equal(kill(s.pid, SIGHUP), 0);
    }
    client_reply(fd, &r);
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.body.p, "\"bytes\":5"));
    reply_free(&r);
    (void)client_get(fd, "/v1/echo", 200);
    close(fd);
    ea_buf_free(&b);
    subject_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_peer_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
