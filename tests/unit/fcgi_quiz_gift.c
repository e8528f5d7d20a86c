#include "fcgi/quiz/gift.h"

#include "tests/unit/chance.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static struct ea_arena *arena;
static struct quiz_gift file;

static int set_up(void **state)
{
    (void)state;
    arena = ea_arena_new();
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    ea_arena_free(arena);
    return 0;
}

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

static void reads_single_choice(void **state)
{
    const struct quiz_question *q = only(
        "::Grant's tomb::\nWho is buried there?\n{\n  =no one #Right!\n  ~Grant # No.\n  ~%50%Napoleon\n}");
    (void)state;

    assert_string_equal(q->title, "Grant's tomb");
    assert_string_equal(q->stem, "Who is buried there?");
    assert_int_equal(q->item.kind, EA_ITEM_CHOICE);
    assert_int_equal(q->item.n, 3);
    assert_false(q->item.multiple);
    assert_true(q->item.weighted);
    assert_string_equal(q->item.choices[0].text, "no one");
    assert_string_equal(q->item.choices[0].feedback, "Right!");
    assert_true(q->item.choices[0].correct);
    assert_string_equal(q->item.choices[1].feedback, "No.");
    assert_int_equal(q->item.choices[2].fraction, EA_FRACTION_ONE / 2);
    assert_int_equal(q->points, 1000);
}

static void reads_several_choices(void **state)
{
    const struct quiz_question *q =
        only("Which are vowels? {~%33.33333%a ~%33.33333%e ~%33.33333%i ~%-100%x####All three.}");
    (void)state;

    assert_true(q->item.multiple);
    assert_int_equal(q->item.scoring, EA_SCORE_PROPORTIONAL_WITH_PENALTY);
    assert_int_equal(q->item.choices[0].fraction, 3333333);
    assert_int_equal(q->item.choices[3].fraction, -EA_FRACTION_ONE);
    assert_string_equal(q->feedback, "All three.");
}

static void reads_true_and_false(void **state)
{
    static const char *const truths[] = { "{T}", "{TRUE}", "{ true }" };
    const struct quiz_question *q;
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        char text[60];
        (void)snprintf(text, sizeof text, "The sky is up. %s", truths[i]);
        q = only(text);
        assert_string_equal(q->item.choices[0].id, "true");
        assert_true(q->item.choices[0].correct);
        assert_false(q->item.shuffle);
    }
    q = only("Grant is buried in it.{FALSE#No, nobody is.#Right!####General}");
    assert_true(q->item.choices[1].correct);
    assert_string_equal(q->item.choices[0].feedback, "No, nobody is.");
    assert_string_equal(q->item.choices[1].feedback, "Right!");
    assert_string_equal(q->feedback, "General");
}

static void reads_numbers(void **state)
{
    char text[EA_EXACT_SIZE];
    const struct quiz_question *q = only("When was Ulysses S. Grant born?{#1822:5}");
    (void)state;

    assert_int_equal(q->item.kind, EA_ITEM_NUMERIC);
    assert_string_equal(ea_exact_text(&q->item.numeric[0].value, text), "1822");
    assert_string_equal(ea_exact_text(&q->item.numeric[0].tolerance, text), "5");
    q = only("What is pi?{#3.141..3.142}");
    assert_string_equal(ea_exact_text(&q->item.numeric[0].value, text), "3.1415");
    assert_string_equal(ea_exact_text(&q->item.numeric[0].tolerance, text), "0.0005");
    q = only("When?{#\n =1822:0 #Full\n =%50%1822:2 #Half ####General\n}");
    assert_int_equal(q->item.n, 2);
    assert_int_equal(q->item.numeric[1].fraction, EA_FRACTION_ONE / 2);
    assert_string_equal(q->item.numeric[1].feedback, "Half");
    assert_string_equal(q->feedback, "General");
    q = only("Cold?{#-273.15}");
    assert_string_equal(ea_exact_text(&q->item.numeric[0].value, text), "-273.15");
}

static void reads_short_texts(void **state)
{
    const struct quiz_question *q = only("Two plus two equals {=four #yes =%50%4 =col*r =a\\\\*b} in words.");
    (void)state;

    assert_int_equal(q->item.kind, EA_ITEM_SHORT_TEXT);
    assert_string_equal(q->stem, "Two plus two equals \\_\\_\\_\\_\\_ in words.");
    assert_string_equal(q->item.accept[0].text, "four");
    assert_string_equal(q->item.accept[0].feedback, "yes");
    assert_int_equal(q->item.accept[1].fraction, EA_FRACTION_ONE / 2);
    assert_string_equal(q->item.accept[2].pattern, "col.*r");
    assert_string_equal(q->item.accept[3].text, "a*b");
    q = only("Just one {answer}");
    assert_string_equal(q->item.accept[0].text, "answer");
}

