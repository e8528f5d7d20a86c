#include "tests/bench/audience.h"

#include "tests/bench/wire.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    LINE_SIZE = 4096,  /* of a stream; what is longer is cut */
    OPENING_MAX = 1000 /* connections that are being opened at once */
};

enum state { CLOSED, OPENING, HEAD, READY };
enum chunk { CHUNK_SIZE, CHUNK_DATA };

struct subscriber {
    struct wire wire; /* first; of a stream only its connection is used */
    enum state state;
    char *path, *token;
    bool polls;
    char cursor[40]; /* the last event's id, or the last answer's cursor */
    uint32_t seen;   /* messages */
    /* streams */
    char *line; /* begun but not ended */
    enum chunk chunk;
    bool raw;               /* not chunked */
    size_t line_n, chunk_n; /* bytes left of this chunk */
    size_t head_n;          /* how much of the head's end was seen */
};

struct audience audience;
void (*audience_told)(uint32_t number);
static struct subscriber *subs;
static uint32_t order[AUDIENCE_MESSAGES]; /* the numbers as the first to hear them heard them */
static uint32_t order_n;

/* ---- what is heard ---- */

static void complain(const struct subscriber *s, const char *what, uint32_t got)
{
    if (audience.wrong++ == 0)
        snprintf(audience.first_wrong, sizeof audience.first_wrong,
                 "subscriber %td, message %u of its own: %s %u", s - subs, s->seen, what, got);
}

static void on_message(struct subscriber *s, const char *text)
{
    const char *mark = strstr(text, AUDIENCE_MARK);

    if (!mark)
        return;
    uint32_t number = (uint32_t)strtoul(mark + sizeof AUDIENCE_MARK - 1, NULL, 10);
    if (s->seen >= AUDIENCE_MESSAGES || number >= AUDIENCE_MESSAGES)
        wire_die("too many messages");
    if (s->seen == order_n)
        order[order_n++] = number;
    else if (order[s->seen] != number)
        complain(s, "out of order, doubled, or after a gap:", number);
    s->seen++;
    audience.heard++;
    audience.times[number]++;
    audience.last_ns = wire_now_ns();
    if (audience_told)
        audience_told(number);
}

static void became_ready(struct subscriber *s)
{
    if (s->state == READY)
        return;
    audience.opening -= s->state == OPENING;
    audience.ready++;
    s->state = READY;
}

static void leave(struct subscriber *s)
{
    audience.ready -= s->state == READY;
    audience.opening -= s->state == OPENING;
    wire_close(&s->wire);
    s->state = CLOSED;
}

static void refused(const char *head)
{
    if (audience.refused++ == 0)
        fprintf(stderr, "swarm: a subscriber was refused:\n%.600s\n", head);
}

/* ---- streams ---- */

static void on_line(struct subscriber *s)
{
    if (s->state == HEAD)
        became_ready(s);
    if (strncmp(s->line, "id:", 3) == 0)
        snprintf(s->cursor, sizeof s->cursor, "%s", s->line + 3 + strspn(s->line + 3, " "));
    else if (strncmp(s->line, "data:", 5) == 0)
        on_message(s, s->line);
}

/* nginx and nchan end their lines with \n alone. */
static void on_text(struct subscriber *s, const char *p, size_t n)
{
    while (n > 0) {
        const char *end = memchr(p, '\n', n);
        size_t part = end ? (size_t)(end - p) : n, room = LINE_SIZE - 1 - s->line_n;
        memcpy(s->line + s->line_n, p, part < room ? part : room);
        s->line_n += part < room ? part : room;
        if (!end)
            return;
        s->line[s->line_n] = '\0';
        on_line(s);
        s->line_n = 0;
        p += part + 1;
        n -= part + 1;
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

static void on_bytes(struct subscriber *s, const char *p, size_t n)
{
    static const char end[] = "\r\n\r\n";

    if (s->state == OPENING && s->head_n == 0) { /* nginx sends a head in one piece */
        if (strncmp(p, "HTTP/1.1 200", 12) != 0)
            refused(p);
        s->raw = !strcasestr(p, "\r\nTransfer-Encoding: chunked\r\n");
    }
    for (; n > 0 && s->head_n < 4; p++, n--)
        s->head_n = *p == end[s->head_n] ? s->head_n + 1 : *p == '\r';
    if (s->head_n == 4 && s->state == OPENING) {
        s->state = HEAD;
        audience.opening--;
    }
    if (s->raw)
        on_text(s, p, n);
    else
        on_body(s, p, n);
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
            audience.cut++;
            leave(s);
            return;
        }
        buffer[n] = '\0';
        on_bytes(s, buffer, (size_t)n);
    }
}

