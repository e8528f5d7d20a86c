#include "lib/err.h"
#include "tests/unit/unit.h"

#include <ctype.h>
#include <string.h>

static void every_error_says_what_it_is(void **state)
{
    (void)state;
    for (int e = 0; e < EA_ERR__MAX; e++) {
        const char *slug = ea_err_slug((enum ea_err)e);
        assert_in_range(ea_err_status((enum ea_err)e), e <= EA_REPLAY ? 200 : 400,
                        e <= EA_REPLAY ? 299 : 599);
        assert_true(strlen(slug) > 0);
        for (const char *p = slug; *p; p++)
            assert_true(islower((unsigned char)*p) || (*p == '-' && p > slug));
        assert_true(strlen(ea_err_title((enum ea_err)e)) > 0);
    }
}

static void slugs_are_unique(void **state)
{
    (void)state;
    for (int e = 0; e < EA_ERR__MAX; e++)
        for (int other = e + 1; other < EA_ERR__MAX; other++)
            assert_string_not_equal(ea_err_slug((enum ea_err)e), ea_err_slug((enum ea_err)other));
}

static void values_out_of_range_are_internal_errors(void **state)
{
    (void)state;
    assert_int_equal(ea_err_status((enum ea_err)EA_ERR__MAX), 500);
    assert_string_equal(ea_err_slug((enum ea_err) - 1), "internal");
    assert_string_equal(ea_err_title((enum ea_err)9999), ea_err_title(EA_EINTERNAL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_says_what_it_is),
        cmocka_unit_test(slugs_are_unique),
        cmocka_unit_test(values_out_of_range_are_internal_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
