#include "lib/clock.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *text;
    int64_t us;
} good[] = {
    { "1970-01-01T00:00:00Z", 0 },
    { "1970-01-01t00:00:00z", 0 },
    { "2026-11-23T09:00:00.123456Z", 1795424400123456 },
    { "2026-11-23T11:00:00.1234569+02:00", 1795424400123456 },
    { "2026-11-23T11:00:00.123456789+02:00", 1795424400123456 },
    { "2026-11-22T23:30:00-09:30", 1795424400000000 },
    { "2000-02-29T12:00:00Z", 951825600000000 },
    { "1969-12-31T23:59:59.5Z", -500000 },
    { "2016-12-31T23:59:60Z", 1483228800000000 },
    { "2017-01-01T00:59:60+01:00", 1483228800000000 },
    { "0001-01-01T00:00:00Z", -62135596800000000 },
    { "9999-12-31T23:59:59.999999Z", 253402300799999999 },
};

static const char *const bad[] = {
    "",
    "2026",
    "2026-11-23",
    "2026-11-23 09:00:00Z",
    "2026-11-23T09:00:00",
    "2026-11-23T09:00Z",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2026-04-31T00:00:00Z",
    "2026-11-00T00:00:00Z",
    "2026-11-23T24:00:00Z",
    "2026-11-23T09:60:00Z",
    "2026-11-23T09:00:61Z",
    "2026-11-23T09:00:60Z",
    "2026-11-23T09:00:00.Z",
    "2026-11-23T09:00:00.1234567890Z",
    "2026-11-23T09:00:00+0200",
    "2026-11-23T09:00:00+24:00",
    "2026-11-23T09:00:00+02:60",
    "2026-11-23T09:00:00Zx",
    "2026-11-23T09:00:00 Z",
    " 2026-11-23T09:00:00Z",
    "2026-1-23T09:00:00Z",
    "+026-11-23T09:00:00Z",
    "0000-01-01T00:00:00Z",
    "2026-11-23T-9:00:00Z",
    "2026-11-23T09:00:00,5Z",
};

static void date_times_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t us = 1;
        assert_int_equal(ea_clock_parse(good[i].text, &us), EA_OK);
        assert_int_equal(us, good[i].us);
    }
}

static void what_is_none_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t us;
        if (ea_clock_parse(bad[i], &us) != EA_EINPUT)
            fail_msg("accepted: %s", bad[i]);
    }
}

static void date_times_are_written(void **state)
{
    char text[EA_CLOCK_RFC3339_SIZE];
    (void)state;
    ea_clock_rfc3339(1795424400123999, text);
    assert_string_equal(text, "2026-11-23T09:00:00.123Z");
    ea_clock_rfc3339(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    ea_clock_rfc3339(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    ea_clock_rfc3339(INT64_MIN, text);
    assert_string_equal(text, "0001-01-01T00:00:00.000Z");
}

/* Every day of 600 years, against the C library. */
static void calendar_agrees_with_the_c_library(void **state)
{
    (void)state;
    for (int64_t day = -150000; day < 70000; day++) {
        time_t t = day * 86400 + 3661;
        struct tm tm;
        char text[EA_CLOCK_RFC3339_SIZE], expected[64];
        int64_t back;
        gmtime_r(&t, &tm);
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.000Z", &tm);
        ea_clock_rfc3339(t * 1000000LL, text);
        assert_string_equal(text, expected);
        assert_int_equal(ea_clock_parse(text, &back), EA_OK);
        assert_int_equal(back, t * 1000000LL);
    }
}

static void clocks_run(void **state)
{
    (void)state;
    int64_t mono = ea_clock_mono_ns(), wall = ea_clock_wall_us();
    assert_true(ea_clock_mono_ns() >= mono);
    assert_true(labs(ea_clock_wall_us() / 1000000 - time(NULL)) <= 1);
    assert_true(wall > 1700000000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(date_times_are_read),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(date_times_are_written),
        cmocka_unit_test(calendar_agrees_with_the_c_library),
        cmocka_unit_test(clocks_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