static void reads_formats(void **state)
{
    const struct quiz_question *q = only("[markdown]Is *this* so?{=[plain]*yes* ~_no_}");
    (void)state;

    assert_string_equal(q->stem, "Is *this* so?");
    assert_string_equal(q->item.choices[0].text, "\\*yes\\*");
    assert_string_equal(q->item.choices[1].text, "_no_");
    q = only("[html]<p>Is <b>this</b> so?</p>{T}");
    assert_string_equal(q->stem, "Is **this** so?");
    q = only("2*3 = ?\nthink {=6}");
    assert_string_equal(q->stem, "2\\*3 = ?\\\nthink");
    q = only("[moodle]x {=6}");
    assert_string_equal(q->stem, "x");
}

static void reads_escapes(void **state)
{
    const struct quiz_question *q =
        only("::a\\:\\:b::[markdown]1\\=1 \\{x\\} \\~ \\# one\\n\\ntwo \\\\ \\frac{=\\=5 ~\\~6 #\\#7}");
    (void)state;

    assert_string_equal(q->title, "a::b");
    assert_string_equal(q->stem, "1=1 {x} ~ # one\n\ntwo \\ \\frac");
    assert_string_equal(q->item.choices[0].text, "=5");
    assert_string_equal(q->item.choices[1].text, "~6");
    assert_string_equal(q->item.choices[1].feedback, "#7");
}

static void reads_categories_and_comments(void **state)
{
    (void)state;
    read_file(
        "\xEF\xBB\xBF// head\r\n$CATEGORY: $course$/top/Biology/Cells\r\n\r\n// [id:7] [tag:leaf \\[1\\]] [tag:x]\r\n::A::One\r\n// in between\r\nmore {T}\r\n\r\n"
        "   // [points:2.5] [difficulty:0.25]\r\nTwo {=a}\r\n\r\n$CATEGORY: top/\r\n\r\nThree {#1}\r\n");
    assert_int_equal(file.errors_n, 0);
    assert_int_equal(file.n, 3);
    assert_string_equal(file.questions[0].category, "Biology/Cells");
    assert_int_equal(file.questions[0].tags_n, 2);
    assert_string_equal(file.questions[0].tags[0], "leaf [1]");
    assert_string_equal(file.questions[0].stem, "One\\\nmore");
    assert_int_equal(file.questions[1].points, 2500);
    assert_int_equal(file.questions[1].difficulty, 250);
    assert_null(file.questions[2].category);
    assert_int_equal(file.lines[0], 4);
    assert_int_equal(file.lines[1], 9);
}

static void a_bad_question_loses_only_itself(void **state)
{
    (void)state;
    read_file(
        "Good one {T}\n\nNo end {=a\n\nNo brace\n\nBad \xFF byte {T}\n\nGood two {=b}\n\nAn essay {}\n\nGood three {#3}\n");
    assert_int_equal(file.n, 3);
    assert_int_equal(file.errors_n, 4);
    assert_int_equal(file.lines[1], 9);
    assert_string_equal(file.errors[0].code, "syntax");
    assert_string_equal(file.errors[1].code, "unsupported");
    assert_string_equal(file.errors[2].code, "encoding");
    assert_string_equal(file.errors[3].code, "unsupported");
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
    assert_error("x {}", 1, 3, "unsupported");
    assert_error("x {=a -> b =c -> d}", 1, 4, "unsupported");
    assert_error("x {=a\n=}", 2, 1, "invalid");
    assert_error("x {=a ~}", 1, 7, "too-short");
    assert_error("[html]<p>x</p>\n<table> {T}", 1, 7, "unsupported");
    assert_error("// [points:many]\nx {T}", 1, 5, "format");
    assert_error("a\x01 {T}", 1, 2, "control");
    assert_error("a\tb\x7F {T}", 1, 4, "control");
}

