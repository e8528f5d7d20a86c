/* A swarm: an audience (audience.h) and those who send what it hears.
 *
 *   swarm open URL FILE N RATE SECONDS PATH TOKEN BODY    RATE messages a second, each at its own moment, whatever became of those before it (the open model): the time from that
 *                                                         moment until the last of the audience has the message
 *   swarm fan URL FILE N SENDERS ROUNDS PATH TOKEN BODY   in each round SENDERS messages are sent at once, and the next begins when everybody has all of them: deliveries a second
 *   swarm return URL FILE N MESSAGES PATH TOKEN BODY      all are cut off, MESSAGES are sent, and all come back at once with the last cursor they have
 *   swarm hold URL FILE N                                 prints "ready" when all are there, and ends when its input does
 *
 * FILE: a path and a token ("-": none) per line, one for each of N. BODY is posted to PATH with TOKEN; its %d becomes the message's number, which has to come back as swarm:<number>.
 * Prints one JSON line. What was lost, doubled or heard in another order than the first heard it is counted; a swarm that stands still for half a minute gives up. */
#include "tests/bench/audience.h"
#include "tests/bench/wire.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define NS INT64_C(1000000000)
enum {
    BODY_MAX = 4096, /* of a message that is sent */
    HEAD_MAX = 3072,
    SENDERS_MAX = 64,
    STILL_S = 30,
};

struct sender {
    struct wire wire; /* first */
    bool busy;
};

static struct sender senders[SENDERS_MAX];
static const char *post_path, *post_token, *post_body;
static uint32_t sent_n;
static struct samples took, lateness; /* until the last has a message; how much later than due it was sent */
static struct plan {                  /* of the open model */
    int64_t start_ns, gap_ns;
    uint32_t messages;
} plan;

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
    char body[BODY_MAX], request[BODY_MAX + HEAD_MAX];
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

static struct sender *free_sender(void)
{
    for (size_t i = 0; i < SENDERS_MAX; i++)
        if (!senders[i].busy)
            return &senders[i];
    return NULL;
}

/* ---- turns ---- */

static void turn(int wait_ms)
{
    struct epoll_event ready[512];
    int n = epoll_wait(wire_epoll(), ready, 512, wait_ms);

    for (int i = 0; i < n; i++) {
        void *p = ready[i].data.ptr;
        struct sender *s = p;
        if (audience_has(p))
            audience_step(p);
        else if (s->busy)
            on_reply(s);
    }
}

/* Turns until done() says so, of at most wait_ms. False: nothing moved for STILL_S. */
static bool until(bool (*done)(void), int wait_ms)
{
    int64_t moved = wire_now_ns(), before = -1;

    while (!done()) {
        turn(wait_ms);
        int64_t now = wire_now_ns(),
                sum = audience.heard + (int64_t)audience.ready + (int64_t)audience.opening * 7 + sent_n;
        if (sum != before)
            moved = now;
        before = sum;
        if (now - moved > STILL_S * NS)
            return false;
    }
    return true;
}

static bool all_sent(void)
{
    for (size_t i = 0; i < SENDERS_MAX; i++)
        if (senders[i].busy)
            return false;
    return true;
}

static bool all_there(void)
{
    return all_sent() && audience.heard >= (int64_t)sent_n * (int64_t)audience.n;
}

static bool back_and_there(void)
{
    return audience_open_some() && all_there();
}

/* ---- what is measured ---- */

static bool report(double seconds)
{
    int64_t expected = (int64_t)sent_n * (int64_t)audience.n;

    printf(
        "{\"subscribers\": %zu, \"sent\": %u, \"delivered\": %" PRId64 ", \"missing\": %" PRId64
        ", \"wrong\": %" PRId64 ", \"refused\": %" PRId64 ", \"cut\": %" PRId64 ", \"pages\": %" PRId64
        ", \"seconds\": %.3f, \"per_second\": %.1f, \"last_p50_ms\": %.3f, \"last_p99_ms\": %.3f, \"late_p99_ms\": %.3f}\n",
        audience.n, sent_n, audience.heard, expected - audience.heard, audience.wrong, audience.refused,
        audience.cut, audience.pages, seconds, seconds > 0 ? (double)audience.heard / seconds : 0,
        samples_ms(&took, 0.5), samples_ms(&took, 0.99), samples_ms(&lateness, 0.99));
    if (audience.wrong > 0)
        fprintf(stderr, "swarm: %s\n", audience.first_wrong);
    return audience.wrong == 0;
}

static int64_t due(uint32_t message)
{
    return plan.start_ns + (int64_t)(message - 1) * plan.gap_ns;
}

static void time_last(uint32_t message)
{
    if (audience.times[message] == audience.n)
        samples_add(&took, wire_now_ns() - due(message));
}

