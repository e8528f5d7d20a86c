/* Rule 9: there is no FCGI_ABORT_REQUEST; nginx hangs up, and a handler at work learns of it from poll(POLLRDHUP). */
#include "tests/regress/client.h"

#include <sys/socket.h>
#include <unistd.h>

#define ENOUGH (64L << 20)

/* The peer has said that it will send no more, but reads what comes: writing alone would never fail. */
static void a_stream_ends_when_its_peer_hangs_up(void **state)
{
    struct subject s = { 0 };
    static char waste[1 << 16];
    long seen = 0;
    ssize_t n;
    (void)state;
    subject_start(&s, (const char *const[]){ "EA_THREADS=1", NULL });
    int fd = client_connect(&s);
    client_ask(fd, &(struct ask){ .uri = "/v1/endless" });
    assert_true(recv(fd, waste, sizeof waste, 0) > 0);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    while ((n = recv(fd, waste, sizeof waste, 0)) > 0 && seen < ENOUGH)
        seen += n;
    assert_true(seen < ENOUGH);
    close(fd);
    fd = client_connect(&s);
    (void)client_get(fd, "/v1/echo", 200);
    close(fd);
    subject_stop(&s);
}

/* A request whose peer has gone before a thread came to it is not begun. */
static void an_abandoned_request_is_not_begun(void **state)
{
    struct subject s = { 0 };
    struct reply r;
    (void)state;
    subject_start(&s, NULL);
    int fd = client_connect(&s);
    struct ea_buf b = { 0 };
    put_request(&b, &(struct ask){ .method = "POST", .uri = "/v1/touch" }, NULL);
    client_send(fd, b.p, b.len - 8); /* all but the end of the body, so that the thread waits for it */
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    client_reply(fd, &r);
    assert_int_equal(r.status, 0);
    reply_free(&r);
    close(fd);
    ea_buf_free(&b);
    assert_int_equal(
        subject_metric(&s, "ea_http_requests_total{route=\"/v1/touch\",method=\"POST\",status=\"200\"}"), 0);
    subject_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_ends_when_its_peer_hangs_up),
        cmocka_unit_test(an_abandoned_request_is_not_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
