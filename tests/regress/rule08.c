/* Rule 8: whether the reply went out is asked of the stream, not of FCGX_PutStr. A connection whose reply failed is not used again, and the request is logged as one that its
 * client did not wait for. */
#include "tests/regress/client.h"

#include <sys/socket.h>
#include <unistd.h>

static void a_failed_reply_ends_the_connection(void **state)
{
    struct subject s = { 0 };
    char byte;
    (void)state;
    subject_start(&s, NULL);
    for (int i = 0; i < 3; i++) {
        int fd = client_connect(&s);
        client_ask(fd, &(struct ask){ .uri = "/v1/big?n=8000000" });
        assert_int_equal(recv(fd, &byte, 1, MSG_WAITALL),
                         1); /* more than a socket's buffer is still to come */
        close(fd);
    }
    subject_await_metric(&s, "ea_http_requests_total{route=\"/v1/big\",method=\"GET\",status=\"499\"}", 3);
    subject_await_metric(&s, "ea_fcgi_connections ", 1);
    subject_stop(&s);
}

static void a_large_reply_arrives_whole(void **state)
{
    struct subject s = { 0 };
    struct reply r;
    (void)state;
    subject_start(&s, NULL);
    int fd = client_connect(&s);
    client_ask(fd, &(struct ask){ .uri = "/v1/big?n=3000000" });
    client_reply(fd, &r);
    assert_int_equal(r.status, 200);
    assert_string_equal(header_of(&r, "Content-Length"), "3000000");
    assert_int_equal(r.body.len, 3000000);
    reply_free(&r);
    (void)client_get(fd, "/v1/echo", 200);
    close(fd);
    subject_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_reply_ends_the_connection),
        cmocka_unit_test(a_large_reply_arrives_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
