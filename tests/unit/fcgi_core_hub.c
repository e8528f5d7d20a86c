/* The hub, round by round: who hears what, and who waits for whom. */
#include "tests/unit/hub_rig.h"

#include "lib/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- who hears what ---- */

#define ADDED   "{\"add\": [\"" ROOM "\"], \"remove\": []}"
#define REMOVED "{\"add\": [], \"remove\": [\"" ROOM "\"]}"

static void come_and_go(void)
{
    rig_tell(11, ROOM, "message.created", "{}");
    rig_tell(12, MINE, "membership.changed", ADDED);
    rig_tell(13, ROOM, "message.created", "{}");
    rig_tell(14, MINE, "membership.changed", REMOVED);
    rig_tell(15, ROOM, "message.created", "{}");
    rig_tell(16, MINE, "notification", "{}");
}

/* From exactly where they were taken in to exactly where they were let go, whether they were here or came back from any place between. */
static void each_hears_what_was_theirs_then(void **state)
{
    (void)state;
    static const struct {
        int64_t cursor;
        const char *room; /* what they might follow right after it */
        bool hears_13;
    } cases[] = { { 10, NULL, true },  { 11, NULL, true },  { 12, ROOM, true },
                  { 13, ROOM, false }, { 14, NULL, false }, { 15, NULL, false } };
    rig_tell(10, ROOM, "message.created", "{}");
    struct reading live = { 0 };
    int there = rig_stream(10, NULL);
    rig_settle();
    come_and_go();
    rig_settle();
    rig_read(&live, there);
    assert_false(rig_has(&live, 10) || rig_has(&live, 11) || rig_has(&live, 15));
    assert_true(rig_has(&live, 13) && rig_has(&live, 16));
    assert_int_equal(rig_count(&live, "membership"), 0);
    rig_forget(&live, there);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reading back = { 0 };
        int fd = rig_stream(cases[i].cursor, cases[i].room);
        rig_settle();
        rig_read(&back, fd);
        assert_false(rig_has(&back, 10) || rig_has(&back, 11) || rig_has(&back, 15));
        assert_int_equal(rig_has(&back, 13), cases[i].hears_13);
        assert_true(rig_has(&back, 16));
        rig_forget(&back, fd);
    }
}

/* Its revocation was told before the hub had the stream: no event will tell of it again. */
static void a_session_that_was_closed_on_the_way_is_closed(void **state)
{
    (void)state;
    struct reading in = { 0 };
    rig_tell(1, MINE, "notification", "{}");
    rig.closed = SESSION;
    int fd = rig_stream(1, NULL);
    (void)rig_poll(1, NULL);
    rig_settle();
    rig_read(&in, fd);
    assert_true(in.ended && rig_count(&in, "retry:") == 1);
    assert_ptr_equal(rig.resumed, &rig.asker);
    assert_int_equal(rig.asker.resp.body.len, 0); /* a problem, which is not the hub's to write */
    rig_forget(&in, fd);
}

/* ---- polls ---- */

/* More was told than the window holds, none of it for this poll; then something is. */
static void a_poll_that_waits_outlives_the_window(void **state)
{
    (void)state;
    const int64_t last = 2 * EA_HUB_WINDOW_EVENTS;
    (void)rig_poll(0, ROOM);
    rig_settle();
    for (int64_t id = 1; id < last; id++)
        rig_tell(id, "u:somebody else", "notification", "{}");
    rig_settle();
    assert_null(rig.resumed);
    assert_true(rig.hub->window.after > 0);
    rig_tell(last, ROOM, "message.created", "{\"text\": \"for you\"}");
    rig_settle();
    assert_ptr_equal(rig.resumed, &rig.asker);
    char end[64];
    (void)snprintf(end, sizeof end, "\"cursor\":%" PRId64 "}", last);
    assert_non_null(strstr(rig.asker.resp.body.p, "for you"));
    assert_non_null(strstr(rig.asker.resp.body.p, end));
}

/* Who waited in vain goes on from where it was in vain. */
static void a_wait_in_vain_moves_the_cursor_on(void **state)
{
    (void)state;
    const int64_t last = 2 * EA_HUB_WINDOW_EVENTS;
    struct ea_sub *s = rig_poll(0, ROOM);
    rig_settle();
    for (int64_t id = 1; id <= last; id++)
        rig_tell(id, "u:somebody else", "notification", "{}");
    rig_settle();
    s->end_ns = ea_clock_mono_ns();
    ea_wheel_set(&rig.hub->wheel, &s->timer, s->end_ns);
    while (rig.resumed == NULL)
        ea_hub_round(rig.hub);
    char all[64];
    (void)snprintf(all, sizeof all, "{\"events\":[],\"cursor\":%" PRId64 "}", last);
    assert_string_equal(rig.asker.resp.body.p, all);
}

/* ---- turns ---- */

