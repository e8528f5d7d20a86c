/* An exam in the open model: when each request is sent is fixed in advance, and its latency counts from then, whatever became of those before it.
 *
 *   storm URL CA FILE QUIZ STUDENTS RAMP_S SAVE_S GAP_MIN_S GAP_MAX_S SEED      FILE: one access token per line
 *
 * Within RAMP_S every student starts an attempt, evenly spread; from then until RAMP_S + SAVE_S each saves a random slot every GAP_MIN_S to GAP_MAX_S. The handshake of
 * a student's connection is part of their first request; one that nginx has closed while it was idle is opened anew, and a request that it took along is sent
 * again. A start that is refused with 503 and Retry-After is asked again after that time, and counted apart: `start` is the latency of the requests that were
 * served, `in` the time from a student's first wish to their paper. Ends by itself, at most DRAIN_S after the last save was due. Prints one JSON line. */
#include "tests/bench/wire.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define NS INT64_C(1000000000)
enum { SLOTS_MAX = 64, DRAIN_S = 15, TRIES_MAX = 3, WAIT_MAX_S = 60 };

struct slot {
    int number, rev;
    char kind; /* c, n, t as choice, numeric, text; 0: of a kind that only null answers here */
    char choice[40];
};
struct student {
    struct wire wire; /* first */
    char *token, attempt[40];
    struct slot *slots;
    size_t slots_n, slot; /* the one being saved */
    int64_t due,
        wished;    /* when the next request is sent, or was to be; when the attempt was first asked for */
    int tries, at; /* of this request on lost connections; place in the heap, -1: none */
    bool inside;
};

static struct student *students, **heap;
static size_t students_n, heap_n, waiting;
static const char *quiz;
static int64_t end_ns, gap_min, gap_max;
static uint64_t chance;
static struct samples starts, ins, saves, lateness;
static struct {
    int64_t started, deferred, saved, reconnects, not_429, not_5xx, not_other, wrong, lost;
} count;
static char first_bad[600];

/* xorshift64*: the same seed gives the same storm. */
static double random_share(void)
{
    chance ^= chance >> 12;
    chance ^= chance << 25;
    chance ^= chance >> 27;
    return (double)((chance * UINT64_C(2685821657736338717)) >> 11) / (double)(UINT64_C(1) << 53);
}

static int64_t gap(void)
{
    return gap_min + (int64_t)(random_share() * (double)(gap_max - gap_min));
}

/* ---- the heap of what is due ---- */

static void place(struct student *s, size_t i)
{
    heap[i] = s;
    s->at = (int)i;
}

static void up(size_t i)
{
    struct student *s = heap[i];

    for (; i > 0 && heap[(i - 1) / 2]->due > s->due; i = (i - 1) / 2)
        place(heap[(i - 1) / 2], i);
    place(s, i);
}

static void schedule(struct student *s, int64_t due)
{
    s->due = due;
    place(s, heap_n++);
    up(heap_n - 1);
}

static struct student *take_due(void)
{
    struct student *first = heap[0], *s = heap[--heap_n];
    size_t i = 0;

    first->at = -1;
    while (heap_n > 0 && 2 * i + 1 < heap_n) {
        size_t child = 2 * i + 1;
        if (child + 1 < heap_n && heap[child + 1]->due < heap[child]->due)
            child++;
        if (heap[child]->due >= s->due)
            break;
        place(heap[child], i);
        i = child;
    }
    if (heap_n > 0)
        place(s, i);
    return first;
}

/* ---- requests ---- */

static int write_answer(const struct slot *s, char *to, size_t size)
{
    switch (s->kind) {
    case 'c':
        return snprintf(to, size, "{\"choices\": [\"%s\"]}", s->choice);
    case 'n':
        return snprintf(to, size, "{\"value\": \"%d.5\"}", s->rev);
    case 't':
        return snprintf(to, size, "{\"text\": \"draft %d of what I think\"}", s->rev);
    default:
        return snprintf(to, size, "null");
    }
}

