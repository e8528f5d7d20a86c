/* Who is told of whom: everybody once, each receiver one frame, frames shared by those who follow the same rooms, and every bound. */
#include "fcgi/core/presence.h"
#include "tests/unit/unit.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOW = 60000, RECEIVERS = 400 };

struct hearer {
    struct ea_listen *listens;
    struct ea_frame *got;
    unsigned times;
    bool deaf;
};

struct world {
    struct ea_presence *p;
    struct ea_topics *topics;
    struct hearer hearers[RECEIVERS];
};

static const char *id(char kind, unsigned n, char out[40])
{
    (void)snprintf(out, 40, "018f0000-0000-7000-8000-%c%011x", kind, n);
    return out;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->p = ea_presence_new();
    w->topics = ea_topics_new();
    *state = w;
    return sodium_init() < 0 || !w->p || !w->topics;
}

static int teardown(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < RECEIVERS; i++) {
        ea_topics_remove_all(w->topics, &w->hearers[i].listens);
        ea_frame_unref(w->hearers[i].got);
    }
    ea_presence_free(w->p);
    ea_topics_free(w->topics);
    free(w);
    return 0;
}

static void follows(struct world *w, unsigned who, unsigned room)
{
    char topic[44] = "r:";
    (void)id('a', room, topic + 2);
    assert_int_equal(ea_topics_add(w->topics, topic, &w->hearers[who], &w->hearers[who].listens), EA_OK);
}

static bool add(struct world *w, unsigned room, int64_t members, unsigned user, int64_t at_ms)
{
    char r[40], u[40];
    return ea_presence_add(w->p, id('a', room, r), members, id('b', user, u), at_ms);
}

static bool takes(const void *subscriber)
{
    return !((const struct hearer *)subscriber)->deaf;
}

static void give(void *subscriber, struct ea_frame *f, void *arg)
{
    struct hearer *h = subscriber;
    (void)arg;
    ea_frame_unref(h->got);
    h->got = ea_frame_ref(f);
    h->times++;
}

static size_t tell(struct world *w)
{
    static const struct ea_presence_ops ops = { takes, give };
    size_t frames = ea_presence_tell(w->p, w->topics, NOW, &ops, NULL);
    assert_true(ea_presence_empty(w->p));
    return frames;
}

/* The event's text, out of its FastCGI record; the caller's to free. */
static char *text_of(const struct ea_frame *f)
{
    enum { HEADER = 8 };
    char *text = calloc(1, f->len);
    memcpy(text, f->bytes + HEADER, f->len - HEADER);
    return text;
}

static unsigned times_in(const struct ea_frame *f, const char *what)
{
    unsigned n = 0;
    char *text = text_of(f);
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        n++;
    free(text);
    return n;
}

static unsigned people_in(const struct ea_frame *f)
{
    return times_in(f, "\"user_id\"");
}

static unsigned names_in(const struct ea_frame *f, unsigned user)
{
    char u[40];
    return times_in(f, id('b', user, u));
}

static void test_the_event(void **state)
{
    struct world *w = *state;
    follows(w, 0, 1);
    assert_true(ea_presence_empty(w->p));
    assert_true(add(w, 1, 2, 7, 30000));
    assert_false(ea_presence_empty(w->p));
    assert_int_equal(tell(w), 1);
    char *text = text_of(w->hearers[0].got);
    assert_string_equal(
        text,
        "event: presence\ndata: {\"items\":[{\"user_id\":\"018f0000-0000-7000-8000-b00000000007\","
        "\"last_seen_at\":\"1970-01-01T00:00:30.000Z\"}],\"server_time\":\"1970-01-01T00:01:00.000Z\"}\n\n");
    free(text);
}

/* In several rooms and several times over: once, with the latest stamp. */
static void test_everybody_once_and_each_receiver_once(void **state)
{
    struct world *w = *state;
    for (unsigned room = 0; room < 3; room++)
        follows(w, 0, room);
    for (unsigned turn = 0; turn < 3; turn++)
        for (unsigned room = 0; room < 3; room++)
            for (unsigned user = 0; user < 5; user++)
                assert_true(add(w, room, 10, user, turn == 1 ? 30000 : 1000));
    assert_int_equal(tell(w), 1);
    assert_int_equal(w->hearers[0].times, 1);
    assert_int_equal(people_in(w->hearers[0].got), 5);
    assert_int_equal(times_in(w->hearers[0].got, "00:00:30.000Z"), 5);
}

static void test_nobody_hears_of_rooms_of_others(void **state)
{
    struct world *w = *state;
    follows(w, 0, 1);
    follows(w, 1, 2);
    follows(w, 2, 3);
    assert_true(add(w, 1, 2, 10, 1));
    assert_true(add(w, 2, 2, 20, 1));
    tell(w);
    assert_int_equal(people_in(w->hearers[0].got), 1);
    assert_int_equal(names_in(w->hearers[0].got, 10), 1);
    assert_int_equal(people_in(w->hearers[1].got), 1);
    assert_int_equal(names_in(w->hearers[1].got, 20), 1);
    assert_null(w->hearers[2].got);
}

