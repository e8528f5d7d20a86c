#include "lib/pattern.h"

#include "tests/unit/arena.h"

#include <string.h>

static enum ea_pattern_answer match(const char *pattern, bool case_sensitive, const char *text)
{
    enum ea_pattern_answer answer;

    assert_ok(ea_pattern_match(arena, pattern, case_sensitive, text, &answer));
    return answer;
}

static void matches_the_whole_text(void **state)
{
    (void)state;
    assert_int_equal(match("colou?r", false, "Color"), EA_PATTERN_YES);
    assert_int_equal(match("colou?r", true, "Color"), EA_PATTERN_NO);
    assert_int_equal(match("colou?r", false, "the color"), EA_PATTERN_NO);
    assert_int_equal(match("a|ab", false, "ab"), EA_PATTERN_YES);
    assert_int_equal(match("\\w+", false, "Ünïcode"), EA_PATTERN_YES);
    assert_int_equal(match("ÜBER", false, "über"), EA_PATTERN_YES);
}

static void gives_up_instead_of_blowing_up(void **state)
{
    char text[64] = "";
    (void)state;

    memset(text, 'a', 40);
    assert_int_equal(match("(a+)+[bc]", false, text), EA_PATTERN_GAVE_UP);
    assert_int_equal(match("(a|aa)+[^a]?[bc]", false, text), EA_PATTERN_GAVE_UP);
}

static void a_bad_pattern_says_why(void **state)
{
    static const char *const bad[] = {
        "(",
        "[",
        "*a",
        "(?<n>a)(?<n>b)",
        "\\C",
        "a{2,1}",
        "(((((((((((((((((((((((((((((((((((((((((((((((((((a)))))))))))))))))))))))))))))))))))))))))))))))))))"
    };
    const char *why;
    char longer[EA_PATTERN_MAX + 2] = "";
    enum ea_pattern_answer answer;
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        why = NULL;
        assert_err(ea_pattern_check(arena, bad[i], &why), EA_EINPUT);
        assert_non_null(why);
    }
    memset(longer, 'a', EA_PATTERN_MAX + 1);
    assert_err(ea_pattern_check(arena, longer, &why), EA_EINPUT);
    assert_err(ea_pattern_match(arena, "(", false, "x", &answer), EA_EINPUT);
}

static void same_but_for_case(void **state)
{
    bool same;
    (void)state;

    assert_ok(ea_pattern_same(arena, "Straße (a+b)*", "STRAßE (A+B)*", &same));
    assert_true(same);
    assert_ok(ea_pattern_same(arena, "ΑΘΗΝΑ", "αθηνα", &same));
    assert_true(same);
    assert_ok(ea_pattern_same(arena, "a.c", "abc", &same));
    assert_false(same);
    assert_ok(ea_pattern_same(arena, "", "", &same));
    assert_true(same);
    assert_ok(ea_pattern_same(arena, "", "a", &same));
    assert_false(same);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_the_whole_text),
        cmocka_unit_test(gives_up_instead_of_blowing_up),
        cmocka_unit_test(a_bad_pattern_says_why),
        cmocka_unit_test(same_but_for_case),
    };

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
