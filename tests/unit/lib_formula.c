#include "lib/formula.h"

#include "tests/unit/arena.h"

#include <string.h>

static enum ea_err value(const char *expression, const char **out)
{
    struct ea_formula_variable v[] = { { .name = "a" }, { .name = "b_2" }, { .name = "e" } };
    char *text = ea_arena_alloc(arena, EA_EXACT_SIZE);
    struct ea_exact x;

    assert_ok(ea_exact_read("1.5", 3, &v[0].value));
    assert_ok(ea_exact_read("-4", 2, &v[1].value));
    assert_ok(ea_exact_read("10", 2, &v[2].value));
    enum ea_err err = ea_formula_value(expression, v, 3, arena, &x, out);
    if (!err)
        *out = ea_exact_text(&x, text);
    return err;
}

static void values(void **state)
{
    static const struct {
        const char *expression, *value;
    } rows[] = {
        { "1+2*3", "7" },          { "a*b_2", "-6" },           { "-a^2", "-2.25" },
        { "2^3^2", "512" },        { "1/3", "0.333333333333" }, { "sqrt(2)", "1.41421356237" },
        { "pi", "3.14159265359" }, { "1e3 + .5", "1000.5" },    { "2e", NULL },
        { "e*2", "20" },           { "max(a, b_2)", "1.5" },    { "round(-2.5)", "-3" },
        { "cos(rad(60))", "0.5" }, { "0.1+0.2", "0.3" },        { "mod(7,4)", "3" },
        { "ln(exp(2))", "2" },     { " ( a ) ", "1.5" },        { "1e-60", NULL },
        { "1e60", NULL },
    };
    const char *got;
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum ea_err err = value(rows[i].expression, &got);
        if (rows[i].value ? err || strcmp(got, rows[i].value) != 0 : err != EA_EINPUT)
            fail_msg("%s: %s", rows[i].expression, got);
    }
}

/* No assignment, nothing that is not arithmetic, nothing unbounded, nothing without a finite value. */
static void what_does_not_pass(void **state)
{
    static const char *const rows[] = {
        "",         " ",     "a=2",      "a==2",     "a<2",      "a?1:2",  "a&&a", "\"a\"", "c",
        "sin",      "sin()", "sin(1,2)", "sum(1,2)", "rnd()",    "(",      ")",    "(1",    "1)",
        "1+",       "1 2",   "1/0",      "sqrt(-1)", "ln(0)",    "10^400", "1..2", "a;a",   "a!",
        "\xC3\xA9", "_pi",   "1,2",      "a b_2",    "atan2(1)", "0x10",   "#1",   "a\n=2",
    };
    const char *why;
    char deep[EA_FORMULA_MAX + 10];
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        why = NULL;
        if (value(rows[i], &why) != EA_EINPUT || !why)
            fail_msg("%s passes: %s", rows[i], why);
    }
    memset(deep, '(', sizeof deep);
    deep[100] = '\0';
    assert_err(value(deep, &why), EA_EINPUT);
    memset(deep, '1', sizeof deep);
    deep[EA_FORMULA_MAX + 1] = '\0';
    assert_err(value(deep, &why), EA_EINPUT);
}

static void names(void **state)
{
    (void)state;
    assert_true(ea_formula_name_ok("a"));
    assert_true(ea_formula_name_ok("x_1"));
    assert_false(ea_formula_name_ok(""));
    assert_false(ea_formula_name_ok("1a"));
    assert_false(ea_formula_name_ok("_a"));
    assert_false(ea_formula_name_ok("sin"));
    assert_false(ea_formula_name_ok("pi"));
    assert_false(ea_formula_name_ok("a-b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(what_does_not_pass),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
