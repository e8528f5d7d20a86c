#include "tests/regress/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* --- records ---------------------------------------------------------------------------------------------------------------------- */

void put_record(struct ea_buf *b, int type, int id, const void *p, size_t n)
{
    assert_true(n <= 65535);
    const unsigned char header[8] = { 1,
                                      (unsigned char)type,
                                      (unsigned char)(id >> 8),
                                      (unsigned char)id,
                                      (unsigned char)(n >> 8),
                                      (unsigned char)n };
    ea_buf_add(b, header, sizeof header);
    ea_buf_add(b, p, n);
}

void put_begin(struct ea_buf *b, int id, bool keep)
{
    const unsigned char body[8] = { 0, 1, keep };
    put_record(b, BEGIN, id, body, sizeof body);
}

static void put_length(struct ea_buf *b, size_t n)
{
    if (n < 128) {
        ea_buf_char(b, (char)n);
        return;
    }
    const unsigned char four[] = { (unsigned char)(0x80 | n >> 24), (unsigned char)(n >> 16),
                                   (unsigned char)(n >> 8), (unsigned char)n };
    ea_buf_add(b, four, sizeof four);
}

void put_param(struct ea_buf *params, const char *name, const char *value)
{
    put_length(params, strlen(name));
    put_length(params, strlen(value));
    ea_buf_str(params, name);
    ea_buf_str(params, value);
}

static size_t body_length(const struct ask *a)
{
    if (a->body == NULL)
        return 0;
    return a->body_len > 0 ? a->body_len : strlen(a->body);
}

static void put_params(struct ea_buf *b, const struct ask *a)
{
    struct ea_buf params = { 0 };
    char length[24];
    const char *uri = a->uri, *query = strchr(uri, '?');
    (void)snprintf(length, sizeof length, "%zu", body_length(a));
    put_param(&params, "REQUEST_METHOD", a->method != NULL ? a->method : "GET");
    put_param(&params, "REQUEST_URI", uri);
    put_param(&params, "QUERY_STRING", query != NULL ? query + 1 : "");
    put_param(&params, "CONTENT_TYPE", a->type != NULL ? a->type : "");
    put_param(&params, "CONTENT_LENGTH", a->body != NULL ? length : "");
    put_param(&params, "REMOTE_ADDR", "192.0.2.7");
    for (size_t i = 0; a->headers[i] != NULL; i += 2)
        put_param(&params, a->headers[i], a->headers[i + 1]);
    put_record(b, PARAMS, 1, params.p, params.len);
    put_record(b, PARAMS, 1, NULL, 0);
    ea_buf_free(&params);
}

void put_request(struct ea_buf *b, const struct ask *a, size_t at[3])
{
    size_t unused[3], left = body_length(a);
    if (at == NULL)
        at = unused;
    put_begin(b, 1, !a->close);
    at[0] = b->len;
    put_params(b, a);
    at[1] = b->len;
    for (const char *p = a->body; left > 0;) {
        size_t n = left < 32768 ? left : 32768;
        put_record(b, STDIN, 1, p, n);
        p += n;
        left -= n;
    }
    at[2] = b->len;
    put_record(b, STDIN, 1, NULL, 0);
    assert_false(b->failed);
}

/* --- connections ------------------------------------------------------------------------------------------------------------------ */

int client_connect(const struct subject *s)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    stpcpy(a.sun_path, s->socket);
    if (connect(fd, (const struct sockaddr *)&a, sizeof a) < 0)
        fail_msg("connect to %s: %s", s->socket, strerror(errno));
    return fd;
}

void client_send(int fd, const void *p, size_t n)
{
    for (const char *at = p; n > 0;) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
        if (sent < 0)
            fail_msg("send: %s", strerror(errno));
        at += sent;
        n -= (size_t)sent;
    }
}

void client_ask(int fd, const struct ask *a)
{
    struct ea_buf b = { 0 };
    put_request(&b, a, NULL);
    client_send(fd, b.p, b.len);
    ea_buf_free(&b);
}

/* Up to n bytes; 0 at the end (a reset is one, too). */
static size_t receive(int fd, void *p, size_t n)
{
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    if (poll(&wait, 1, TIMEOUT_MS) != 1)
        fail_msg("nothing came");
    ssize_t got = recv(fd, p, n, 0);
    return got > 0 ? (size_t)got : 0;
}

static bool receive_all(int fd, void *p, size_t n)
{
    for (char *at = p; n > 0;) {
        size_t got = receive(fd, at, n);
        if (got == 0)
            return false;
        at += got;
        n -= got;
    }
    return true;
}

bool client_is_closed(int fd)
{
    char byte;
    return receive(fd, &byte, 1) == 0;
}

/* The records that came along with END_REQUEST, without waiting for any. */
static size_t take_after(int fd)
{
    char rest[256];
    ssize_t n = recv(fd, rest, sizeof rest, MSG_DONTWAIT);
    return n > 0 ? (size_t)n : 0;
}

static void split_head(struct reply *r, struct ea_buf *out)
{
    char *end = out->len > 0 ? strstr(out->p, "\r\n\r\n") : NULL;
    if (end == NULL)
        return;
    size_t n = (size_t)(end + 2 - out->p);
    assert_true(n < sizeof r->head);
    memcpy(r->head, out->p, n);
    const char *status = header_of(r, "Status");
    assert_non_null(status);
    r->status = atoi(status);
    ea_buf_add(&r->body, end + 4, out->len - n - 2);
}

void client_reply(int fd, struct reply *r)
{
    struct ea_buf out = { 0 };
    unsigned char header[8], content[65535 + 255];
    memset(r, 0, sizeof *r);
    while (!r->ended && receive_all(fd, header, sizeof header)) {
        size_t n = (size_t)(header[4] << 8 | header[5]), padding = header[6];
        if (!receive_all(fd, content, n + padding))
            break;
        assert_int_equal(header[0], 1);
        if (header[1] == STDOUT)
            ea_buf_add(&out, content, n);
        r->records += header[1] == STDOUT && n > 0;
        r->ended = header[1] == END;
    }
    if (r->ended)
        r->after = take_after(fd);
    split_head(r, &out);
    ea_buf_free(&out);
}

void reply_free(struct reply *r)
{
    ea_buf_free(&r->body);
}

const char *header_of(const struct reply *r, const char *name)
{
    static char value[1024];
    size_t n = strlen(name);
    for (const char *p = r->head; *p != '\0'; p = strstr(p, "\r\n") + 2) {
        if (strncasecmp(p, name, n) == 0 && p[n] == ':') {
            p += n + 1 + strspn(p + n + 1, " ");
            (void)snprintf(value, sizeof value, "%.*s", (int)strcspn(p, "\r"), p);
            return value;
        }
    }
    return NULL;
}

const char *client_call(int fd, const struct ask *a, int status)
{
    static char body[1 << 16];
    struct reply r;
    client_ask(fd, a);
    client_reply(fd, &r);
    if (r.status != status)
        fail_msg("%s %s: %d instead of %d: %s", a->method != NULL ? a->method : "GET", a->uri, r.status,
                 status, r.body.len > 0 ? r.body.p : "");
    assert_true(r.ended);
    (void)snprintf(body, sizeof body, "%s", r.body.len > 0 ? r.body.p : "");
    reply_free(&r);
    return body;
}

const char *client_get(int fd, const char *uri, int status)
{
    return client_call(fd, &(struct ask){ .uri = uri }, status);
}