/* Sends what is due; a sender that is not free yet makes it late, and that counts. */
static bool said_and_heard(void)
{
    struct sender *s;

    while (sent_n < plan.messages && due(sent_n + 1) <= wire_now_ns() && (s = free_sender())) {
        samples_add(&lateness, wire_now_ns() - due(sent_n + 1));
        post(s);
    }
    return sent_n == plan.messages && all_there();
}

static bool open_model(double rate, double seconds)
{
    plan = (struct plan){ wire_now_ns() + NS / 10, (int64_t)((double)NS / rate), (uint32_t)(rate * seconds) };
    audience_told = time_last;
    bool ok = until(said_and_heard, 1);
    return report((double)(audience.last_ns - plan.start_ns) / 1e9) && ok && audience.cut == 0;
}

static bool fan(size_t at_once, size_t rounds)
{
    int64_t start = wire_now_ns();
    bool ok = true;

    for (size_t r = 0; ok && r < rounds; r++) {
        int64_t began = wire_now_ns();
        for (size_t i = 0; i < at_once; i++)
            post(&senders[i]);
        ok = until(all_there, 100);
        samples_add(&took, audience.last_ns - began);
    }
    return report((double)(audience.last_ns - start) / 1e9) && ok && audience.cut == 0;
}

static bool come_back(size_t messages)
{
    post(&senders[0]); /* so that everybody has a cursor */
    bool ok = until(all_there, 100);
    audience_leave();
    for (size_t i = 0; ok && i < messages; i++) {
        post(&senders[0]);
        ok = until(all_sent, 100);
    }
    int64_t began = wire_now_ns();
    ok = ok && until(back_and_there, 100);
    samples_add(&took, wire_now_ns() - began);
    return report((double)(wire_now_ns() - began) / 1e9) && ok;
}

static bool hold(void)
{
    struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

    puts("ready");
    fflush(stdout);
    while (poll(&in, 1, 0) == 0)
        turn(200);
    return report(0) && audience.cut == 0;
}

/* ---- the command line ---- */

static bool run_open(char **words)
{
    return open_model(strtod(words[0], NULL), strtod(words[1], NULL));
}

static bool run_fan(char **words)
{
    size_t n = strtoul(words[0], NULL, 10);
    return fan(n < SENDERS_MAX ? n : SENDERS_MAX, strtoul(words[1], NULL, 10));
}

static bool run_return(char **words)
{
    return come_back(strtoul(words[0], NULL, 10));
}

static bool run_hold(char **words)
{
    (void)words;
    return hold();
}

static const struct mode {
    const char *name;
    bool (*run)(char **words); /* those after N */
    int words;                 /* with the program's */
    const char *usage;
} modes[] = {
    { "open", run_open, 10, "N RATE SECONDS PATH TOKEN BODY" },
    { "fan", run_fan, 10, "N SENDERS ROUNDS PATH TOKEN BODY" },
    { "return", run_return, 9, "N MESSAGES PATH TOKEN BODY" },
    { "hold", run_hold, 5, "N" },
};
enum { MODES = sizeof modes / sizeof *modes };

static int usage(void)
{
    for (size_t i = 0; i < MODES; i++)
        fprintf(stderr, "%s swarm %s URL FILE %s\n", i == 0 ? "usage:" : "      ", modes[i].name,
                modes[i].usage);
    return 2;
}

static bool read_message(int argc, char **argv)
{
    post_path = argv[argc - 3];
    post_token = argv[argc - 2];
    post_body = argv[argc - 1];
    if (strstr(post_body, "%d") && strlen(post_body) + 10 < BODY_MAX &&
        strlen(post_token) + strlen(post_path) + 200 < HEAD_MAX)
        return true;
    fprintf(stderr, "swarm: the body '%s' has no %%d, or it, the token or the path is too long\n", post_body);
    return false;
}

int main(int argc, char **argv)
{
    const struct mode *m = modes;

    while (m < modes + MODES && !(argc == m->words && strcmp(argv[1], m->name) == 0))
        m++;
    if (m == modes + MODES)
        return usage();
    if (argc > 5 && !read_message(argc, argv))
        return 2;
    size_t n = strtoul(argv[4], NULL, 10);
    wire_target(argv[2], NULL, n + SENDERS_MAX);
    audience_read(argv[3], n);
    for (size_t i = 0; i < SENDERS_MAX; i++)
        senders[i].wire.fd = -1;
    if (!until(audience_open_some, 100)) {
        fprintf(stderr, "swarm: only %zu of %zu subscribers got in\n", audience.ready, audience.n);
        return 1;
    }
    return !m->run(argv + 5);
}
