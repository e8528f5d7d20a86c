/* Cells as RFC 4180 and spreadsheets want them. */
#include "tests/unit/unit.h"

#include "lib/csv.h"

#include <stdio.h>

static void assert_cell(const char *in, const char *out)
{
    struct ea_buf b = { 0 };
    ea_csv_cell(&b, in);
    assert_false(b.failed);
    assert_string_equal(b.p ? b.p : "", out);
    ea_buf_free(&b);
}

static void what_needs_no_quotes_has_none(void **state)
{
    (void)state;
    assert_cell(NULL, "");
    assert_cell("", "");
    assert_cell("plain words", "plain words");
    assert_cell("Zoë Übel", "Zoë Übel");
    assert_cell("a-b=c", "a-b=c");
    assert_cell("'", "'");
}

static void quotes_commas_and_line_breaks_are_quoted(void **state)
{
    (void)state;
    assert_cell("a,b", "\"a,b\"");
    assert_cell("say \"no\"", "\"say \"\"no\"\"\"");
    assert_cell("a\nb", "\"a\nb\"");
    assert_cell("a\r", "\"a\r\"");
}

static void formulas_are_defused(void **state)
{
    static const char *const first[] = { "=", "+", "-", "@", "\t", "\r" };
    (void)state;
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        char in[8], out[16];
        (void)snprintf(in, sizeof in, "%s1", first[i]);
        (void)snprintf(out, sizeof out, "\"'%s1\"", first[i]);
        assert_cell(in, out);
    }
    assert_cell("=A(\"x\")", "\"'=A(\"\"x\"\")\"");
}

static void a_line_ends_with_crlf(void **state)
{
    (void)state;
    struct ea_buf b = { 0 };
    ea_csv_line(&b, (const char *const[]){ "a", NULL, "-1" }, 3);
    ea_csv_line(&b, (const char *const[]){ "b" }, 1);
    assert_string_equal(b.p, "a,,\"'-1\"\r\nb\r\n");
    ea_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_needs_no_quotes_has_none),
        cmocka_unit_test(quotes_commas_and_line_breaks_are_quoted),
        cmocka_unit_test(formulas_are_defused),
        cmocka_unit_test(a_line_ends_with_crlf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
