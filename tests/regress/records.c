/* Records as no nginx sends them: of two requests at once, padded, cut into pieces, with lengths that lie, aborted, or of noise. What can be understood is served, the rest ends the
 * connection; nothing runs that was not whole, and the process goes on. */
#include "tests/regress/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NOISES = 300, CANT_MULTIPLEX = 1 };

static const struct ask touch = { .method = "POST", .uri = "/v1/touch", .type = "text/plain", .body = "abc" };

static void expect_touched(const struct subject *s, const char *times)
{
    char expected[40];
    int fd = client_connect(s);
    (void)snprintf(expected, sizeof expected, "\"touched\":%s,", times);
    assert_non_null(strstr(client_get(fd, "/v1/echo", 200), expected));
    close(fd);
}

static bool receive(int fd, unsigned char *p, size_t n)
{
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    while (n > 0) {
        ssize_t got = poll(&wait, 1, TIMEOUT_MS) == 1 ? recv(fd, p, n, 0) : 0;
        if (got <= 0)
            return false;
        p += got;
        n -= (size_t)got;
    }
    return true;
}

/* One record: its content's length, or -1 at the end of the connection. */
static int next_record(int fd, int *type, int *id, unsigned char content[65535 + 255])
{
    unsigned char h[8];
    if (!receive(fd, h, sizeof h) || !receive(fd, content, (size_t)(h[4] << 8 | h[5]) + h[6]))
        return -1;
    *type = h[1];
    *id = h[2] << 8 | h[3];
    return h[4] << 8 | h[5];
}

/* Each record of b, alone. */
static void each_record(const struct ea_buf *b, void (*fn)(const char *record, size_t n, void *arg),
                        void *arg)
{
    for (size_t at = 0; at < b->len;) {
        const unsigned char *h = (const unsigned char *)b->p + at;
        size_t n = 8 + (size_t)(h[4] << 8 | h[5]);
        fn(b->p + at, n, arg);
        at += n;
    }
}

static void put_with_another(const char *record, size_t n, void *arg)
{
    struct ea_buf *b = arg;
    ea_buf_add(b, record, n);
    size_t copy = b->len;
    ea_buf_add(b, record, n);
    b->p[copy + 3] = 2; /* the same for request 2 */
}

/* Records of a second request between those of the first: it is told that it can't be served here, the first is served. */
static void the_first_of_two_requests_is_served(void **state)
{
    static unsigned char content[65535 + 255];
    struct subject s = { 0 };
    struct ea_buf one = { 0 }, both = { 0 };
    int type, id, n, fd, refused = 0;
    bool served = false, ended = false;
    (void)state;
    subject_start(&s, NULL);
    put_request(&one, &touch, NULL);
    each_record(&one, put_with_another, &both);
    fd = client_connect(&s);
    client_send(fd, both.p, both.len);
    while (!ended && (n = next_record(fd, &type, &id, content)) >= 0) {
        served |= id == 1 && type == STDOUT && memmem(content, (size_t)n, "Status: 200", 11) != NULL;
        refused += id == 2 && type == END && content[4] == CANT_MULTIPLEX;
        ended = id == 1 && type == END;
    }
    assert_true(served);
    assert_int_equal(refused, 1);
    assert_true(ended);
    close(fd);
    ea_buf_free(&one);
    ea_buf_free(&both);
    expect_touched(&s, "1");
    subject_stop(&s);
}

static void put_padded(const char *record, size_t n, void *arg)
{
    static const char padding[255] = { 0 };
    struct ea_buf *b = arg;
    size_t at = b->len;
    ea_buf_add(b, record, n);
    /* nginx pads what carries a stream; of the others libfcgi leaves the padding unread */
    if (n == 8 || record[1] == BEGIN)
        return;
    b->p[at + 6] = (char)(1 + n % 255);
    ea_buf_add(b, padding, 1 + n % 255);
}

static void expect_served(const struct subject *s, const struct ea_buf *b)
{
    struct reply r;
    int fd = client_connect(s);
    for (int i = 0; i < 3; i++) { /* and nothing stays behind that would spoil the next */
        client_send(fd, b->p, b->len);
        client_reply(fd, &r);
        assert_int_equal(r.status, 200);
        reply_free(&r);
    }
    close(fd);
}

static void padding_is_passed_over(void **state)
{
    struct subject s = { 0 };
    struct ea_buf plain = { 0 }, padded = { 0 };
    (void)state;
    subject_start(&s, NULL);
    put_request(&plain, &touch, NULL);
    each_record(&plain, put_padded, &padded);
    expect_served(&s, &padded);
    ea_buf_free(&plain);
    ea_buf_free(&padded);
    expect_touched(&s, "3");
    subject_stop(&s);
}

