/* Files that are not what they should be. */
#include "fcgi/quiz/gift.h"

#include "tests/unit/arena.h"
#include "tests/unit/chance.h"

#include <stdio.h>
#include <string.h>

static struct quiz_gift file;

static void read_file(const char *text)
{
    assert_ok(quiz_gift_read(text, strlen(text), arena, &file));
}

static const struct quiz_question *only(const char *text)
{
    read_file(text);
    if (file.errors_n)
        fail_msg("line %zu column %zu: %s", file.errors[0].line, file.errors[0].column,
                 file.errors[0].detail);
    assert_int_equal(file.n, 1);
    return &file.questions[0];
}

static void assert_error(const char *text, size_t line, size_t column, const char *code)
{
    read_file(text);
    assert_int_equal(file.errors_n, 1);
    if (file.errors[0].line != line || file.errors[0].column != column ||
        strcmp(file.errors[0].code, code) != 0)
        fail_msg("%s\nhas %s at %zu:%zu (%s), not %s at %zu:%zu", text, file.errors[0].code,
                 file.errors[0].line, file.errors[0].column, file.errors[0].detail, code, line, column);
}

static void a_bad_question_loses_only_itself(void **state)
{
    (void)state;
    read_file(
        "Good one {T}\n\nNo end {=a\n\nNo brace\n\nBad \xFF byte {T}\n\nGood two {=b}\n\nNo arrow {=a->b =c}\n\nGood three {#3}\n");
    assert_int_equal(file.n, 3);
    assert_int_equal(file.errors_n, 4);
    assert_int_equal(file.lines[1], 9);
    assert_string_equal(file.errors[0].code, "syntax");
    assert_string_equal(file.errors[1].code, "unsupported");
    assert_string_equal(file.errors[2].code, "encoding");
    assert_string_equal(file.errors[3].code, "syntax");
}

static void errors_name_line_and_column(void **state)
{
    (void)state;
    assert_error("\n\nQuestion {=a", 3, 10, "syntax");
    assert_error("Ü question }", 1, 12, "syntax");
    assert_error("x {=a {b} }", 1, 7, "syntax");
    assert_error("x {=a} y {=b}", 1, 10, "unsupported");
    assert_error("::title x {=a}", 1, 1, "syntax");
    assert_error("x {\n~a\n~b}", 2, 1, "invalid");
    assert_error("x {\n=a\n~%150%b}", 3, 2, "format");
    assert_error("x {~%50%a ~%20%b}", 1, 4, "invalid");
    assert_error("x {#three}", 1, 5, "format");
    assert_error("x {#5..1}", 1, 5, "out-of-range");
    assert_error("x {#=1 ~*#other}", 1, 8, "unsupported");
    assert_error("x {#}", 1, 5, "required");
    assert_error("{=a}", 1, 1, "required");
    assert_error("<!--{T}", 1, 1, "required");
    assert_error("x {=a -> b =c # d}", 1, 12, "syntax");
    assert_error("x {=a -> b # yes =c -> d}", 1, 12, "unsupported");
    assert_error("x {=a # yes -> b =c -> d}", 1, 7, "unsupported");
    assert_error("x {=a -> =c -> d}", 1, 7, "required");
    assert_error("x {=a -> b =c -> b}", 1, 4, "too-short");
    assert_error("x {= -> a = -> b}", 1, 4, "required");
    assert_error("x {a -> b =c -> d}", 1, 4, "syntax");
    assert_error("x {=a -> b\n=[html]<hr> -> d}", 2, 8, "unsupported");
    assert_error("// [scoring:proportional_with_penalty]\nx {=a -> b =c -> d}", 2, 4, "invalid");
    assert_error("// [scoring:fair]\nx {=a ~b}", 1, 5, "invalid");
    assert_error("x {=a\n=}", 2, 1, "invalid");
    assert_error("x {=a ~}", 1, 7, "too-short");
    assert_error("[html]<p>x</p>\n<table> {T}", 1, 7, "unsupported");
    assert_error("// [points:many]\nx {T}", 1, 5, "format");
    assert_error("// \xC3\xA9 [ids:a,b,c]\nx {=a ~b}", 1, 7, "invalid");
    assert_error("// [ids:a,a]\nx {=a ~b}", 1, 5, "duplicate");
    assert_error("// [ids:a,b c]\nx {=a ~b}", 1, 5, "format");
    assert_error("// [ids:a,b] [options:q,,]\nx {=a -> b =c -> d}", 1, 15, "invalid");
    assert_error("// [options:q,q]\nx {=a -> b =c -> d}", 1, 5, "duplicate");
    assert_error("// [order:1]\nx {=a -> b =c -> d}", 1, 5, "invalid");
    assert_error("// [order:2,2]\nx {=a -> b =c -> d}", 1, 5, "invalid");
    assert_error("// [order:0,1]\nx {=a -> b =c -> d}", 1, 5, "invalid");
    assert_error("// [words:10]\nx {}", 1, 5, "format");
    assert_error("// [words:0..]\nx {}", 1, 5, "format");
    assert_error("// [words:9..5]\nx {}", 2, 4, "out-of-range");
    assert_error("a\x01 {T}", 1, 2, "control");
    assert_error("a\tb\x7F {T}", 1, 4, "control");
    assert_error("x {#=3 ~#Sorry.}", 1, 8, "unsupported");
    assert_error("x {#3,5}", 1, 5, "format");
    assert_non_null(strstr(file.errors[0].detail, "comma"));
}