static void words_of_moodle_are_read_as_it_reads_them(void **state)
{
    const struct quiz_question *q = only("The force is {f}.");
    (void)state;

    assert_int_equal(q->item.kind, EA_ITEM_SHORT_TEXT);
    q = only("// question: 5  name: a [b] c: d [id:16] [tag:x \\] y] [tag:a\\b]\nx {T}");
    assert_int_equal(q->tags_n, 2);
    assert_string_equal(q->tags[0], "x ] y");
    assert_string_equal(q->tags[1], "a\\b");
    q = only("$CATEGORY: $course$/top/Physics: a\\:b\n\nx {T}");
    assert_string_equal(q->category, "Physics: a\\:b");
    q = only("x {=[plain]four =%50%4#}");
    assert_string_equal(q->item.accept[0].text, "four");
    assert_null(q->item.accept[1].feedback);
    q = only("x {T##Yes.####All.}");
    assert_null(q->item.choices[1].feedback);
    assert_string_equal(q->item.choices[0].feedback, "Yes.");
    assert_string_equal(q->feedback, "All.");
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

/* ---- round trip ---- */

static const char *json_of(const struct quiz_question *q)
{
    struct quiz_question copy = *q;
    struct ea_buf b = { 0 };
    struct ea_jw w;

    copy.id = NULL;
    ea_jw_init(&w, &b);
    assert_ok(quiz_question_write(&copy, arena, &w));
    const char *out = ea_arena_ndup(arena, b.p, b.len);
    ea_buf_free(&b);
    assert_non_null(out);
    return out;
}

static struct quiz_question chance_question(struct chance *c, bool plain)
{
    struct quiz_question q = { .points = (int64_t)chance_below(c, 5000),
                               .difficulty = (int64_t)chance_below(c, 1002) - 1 };
    const char **tags = ea_arena_array(arena, 3, sizeof *tags);

    q.item = chance_item(c, arena, plain);
    q.stem = chance_text(c, arena, 30, false);
    q.title = chance_one_in(c, 2) ? chance_text(c, arena, 6, true) : NULL;
    q.category = chance_one_in(c, 3) ? chance_text(c, arena, 6, true) : NULL;
    q.feedback = chance_one_in(c, 3) ? chance_text(c, arena, 10, false) : NULL;
    for (size_t n = chance_below(c, 4); q.tags_n < n; q.tags_n++)
        tags[q.tags_n] = ea_arena_printf(arena, "%s%zu", chance_text(c, arena, 3, true), q.tags_n);
    q.tags = tags;
    return q;
}

static void what_goes_out_comes_in_again(void **state)
{
    struct chance c = chance_new();
    (void)state;

    for (int round = 0; round < 4000; round++) {
        struct quiz_question q[3];
        struct ea_buf out = { 0 };
        const char *category = "";
        for (int i = 0; i < 3; i++) {
            q[i] = chance_question(&c, true);
            quiz_gift_write(&q[i], &category, arena, &out);
        }
        assert_false(out.failed);
        assert_ok(quiz_gift_read(out.p, out.len, arena, &file));
        if (file.errors_n || file.n != 3)
            fail_msg("round %d: %s\n%s", round, file.errors_n ? file.errors[0].detail : "not three", out.p);
        for (int i = 0; i < 3; i++)
            if (strcmp(json_of(&file.questions[i]), json_of(&q[i])) != 0)
                fail_msg("round %d:\n%s\nbecame\n%s\nby\n%s", round, json_of(&q[i]),
                         json_of(&file.questions[i]), out.p);
        ea_buf_free(&out);
        ea_arena_reset(arena);
    }
}

static void true_and_false_go_out_as_such(void **state)
{
    const struct quiz_question *q = only("x {F#no#yes}");
    struct ea_buf out = { 0 };
    const char *category = "";
    (void)state;

    quiz_gift_write(q, &category, arena, &out);
    assert_string_equal(out.p, "[markdown]x {\n\tFALSE#no#yes\n}\n\n");
    ea_buf_free(&out);
}

static void what_gift_cannot_say_is_named(void **state)
{
    struct ea_numeric number = { .unit = "m", .fraction = EA_FRACTION_ONE };
    struct quiz_question q = { .stem = "How\nlong [tag:no]?",
                               .points = 1000,
                               .difficulty = -1,
                               .item = { .kind = EA_ITEM_NUMERIC, .n = 1, .numeric = &number } };
    struct ea_buf out = { 0 };
    const char *category = "";
    (void)state;

    quiz_gift_write(&q, &category, arena, &out);
    assert_string_equal(out.p, "// Left out, GIFT has no units: How long  tag:no]?\n\n");
    read_file(out.p);
    assert_int_equal(file.n + file.errors_n, 0);
    ea_buf_free(&out);
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
        cmocka_unit_test(reads_single_choice),
        cmocka_unit_test(reads_several_choices),
        cmocka_unit_test(reads_true_and_false),
        cmocka_unit_test(reads_numbers),
        cmocka_unit_test(reads_short_texts),
        cmocka_unit_test(reads_formats),
        cmocka_unit_test(reads_escapes),
        cmocka_unit_test(reads_categories_and_comments),
        cmocka_unit_test(a_bad_question_loses_only_itself),
        cmocka_unit_test(errors_name_line_and_column),
        cmocka_unit_test(words_of_moodle_are_read_as_it_reads_them),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(what_is_no_text_is_refused_whole),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(what_goes_out_comes_in_again),
        cmocka_unit_test(true_and_false_go_out_as_such),
        cmocka_unit_test(what_gift_cannot_say_is_named),
        cmocka_unit_test(any_bytes_are_survived),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