static void put_in_crumbs(const char *record, size_t n, void *arg)
{
    struct ea_buf *b = arg;
    const int type = record[1], id = record[3];
    if (type != PARAMS && type != STDIN) {
        ea_buf_add(b, record, n);
        return;
    }
    for (size_t i = 8; i < n; i++)
        put_record(b, type, id, record + i, 1);
    if (n == 8)
        put_record(b, type, id, NULL, 0);
}

/* A record for every byte: names, lengths and values are cut wherever they can be. */
static void streams_may_come_in_crumbs(void **state)
{
    struct subject s = { 0 };
    struct ea_buf whole = { 0 }, crumbs = { 0 };
    (void)state;
    subject_start(&s, NULL);
    put_request(&whole, &touch, NULL);
    each_record(&whole, put_in_crumbs, &crumbs);
    expect_served(&s, &crumbs);
    ea_buf_free(&whole);
    ea_buf_free(&crumbs);
    expect_touched(&s, "3");
    subject_stop(&s);
}

static void expect_end(const struct subject *s, const struct ea_buf *b)
{
    char byte;
    int fd = client_connect(s);
    ssize_t n = send(fd, b->p, b->len, MSG_NOSIGNAL); /* it may be closed before all is sent */
    assert_true(n > 0 || errno == EPIPE);
    (void)shutdown(fd, SHUT_WR);
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    do /* a refusal, or nothing; then the end */
        assert_int_equal(poll(&wait, 1, TIMEOUT_MS), 1);
    while (recv(fd, &byte, 1, 0) > 0);
    close(fd);
}

/* A length that says more than there is. libfcgi allocates what it is told, and ends the process where there is not so much: another reason why only nginx may connect. */
static void lengths_that_lie_run_nothing(void **state)
{
    static const unsigned char lies[][10] = {
        { 127, 127, 'A' },
        { 0x80, 0, 1, 0, 0x80, 0, 1, 0, 'A' },
        { 0x80, 0xff, 0xff, 0xff, 1, 'A', 'A' },
        { 1, 0x80, 0xff, 0xff, 0xff, 'A', 'A' },
    };
    struct subject s = { 0 };
    (void)state;
    subject_start(&s, NULL);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct ea_buf b = { 0 }, params = { 0 };
        put_begin(&b, 1, true);
        put_param(&params, "REQUEST_METHOD", "POST");
        put_param(&params, "REQUEST_URI", "/v1/touch");
        ea_buf_add(&params, lies[i], sizeof lies[i]);
        put_record(&b, PARAMS, 1, params.p, params.len);
        put_record(&b, PARAMS, 1, NULL, 0);
        put_record(&b, STDIN, 1, NULL, 0);
        expect_end(&s, &b);
        ea_buf_free(&params);
        ea_buf_free(&b);
    }
    expect_touched(&s, "0");
    subject_stop(&s);
}

static void an_abort_runs_nothing(void **state)
{
    struct subject s = { 0 };
    struct ea_buf b = { 0 };
    size_t at[3];
    (void)state;
    subject_start(&s, NULL);
    put_request(&b, &touch, at);
    b.len = at[2];
    put_record(&b, ABORT, 1, NULL, 0);
    expect_end(&s, &b);
    ea_buf_free(&b);
    expect_touched(&s, "0");
    subject_stop(&s);
}

/* The same noise each time: after a sound BEGIN_REQUEST, records of any type, id and length, or bytes that are none. */
static void noise_ends_the_connection_only(void **state)
{
    struct subject s = { 0 };
    unsigned seed = 4711;
    (void)state;
    subject_start(&s, (const char *const[]){ "EA_THREADS=2", NULL });
    for (int i = 0; i < NOISES; i++) {
        struct ea_buf b = { 0 };
        put_begin(&b, 1, true);
        for (int k = rand_r(&seed) % 6; k >= 0; k--) {
            char bytes[64];
            size_t n = (size_t)rand_r(&seed) % sizeof bytes;
            for (size_t j = 0; j < n; j++) /* without gigabytes for libfcgi to allocate */
                bytes[j] = (char)(rand_r(&seed) & 0x7f);
            if (i % 4 == 0)
                ea_buf_add(&b, bytes, n);
            else /* never of request 0: libfcgi answers GET_VALUES wrongly (rule 12) and leaks 48 bytes at any other */
                put_record(&b, 1 + rand_r(&seed) % 8, 1 + rand_r(&seed) % 3, bytes, n);
        }
        expect_end(&s, &b);
        ea_buf_free(&b);
    }
    expect_touched(&s, "0");
    subject_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_of_two_requests_is_served),
        cmocka_unit_test(padding_is_passed_over),
        cmocka_unit_test(streams_may_come_in_crumbs),
        cmocka_unit_test(lengths_that_lie_run_nothing),
        cmocka_unit_test(an_abort_runs_nothing),
        cmocka_unit_test(noise_ends_the_connection_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