/* Memory grows with the file, not with what is in it. */
static void memory_is_bounded(void **state)
{
    struct ea_buf many = { 0 };
    (void)state;

    ea_buf_str(&many, "//");
    for (int i = 0; i < 90000; i++)
        ea_buf_str(&many, " [tag:a]");
    ea_buf_str(&many, "\nx {T}\n\n");
    for (int i = 0; i < 9000; i++)
        ea_buf_str(&many, "x {=a ~b}\n\n");
    ea_arena_reset(arena);
    assert_ok(quiz_gift_read(many.p, many.len, arena, &file));
    assert_int_equal(file.n, 9001);
    assert_true(ea_arena_used(arena) < 60 * many.len);
    ea_buf_free(&many);
}

static void what_is_no_text_is_refused_whole(void **state)
{
    static const char binary[] = "PK\x03\x04\0\0 {T}", utf16[] = "\xFF\xFEx\0 \0{\0T\0}\0";
    (void)state;

    assert_err(quiz_gift_read(binary, sizeof binary - 1, arena, &file), EA_EMEDIA);
    assert_string_equal(file.errors[0].code, "encoding");
    assert_err(quiz_gift_read(utf16, sizeof utf16 - 1, arena, &file), EA_EMEDIA);
    assert_non_null(strstr(file.errors[0].detail, "UTF-16"));
    assert_err(quiz_gift_read(utf16 + 2, sizeof utf16 - 3, arena, &file), EA_EMEDIA);
    assert_non_null(strstr(file.errors[0].detail, "UTF-16"));
    read_file("");
    assert_int_equal(file.n + file.errors_n, 0);
    read_file("\n \n\t\n// only a comment\n");
    assert_int_equal(file.n + file.errors_n, 0);
}

/* n characters of text between two parts of a question. */
static const char *long_text(const char *before, const char *character, size_t n, const char *after)
{
    char *out = ea_arena_alloc(arena, strlen(before) + n * strlen(character) + strlen(after) + 1);
    assert_non_null(out);
    char *to = stpcpy(out, before);

    while (n-- > 0)
        to = stpcpy(to, character);
    (void)stpcpy(to, after);
    return out;
}

