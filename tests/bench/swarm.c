/* A swarm of subscribers to server-sent events, and those who send what it hears. Each subscriber holds what it gets against what the others got: the same messages, each
 * once, in one order. Plain HTTP; one thread.
 *
 *   swarm fan URL FILE N SENDERS ROUNDS PATH TOKEN BODY   N subscribers; in each round SENDERS messages are sent at once, and the next begins when everybody has all of them
 *   swarm return URL FILE N MESSAGES PATH TOKEN BODY      N subscribers are cut off, MESSAGES are sent, and all come back at once with the last id they have seen
 *   swarm hold URL FILE N                                 N subscribers; prints "ready" when all are there, and ends when its input does
 *
 * FILE: a path and a token ("-": none) per line, a subscriber each. BODY is posted to PATH with TOKEN; its %d becomes the message's number, which has to come back as swarm:<number>
 * in a data line. Prints one JSON line. What was lost, doubled or in another order than the first subscriber's is counted; a swarm that stands still for half a minute gives up. */
#include "tests/bench/wire.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MARK "swarm:"
enum {
    BODY_MAX = 4096,    /* of a message that is sent */
    LINE_MAX_ = 4096,   /* of a stream; what is longer is cut */
    OPENING_MAX = 1000, /* connections that are being opened at once: a backlog is finite */
    SENDERS_MAX = 64,
    MESSAGES_MAX = 100000,
    STILL_S = 30,
};

enum state { CLOSED, OPENING, HEAD, READY };
enum chunk { CHUNK_SIZE, CHUNK_DATA };

struct subscriber {
    struct wire wire; /* first; only its connection is used */
    enum state state;
    char *path, *token;
    char id[40]; /* the last event's */
    char *line;  /* begun but not ended */
    enum chunk chunk;
    bool raw;               /* not chunked */
    size_t line_n, chunk_n; /* bytes left of this chunk */
    size_t head_n;          /* how much of the head's end was seen */
    uint32_t seen;          /* messages */
};
struct sender {
    struct wire wire; /* first */
    bool busy;
};

static struct subscriber *subs;
static size_t subs_n, ready_n, opening_n;
static struct sender senders[SENDERS_MAX];
static const char *post_path, *post_token, *post_body;
static uint32_t order[MESSAGES_MAX]; /* the numbers as the first to hear them heard them */
static uint32_t order_n, sent_n;
static int64_t delivered, wrong, cut, last_ns, refused;
static char first_wrong[200];

/* ---- what a subscriber hears ---- */

static void complain(const struct subscriber *s, const char *what, uint32_t got)
{
    if (wrong++ == 0)
        snprintf(first_wrong, sizeof first_wrong, "subscriber %td, message %u of its own: %s %u", s - subs,
                 s->seen, what, got);
}

static void on_message(struct subscriber *s, uint32_t number)
{
    if (s->seen >= MESSAGES_MAX)
        wire_die("too many messages");
    if (s->seen == order_n)
        order[order_n++] = number;
    else if (order[s->seen] != number)
        complain(s, "out of order, doubled, or after a gap:", number);
    s->seen++;
    delivered++;
    last_ns = wire_now_ns();
}

static void on_line(struct subscriber *s)
{
    const char *mark;

    if (s->state == HEAD) {
        s->state = READY;
        ready_n++;
    }
    if (strncmp(s->line, "id:", 3) == 0)
        snprintf(s->id, sizeof s->id, "%s", s->line + 3 + strspn(s->line + 3, " "));
    else if (strncmp(s->line, "data:", 5) == 0 && (mark = strstr(s->line, MARK)))
        on_message(s, (uint32_t)strtoul(mark + sizeof MARK - 1, NULL, 10));
}

static void on_text(struct subscriber *s, const char *p, size_t n)
{
    for (; n > 0; p++, n--) {
        if (*p == '\n') {
            s->line[s->line_n] = '\0';
            on_line(s);
            s->line_n = 0;
        } else if (*p != '\r' && s->line_n < LINE_MAX_ - 1) {
            s->line[s->line_n++] = *p;
        }
    }
}

