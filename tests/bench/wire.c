#include "tests/bench/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READ_MIN = 4096 };

static struct sockaddr_in address;
static SSL_CTX *tls; /* NULL: plain */
static char host[64];
static int epoll_fd = -1;

int64_t wire_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

void wire_die(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void need_files(size_t files)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) != 0)
        wire_die("getrlimit");
    l.rlim_cur = l.rlim_max;
    if (l.rlim_max < files + 64) {
        fprintf(stderr, "bench: %zu connections need more open files than %zu\n", files, (size_t)l.rlim_max);
        exit(1);
    }
    if (setrlimit(RLIMIT_NOFILE, &l) != 0)
        wire_die("setrlimit");
}

void wire_target(const char *url, const char *ca, size_t files)
{
    char scheme[8];
    int port;

    if (sscanf(url, "%7[a-z]://%63[0-9.]:%d", scheme, host, &port) != 3) {
        fprintf(stderr, "bench: '%s' is not http(s)://A.B.C.D:PORT\n", url);
        exit(2);
    }
    address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        wire_die(host);
    need_files(files);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        wire_die("epoll");
    if (strcmp(scheme, "https") != 0)
        return;
    tls = SSL_CTX_new(TLS_client_method());
    if (!tls || SSL_CTX_load_verify_locations(tls, ca, NULL) != 1) {
        fprintf(stderr, "bench: no TLS with the CA %s\n", ca);
        exit(1);
    }
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
}

int wire_epoll(void)
{
    return epoll_fd;
}

void wire_open(struct wire *w)
{
    struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = w };
    int one = 1;

    w->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (w->fd < 0)
        wire_die("socket");
    setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(w->fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS)
        wire_die("connect");
    if (tls) {
        w->ssl = SSL_new(tls);
        if (!w->ssl || SSL_set_fd(w->ssl, w->fd) != 1 ||
            X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(w->ssl), host) != 1)
            wire_die("TLS");
        SSL_set_connect_state(w->ssl);
    }
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, w->fd, &ev) != 0)
        wire_die("epoll");
}

void wire_close(struct wire *w)
{
    if (w->fd < 0)
        return;
    SSL_free(w->ssl);
    close(w->fd);
    w->ssl = NULL;
    w->fd = -1;
}

void wire_send(struct wire *w, const char *p, size_t n)
{
    free(w->in);
    w->in = NULL;
    w->in_n = w->in_size = 0;
    w->body = NULL;
    free(w->out);
    w->out = malloc(n);
    if (!w->out)
        wire_die("memory");
    memcpy(w->out, p, n);
    w->out_n = n;
    w->out_at = 0;
    w->waits = true;
    if (w->fd < 0)
        wire_open(w);
}

/* As read(2) and write(2): -1 with EAGAIN for "later", 0 or -1 for the end. */
static ssize_t result(const struct wire *w, int n)
{
    if (n > 0)
        return n;
    int why = SSL_get_error(w->ssl, n);
    ERR_clear_error();
    errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return -1;
}

static ssize_t put(struct wire *w, const char *p, size_t n)
{
    return w->ssl ? result(w, SSL_write(w->ssl, p, (int)n)) : send(w->fd, p, n, MSG_NOSIGNAL);
}

static ssize_t get(struct wire *w, char *p, size_t n)
{
    return w->ssl ? result(w, SSL_read(w->ssl, p, (int)n)) : recv(w->fd, p, n, 0);
}

const char *wire_header(const struct wire *w, const char *name)
{
    size_t n = strlen(name);

    for (const char *p = strstr(w->in, "\r\n"); p && p + 2 < w->body - 2; p = strstr(p + 2, "\r\n"))
        if (strncasecmp(p + 2, name, n) == 0 && p[2 + n] == ':')
            return p + 3 + n + strspn(p + 3 + n, " ");
    return NULL;
}

/* True: the reply is whole. */
static bool whole(struct wire *w)
{
    char *end = w->in_n ? strstr(w->in, "\r\n\r\n") : NULL;

    if (!end)
        return false;
    w->body = end + 4;
    const char *length = wire_header(w, "Content-Length");
    if (!length || sscanf(w->in, "HTTP/1.1 %d", &w->status) != 1) {
        fprintf(stderr, "bench: a reply without status or Content-Length:\n%s\n", w->in);
        exit(1);
    }
    return w->in_n >= (size_t)(w->body - w->in) + strtoul(length, NULL, 10);
}

static void room(struct wire *w)
{
    if (w->in_size - w->in_n > READ_MIN)
        return;
    w->in_size = w->in_size ? w->in_size * 2 : (size_t)2 * READ_MIN;
    w->in = realloc(w->in, w->in_size);
    if (!w->in)
        wire_die("memory");
}

static bool later(ssize_t n)
{
    return n < 0 && (errno == EAGAIN || errno == ENOTCONN);
}

enum wire_state wire_step(struct wire *w)
{
    ssize_t n;

    while (w->waits && w->out_at < w->out_n) {
        n = put(w, w->out + w->out_at, w->out_n - w->out_at);
        if (n <= 0)
            return later(n) ? WIRE_WAITS : WIRE_CLOSED;
        w->out_at += (size_t)n;
    }
    for (;;) {
        room(w);
        n = get(w, w->in + w->in_n, w->in_size - w->in_n - 1);
        if (n <= 0)
            return later(n) ? WIRE_WAITS : WIRE_CLOSED;
        w->in_n += (size_t)n;
        w->in[w->in_n] = '\0';
        if (w->waits && whole(w)) {
            w->waits = false;
            return WIRE_REPLY;
        }
    }
}

void samples_add(struct samples *s, int64_t ns)
{
    if (s->n == s->size) {
        s->size = s->size ? s->size * 2 : 65536;
        s->v = realloc(s->v, s->size * sizeof *s->v);
        if (!s->v)
            wire_die("memory");
    }
    s->v[s->n++] = ns > 0 ? (uint32_t)(ns / 1000) : 0;
    s->sorted = false;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

double samples_ms(struct samples *s, double quantile)
{
    if (s->n == 0)
        return 0;
    if (!s->sorted)
        qsort(s->v, s->n, sizeof *s->v, by_size);
    s->sorted = true;
    size_t at = (size_t)((double)s->n * quantile);
    return s->v[at < s->n ? at : s->n - 1] / 1000.0;
}
