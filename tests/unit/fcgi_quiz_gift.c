#include "fcgi/quiz/gift.h"

#include "tests/unit/arena.h"

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

static void assert_pair(const struct ea_item *item, size_t i, const char *prompt, const char *option)
{
    for (size_t k = 0; k < item->options_n; k++)
        if (strcmp(item->options[k].id, item->prompts[i].option) == 0)
            assert_string_equal(item->options[k].text, option);
    assert_string_equal(item->prompts[i].text, prompt);
}

static void reads_pairs(void **state)
{
    const struct quiz_question *q = only(
        "[html]Which <b>capital</b>? {\n  =Canada->Ottawa\n  =[markdown]*Italy* -> Rome * \\#1 -> x\n  =<i>Japan</i> -> Tokyo\n"
        "  =%50%India -> Ottawa\n  = -> [html]<b>Kyiv</b>\n  ####Far -> away\n}");
    const struct ea_item *item = &q->item;
    (void)state;

    assert_int_equal(item->kind, EA_ITEM_MATCH);
    assert_int_equal(item->n, 4);
    assert_int_equal(item->options_n, 4);
    assert_pair(item, 0, "Canada", "Ottawa");
    assert_pair(item, 1, "*Italy*", "Rome \\* #1 -> x");
    assert_pair(item, 2, "*Japan*", "Tokyo");
    assert_pair(item, 3, "%50%India", "Ottawa");
    assert_string_equal(item->options[3].text, "**Kyiv**");
    assert_string_equal(item->options[3].id, "d");
    assert_true(item->shuffle);
    assert_int_equal(item->scoring, EA_SCORE_PROPORTIONAL);
    assert_string_equal(q->feedback, "Far -> away");
}

static void reads_ids_and_their_order(void **state)
{
    const struct quiz_question *q =
        only("// [ids:p,q] [options:x,y,z] [order:3,1,2] [shuffle:no] [scoring:all_or_nothing]\n"
             "Match {=one -> 1 =two -> 2 = -> 3}");
    const struct ea_item *item = &q->item;
    (void)state;

    assert_string_equal(item->prompts[1].id, "q");
    assert_string_equal(item->options[0].id, "x");
    assert_string_equal(item->options[0].text, "3");
    assert_string_equal(item->prompts[0].option, "y");
    assert_pair(item, 0, "one", "1");
    assert_pair(item, 1, "two", "2");
    assert_false(item->shuffle);
    assert_int_equal(item->scoring, EA_SCORE_ALL_OR_NOTHING);
    q = only("// [ids:o2,co2]\nGas? {~Oxygen =Carbon dioxide}");
    assert_string_equal(q->item.choices[1].id, "co2");
    q = only("// [ids:a] is for choices\nGas? {=Oxygen}");
    assert_int_equal(q->item.kind, EA_ITEM_SHORT_TEXT);
}

static void reads_essays(void **state)
{
    const struct quiz_question *q = only("Tell us. {}");
    (void)state;

    assert_int_equal(q->item.kind, EA_ITEM_ESSAY);
    assert_string_equal(q->stem, "Tell us.");
    q = only("// [words:50..]\nTell us. {\n####Thank *you*.}");
    assert_int_equal(q->item.min_words, 50);
    assert_int_equal(q->item.max_words, 0);
    assert_string_equal(q->feedback, "Thank \\*you\\*.");
    q = only("// [words:..100]\nTell { } us.");
    assert_int_equal(q->item.max_words, 100);
    assert_string_equal(q->stem, "Tell \\_\\_\\_\\_\\_ us.");
}

/* A title is one line, but its spaces are its own. */
static void titles_keep_their_spaces(void **state)
{
    const struct quiz_question *q = only(":: a  b \n\tc\\nd ::x {T}");
    (void)state;

    assert_string_equal(q->title, "a  b c d");
    q = only("$CATEGORY: top/Two  words\tand\n\nx {T}");
    assert_string_equal(q->category, "Two  words and");
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
    q = only("x {T#<!-- none -->####[plain]}");
    assert_null(q->item.choices[1].feedback);
    assert_null(q->feedback);
    q = only("x {T##Yes.####All.}");
    assert_null(q->item.choices[1].feedback);
    assert_string_equal(q->item.choices[0].feedback, "Yes.");
    assert_string_equal(q->feedback, "All.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_single_choice),
        cmocka_unit_test(reads_several_choices),
        cmocka_unit_test(reads_true_and_false),
        cmocka_unit_test(reads_numbers),
        cmocka_unit_test(reads_short_texts),
        cmocka_unit_test(reads_pairs),
        cmocka_unit_test(reads_ids_and_their_order),
        cmocka_unit_test(reads_essays),
        cmocka_unit_test(titles_keep_their_spaces),
        cmocka_unit_test(reads_formats),
        cmocka_unit_test(reads_escapes),
        cmocka_unit_test(reads_categories_and_comments),
        cmocka_unit_test(words_of_moodle_are_read_as_it_reads_them),
    };

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