/* Chunked (RFC 9112, 7.1): a size in hex and a line end, so many bytes, a line end. Any of it may come in pieces. */
static void on_size(struct subscriber *s, char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c | 32) : NULL;

    if (at)
        s->chunk_n = s->chunk_n * 16 + (size_t)(at - digits);
    if (c == '\n')
        s->chunk = CHUNK_DATA;
}

static void on_body(struct subscriber *s, const char *p, size_t n)
{
    while (n > 0) {
        size_t part = 1;
        if (s->chunk == CHUNK_SIZE) {
            on_size(s, *p);
        } else if (s->chunk == CHUNK_DATA && s->chunk_n > 0) {
            part = s->chunk_n < n ? s->chunk_n : n;
            on_text(s, p, part);
            s->chunk_n -= part;
        } else { /* the line end after the bytes */
            s->chunk = *p == '\n' ? CHUNK_SIZE : CHUNK_DATA;
        }
        p += part;
        n -= part;
    }
}

static void on_bytes(struct subscriber *s, char *p, size_t n)
{
    static const char end[] = "\r\n\r\n";

    if (s->state == OPENING && s->head_n == 0) { /* nginx sends a head in one piece */
        if (strncmp(p, "HTTP/1.1 200", 12) != 0 && refused++ == 0)
            fprintf(stderr, "swarm: a stream was refused:\n%.600s\n", p);
        s->raw = !strcasestr(p, "\r\nTransfer-Encoding: chunked\r\n");
    }
    for (; n > 0 && s->head_n < 4; p++, n--)
        s->head_n = *p == end[s->head_n] ? s->head_n + 1 : *p == '\r';
    if (s->head_n == 4 && s->state == OPENING) {
        s->state = HEAD;
        opening_n--;
    }
    if (s->raw)
        on_text(s, p, n);
    else
        on_body(s, p, n);
}

/* ---- their connections ---- */

static void ask(struct subscriber *s)
{
    char head[3072];
    int n = snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n",
                     s->path);

    if (s->token[0] != '-')
        n += snprintf(head + n, sizeof head - (size_t)n, "Authorization: Bearer %s\r\n", s->token);
    if (s->id[0])
        n += snprintf(head + n, sizeof head - (size_t)n, "Last-Event-ID: %s\r\n", s->id);
    n += snprintf(head + n, sizeof head - (size_t)n, "\r\n");
    s->line_n = s->chunk_n = s->head_n = 0;
    s->chunk = CHUNK_SIZE;
    s->state = OPENING;
    opening_n++;
    wire_send(&s->wire, head, (size_t)n);
}

static void leave(struct subscriber *s)
{
    ready_n -= s->state == READY;
    opening_n -= s->state == OPENING;
    wire_close(&s->wire);
    s->state = CLOSED;
}

