/* Closed-loop load: every connection sends its next request when it has the reply to the last. Peak rate only: a closed loop says nothing about latency under overload.
 *
 *   closed save URL FILE CONNECTIONS SECONDS     FILE: token, attempt, slot, its revision now. A connection saves the answers of its share of the lines
 *                                                in turn, each time with the revision that the last reply gave
 *   closed submit URL FILE CONNECTIONS SECONDS   FILE: token, attempt. Each attempt is submitted once; ends when all are, or the time is over
 *   closed say URL FILE CONNECTIONS SECONDS      FILE: token, room. Messages; "say-alone" sends each with an Idempotency-Key
 *
 * URL is http://A.B.C.D:PORT and may have a path to put before that of the API. Prints one JSON line: replies as expected, others, rate, latency. */
#include "tests/bench/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum { LINES_MAX = 200000, CONNECTIONS_MAX = 4096 };

struct line {
    char *token;
    char attempt[40], slot[8];
    int64_t rev, count;
};
struct connection {
    struct wire wire; /* first */
    size_t at;        /* its line */
    int64_t sent_ns;
};
struct kind {
    const char *name;
    int fields, good; /* of a line; status of a reply */
    void (*ask)(struct connection *c);
    bool (*next)(struct connection *c); /* false: nothing is left to do */
};

static struct line *lines;
static size_t lines_n, connections_n, taken;
static const struct kind *kind;
static const char *prefix = "";
static struct samples took;
static int64_t good, bad;
static char first_bad[600];

static void read_lines(const char *path)
{
    char token[2048];
    FILE *f = fopen(path, "r");

    lines = calloc(LINES_MAX, sizeof *lines);
    if (!f || !lines)
        wire_die(path);
    for (struct line *l = lines; lines_n < LINES_MAX; l++, lines_n++) {
        if (fscanf(f, "%2047s %39s", token, l->attempt) != 2)
            break;
        if (kind->fields == 4 && fscanf(f, "%7s %" SCNd64, l->slot, &l->rev) != 2)
            break;
        l->token = strdup(token);
    }
    fclose(f);
}

