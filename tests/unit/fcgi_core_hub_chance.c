/* The hub, whatever happens. A person of four rooms is taken in and let go as chance will have it; what they are told is to be what was said while they were there, whatever they open, and
 * however they read. */
#include "tests/unit/chance.h"
#include "tests/unit/hub_rig.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS = 20, STEPS = 10000, LOG_MAX = STEPS + 1, ROOMS = 4, STREAMS_MAX = 12, POLLS_MAX = 60 };

struct follower {
    int64_t cursor;
    int fd; /* a stream's */
    struct reading in;
    struct ea_req *poll;
};

static struct {
    int64_t newest, read;
    unsigned room[LOG_MAX],
        theirs[LOG_MAX]; /* of a message: its room; which rooms were theirs right after it */
    bool message[LOG_MAX];
    struct follower streams[STREAMS_MAX], polls[POLLS_MAX];
    size_t streams_n, polls_n;
} world;

static struct chance luck;

static unsigned chance(unsigned n)
{
    return (unsigned)chance_below(&luck, n);
}

static const char *room_name(unsigned room)
{
    static const char *const names[ROOMS] = { "r:a", "r:b", "r:c", "r:d" };
    return names[room];
}

/* It is written in the log. */
static void happens(void)
{
    unsigned room = chance(ROOMS), theirs = world.theirs[world.newest];
    int64_t id = ++world.newest;
    world.room[id] = room;
    world.message[id] = chance(20) != 0;
    world.theirs[id] = world.message[id] ? theirs : theirs ^ 1u << room;
}

/* This process reads on in it: it may be behind others. */
static void is_read(void)
{
    char payload[2 * TEXT];
    if (world.read == world.newest)
        return;
    int64_t id = ++world.read;
    const char *room = room_name(world.room[id]);
    if (world.message[id]) {
        (void)snprintf(payload, sizeof payload, "{\"n\": %" PRId64 ", \"text\": \"%0*d\"}", id,
                       (int)chance(TEXT) + 1, 7);
        rig_tell(id, room, "message.created", payload);
    } else {
        (void)snprintf(payload, sizeof payload, "{\"%s\": [\"%s\"]}",
                       world.theirs[id] >> world.room[id] & 1 ? "add" : "remove", room);
        rig_tell(id, MINE, "membership.changed", payload);
    }
}

/* As a handler does it: what they might follow where they come from, or as far as this process has read. */
static struct ea_sub *sub_from(struct ea_req *r, int64_t cursor)
{
    struct ea_sub *s = rig_sub(r, cursor, NULL);
    int64_t at = cursor < world.read ? cursor : world.read;
    const char **v = calloc(1 + ROOMS, sizeof *v);
    assert_non_null(v);
    free(s->topics.v);
    s->topics = (struct ea_topic_list){ .v = v, .at = at };
    v[s->topics.n++] = MINE;
    for (unsigned room = 0; room < ROOMS; room++)
        if (world.theirs[at] >> room & 1)
            v[s->topics.n++] = room_name(room);
    return s;
}

static int64_t some_cursor(void)
{
    return chance(2) == 0 ? world.newest : (int64_t)chance((unsigned)world.newest + 1);
}

static void somebody_opens_a_stream(void)
{
    if (world.streams_n == STREAMS_MAX)
        return;
    struct ea_req r = { 0 };
    const int64_t cursor = some_cursor();
    world.streams[world.streams_n++] =
        (struct follower){ .cursor = cursor, .fd = rig_connect(sub_from(&r, cursor)) };
}

static void somebody_polls(void)
{
    if (world.polls_n == POLLS_MAX)
        return;
    struct follower *f = &world.polls[world.polls_n++];
    *f = (struct follower){ .cursor = some_cursor(), .poll = calloc(1, sizeof *f->poll) };
    assert_non_null(f->poll);
    ea_jw_init(&f->poll->resp.json, &f->poll->resp.body);
    struct ea_sub *s = sub_from(f->poll, f->cursor);
    s->poll = f->poll;
    s->asked = f->cursor;
    s->limit = 1 + chance(50);
    s->end_ns = chance(2) == 0 ? 0 : s->end_ns;
    assert_ok(ea_hub_subscribe(rig.hub, s));
}

