/* Rule 11: the hand-off of a stream. libfcgi sends the head and the first bytes and then forgets the connection without a word (no END_REQUEST); the new owner frames the rest, and the
 * connection goes back for the next request. */
#include "tests/regress/client.h"

#include <unistd.h>

static void a_stream_is_handed_over_and_the_connection_comes_back(void **state)
{
    struct subject s = { 0 };
    (void)state;
    subject_start(&s, NULL);
    int fd = client_connect(&s);
    for (int i = 0; i < 20; i++) {
        struct reply r;
        client_ask(fd, &(struct ask){ .uri = "/v1/handoff" });
        client_reply(fd, &r);
        assert_true(r.ended);
        assert_int_equal(r.status, 200);
        assert_null(header_of(&r, "Content-Length"));
        assert_string_equal(r.body.p, ": first\n\ndata: second\n\n");
        assert_int_equal(r.after, 0);
        reply_free(&r);
        (void)client_get(fd, "/v1/echo", 200);
    }
    close(fd);
    subject_await_metric(&s, "ea_fcgi_connections ", 1);
    subject_stop(&s);
}

static void without_keeping_it_is_closed(void **state)
{
    struct subject s = { 0 };
    struct reply r;
    (void)state;
    subject_start(&s, NULL);
    int fd = client_connect(&s);
    client_ask(fd, &(struct ask){ .uri = "/v1/handoff", .close = true });
    client_reply(fd, &r);
    assert_true(r.ended);
    reply_free(&r);
    assert_true(client_is_closed(fd));
    close(fd);
    subject_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_is_handed_over_and_the_connection_comes_back),
        cmocka_unit_test(without_keeping_it_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
