/* Rule 4: a read error between two parameters is, for FCGX_Accept_r, the end of them. Such a request has lost parameters (credentials, conditions, a secret) and must not run. */
#include "tests/regress/client.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Some of the parameters, then a record of a version that there is not. The rest, X-Probe among them, never comes. */
static void truncated_parameters_never_run(void **state)
{
    struct subject s = { 0 };
    struct ea_buf b = { 0 }, params = { 0 };
    struct reply r;
    (void)state;
    subject_start(&s, NULL);
    put_begin(&b, 1, true);
    put_param(&params, "REQUEST_METHOD", "POST");
    put_param(&params, "REQUEST_URI", "/v1/ignore");
    put_record(&b, PARAMS, 1, params.p, params.len);
    ea_buf_add(&b, "\x09\x09\x09\x09\x09\x09\x09\x09", 8);
    int fd = client_connect(&s);
    client_send(fd, b.p, b.len);
    client_reply(fd, &r);
    assert_int_equal(r.status, 0);
    assert_false(r.ended);
    reply_free(&r);
    close(fd);
    fd = client_connect(&s);
    assert_non_null(strstr(client_get(fd, "/v1/echo", 200), "\"touched\":0"));
    close(fd);
    ea_buf_free(&b);
    ea_buf_free(&params);
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
