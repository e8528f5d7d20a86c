/* The window of recent events and the frames in it: complete from `after` on, bounded, and encoded as text/event-stream in FastCGI records. */
#include "fcgi/core/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oldest_go_first_and_after_follows),
        cmocka_unit_test(bytes_are_bounded),
        cmocka_unit_test(internal_events_have_no_frame),
        cmocka_unit_test(frame_is_one_record_of_event_stream),
        cmocka_unit_test(long_frame_is_several_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