/* Hundreds who follow one room share one frame; who follows another one as well has one of their own. What nobody can take is not made. */
static void test_frames_are_shared(void **state)
{
    struct world *w = *state;
    for (unsigned i = 0; i < RECEIVERS; i++)
        follows(w, i, 1);
    for (unsigned i = 0; i < 10; i++)
        follows(w, i, 2);
    follows(w, 20, 3); /* of which there is no news */
    w->hearers[0].deaf = true;
    for (unsigned user = 0; user < 50; user++)
        assert_true(add(w, 1, 150, user, 1));
    assert_true(add(w, 2, 10, 99, 1));
    assert_int_equal(tell(w), 2);
    assert_null(w->hearers[0].got);
    for (unsigned i = 1; i < RECEIVERS; i++) {
        assert_int_equal(w->hearers[i].times, 1);
        assert_ptr_equal(w->hearers[i].got, w->hearers[i < 10 ? 1 : 10].got);
        assert_int_equal(people_in(w->hearers[i].got), i < 10 ? 51 : 50);
    }
    for (unsigned i = 0; i < RECEIVERS; i++)
        w->hearers[i].deaf = true;
    assert_true(add(w, 1, 150, 1, 1));
    assert_int_equal(tell(w), 0);
}

/* A frame that is full leaves out people of the largest room, never of the smallest. */
static void test_a_frame_holds_so_many_people(void **state)
{
    struct world *w = *state;
    unsigned user = 0;
    for (unsigned room = 0; room < 3; room++)
        follows(w, 0, room);
    for (unsigned i = 0; i < 200; i++)
        assert_true(add(w, 0, 200, user++, 1));
    for (unsigned i = 0; i < 2; i++)
        assert_true(add(w, 1, 2, user++, 1));
    for (unsigned i = 0; i < 100; i++)
        assert_true(add(w, 2, 100, user++, 1));
    tell(w);
    const struct ea_frame *f = w->hearers[0].got;
    assert_int_equal(people_in(f), EA_PRESENCE_FRAME_PEOPLE);
    for (unsigned i = 200; i < user; i++)
        assert_int_equal(names_in(f, i), 1);
}

/* More kinds of receivers than all frames may have bytes: some hear nothing, and what is made ends at the bound. */
static void test_a_telling_makes_so_many_bytes(void **state)
{
    enum { ENTRY = 95, LARGE = EA_PRESENCE_FRAME_PEOPLE * ENTRY };
    struct world *w = *state;
    size_t heard = 0, bytes = 0;
    struct ea_presence *p = w->p;
    struct hearer *many = calloc(1500, sizeof *many);
    char topic[44], r[40], u[40];
    for (unsigned i = 0; i < 1500; i++) {
        (void)snprintf(topic, sizeof topic, "r:%s", id('c', i, r));
        assert_int_equal(ea_topics_add(w->topics, topic, &many[i], &many[i].listens), EA_OK);
        for (unsigned k = 0; k < 170; k++)
            assert_true(ea_presence_add(p, r, 200, id('b', k, u), 1));
    }
    size_t frames = tell(w);
    for (unsigned i = 0; i < 1500; i++) {
        heard += many[i].times;
        bytes += many[i].got ? many[i].got->len : 0;
        ea_topics_remove_all(w->topics, &many[i].listens);
        ea_frame_unref(many[i].got);
    }
    free(many);
    assert_int_equal(heard, frames);
    assert_true(heard < 1500);
    assert_true(bytes >= EA_PRESENCE_BYTES && bytes < EA_PRESENCE_BYTES + LARGE);
}

/* What does not fit is refused, and what was there is told all the same. */
static void test_it_fills_up(void **state)
{
    struct world *w = *state;
    unsigned n = 0;
    follows(w, 0, 1);
    while (add(w, 1, 200, n, 1))
        n++;
    assert_true(n > 10000);
    assert_true(add(w, 1, 200, 0, 1)); /* known already */
    assert_int_equal(tell(w), 1);
    assert_int_equal(people_in(w->hearers[0].got), EA_PRESENCE_FRAME_PEOPLE);
    assert_true(add(w, 1, 200, n, 1));
    assert_false(ea_presence_add(w->p, "no id", 2, "no id", 1));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_the_event),
        TEST(test_everybody_once_and_each_receiver_once),
        TEST(test_nobody_hears_of_rooms_of_others),
        TEST(test_frames_are_shared),
        TEST(test_a_frame_holds_so_many_people),
        TEST(test_a_telling_makes_so_many_bytes),
        TEST(test_it_fills_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