/* However fast one reads who is far behind, in each round it gets one page, and all others have theirs. */
static void who_catches_up_takes_turns(void **state)
{
    (void)state;
    enum { EVENTS = 600 };
    struct reading in = { 0 }, other = { 0 };
    rig_tell_many(1, EVENTS, ROOM);
    rig_settle();
    int fd = rig_stream(0, ROOM), next = rig_stream(EVENTS, NULL);
    ea_hub_round(rig.hub);
    assert_in_range(rig_waiting(fd), EA_HUB_PAGE_BYTES / 2, EA_HUB_PAGE_BYTES + 2 * TEXT);
    rig_tell(EVENTS + 1, MINE, "notification", "{}");
    ea_hub_round(rig.hub);
    rig_read(&other, next);
    assert_true(rig_has(&other, EVENTS + 1));
    rig_read(&in, fd);
    assert_false(rig_has(&in, EVENTS));
    while (!rig_has(&in, EVENTS + 1)) {
        ea_hub_round(rig.hub);
        rig_read(&in, fd);
    }
    for (int64_t id = 1; id <= EVENTS; id++)
        assert_true(rig_has(&in, id));
    rig_forget(&in, fd);
    rig_forget(&other, next);
}

/* What has been asked for is done in parts: in between streams are told what there is. */
static void much_that_is_asked_for_holds_nobody_up(void **state)
{
    (void)state;
    enum { EVENTS = 1000 };
    struct reading in = { 0 };
    int fd = rig_stream(0, ROOM);
    rig_settle();
    for (int64_t id = 1; id <= EVENTS; id++)
        rig_tell(id, ROOM, "message.created", "{}");
    ea_hub_round(rig.hub);
    assert_non_null(rig.hub->todo);
    rig_read(&in, fd);
    assert_true(rig_has(&in, 1));
    while (!rig_has(&in, EVENTS)) {
        ea_hub_round(rig.hub);
        rig_read(&in, fd);
    }
    for (int64_t id = 1; id <= EVENTS; id++)
        assert_true(rig_has(&in, id));
    rig_forget(&in, fd);
}

/* Time is kept for what is stored: somebody's writing is told when there is some, and costs some. */
static void what_is_not_stored_takes_its_share_of_time(void **state)
{
    (void)state;
    struct reading in = { 0 };
    int fd = rig_stream(0, ROOM);
    const int64_t now = ea_clock_mono_ns();
    rig.hub->live_ns = now + FAR_NS;
    ea_hub_say(rig.hub, ROOM, "typing", "{}", NULL);
    rig_tell(1, ROOM, "message.created", "{}");
    rig_settle();
    rig_read(&in, fd);
    assert_int_equal(rig_count(&in, "event: typing"), 0);
    assert_true(rig_has(&in, 1));
    rig.hub->live_ns = 0;
    for (int i = 0; i < 2; i++)
        ea_hub_say(rig.hub, ROOM, "typing", "{}", i == 0 ? NULL : PERSON);
    rig_settle();
    rig_read(&in, fd);
    assert_int_equal(rig_count(&in, "event: typing"), 1);
    assert_true(rig.hub->live_ns > now);
    rig_forget(&in, fd);
}

/* Pages of the log are read by half of the pool at most; who has left before their turn costs none. */
static void who_catches_up_leaves_the_pool_to_others(void **state)
{
    (void)state;
    enum { STREAMS = 6 };
    int fd[STREAMS];
    rig_tell(1000, MINE, "notification", "{}");
    rig_settle();
    ea_window_start(&rig.hub->window, 1000);
    for (int i = 0; i < STREAMS; i++)
        fd[i] = rig_stream(5, ROOM);
    rig_settle();
    assert_int_equal(rig.queued, 2);
    close(fd[2]); /* it waits for its turn */
    ea_hub_round(rig.hub);
    assert_int_equal(rig.hub->held, STREAMS);
    while (rig_do_next()) /* each stream ends */
        assert_in_range(rig.queued - rig.done, 0, 2);
    assert_int_equal(rig.queued, STREAMS - 1);
    assert_int_equal(rig.hub->held, 0);
    assert_int_equal(rig.hub->reads, 0);
    for (int i = 0; i < STREAMS; i++) {
        struct reading in = { 0 };
        if (i == 2)
            continue;
        rig_read(&in, fd[i]);
        assert_true(in.ended && rig_count(&in, "id: 5\n") == 1);
        rig_forget(&in, fd[i]);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_begin, rig_end)
    const struct CMUnitTest tests[] = {
        TEST(each_hears_what_was_theirs_then),
        TEST(a_session_that_was_closed_on_the_way_is_closed),
        TEST(a_poll_that_waits_outlives_the_window),
        TEST(a_wait_in_vain_moves_the_cursor_on),
        TEST(who_catches_up_takes_turns),
        TEST(much_that_is_asked_for_holds_nobody_up),
        TEST(what_is_not_stored_takes_its_share_of_time),
        TEST(who_catches_up_leaves_the_pool_to_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