static void somebody_reads(void)
{
    if (world.streams_n == 0)
        return;
    struct follower *f = &world.streams[chance((unsigned)world.streams_n)];
    rig_read(&f->in, f->fd);
}

static void step(void)
{
    unsigned what = chance(100);
    if (what < 43)
        happens();
    else if (what < 86)
        is_read();
    else if (what < 87)
        somebody_opens_a_stream();
    else if (what < 90)
        somebody_polls();
    else if (what < 91)
        somebody_reads();
    else if (rig.hub->inbox != NULL || rig.hub->todo != NULL || rig.hub->dirty != NULL)
        ea_hub_round(rig.hub);
}

/* The next message that was theirs, after id and up to the end. */
static int64_t next_of(int64_t id, int64_t upto)
{
    do
        id++;
    while (id <= upto && !(world.message[id] && world.theirs[id] >> world.room[id] & 1));
    return id;
}

/* The text names each, in order, and nothing else. Returns how far it goes. */
static int64_t assert_told(const struct ea_buf *text, int64_t cursor, int64_t upto)
{
    static const char mark[] = "\"n\": ";
    const char *at = text->p, *end = at + text->len;
    int64_t expected = next_of(cursor, upto);
    while (at != NULL && (at = memmem(at, (size_t)(end - at), mark, sizeof mark - 1)) != NULL) {
        at += sizeof mark - 1;
        assert_int_equal(strtoll(at, NULL, 10), expected);
        expected = next_of(expected, upto);
    }
    return expected;
}

static void everybody_reads_to_the_end(void)
{
    bool more = true;
    while (more) {
        more = false;
        rig_settle();
        for (size_t i = 0; i < world.streams_n; i++) {
            struct follower *f = &world.streams[i];
            size_t before = f->in.text.len;
            rig_read(&f->in, f->fd);
            more = more || f->in.text.len > before;
        }
        if (more)
            ea_hub_round(rig.hub); /* there is room in some socket now */
    }
}

static void judge(void)
{
    for (size_t i = 0; i < world.streams_n; i++) {
        struct follower *f = &world.streams[i];
        assert_false(f->in.ended);
        assert_int_equal(assert_told(&f->in.text, f->cursor, world.newest), world.newest + 1);
        rig_forget(&f->in, f->fd);
    }
    for (size_t i = 0; i < world.polls_n; i++) {
        struct follower *f = &world.polls[i];
        struct ea_req *r = f->poll;
        if (r->resp.body.len > 0)
            assert_int_equal(assert_told(&r->resp.body, f->cursor, r->cursor), r->cursor + 1);
        else /* it waits: then there was nothing */
            assert_int_equal(next_of(f->cursor, world.newest), world.newest + 1);
    }
}

static void whatever_happens_each_is_told_what_was_theirs_once_and_in_order(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    for (int i = 0; i < STEPS; i++)
        step();
    while (world.read < world.newest)
        is_read();
    everybody_reads_to_the_end();
    judge();
}

static int begin_by_chance(void **state)
{
    static unsigned run;
    luck.state = ++run;
    print_message("seed %u\n", run);
    return rig_begin(state);
}

static int end_by_chance(void **state)
{
    int rc = rig_end(state);
    for (size_t i = 0; i < world.polls_n; i++) {
        ea_buf_free(&world.polls[i].poll->resp.body);
        free(world.polls[i].poll);
    }
    return rc;
}

int main(void)
{
    struct CMUnitTest runs[RUNS];
    for (size_t i = 0; i < RUNS; i++)
        runs[i] = (struct CMUnitTest)cmocka_unit_test_setup_teardown(
            whatever_happens_each_is_told_what_was_theirs_once_and_in_order, begin_by_chance, end_by_chance);
    return cmocka_run_group_tests(runs, NULL, NULL);
}
