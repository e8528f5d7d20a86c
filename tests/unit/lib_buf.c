#include "lib/buf.h"

#include "tests/unit/oom.h"
#include "tests/unit/unit.h"

#include <string.h>

static void grows_and_stays_terminated(void **state)
{
    (void)state;
    struct ea_buf b = { 0 };
    for (size_t i = 0; i < 100000; i++) {
        ea_buf_char(&b, (char)('a' + i % 26));
        assert_int_equal(b.p[b.len], '\0');
    }
    assert_int_equal(b.len, 100000);
    for (size_t i = 0; i < b.len; i++)
        assert_int_equal(b.p[i], 'a' + i % 26);
    ea_buf_reset(&b);
    assert_string_equal(b.p, "");
    ea_buf_str(&b, "one");
    ea_buf_add(&b, "\0two", 4);
    ea_buf_printf(&b, " %s-%d", "three", 4);
    assert_int_equal(b.len, 15);
    assert_memory_equal(b.p, "one\0two three-4", 16);
    ea_buf_cut(&b, 20);
    assert_int_equal(b.len, 15);
    ea_buf_cut(&b, 3);
    assert_string_equal(b.p, "one");
    ea_buf_free(&b);
    assert_null(b.p);
    ea_buf_free(&b);
}

static void nothing_appended_is_an_empty_string(void **state)
{
    (void)state;
    struct ea_buf b = { 0 };
    ea_buf_str(&b, "");
    assert_string_equal(b.p, "");
    ea_buf_add(&b, NULL, 0);
    assert_int_equal(b.len, 0);
    ea_buf_free(&b);
}

static void over_max_fails_for_good(void **state)
{
    (void)state;
    struct ea_buf b = { .max = 10 };
    ea_buf_str(&b, "0123456789");
    assert_false(b.failed);
    ea_buf_char(&b, 'x');
    assert_true(b.failed);
    assert_string_equal(b.p, "0123456789");
    ea_buf_reset(&b);
    ea_buf_str(&b, "01234567890");
    ea_buf_str(&b, "a");
    ea_buf_printf(&b, "%d", 1);
    assert_null(ea_buf_room(&b, 1));
    assert_int_equal(b.len, 0);
    ea_buf_reset(&b);
    ea_buf_printf(&b, "%05d", 7);
    assert_string_equal(b.p, "00007");
    ea_buf_free(&b);
}

static void room_is_written_by_the_caller(void **state)
{
    (void)state;
    struct ea_buf b = { 0 };
    ea_buf_str(&b, "ab");
    char *p = ea_buf_room(&b, 1000);
    memset(p, 'c', 1000);
    b.len += 1000;
    assert_int_equal(strlen(b.p), 1002);
    assert_null(ea_buf_room(&b, SIZE_MAX));
    assert_true(b.failed);
    ea_buf_free(&b);
}

static bool fill(void)
{
    struct ea_buf b = { 0 };
    for (int i = 0; i < 1000; i++)
        ea_buf_str(&b, "0123456789");
    bool ok = !b.failed;
    if (ok)
        assert_int_equal(b.len, 10000);
    ea_buf_free(&b);
    return ok;
}

static void out_of_memory_fails_for_good(void **state)
{
    (void)state;
    assert_true(each_allocation_fails(fill) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_stays_terminated),   cmocka_unit_test(nothing_appended_is_an_empty_string),
        cmocka_unit_test(over_max_fails_for_good),      cmocka_unit_test(room_is_written_by_the_caller),
        cmocka_unit_test(out_of_memory_fails_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