/* ---- asking ---- */

/* The first poll only asks where the log ends. */
static void ask(struct subscriber *s)
{
    char head[4096];
    int n = snprintf(head, sizeof head, "GET %s", s->path);

    if (s->polls && s->cursor[0])
        n += snprintf(head + n, sizeof head - (size_t)n, "?wait=30&limit=1000&after=%s", s->cursor);
    n += snprintf(head + n, sizeof head - (size_t)n, " HTTP/1.1\r\nHost: bench\r\n");
    if (!s->polls)
        n += snprintf(head + n, sizeof head - (size_t)n, "Accept: text/event-stream\r\n");
    if (!s->polls && s->cursor[0])
        n += snprintf(head + n, sizeof head - (size_t)n, "Last-Event-ID: %s\r\n", s->cursor);
    if (s->token[0] != '-')
        n += snprintf(head + n, sizeof head - (size_t)n, "Authorization: Bearer %s\r\n", s->token);
    n += snprintf(head + n, sizeof head - (size_t)n, "\r\n");
    wire_send(&s->wire, head, (size_t)n);
}

static void enter(struct subscriber *s)
{
    s->line_n = s->chunk_n = s->head_n = 0;
    s->chunk = CHUNK_SIZE;
    s->state = OPENING;
    audience.opening++;
    ask(s);
}

/* ---- long polls ---- */

static void read_page(struct subscriber *s, struct json_object *page)
{
    struct json_object *events, *data, *text, *cursor;

    if (!json_object_object_get_ex(page, "events", &events) ||
        !json_object_object_get_ex(page, "cursor", &cursor))
        wire_die("an answer of a poll without events or cursor");
    snprintf(s->cursor, sizeof s->cursor, "%s", json_object_get_string(cursor));
    audience.pages += json_object_array_length(events) > 0;
    for (size_t i = 0; i < json_object_array_length(events); i++)
        if (json_object_object_get_ex(json_object_array_get_idx(events, i), "data", &data) &&
            json_object_object_get_ex(data, "text", &text))
            on_message(s, json_object_get_string(text));
}

static void on_page(struct subscriber *s)
{
    struct json_object *page = s->wire.status == 200 ? json_tokener_parse(s->wire.body) : NULL;

    if (page) {
        read_page(s, page);
        became_ready(s);
    } else {
        refused(s->wire.in);
    }
    json_object_put(page);
}

static void poll_on(struct subscriber *s)
{
    enum wire_state what;

    while ((what = wire_step(&s->wire)) == WIRE_REPLY) {
        on_page(s);
        ask(s);
    }
    if (what == WIRE_WAITS)
        return;
    audience.cut++;
    leave(s);
}

/* ---- all of them ---- */

bool audience_open_some(void)
{
    static size_t next;

    if (audience.ready == audience.n)
        return true;
    for (size_t looked = 0; looked < audience.n && audience.opening < OPENING_MAX;
         looked++, next = (next + 1) % audience.n)
        if (subs[next].state == CLOSED)
            enter(&subs[next]);
    return false;
}

bool audience_has(const void *p)
{
    return (const char *)p >= (const char *)subs && (const char *)p < (const char *)(subs + audience.n);
}

void audience_step(void *p)
{
    struct subscriber *s = p;

    if (s->state == CLOSED)
        return;
    if (s->polls)
        poll_on(s);
    else
        hear(s);
}

void audience_leave(void)
{
    for (size_t i = 0; i < audience.n; i++)
        leave(&subs[i]);
}

static void read_line(FILE *f, struct subscriber *s, const char *file)
{
    static const char poll[] = "/poll";
    char where[512], token[2048];

    if (fscanf(f, "%511s %2047s", where, token) != 2) {
        fprintf(stderr, "swarm: %s has fewer than %zu lines\n", file, audience.n);
        exit(1);
    }
    size_t n = strlen(where);
    *s = (struct subscriber){ .wire.fd = -1,
                              .path = strdup(where),
                              .token = strdup(token),
                              .line = malloc(LINE_SIZE),
                              .polls = n >= sizeof poll && strcmp(where + n - sizeof poll + 1, poll) == 0 };
    if (!s->path || !s->token || !s->line)
        wire_die("memory");
}

void audience_read(const char *file, size_t n)
{
    FILE *f = fopen(file, "r");

    audience.n = n;
    audience.times = calloc(AUDIENCE_MESSAGES, sizeof *audience.times);
    subs = calloc(n, sizeof *subs);
    if (!f || !subs || !audience.times)
        wire_die(file);
    for (size_t i = 0; i < n; i++)
        read_line(f, &subs[i], file);
    fclose(f);
}
