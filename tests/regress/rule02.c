/* Rule 2: libfcgi has no listening socket. After a protocol error it would wait in accept(), and with it the thread of the pool. */
#include "tests/regress/client.h"

#include <unistd.h>

/* BEGIN_REQUEST, then bytes of no version: an error within FCGX_Accept_r. */
static int broken_request(const struct subject *s)
{
    struct ea_buf b = { 0 };
    int fd = client_connect(s);
    put_begin(&b, 1, true);
    ea_buf_add(&b, "\x09\x09\x09\x09\x09\x09\x09\x09", 8);
    client_send(fd, b.p, b.len);
    ea_buf_free(&b);
    return fd;
}

static void the_only_thread_survives_protocol_errors(void **state)
{
    struct subject s = { 0 };
    (void)state;
    subject_start(&s, (const char *const[]){ "EA_THREADS=1", NULL });
    for (int i = 0; i < 5; i++) {
        int fd = broken_request(&s);
        assert_true(client_is_closed(fd));
        close(fd);
    }
    int fd = client_connect(&s);
    (void)client_get(fd, "/v1/echo", 200);
    close(fd);
    subject_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_only_thread_survives_protocol_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