static void ask(struct student *s)
{
    char answer[128], body[256], request[4096];
    int m;

    if (!s->inside) {
        m = snprintf(
            request, sizeof request,
            "POST /v1/quizzes/%s/attempts HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
            "Content-Length: 0\r\n\r\n",
            quiz, s->token);
    } else {
        write_answer(&s->slots[s->slot], answer, sizeof answer);
        int n = snprintf(body, sizeof body, "{\"rev\": %d, \"answer\": %s}", s->slots[s->slot].rev, answer);
        m = snprintf(
            request, sizeof request,
            "PUT /v1/attempts/%s/answers/%d HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
            "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
            s->attempt, s->slots[s->slot].number, s->token, n, body);
    }
    wire_send(&s->wire, request, (size_t)m);
}

/* The next save, unless the exam is over by then. */
static void go_on(struct student *s, int64_t due)
{
    s->slot = (size_t)(random_share() * (double)s->slots_n);
    if (due < end_ns)
        schedule(s, due);
}

/* ---- replies ---- */

static void complain(const struct student *s)
{
    if (s->wire.status == 429)
        count.not_429++;
    else if (s->wire.status >= 500)
        count.not_5xx++;
    else
        count.not_other++;
    if (first_bad[0] == '\0')
        snprintf(first_bad, sizeof first_bad, "%.599s", s->wire.in);
}

static void take_slot(json_object *json, struct slot *to)
{
    json_object *choices;
    const char *kind = json_object_get_string(json_object_object_get(json, "kind"));

    to->number = json_object_get_int(json_object_object_get(json, "slot"));
    to->rev = json_object_get_int(json_object_object_get(json, "rev"));
    if (strcmp(kind, "numeric") == 0)
        to->kind = 'n';
    else if (strcmp(kind, "short_text") == 0)
        to->kind = 't';
    if (strcmp(kind, "choice") != 0 || !json_object_object_get_ex(json, "choices", &choices))
        return;
    to->kind = 'c';
    json_object *id = json_object_object_get(json_object_array_get_idx(choices, 0), "id");
    snprintf(to->choice, sizeof to->choice, "%s", json_object_get_string(id));
}

static bool take_paper(struct student *s)
{
    json_object *paper = json_tokener_parse(s->wire.body), *slots = NULL;
    const char *id = paper ? json_object_get_string(json_object_object_get(paper, "id")) : NULL;
    size_t n = id && json_object_object_get_ex(paper, "slots", &slots) ? json_object_array_length(slots) : 0;

    if (n > 0 && n <= SLOTS_MAX && (s->slots = calloc(n, sizeof *s->slots))) {
        snprintf(s->attempt, sizeof s->attempt, "%s", id);
        for (size_t i = 0; i < n; i++)
            take_slot(json_object_array_get_idx(slots, i), &s->slots[i]);
        s->slots_n = n;
    }
    json_object_put(paper);
    return s->slots_n > 0;
}

static void on_start(struct student *s, int64_t now)
{
    if (s->wire.status == 503 && wire_header(&s->wire, "Retry-After")) {
        long wait = strtol(wire_header(&s->wire, "Retry-After"), NULL, 10);
        count.deferred++;
        if (now + wait * NS < end_ns && wait <= WAIT_MAX_S)
            schedule(s, now + wait * NS);
        else
            count.lost++;
        return;
    }
    if ((s->wire.status != 201 && s->wire.status != 200) || !take_paper(s)) {
        complain(s);
        return;
    }
    samples_add(&starts, now - s->due);
    samples_add(&ins, now - s->wished);
    count.started++;
    s->inside = true;
    go_on(s, s->due + gap());
}

static void on_save(struct student *s, int64_t now)
{
    struct slot *slot = &s->slots[s->slot];
    const char *rev = strstr(s->wire.body, "\"rev\":"), *number = strstr(s->wire.body, "\"slot\":");

    if (s->wire.status != 200) {
        complain(s);
    } else if (!rev || strtol(rev + 6, NULL, 10) != slot->rev + 1 || !number ||
               strtol(number + 7, NULL, 10) != slot->number) {
        count.wrong++;
    } else {
        slot->rev++;
        count.saved++;
        samples_add(&saves, now - s->due);
    }
    go_on(s, s->due + gap());
}

