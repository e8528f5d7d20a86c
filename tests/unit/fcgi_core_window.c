/* The window of recent events and the frames in it: complete from `after` on, bounded, encoded as text/event-stream in FastCGI records, and never saying what the log has taken back. */
#include "fcgi/core/window.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/oom.h"
#include "tests/unit/unit.h"

static void add(struct ea_window *w, int64_t id, const char *kind, const char *payload)
{
    struct ea_event ev = {
        .id = id, .topic = "u:1", .kind = kind, .payload = payload, .at = "2026-11-23T09:00:00.000Z"
    };
    struct ea_recent r;
    assert_int_equal(ea_recent_make(&r, &ev), EA_OK);
    assert_int_equal(ea_window_add(w, &r)->id, id);
}

static void oldest_go_first_and_after_follows(void **state)
{
    (void)state;
    struct ea_window w;
    assert_int_equal(ea_window_init(&w, 3, 1 << 20), EA_OK);
    ea_window_start(&w, 10);
    for (int64_t id = 11; id <= 15; id++)
        add(&w, id, "x", "{}");
    assert_int_equal(w.count, 3);
    assert_int_equal(w.after, 12);
    assert_int_equal(ea_window_at(&w, ea_window_find(&w, 12))->id, 13);
    assert_int_equal(ea_window_at(&w, ea_window_find(&w, 14))->id, 15);
    assert_int_equal(ea_window_find(&w, 15), 3);
    ea_window_free(&w);
}

