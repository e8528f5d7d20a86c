/* Rule 4: a read error between two parameters is, for FCGX_Accept_r, the end of them. Such a request has lost parameters (credentials, conditions, a secret) and must not run. */
#include "tests/regress/client.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The length of the parameters' content up to and including the one named, which is followed by others. */
static size_t through(const struct ea_buf *b, size_t from, const char *value)
{
    char *p = memmem(b->p + from, b->len - from, value, strlen(value));
    assert_non_null(p);
    return (size_t)(p - b->p) + strlen(value);
}

static void truncated_parameters_never_run(void **state)
{
    struct subject s = { 0 };
    struct ea_buf b = { 0 };
    size_t at[3];
    struct reply r;
    (void)state;
    subject_start(&s, NULL);
    put_request(&b, &(struct ask){ .method = "POST", .uri = "/v1/touch", .headers = { "HTTP_X_PROBE", "1" } },
                at);
    int fd = client_connect(&s);
    client_send(fd, b.p, through(&b, at[0], "192.0.2.7")); /* X-Probe is missing */
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    client_reply(fd, &r);
    assert_int_equal(r.status, 0);
    assert_false(r.ended);
    reply_free(&r);
    close(fd);
    fd = client_connect(&s);
    assert_non_null(strstr(client_get(fd, "/v1/echo", 200), "\"touched\":0"));
    close(fd);
    ea_buf_free(&b);
    subject_stop(&s);
}

/* Cut at every byte: no reply, no effect, no harm. */
static void a_request_cut_anywhere_never_runs(void **state)
{
    struct subject s = { 0 };
    struct ea_buf b = { 0 };
    size_t at[3];
    (void)state;
    subject_start(&s, NULL);
    put_request(&b,
                &(struct ask){ .method = "POST",
                               .uri = "/v1/touch",
                               .type = "text/plain",
                               .body = "abc",
                               .headers = { "HTTP_X_PROBE", "1" } },
                at);
    for (size_t n = 8; n < b.len; n++) {
        struct reply r;
        int fd = client_connect(&s);
        client_send(fd, b.p, n);
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        client_reply(fd, &r);
        assert_int_equal(r.status, 0);
        reply_free(&r);
        close(fd);
    }
    int fd = client_connect(&s);
    assert_non_null(strstr(client_get(fd, "/v1/echo", 200), "\"touched\":0"));
    client_send(fd, b.p, b.len);
    struct reply r;
    client_reply(fd, &r);
    assert_int_equal(r.status, 200);
    reply_free(&r);
    assert_non_null(strstr(client_get(fd, "/v1/echo", 200), "\"touched\":1"));
    close(fd);
    ea_buf_free(&b);
    subject_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truncated_parameters_never_run),
        cmocka_unit_test(a_request_cut_anywhere_never_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