static void on_event(struct student *s)
{
    enum wire_state state = wire_step(&s->wire);

    if (state == WIRE_WAITS)
        return;
    if (state == WIRE_CLOSED) {
        wire_close(&s->wire);
        if (!s->wire.waits)
            return;
        count.reconnects++;
        if (++s->tries < TRIES_MAX) {
            ask(s);
            return;
        }
        s->wire.waits = false;
        waiting--;
        count.lost++;
        return;
    }
    waiting--;
    s->tries = 0;
    if (s->inside)
        on_save(s, wire_now_ns());
    else
        on_start(s, wire_now_ns());
}

/* ---- the run ---- */

static void read_students(const char *path, int64_t begin, int64_t ramp)
{
    char token[2048];
    FILE *f = fopen(path, "r");

    students = calloc(students_n, sizeof *students);
    heap = calloc(students_n, sizeof *heap);
    if (!f || !students || !heap)
        wire_die(path);
    for (size_t i = 0; i < students_n; i++) {
        struct student *s = &students[i];
        if (fscanf(f, "%2047s", token) != 1) {
            fprintf(stderr, "storm: %s has only %zu tokens\n", path, i);
            exit(1);
        }
        s->token = strdup(token);
        s->wire.fd = -1;
        s->wished = begin + (int64_t)((double)ramp * (double)i / (double)students_n);
        schedule(s, s->wished);
    }
    fclose(f);
}

static void run(void)
{
    struct epoll_event ready[256];

    while ((heap_n > 0 || waiting > 0) && wire_now_ns() < end_ns + DRAIN_S * NS) {
        int64_t now = wire_now_ns(), left = heap_n > 0 ? heap[0]->due - now : NS / 10;
        int n = epoll_wait(wire_epoll(), ready, 256,
                           left <= 0        ? 0
                           : left > NS / 10 ? 100
                                            : (int)(left / 1000000));
        for (int i = 0; i < n; i++)
            on_event(ready[i].data.ptr);
        for (int i = 0; i < 64 && heap_n > 0 && heap[0]->due <= wire_now_ns(); i++) {
            struct student *s = take_due();
            samples_add(&lateness, wire_now_ns() - s->due);
            waiting++;
            ask(s);
            on_event(s);
        }
    }
    count.lost += (int64_t)waiting;
}

static void report(const char *name, struct samples *s)
{
    printf("\"%s_p50_ms\": %.3f, \"%s_p99_ms\": %.3f, \"%s_max_ms\": %.3f, ", name, samples_ms(s, 0.5), name,
           samples_ms(s, 0.99), name, samples_ms(s, 1));
}

int main(int argc, char **argv)
{
    if (argc != 11) {
        fprintf(stderr, "usage: storm URL CA FILE QUIZ STUDENTS RAMP_S SAVE_S GAP_MIN_S GAP_MAX_S SEED\n");
        return 2;
    }
    quiz = argv[4];
    students_n = strtoul(argv[5], NULL, 10);
    int64_t ramp = (int64_t)(strtod(argv[6], NULL) * (double)NS), begin;
    gap_min = (int64_t)(strtod(argv[8], NULL) * (double)NS);
    gap_max = (int64_t)(strtod(argv[9], NULL) * (double)NS);
    chance = strtoull(argv[10], NULL, 10) | 1;
    wire_target(argv[1], argv[2], students_n);
    begin = wire_now_ns() + NS / 2;
    end_ns = begin + ramp + (int64_t)(strtod(argv[7], NULL) * (double)NS);
    read_students(argv[3], begin, ramp);
    run();
    printf("{\"students\": %zu, \"started\": %" PRId64 ", \"deferred\": %" PRId64 ", \"saved\": %" PRId64
           ", \"reconnects\": %" PRId64 ", \"replies_429\": %" PRId64 ", \"replies_5xx\": %" PRId64
           ", \"replies_other\": %" PRId64 ", \"wrong\": %" PRId64 ", \"lost\": %" PRId64 ", ",
           students_n, count.started, count.deferred, count.saved, count.reconnects, count.not_429,
           count.not_5xx, count.not_other, count.wrong, count.lost);
    report("start", &starts);
    report("in", &ins);
    report("save", &saves);
    printf("\"late_p99_ms\": %.3f}\n", samples_ms(&lateness, 0.99));
    if (first_bad[0])
        fprintf(stderr, "storm: the first reply that was not expected:\n%s\n", first_bad);
    return 0;
}