static void bytes_are_bounded(void **state)
{
    (void)state;
    struct ea_window w;
    char big[4000];
    memset(big, 'a', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    assert_int_equal(ea_window_init(&w, 100, 20000), EA_OK);
    for (int64_t id = 1; id <= 50; id++) {
        add(&w, id, "x", big);
        assert_true(w.bytes <= 20000);
    }
    assert_int_equal(ea_window_at(&w, w.count - 1)->id, 50);
    ea_window_free(&w);
}

static void internal_events_have_no_frame(void **state)
{
    (void)state;
    struct ea_window w;
    assert_int_equal(ea_window_init(&w, 4, 1 << 20), EA_OK);
    add(&w, 1, "membership.changed", "{}");
    add(&w, 2, "message.created", "{}");
    assert_true(ea_window_at(&w, 0)->internal);
    assert_null(ea_window_at(&w, 0)->frame);
    assert_non_null(ea_window_at(&w, 1)->frame);
    ea_window_free(&w);
}

static void frame_is_one_record_of_event_stream(void **state)
{
    (void)state;
    static const char text[] = "id: 7\nevent: typing\ndata: {\"a\":\ndata: 1}\n\n";
    struct ea_frame *f = ea_frame_event(7, "typing", "{\"a\":\n1}");
    const unsigned char head[8] = { 1, 6, 0, 1, 0, sizeof(text) - 1, 0, 0 };
    assert_int_equal(f->len, 8 + sizeof(text) - 1);
    assert_memory_equal(f->bytes, head, 8);
    assert_memory_equal(f->bytes + 8, text, sizeof(text) - 1);
    ea_frame_unref(f);
}

/* A payload beyond 64 KiB is cut into records, none longer than a record can say. */
static void long_frame_is_several_records(void **state)
{
    (void)state;
    enum { N = 200000 };
    char *text = malloc(N);
    memset(text, 'b', N);
    struct ea_frame *f = ea_frame_new(text, N);
    size_t at = 0, content = 0;
    while (at < f->len) {
        size_t n = (size_t)f->bytes[at + 4] << 8 | f->bytes[at + 5];
        assert_int_equal(f->bytes[at + 1], 6);
        content += n;
        at += 8 + n;
    }
    assert_int_equal(at, f->len);
    assert_int_equal(content, N);
    ea_frame_unref(f);
    free(text);
}

/* What an answer of a poll shows is the payload, wherever it lies; and it lies in the frame but for those that the frame holds in pieces. */
static void payload_is_kept_once(void **state)
{
    (void)state;
    enum { N = 70000 };
    static char big[N + 1];
    memset(big, '1', N);
    const struct {
        const char *kind, *payload;
        bool twice;
    } cases[] = { { "x", "{\"a\": 1}", false },   { "x", "{\"a\":\n1}", true }, { "x", big, true },
                  { "user.changed", "{}", true }, { "x", "", false },           { "x", "\n\n", true } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ea_event ev = {
            .id = 7, .topic = "u:1", .kind = cases[i].kind, .payload = cases[i].payload, .at = "now"
        };
        struct ea_recent r;
        assert_int_equal(ea_recent_make(&r, &ev), EA_OK);
        assert_int_equal(r.payload_n, strlen(ev.payload));
        assert_memory_equal(r.payload, ev.payload, r.payload_n);
        size_t words = strlen("u:1") + strlen(ev.kind) + strlen("now") + 3,
               frame = r.frame == NULL ? 0 : r.frame->len;
        assert_int_equal(r.bytes, words + frame + (cases[i].twice ? r.payload_n + 1 : 0));
        ea_recent_clear(&r);
    }
}

/* ---- what was taken back ---- */

static struct ea_window said;

/* Events 11 to 15; 12 and 14 tell of one message. */
static void say(void)
{
    assert_int_equal(ea_window_init(&said, 8, 1 << 20), EA_OK);
    ea_window_start(&said, 10);
    add(&said, 11, "message.created", "{\"text\": \"eleven\"}");
    add(&said, 12, "message.created", "{\"text\": \"a secret\"}");
    add(&said, 13, "membership.changed", "{}");
    add(&said, 14, "message.updated", "{\"text\": \"a secret still\"}");
    add(&said, 15, "message.created", "{\"text\": \"fifteen\"}");
}

static bool frame_says(const struct ea_recent *e, const char *text)
{
    return e->frame != NULL && memmem(e->frame->bytes, e->frame->len, text, strlen(text)) != NULL;
}

static bool tells_the_secret(void)
{
    for (size_t i = 0; i < said.count; i++) {
        const struct ea_recent *e = ea_window_at(&said, i);
        if (memmem(e->payload, e->payload_n, "secret", 6) != NULL || frame_says(e, "secret"))
            return true;
    }
    return false;
}

static size_t bytes_of_all(void)
{
    size_t bytes = 0;
    for (size_t i = 0; i < said.count; i++)
        bytes += ea_window_at(&said, i)->bytes;
    return bytes;
}

static const char unsaid[] = "{\"oldest\": 3, \"events\": [{\"id\": 7, \"payload\": \"{}\"}, "
                             "{\"id\": 12, \"payload\": \"{\\\"text\\\": \\\"\\\"}\"}, "
                             "{\"id\": 14, \"payload\": \"{\\\"text\\\": \\\"\\\"}\"}, "
                             "{\"id\": 16, \"payload\": \"{}\"}]}";

static void what_is_unsaid_keeps_its_place_alone(void **state)
{
    (void)state;
    say();
    struct ea_frame *queued = ea_frame_ref(ea_window_at(&said, 1)->frame);
    ea_window_unsay(&said, 16, unsaid);
    assert_false(tells_the_secret());
    assert_int_equal(said.count, 5);
    assert_int_equal(said.after, 10);
    assert_int_equal(said.bytes, bytes_of_all());
    for (size_t i = 0; i < said.count; i++)
        assert_int_equal(ea_window_at(&said, i)->id, 11 + (int64_t)i);
    const struct ea_recent *e = ea_window_at(&said, 1);
    assert_string_equal(e->kind, "message.created");
    assert_string_equal(e->topic, "u:1");
    assert_string_equal(e->at, "2026-11-23T09:00:00.000Z");
    assert_int_equal(e->payload_n, strlen("{\"text\": \"\"}"));
    assert_memory_equal(e->payload, "{\"text\": \"\"}", e->payload_n);
    assert_true(frame_says(e, "id: 12\nevent: message.created\ndata: {\"text\": \"\"}\n\n"));
    assert_true(frame_says(ea_window_at(&said, 0), "eleven") &&
                frame_says(ea_window_at(&said, 4), "fifteen"));
    ea_window_unsay(&said, 17, unsaid); /* told again: nothing changes */
    assert_int_equal(said.count, 5);
    ea_frame_unref(queued); /* what was queued is its stream's */
    ea_window_free(&said);
}

static void what_the_log_has_dropped_goes_here_too(void **state)
{
    (void)state;
    say();
    ea_window_unsay(&said, 16, "{\"oldest\": 15, \"events\": []}");
    assert_int_equal(said.count, 1);
    assert_int_equal(said.after, 14);
    assert_int_equal(ea_window_at(&said, 0)->id, 15);
    ea_window_unsay(&said, 17, "{\"oldest\": 40, \"events\": []}");
    assert_int_equal(said.count, 0);
    ea_window_free(&said);
}

static void what_is_not_understood_costs_the_window(void **state)
{
    (void)state;
    static const char *const strange[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"oldest\": 1}",
        "{\"events\": []}",
        "{\"oldest\": 1, \"events\": {}}",
        "{\"oldest\": 1, \"events\": [12]}",
        "{\"oldest\": 1, \"events\": [{\"id\": 12}]}",
        "{\"oldest\": 1, \"events\": [{\"payload\": \"{}\"}]}",
        "{\"oldest\": 1, \"events\": [{\"id\": 12, \"payload\": {}}]}",
    };
    for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
        say();
        ea_window_unsay(&said, 16, strange[i]);
        assert_int_equal(said.count, 0);
        assert_int_equal(said.bytes, 0);
        assert_int_equal(said.after, 16);
        ea_window_free(&said);
    }
}

static bool unsay_once(void)
{
    bool (*hook)(size_t) = ea_alloc_hook;
    ea_alloc_hook = NULL;
    say();
    ea_alloc_hook = hook;
    ea_window_unsay(&said, 16, unsaid);
    assert_false(tells_the_secret());
    assert_true(said.count == 5 || (said.count == 0 && said.after == 16));
    bool whole = said.count == 5;
    ea_window_free(&said);
    return whole;
}

static void without_memory_it_is_forgotten_with_the_rest(void **state)
{
    (void)state;
    assert_true(each_allocation_fails(unsay_once) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oldest_go_first_and_after_follows),
        cmocka_unit_test(bytes_are_bounded),
        cmocka_unit_test(internal_events_have_no_frame),
        cmocka_unit_test(frame_is_one_record_of_event_stream),
        cmocka_unit_test(long_frame_is_several_records),
        cmocka_unit_test(payload_is_kept_once),
        cmocka_unit_test(what_is_unsaid_keeps_its_place_alone),
        cmocka_unit_test(what_the_log_has_dropped_goes_here_too),
        cmocka_unit_test(what_is_not_understood_costs_the_window),
        cmocka_unit_test(without_memory_it_is_forgotten_with_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
