#include "lib/decimal.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *text;
    unsigned decimals;
    enum ea_decimal result;
    int64_t v;
} cases[] = {
    { "0", 0, EA_DECIMAL_OK, 0 },
    { "-0", 3, EA_DECIMAL_OK, 0 },
    { "0.000000", 0, EA_DECIMAL_OK, 0 },
    { "0e999999999999999999999", 3, EA_DECIMAL_OK, 0 },
    { "7", 3, EA_DECIMAL_OK, 7000 },
    { "2.5", 3, EA_DECIMAL_OK, 2500 },
    { "-2.125", 3, EA_DECIMAL_OK, -2125 },
    { "0.001", 3, EA_DECIMAL_OK, 1 },
    { "0.0010000000", 3, EA_DECIMAL_OK, 1 },
    { "0.0011", 3, EA_DECIMAL_FRACTION, 0 },
    { "1e-3", 3, EA_DECIMAL_OK, 1 },
    { "1e-4", 3, EA_DECIMAL_FRACTION, 0 },
    { "1.5E+2", 0, EA_DECIMAL_OK, 150 },
    { "1.5e0", 0, EA_DECIMAL_FRACTION, 0 },
    { "100e-2", 0, EA_DECIMAL_OK, 1 },
    { "1.0", 0, EA_DECIMAL_OK, 1 },
    /* what a double in between would get wrong */
    { "1.005", 3, EA_DECIMAL_OK, 1005 },
    { "9007199254740993", 0, EA_DECIMAL_OK, 9007199254740993 },
    { "9007199254740.993", 3, EA_DECIMAL_OK, 9007199254740993 },
    { "0.29999999999999999", 3, EA_DECIMAL_FRACTION, 0 },
    { "9223372036854775807", 0, EA_DECIMAL_OK, INT64_MAX },
    { "-9223372036854775808", 0, EA_DECIMAL_OK, INT64_MIN },
    { "9223372036854775808", 0, EA_DECIMAL_RANGE, 0 },
    { "-9223372036854775809", 0, EA_DECIMAL_RANGE, 0 },
    { "9223372036854775.807", 3, EA_DECIMAL_OK, INT64_MAX },
    { "9223372036854775.808", 3, EA_DECIMAL_RANGE, 0 },
    { "1e19", 0, EA_DECIMAL_RANGE, 0 },
    { "1e999999999999999999999999", 0, EA_DECIMAL_RANGE, 0 },
    { "1e-999999999999999999999999", 0, EA_DECIMAL_FRACTION, 0 },
    { "100000000000000000000000000000000000000e-38", 0, EA_DECIMAL_OK, 1 },
    { "", 0, EA_DECIMAL_SYNTAX, 0 },
    { "-", 0, EA_DECIMAL_SYNTAX, 0 },
    { "+1", 0, EA_DECIMAL_SYNTAX, 0 },
    { "01", 0, EA_DECIMAL_SYNTAX, 0 },
    { "1.", 0, EA_DECIMAL_SYNTAX, 0 },
    { ".5", 3, EA_DECIMAL_SYNTAX, 0 },
    { "1e", 0, EA_DECIMAL_SYNTAX, 0 },
    { "1e+", 0, EA_DECIMAL_SYNTAX, 0 },
    { "1e1.5", 0, EA_DECIMAL_SYNTAX, 0 },
    { "1 ", 0, EA_DECIMAL_SYNTAX, 0 },
    { " 1", 0, EA_DECIMAL_SYNTAX, 0 },
    { "0x10", 0, EA_DECIMAL_SYNTAX, 0 },
    { "1,5", 3, EA_DECIMAL_SYNTAX, 0 },
    { "NaN", 0, EA_DECIMAL_SYNTAX, 0 },
    { "Infinity", 0, EA_DECIMAL_SYNTAX, 0 },
    { "--1", 0, EA_DECIMAL_SYNTAX, 0 },
};

static void numbers_are_exact_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t v = 0;
        enum ea_decimal got = ea_decimal_read(cases[i].text, strlen(cases[i].text), cases[i].decimals, &v);
        if (got != cases[i].result || (got == EA_DECIMAL_OK && v != cases[i].v))
            fail_msg("%s: %d, %lld", cases[i].text, (int)got, (long long)v);
    }
}

static void only_the_given_bytes_are_read(void **state)
{
    int64_t v;
    (void)state;
    assert_int_equal(ea_decimal_read("1234", 2, 0, &v), EA_DECIMAL_OK);
    assert_int_equal(v, 12);
    assert_int_equal(ea_decimal_read("1\0", 2, 0, &v), EA_DECIMAL_SYNTAX);
}

static void long_texts_are_read(void **state)
{
    (void)state;
    size_t n = 1000000;
    char *text = malloc(n);
    memset(text, '0', n);
    text[1] = '.';
    memcpy(text + n - 9, "7e0999988", 9); /* 999990 decimals, moved back by as many */
    int64_t v;
    assert_int_equal(ea_decimal_read(text, n, 3, &v), EA_DECIMAL_OK);
    assert_int_equal(v, 70);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_exact_or_refused),
        cmocka_unit_test(only_the_given_bytes_are_read),
        cmocka_unit_test(long_texts_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