static void ask_save(struct connection *c)
{
    struct line *l = &lines[c->at];
    char body[96], request[3072];
    int n = snprintf(body, sizeof body, "{\"rev\": %" PRId64 ", \"answer\": {\"value\": \"%" PRId64 ".5\"}}",
                     l->rev, l->count++ % 10000);
    int m =
        snprintf(request, sizeof request,
                 "PUT %s/v1/attempts/%s/answers/%s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n"
                 "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                 prefix, l->attempt, l->slot, l->token, n, body);
    wire_send(&c->wire, request, (size_t)m);
}

static bool next_save(struct connection *c)
{
    const char *rev = strstr(c->wire.body, "\"rev\":");

    if (rev)
        lines[c->at].rev = strtoll(rev + 6, NULL, 10);
    c->at += connections_n;
    if (c->at >= lines_n)
        c->at %= connections_n;
    return true;
}

static void ask_submit(struct connection *c)
{
    char request[3072];
    int m = snprintf(request, sizeof request,
                     "POST %s/v1/attempts/%s/submit HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n"
                     "Content-Length: 0\r\n\r\n",
                     prefix, lines[c->at].attempt, lines[c->at].token);
    wire_send(&c->wire, request, (size_t)m);
}

static bool next_submit(struct connection *c)
{
    c->at = taken++;
    return c->at < lines_n;
}

/* The attempt's place in a line is the room's. */
static void ask_message(struct connection *c, const char *header)
{
    char body[96], request[3072];
    int n = snprintf(body, sizeof body, "{\"text\": \"message %zu of connection %zu\"}", taken++, c->at);
    int m = snprintf(request, sizeof request,
                     "POST %s/v1/rooms/%s/messages HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n%s"
                     "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                     prefix, lines[c->at].attempt, lines[c->at].token, header, n, body);
    wire_send(&c->wire, request, (size_t)m);
}

static void ask_say(struct connection *c)
{
    ask_message(c, "");
}

static void ask_say_alone(struct connection *c)
{
    char header[96];

    snprintf(header, sizeof header, "Idempotency-Key: bench-%zu-%" PRId64 "\r\n", taken, wire_now_ns());
    ask_message(c, header);
}

static bool next_message(struct connection *c)
{
    (void)c;
    return true;
}

static const struct kind kinds[] = {
    { "say", 2, 201, ask_say, next_message },
    { "say-alone", 2, 201, ask_say_alone, next_message },
    { "save", 4, 200, ask_save, next_save },
    { "submit", 2, 202, ask_submit, next_submit },
};

static void ask(struct connection *c)
{
    c->sent_ns = wire_now_ns();
    kind->ask(c);
}

static void on_reply(struct connection *c)
{
    samples_add(&took, wire_now_ns() - c->sent_ns);
    if (c->wire.status == kind->good)
        good++;
    else if (bad++ == 0)
        snprintf(first_bad, sizeof first_bad, "%.599s", c->wire.in);
}

/* As far as this connection gets without waiting. False: it has nothing more to do. */
static bool go_on(struct connection *c, int64_t end)
{
    enum wire_state state;

    while ((state = wire_step(&c->wire)) == WIRE_REPLY) {
        on_reply(c);
        if (!kind->next(c) || wire_now_ns() >= end)
            return false;
        ask(c);
    }
    if (state == WIRE_CLOSED)
        wire_die("a connection was closed");
    return true;
}

static size_t run(struct connection *v, int64_t end)
{
    int64_t give_up = end + 5000000000LL;
    size_t open = connections_n;

    for (size_t i = 0; i < connections_n; i++) {
        ask(&v[i]);
        open -= !go_on(&v[i], end);
    }
    /* After the end, replies under way are still taken, so that replies counted and rows stored can be compared. */
    while (open > 0 && wire_now_ns() < give_up) {
        struct epoll_event ready[256];
        int n = epoll_wait(wire_epoll(), ready, 256, 1000);
        for (int i = 0; i < n; i++) {
            struct connection *c = ready[i].data.ptr;
            open -= c->wire.waits && !go_on(c, end);
        }
    }
    return open;
}

int main(int argc, char **argv)
{
    char url[128];

    for (size_t i = 0; argc == 6 && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(argv[1], kinds[i].name) == 0)
            kind = &kinds[i];
    if (!kind) {
        fprintf(stderr, "usage: closed save|submit|say|say-alone URL FILE CONNECTIONS SECONDS\n");
        return 2;
    }
    snprintf(url, sizeof url, "%s", argv[2]);
    char *path = strchr(url + strlen("http://"), '/');
    if (path) {
        prefix = strdup(path);
        *path = '\0';
    }
    read_lines(argv[3]);
    connections_n = strtoul(argv[4], NULL, 10);
    if (connections_n > lines_n)
        connections_n = lines_n;
    if (connections_n == 0 || connections_n > CONNECTIONS_MAX) {
        fprintf(stderr, "closed: no lines in %s, or too many connections\n", argv[3]);
        return 1;
    }
    wire_target(url, NULL, connections_n);
    struct connection *v = calloc(connections_n, sizeof *v);
    if (!v)
        wire_die("memory");
    for (size_t i = 0; i < connections_n; i++) {
        v[i].wire.fd = -1;
        v[i].at = i;
    }
    taken = connections_n;
    int64_t start = wire_now_ns();
    size_t open = run(v, start + (int64_t)(strtod(argv[5], NULL) * 1e9));
    double seconds = (double)(wire_now_ns() - start) / 1e9;
    printf("{\"connections\": %zu, \"ok\": %" PRId64 ", \"not_ok\": %" PRId64
           ", \"seconds\": %.3f, \"per_second\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n",
           connections_n, good, bad, seconds, (double)good / seconds, samples_ms(&took, 0.5),
           samples_ms(&took, 0.99));
    if (bad > 0)
        fprintf(stderr, "closed: the first reply that was not expected:\n%s\n", first_bad);
    return bad > 0 || open > 0;
}