static void hear(struct subscriber *s)
{
    char buffer[65536];

    while (s->wire.out_at < s->wire.out_n) {
        ssize_t n =
            send(s->wire.fd, s->wire.out + s->wire.out_at, s->wire.out_n - s->wire.out_at, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        s->wire.out_at += (size_t)n;
    }
    for (;;) {
        ssize_t n = recv(s->wire.fd, buffer, sizeof buffer - 1, 0);
        if (n < 0 && (errno == EAGAIN || errno == ENOTCONN))
            return;
        if (n <= 0) {
            cut++;
            leave(s);
            return;
        }
        buffer[n] = '\0';
        on_bytes(s, buffer, (size_t)n);
    }
}

/* ---- sending ---- */

static void on_reply(struct sender *s)
{
    switch (wire_step(&s->wire)) {
    case WIRE_WAITS:
        return;
    case WIRE_CLOSED:
        fprintf(stderr, "swarm: a sender's connection was closed\n");
        exit(1);
    case WIRE_REPLY:
        s->busy = false;
        if (s->wire.status / 100 != 2) {
            fprintf(stderr, "swarm: a message was not taken:\n%.600s\n", s->wire.in);
            exit(1);
        }
    }
}

static void post(struct sender *s)
{
    char body[BODY_MAX], request[BODY_MAX + 3072];
    const char *place = strstr(post_body, "%d");
    int n = snprintf(body, sizeof body, "%.*s%u%s", (int)(place - post_body), post_body, ++sent_n, place + 2);
    int m = snprintf(
        request, sizeof request,
        "POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n",
        post_path, n);

    if (post_token[0] != '-')
        m += snprintf(request + m, sizeof request - (size_t)m, "Authorization: Bearer %s\r\n", post_token);
    m += snprintf(request + m, sizeof request - (size_t)m, "\r\n%s", body);
    s->busy = true;
    wire_send(&s->wire, request, (size_t)m);
    on_reply(s); /* a connection that is open already has no event to wait for */
}

/* ---- rounds ---- */

static bool is_sender(const void *p)
{
    return (const char *)p >= (const char *)senders &&
           (const char *)p < (const char *)(senders + SENDERS_MAX);
}

static void turn(int wait_ms)
{
    struct epoll_event ready[512];
    int n = epoll_wait(wire_epoll(), ready, 512, wait_ms);

    for (int i = 0; i < n; i++) {
        struct subscriber *s = ready[i].data.ptr;
        if (is_sender(s)) {
            if (((struct sender *)(void *)s)->busy)
                on_reply((struct sender *)(void *)s);
        } else if (s->state != CLOSED) {
            hear(s);
        }
    }
}

/* Turns until done() says so. False: nothing moved for STILL_S. */
static bool until(bool (*done)(void))
{
    int64_t moved = wire_now_ns(), before = -1;

    while (!done()) {
        turn(100);
        int64_t now = wire_now_ns(), sum = delivered + (int64_t)ready_n + (int64_t)opening_n * 7;
        if (sum != before)
            moved = now;
        before = sum;
        if (now - moved > STILL_S * 1000000000LL)
            return false;
    }
    return true;
}

static bool open_some(void)
{
    static size_t next;

    if (ready_n == subs_n)
        return true;
    for (size_t looked = 0; looked < subs_n && opening_n < OPENING_MAX; looked++, next = (next + 1) % subs_n)
        if (subs[next].state == CLOSED)
            ask(&subs[next]);
    return false;
}

static bool all_there(void)
{
    for (size_t i = 0; i < SENDERS_MAX; i++)
        if (senders[i].busy)
            return false;
    return delivered >= (int64_t)sent_n * (int64_t)subs_n;
}

static bool all_sent(void)
{
    for (size_t i = 0; i < SENDERS_MAX; i++)
        if (senders[i].busy)
            return false;
    return true;
}

static bool back_and_there(void)
{
    return open_some() && all_there();
}

static void report(double seconds, struct samples *took)
{
    int64_t expected = (int64_t)sent_n * (int64_t)subs_n;

    printf("{\"subscribers\": %zu, \"sent\": %u, \"delivered\": %" PRId64 ", \"missing\": %" PRId64
           ", \"wrong\": %" PRId64 ", \"refused\": %" PRId64 ", \"cut\": %" PRId64
           ", \"seconds\": %.3f, \"per_second\": %.1f, \"last_p50_ms\": %.3f, \"last_p99_ms\": %.3f}\n",
           subs_n, sent_n, delivered, expected - delivered, wrong, refused, cut, seconds,
           seconds > 0 ? (double)delivered / seconds : 0, samples_ms(took, 0.5), samples_ms(took, 0.99));
    if (wrong > 0)
        fprintf(stderr, "swarm: %s\n", first_wrong);
}

static bool fan(size_t at_once, size_t rounds)
{
    struct samples took = { 0 };
    int64_t start = wire_now_ns();
    bool ok = true;

    for (size_t r = 0; ok && r < rounds; r++) {
        int64_t began = wire_now_ns();
        for (size_t i = 0; i < at_once; i++)
            post(&senders[i]);
        ok = until(all_there);
        samples_add(&took, last_ns - began);
    }
    report((double)(last_ns - start) / 1e9, &took);
    return ok && wrong == 0 && cut == 0;
}

static bool come_back(size_t messages)
{
    struct samples took = { 0 };
    bool ok = true;

    post(&senders[0]); /* so that everybody has a last id */
    ok = until(all_there);
    for (size_t i = 0; i < subs_n; i++)
        leave(&subs[i]);
    for (size_t i = 0; ok && i < messages; i++) {
        post(&senders[0]);
        ok = until(all_sent);
    }
    int64_t began = wire_now_ns();
    ok = ok && until(back_and_there);
    samples_add(&took, wire_now_ns() - began);
    report((double)(wire_now_ns() - began) / 1e9, &took);
    return ok && wrong == 0;
}

static bool hold(void)
{
    struct samples none = { 0 };
    struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

    puts("ready");
    fflush(stdout);
    while (poll(&in, 1, 0) == 0)
        turn(200);
    report(0, &none);
    return cut == 0;
}

static void read_lines(const char *path)
{
    char where[512], token[2048];
    FILE *f = fopen(path, "r");

    subs = calloc(subs_n, sizeof *subs);
    if (!f || !subs)
        wire_die(path);
    for (size_t i = 0; i < subs_n; i++) {
        struct subscriber *s = &subs[i];
        if (fscanf(f, "%511s %2047s", where, token) != 2) {
            fprintf(stderr, "swarm: %s has fewer than %zu lines\n", path, subs_n);
            exit(1);
        }
        *s = (struct subscriber){
            .wire.fd = -1, .path = strdup(where), .token = strdup(token), .line = malloc(LINE_MAX_)
        };
        if (!s->path || !s->token || !s->line)
            wire_die("memory");
    }
    fclose(f);
}

int main(int argc, char **argv)
{
    const char *what = argc > 4 ? argv[1] : "";
    bool is_fan = strcmp(what, "fan") == 0 && argc == 10,
         is_return = strcmp(what, "return") == 0 && argc == 9;

    if (!is_fan && !is_return && !(strcmp(what, "hold") == 0 && argc == 5)) {
        fprintf(
            stderr,
            "usage: swarm fan URL FILE N SENDERS ROUNDS PATH TOKEN BODY | return URL FILE N MESSAGES PATH TOKEN BODY | hold URL FILE N\n");
        return 2;
    }
    subs_n = strtoul(argv[4], NULL, 10);
    if (argc > 6) {
        post_path = argv[argc - 3];
        post_token = argv[argc - 2];
        post_body = argv[argc - 1];
        if (!strstr(post_body, "%d")) {
            fprintf(stderr, "swarm: the body '%s' has no %%d\n", post_body);
            return 2;
        }
        if (strlen(post_body) + 10 > BODY_MAX || strlen(post_token) + strlen(post_path) > 2800) {
            fprintf(stderr, "swarm: body, token or path is too long\n");
            return 2;
        }
    }
    wire_target(argv[2], NULL, subs_n + SENDERS_MAX);
    read_lines(argv[3]);
    for (size_t i = 0; i < SENDERS_MAX; i++)
        senders[i].wire.fd = -1;
    if (!until(open_some)) {
        fprintf(stderr, "swarm: only %zu of %zu subscribers got in\n", ready_n, subs_n);
        return 1;
    }
    size_t n = argc > 6 ? strtoul(argv[5], NULL, 10) : 0;
    if (is_fan)
        return !fan(n < SENDERS_MAX ? n : SENDERS_MAX, strtoul(argv[6], NULL, 10));
    return is_return ? !come_back(n) : !hold();
}
