/* What idle kept connections cost those who work. Opens N FastCGI connections, sends one request with FCGI_KEEP_CONN on each, waits for its reply and leaves the
 * connection open; then asks M times on a fresh connection, one after the other, and times each answer.
 *
 *   idle SOCKET N M PATH TIMEOUT_MS
 *
 * Prints one JSON line. A request that is not answered within the timeout is counted and given up. */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 8, BEGIN = 1, END = 3, PARAMS = 4, STDIN = 5, KEEP_CONN = 1 };

static unsigned char request[1024];
static size_t request_n;

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void record(int type, const void *content, size_t n)
{
    const unsigned char h[HEADER] = {
        1, (unsigned char)type, 0, 1, (unsigned char)(n >> 8), (unsigned char)n, 0, 0
    };
    memcpy(request + request_n, h, HEADER);
    if (n > 0)
        memcpy(request + request_n + HEADER, content, n);
    request_n += HEADER + n;
}

static size_t pair(unsigned char *to, const char *name, const char *value)
{
    size_t n = strlen(name), v = strlen(value);
    to[0] = (unsigned char)n;
    to[1] = (unsigned char)v;
    memcpy(to + 2, name, n);
    memcpy(to + 2 + n, value, v);
    return 2 + n + v;
}

static void make_request(const char *path)
{
    static const unsigned char begin[8] = { 0, 1 /* responder */, KEEP_CONN };
    unsigned char params[512];
    size_t n = 0;
    n += pair(params + n, "REQUEST_METHOD", "GET");
    n += pair(params + n, "REQUEST_URI", path);
    n += pair(params + n, "DOCUMENT_URI", path);
    n += pair(params + n, "SCRIPT_NAME", path);
    n += pair(params + n, "QUERY_STRING", "");
    n += pair(params + n, "REMOTE_ADDR", "127.0.0.1");
    record(BEGIN, begin, sizeof(begin));
    record(PARAMS, params, n);
    record(PARAMS, NULL, 0);
    record(STDIN, NULL, 0);
}

static int connect_to(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
        fprintf(stderr, "idle: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    return fd;
}

static bool read_all(int fd, void *to, size_t n, int64_t until_us)
{
    for (size_t got = 0; got < n;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int64_t left = until_us - now_us();
        if (left <= 0 || poll(&p, 1, (int)(left / 1000) + 1) <= 0)
            return false;
        ssize_t m = recv(fd, (char *)to + got, n - got, 0);
        if (m <= 0)
            return false;
        got += (size_t)m;
    }
    return true;
}

/* True: the whole reply came in time. */
static bool ask(int fd, int64_t timeout_us)
{
    unsigned char h[HEADER], content[65536 + 256];
    int64_t until = now_us() + timeout_us;
    if (send(fd, request, request_n, MSG_NOSIGNAL) != (ssize_t)request_n)
        return false;
    do {
        if (!read_all(fd, h, HEADER, until) ||
            !read_all(fd, content, ((size_t)h[4] << 8 | h[5]) + h[6], until))
            return false;
    } while (h[1] != END);
    return true;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: idle SOCKET CONNECTIONS REQUESTS PATH TIMEOUT_MS\n");
        return 2;
    }
    int idle = atoi(argv[2]), requests = atoi(argv[3]), held = 0, answered = 0;
    int64_t timeout_us = atoll(argv[5]) * 1000, *us = calloc((size_t)requests, sizeof(*us));
    if (us == NULL)
        return 1;
    make_request(argv[4]);
    for (int i = 0; i < idle; i++)
        held += ask(connect_to(argv[1]), timeout_us); /* left open on purpose, answered or not */
    for (int i = 0; i < requests; i++) {
        int fd = connect_to(argv[1]);
        int64_t begin = now_us();
        if (ask(fd, timeout_us))
            us[answered++] = now_us() - begin;
        close(fd);
    }
    qsort(us, (size_t)answered, sizeof(*us), by_size);
    printf(
        "{\"idle\": %d, \"idle_answered\": %d, \"requests\": %d, \"answered\": %d, \"p50_us\": %lld, \"p99_us\": %lld}\n",
        idle, held, requests, answered, answered == 0 ? -1LL : (long long)us[answered / 2],
        answered == 0 ? -1LL : (long long)us[answered * 99 / 100]);
    free(us);
    return 0;
}
