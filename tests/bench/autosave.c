/* Closed-loop load of answers being saved, over plain HTTP/1.1 with kept connections. One connection = one student writing one answer again and again,
 * each time with the revision that the last reply gave.
 *
 *   autosave HOST:PORT SECONDS FILE      FILE: one line per connection: access token, attempt id, slot, its revision now
 *
 * Prints one JSON line: replies counted, how many were not 200, rate, latency. Peak rate only: a closed loop says nothing about latency under overload. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 4096, REPLY_MAX = 16384, SAMPLES_MAX = 4000000 };

struct student {
    int fd;
    char token[2048], attempt[64], slot[16];
    int64_t rev, count, sent_ns;
    char reply[REPLY_MAX];
    size_t got;
};

static struct student *students;
static size_t students_n;
static uint32_t *samples_us;
static size_t samples_n;
static int64_t ok, refused;
static char first_refusal[400];

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "autosave: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void read_students(const char *path)
{
    FILE *f = fopen(path, "r");
    if (f == NULL)
        die(path);
    students = calloc(CONNECTIONS_MAX, sizeof(*students));
    if (students == NULL)
        die("memory");
    struct student *s = students;
    while (students_n < CONNECTIONS_MAX &&
           fscanf(f, "%2047s %63s %15s %" SCNd64, s->token, s->attempt, s->slot, &s->rev) == 4) {
        s++;
        students_n++;
    }
    fclose(f);
    if (students_n == 0) {
        fprintf(stderr, "autosave: no students in %s\n", path);
        exit(1);
    }
}

static int connect_to(const char *where)
{
    char host[64];
    int port, one = 1;
    if (sscanf(where, "%63[^:]:%d", host, &port) != 2) {
        fprintf(stderr, "autosave: '%s' is not HOST:PORT\n", where);
        exit(1);
    }
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
        die(host);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
        die(where);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

static void save(struct student *s)
{
    char body[128], request[3072];
    int n = snprintf(body, sizeof(body), "{\"rev\": %" PRId64 ", \"answer\": {\"value\": \"%" PRId64 ".5\"}}",
                     s->rev, s->count++);
    int m = snprintf(request, sizeof(request),
                     "PUT /v1/attempts/%s/answers/%s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n"
                     "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                     s->attempt, s->slot, s->token, n, body);
    s->sent_ns = now_ns();
    s->got = 0;
    if (send(s->fd, request, (size_t)m, MSG_NOSIGNAL) != m)
        die("send");
}

/* Bytes of the whole reply, 0 while it is not all there. */
static size_t reply_size(const struct student *s)
{
    const char *end = strstr(s->reply, "\r\n\r\n");
    if (end == NULL)
        return 0;
    const char *length = strcasestr(s->reply, "\r\nContent-Length:");
    if (length == NULL || length > end) {
        fprintf(stderr, "autosave: a reply without Content-Length:\n%s\n", s->reply);
        exit(1);
    }
    size_t size = (size_t)(end + 4 - s->reply) + (size_t)strtoul(length + 17, NULL, 10);
    return s->got >= size ? size : 0;
}

static void on_reply(struct student *s)
{
    const char *rev = strstr(strstr(s->reply, "\r\n\r\n"), "\"rev\":");
    if (samples_n < SAMPLES_MAX)
        samples_us[samples_n++] = (uint32_t)((now_ns() - s->sent_ns) / 1000);
    if (strncmp(s->reply, "HTTP/1.1 200", 12) == 0)
        ok++;
    else if (refused++ == 0)
        snprintf(first_refusal, sizeof(first_refusal), "%.399s", s->reply);
    if (rev != NULL)
        s->rev = strtoll(rev + 6, NULL, 10);
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void report(double seconds)
{
    qsort(samples_us, samples_n, sizeof(*samples_us), by_size);
    printf("{\"connections\": %zu, \"ok\": %" PRId64 ", \"not_ok\": %" PRId64
           ", \"seconds\": %.3f, \"per_second\": %.1f, \"p50_us\": %u, \"p99_us\": %u}\n",
           students_n, ok, refused, seconds, (double)ok / seconds,
           samples_n == 0 ? 0 : samples_us[samples_n / 2],
           samples_n == 0 ? 0 : samples_us[samples_n * 99 / 100]);
    if (refused > 0)
        fprintf(stderr, "autosave: the first refusal:\n%s\n", first_refusal);
}

static void take(struct student *s, bool again)
{
    ssize_t n = recv(s->fd, s->reply + s->got, REPLY_MAX - 1 - s->got, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN))
        die("a connection was closed");
    if (n < 0)
        return;
    s->got += (size_t)n;
    s->reply[s->got] = '\0';
    if (reply_size(s) == 0)
        return;
    on_reply(s);
    if (again)
        save(s);
    else
        s->sent_ns = 0;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: autosave HOST:PORT SECONDS FILE\n");
        return 2;
    }
    read_students(argv[3]);
    samples_us = calloc(SAMPLES_MAX, sizeof(*samples_us));
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (samples_us == NULL || epoll < 0)
        die("start");
    for (size_t i = 0; i < students_n; i++) {
        struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &students[i] };
        students[i].fd = connect_to(argv[1]);
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, students[i].fd, &ev) != 0)
            die("epoll");
    }
    int64_t start = now_ns(), end = start + (int64_t)(atof(argv[2]) * 1e9), give_up = end + 5000000000LL;
    size_t open = students_n;
    for (size_t i = 0; i < students_n; i++)
        save(&students[i]);
    /* After the end, replies under way are still taken, so that replies counted and rows stored can be compared. */
    while (open > 0 && now_ns() < give_up) {
        struct epoll_event ready[256];
        int n = epoll_wait(epoll, ready, 256, 1000);
        for (int i = 0; i < n; i++) {
            struct student *s = ready[i].data.ptr;
            take(s, now_ns() < end);
            open -= s->sent_ns == 0;
        }
    }
    report((double)(now_ns() - start) / 1e9);
    return refused > 0 || open > 0;
}
