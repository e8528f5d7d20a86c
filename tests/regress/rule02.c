/* Rule 2: libfcgi has no listening socket. After a protocol error it would wait in accept(), and with it the thread of the pool. */
#include "tests/regress/client.h"

#include <unistd.h>

/* Errors within FCGX_Accept_r after which it closes the connection by itself: a role that is none, a parameter that ends in the middle. */
static int broken_request(const struct subject *s, bool role)
{
    static const unsigned char no_role[] = { 1, BEGIN, 0, 1, 0, 8, 0, 0, 0, 9, 1, 0, 0, 0, 0, 0 };
    struct ea_buf b = { 0 };
    int fd = client_connect(s);
    if (role) {
        ea_buf_add(&b, no_role, sizeof no_role);
    } else {
        put_begin(&b, 1, true);
        put_record(&b, PARAMS, 1, "\x20\x20REQUEST_M", 11);
        put_record(&b, PARAMS, 1, NULL, 0);
    }
    client_send(fd, b.p, b.len);
    ea_buf_free(&b);
    return fd;
}

static void the_only_thread_survives_protocol_errors(void **state)
{
    struct subject s = { 0 };
    (void)state;
    subject_start(&s, (const char *const[]){ "EA_THREADS=1", NULL });
    for (int i = 0; i < 6; i++) {
        int fd = broken_request(&s, i % 2 == 0);
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