/* What comes of a text counts, not how it is written: the API's limits, so whatever goes out comes in again. */
static void long_texts_are_refused_where_they_are(void **state)
{
    (void)state;
    (void)only(long_text("[markdown]", "\\=", QUIZ_STEM_MAX, " {T}"));
    assert_error(long_text("\n", "*", QUIZ_STEM_MAX / 2 + 1, " {T}"), 2, 1, "too-long");
    (void)only(long_text("[markdown]x {T####", "\\=", QUIZ_FEEDBACK_MAX, "}"));
    assert_error(long_text("x {T####", "y", QUIZ_FEEDBACK_MAX + 1, "}"), 1, 9, "too-long");
    (void)only(long_text("[markdown]x {=", "\\~", EA_ITEM_TEXT_MAX, " ~b}"));
    assert_error(long_text("x {=", "y", EA_ITEM_TEXT_MAX + 1, " ~b}"), 1, 5, "too-long");
    assert_error(long_text("x {=a ~b#", "y", EA_ITEM_TEXT_MAX + 1, "}"), 1, 10, "too-long");
    assert_error(long_text("x {=a -> b =", "y", EA_ITEM_TEXT_MAX + 1, " -> c}"), 1, 13, "too-long");
    assert_error(long_text("x {=a -> b =c -> ", "y", EA_ITEM_TEXT_MAX + 1, "}"), 1, 18, "too-long");
    (void)only(long_text("x {=", "\\\\*", 500, "}"));
    assert_error(long_text("x {=", "y", 501, "}"), 1, 4, "too-long");
}

static void limits_hold(void **state)
{
    size_t n = QUIZ_GIFT_BLOCK_MAX + 10;
    char *big = ea_arena_alloc(arena, n + 40);
    struct ea_buf many = { 0 };
    (void)state;

    memset(big, 'x', n);
    (void)snprintf(big + n, 40, "%s", " {T}\n\nsmall {T}\n");
    read_file(big);
    assert_int_equal(file.n, 1);
    assert_string_equal(file.errors[0].code, "too-long");
    for (size_t i = 0; i < QUIZ_GIFT_QUESTIONS_MAX + 2; i++)
        ea_buf_str(&many, "q {T}\n\n");
    for (size_t i = 0; i < QUIZ_GIFT_ERRORS_MAX + 3; i++)
        ea_buf_str(&many, "bad {\n\n");
    assert_ok(quiz_gift_read(many.p, many.len, arena, &file));
    assert_int_equal(file.n, QUIZ_GIFT_QUESTIONS_MAX);
    assert_int_equal(file.errors_n, QUIZ_GIFT_ERRORS_MAX);
    assert_int_equal(file.errors_more, 5);
    ea_buf_reset(&many);
    ea_buf_str(&many, "q {=a");
    for (int i = 0; i < 200; i++)
        ea_buf_str(&many, " ~b");
    ea_buf_str(&many, "}");
    assert_ok(quiz_gift_read(many.p, many.len, arena, &file));
    assert_string_equal(file.errors[0].code, "too-many");
    ea_buf_free(&many);
}

/* Any bytes: no crash, an answer, and errors inside the file. */
static void any_bytes_are_survived(void **state)
{
    struct chance c = chance_new();
    (void)state;

    for (int round = 0; round < 4000; round++) {
        struct ea_buf b = { 0 };
        for (size_t n = chance_below(&c, 40); n > 0; n--) {
            ea_buf_str(&b, chance_text(&c, arena, 6, false));
            if (chance_one_in(&c, 4))
                ea_buf_str(&b, chance_one_in(&c, 2) ? "\n\n" : " {=");
            if (chance_one_in(&c, 10))
                ea_buf_char(&b, (char)(1 + chance_below(&c, 255)));
        }
        assert_ok(quiz_gift_read(b.p ? b.p : "", b.len, arena, &file));
        size_t lines = 1;
        for (size_t i = 0; i < b.len; i++)
            lines += b.p[i] == '\n' || b.p[i] == '\r';
        for (size_t i = 0; i < file.errors_n; i++)
            assert_in_range(file.errors[i].line, 1, lines);
        ea_buf_free(&b);
        ea_arena_reset(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_question_loses_only_itself),
        cmocka_unit_test(errors_name_line_and_column),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(what_is_no_text_is_refused_whole),
        cmocka_unit_test(long_texts_are_refused_where_they_are),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(any_bytes_are_survived),
    };

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
