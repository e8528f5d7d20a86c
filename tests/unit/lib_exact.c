#include "lib/exact.h"

#include "tests/unit/unit.h"

#include <string.h>

static struct ea_exact number(const char *s)
{
    struct ea_exact x;

    assert_ok(ea_exact_read(s, strlen(s), &x));
    return x;
}

static void reads_and_writes(void **state)
{
    static const char *const cases[][2] = {
        { "0", "0" },
        { "-0", "0" },
        { "+7", "7" },
        { ".5", "0.5" },
        { "5.", "5" },
        { "007.500", "7.5" },
        { "-3.20", "-3.2" },
        { "1e3", "1000" },
        { "1.5E-3", "0.0015" },
        { "12e-1", "1.2" },
        { "0e9999", "0" },
        { "6.02214076e23", "602214076000000000000000" },
        { "1e53", "100000000000000000000000000000000000000000000000000000" },
        { "1e-54", "0.000000000000000000000000000000000000000000000000000001" },
    };
    char text[EA_EXACT_SIZE];
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ea_exact x = number(cases[i][0]);
        assert_string_equal(ea_exact_text(&x, text), cases[i][1]);
    }
}

static void refuses_what_is_no_number_or_does_not_fit(void **state)
{
    static const char *const cases[] = { "",    ".",     "-",   "+",    "e5",    "1e",
                                         "1e+", "1.2.3", "1,2", "0x10", " 1",    "1 ",
                                         "nan", "inf",   "--1", "1e54", "1e-55", "1e99999999999999999999" };
    struct ea_exact x;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_err(ea_exact_read(cases[i], strlen(cases[i]), &x), EA_EINPUT);
}

static void compares_and_calculates(void **state)
{
    struct ea_exact a = number("-0.1"), b = number("0.3"), x;
    char text[EA_EXACT_SIZE];
    (void)state;

    assert_true(ea_exact_cmp(&a, &b) < 0);
    assert_true(ea_exact_cmp(&b, &a) > 0);
    assert_true(ea_exact_cmp(&a, &a) == 0);
    assert_ok(ea_exact_add(&a, &b, &x));
    assert_string_equal(ea_exact_text(&x, text), "0.2");
    assert_ok(ea_exact_sub(&a, &b, &x));
    assert_string_equal(ea_exact_text(&x, text), "-0.4");
    assert_ok(ea_exact_sub(&x, &x, &x));
    assert_true(ea_exact_is_zero(&x) && !x.minus);
    x = number("-5");
    assert_ok(ea_exact_half(&x, &x));
    assert_string_equal(ea_exact_text(&x, text), "-2.5");
    x = number("1e-54");
    assert_err(ea_exact_half(&x, &x), EA_EINPUT);
    x = number("9e53");
    assert_err(ea_exact_add(&x, &x, &x), EA_EINPUT);
}

/* 0.1 + 0.2 and the like: the edge of a tolerance is inside, one unit of the last place beyond it is not. */
static void tolerances_are_exact(void **state)
{
    struct ea_exact of = number("0.3"), tolerance = number("0.1"), share = number("0.5"), zero = number("0");
    struct ea_exact low = number("0.2"), high = number("0.4"),
                    out = number("0.4000000000000000000000000000000000001");
    struct ea_exact half = number("0.15"), below = number("0.14999999999999999999999999"),
                    far = number("-0.3");
    struct ea_exact huge = number("9e53"), minus_huge = number("-9e53"), thousand = number("1000");
    (void)state;

    assert_true(ea_exact_within(&low, &of, &tolerance) && ea_exact_within(&high, &of, &tolerance));
    assert_false(ea_exact_within(&out, &of, &tolerance));
    assert_true(ea_exact_within_share(&half, &of, &share));
    assert_false(ea_exact_within_share(&below, &of, &share));
    assert_false(ea_exact_within(&far, &of, &tolerance));
    assert_true(ea_exact_within(&of, &of, &zero) && ea_exact_within_share(&zero, &zero, &share));
    assert_false(ea_exact_within_share(&low, &zero, &share));
    assert_false(ea_exact_within(&huge, &minus_huge, &huge));
    assert_true(ea_exact_within_share(&huge, &minus_huge, &thousand));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes),
        cmocka_unit_test(refuses_what_is_no_number_or_does_not_fit),
        cmocka_unit_test(compares_and_calculates),
        cmocka_unit_test(tolerances_are_exact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
