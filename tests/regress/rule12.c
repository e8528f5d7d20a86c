/* Rule 12: the first record of a request is a BEGIN_REQUEST, seen before libfcgi sees any byte: twelve repeated names in a FCGI_GET_VALUES record overrun its buffer. */
#include "tests/regress/client.h"

#include <sys/stat.h>
#include <unistd.h>

static void expect_end(const struct subject *s, const void *p, size_t n)
{
    int fd = client_connect(s);
    client_send(fd, p, n);
    assert_true(client_is_closed(fd));
    close(fd);
}

static void get_values_never_reaches_libfcgi(void **state)
{
    struct subject s = { 0 };
    struct ea_buf b = { 0 }, names = { 0 };
    (void)state;
    subject_start(&s, NULL);
    for (int i = 0; i < 12; i++)
        put_param(&names, "FCGI_MPXS_CONNS", "");
    put_record(&b, GET_VALUES, 0, names.p, names.len);
    put_begin(&b, 1, true); /* libfcgi looks at a record's end only when it has read on */
    expect_end(&s, b.p, b.len);
    ea_buf_reset(&b);
    put_record(&b, GET_VALUES, 0, names.p, 17);
    put_begin(&b, 1, true);
    expect_end(&s, b.p, b.len);
    /* also on a connection that has served */
    int fd = client_connect(&s);
    (void)client_get(fd, "/v1/echo", 200);
    client_send(fd, b.p, b.len);
    assert_true(client_is_closed(fd));
    close(fd);
    fd = client_connect(&s);
    (void)client_get(fd, "/v1/echo", 200);
    close(fd);
    ea_buf_free(&b);
    ea_buf_free(&names);
    subject_stop(&s);
}

static void other_first_records_end_the_connection(void **state)
{
    static const unsigned char firsts[][8] = {
        { 1, PARAMS, 0, 1, 0, 0 }, { 1, STDIN, 0, 1, 0, 0 },    { 1, ABORT, 0, 1, 0, 0 },
        { 2, BEGIN, 0, 1, 0, 8 },  { 1, BEGIN, 0, 0, 0, 8 },    { 1, BEGIN, 0, 1, 0, 7 },
        { 1, BEGIN, 0, 1, 1, 8 },  { 'G', 'E', 'T', ' ', '/' },
    };
    struct subject s = { 0 };
    (void)state;
    subject_start(&s, NULL);
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++)
        expect_end(&s, firsts[i], sizeof firsts[i]);
    expect_end(&s, "\x09", 1);
    subject_stop(&s);
}

/* A header that comes byte by byte is still a header. */
static void a_first_record_may_come_in_pieces(void **state)
{
    struct subject s = { 0 };
    struct ea_buf b = { 0 };
    struct reply r;
    (void)state;
    subject_start(&s, NULL);
    put_request(&b, &(struct ask){ .uri = "/v1/echo" }, NULL);
    int fd = client_connect(&s);
    client_send(fd, b.p, 1);
    subject_await_metric(&s, "ea_fcgi_connections ", 2);
    client_send(fd, b.p + 1, 4);
    (void)subject_metric(&s, "ea_fcgi_connections ");
    client_send(fd, b.p + 5, b.len - 5);
    client_reply(fd, &r);
    assert_int_equal(r.status, 200);
    reply_free(&r);
    close(fd);
    ea_buf_free(&b);
    subject_stop(&s);
}

static void the_socket_is_the_groups(void **state)
{
    struct subject s = { 0 };
    struct stat st;
    (void)state;
    subject_start(&s, NULL);
    assert_int_equal(stat(s.socket, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
    subject_stop(&s);
}

static void over_tcp_the_secret_is_asked_for(void **state)
{
    struct subject s = { 0 };
    (void)state;
    subject_start(&s, (const char *const[]){ "EA_FCGI_SECRET=open sesame", NULL });
    int fd = client_connect(&s);
    (void)client_call(fd, &(struct ask){ .uri = "/v1/echo", .headers = { "EA_SECRET", "open sesame" } }, 200);
    (void)client_call(fd, &(struct ask){ .uri = "/v1/echo", .headers = { "EA_SECRET", "open sesamE" } }, 403);
    (void)client_call(fd, &(struct ask){ .uri = "/v1/echo", .headers = { "HTTP_EA_SECRET", "open sesame" } },
                      403);
    (void)client_get(fd, "/v1/echo", 403);
    close(fd);
    subject_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_values_never_reaches_libfcgi),
        cmocka_unit_test(other_first_records_end_the_connection),
        cmocka_unit_test(a_first_record_may_come_in_pieces),
        cmocka_unit_test(the_socket_is_the_groups),
        cmocka_unit_test(over_tcp_the_secret_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
