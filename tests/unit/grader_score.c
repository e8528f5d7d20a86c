#include "workers/grader/score.h"

#include "tests/unit/arena.h"
#include "tests/unit/chance.h"

#include <string.h>

static struct grader_score score(const char *kind, const char *definition, int64_t of, const char *given)
{
    struct ea_faults faults = { 0 };
    struct ea_item item;
    struct ea_answer answer;
    struct grader_score out;

    if (ea_item_read(ea_item_kind_of(kind), definition, strlen(definition), arena, "", &faults, &item))
        fail_msg("%s: %s %s", definition, faults.v[0].pointer, faults.v[0].detail);
    assert_ok(ea_answer_read(given, strlen(given), arena, "", &faults, &answer));
    assert_ok(grader_score(&item, of, &answer, NULL, arena, &out));
    return out;
}

static void assert_points(const char *kind, const char *definition, const char *given, int64_t points)
{
    struct grader_score s = score(kind, definition, 1000, given);

    if (s.points != points)
        fail_msg("%s to %s: %d, not %d (%s)", given, definition, (int)s.points, (int)points, s.steps[0].why);
}

#define ONE "{\"choices\":[{\"text\":\"A\",\"correct\":true},{\"text\":\"B\"},{\"text\":\"C\"}]}"
#define ONE_WEIGHTED                                                                                         \
    "{\"choices\":[{\"text\":\"A\",\"fraction\":1},{\"text\":\"B\",\"fraction\":0.25},{\"text\":\"C\",\"fraction\":-0.5}]}"
#define SEVERAL(scoring)                                                                                     \
    "{\"multiple\":true,\"scoring\":\"" scoring                                                              \
    "\",\"choices\":[{\"text\":\"A\",\"correct\":true},{\"text\":\"B\",\"correct\":true},{\"text\":\"C\"},{\"text\":\"D\"}]}"
#define WEIGHTED(scoring)                                                                                    \
    "{\"multiple\":true,\"scoring\":\"" scoring                                                              \
    "\",\"choices\":[{\"text\":\"A\",\"fraction\":0.3333333},{\"text\":\"B\",\"fraction\":0.3333333},{\"text\":\"C\",\"fraction\":0.3333333},{\"text\":\"D\",\"fraction\":-0.5}]}"

static void one_choice(void **state)
{
    (void)state;
    assert_points("choice", ONE, "{\"choices\":[\"a\"]}", 1000);
    assert_points("choice", ONE, "{\"choices\":[\"b\"]}", 0);
    assert_points("choice", ONE, "{\"choices\":[]}", 0);
    assert_points("choice", ONE, "null", 0);
    assert_points("choice", ONE, "{\"choices\":[\"a\",\"b\"]}", 0);
    assert_points("choice", ONE, "{\"choices\":[\"nothing\"]}", 0);
    assert_points("choice", ONE_WEIGHTED, "{\"choices\":[\"b\"]}", 250);
    assert_points("choice", ONE_WEIGHTED, "{\"choices\":[\"c\"]}", 0);
}

static void several_choices(void **state)
{
    (void)state;
    assert_points("choice", SEVERAL("all_or_nothing"), "{\"choices\":[\"b\",\"a\"]}", 1000);
    assert_points("choice", SEVERAL("all_or_nothing"), "{\"choices\":[\"a\"]}", 0);
    assert_points("choice", SEVERAL("proportional"), "{\"choices\":[\"a\"]}", 750);
    assert_points("choice", SEVERAL("proportional"), "{\"choices\":[\"a\",\"b\",\"c\",\"d\"]}", 500);
    assert_points("choice", SEVERAL("proportional"), "{\"choices\":[]}", 0);
    assert_points("choice", SEVERAL("proportional_with_penalty"), "{\"choices\":[\"a\"]}", 500);
    assert_points("choice", SEVERAL("proportional_with_penalty"), "{\"choices\":[\"a\",\"b\",\"c\",\"d\"]}",
                  0);
    assert_points("choice", SEVERAL("proportional_with_penalty"), "{\"choices\":[\"c\",\"d\"]}", 0);
    assert_points("choice", WEIGHTED("proportional"), "{\"choices\":[\"a\",\"b\",\"c\"]}", 1000);
    assert_points("choice", WEIGHTED("proportional"), "{\"choices\":[\"a\",\"d\"]}", 333);
    assert_points("choice", WEIGHTED("proportional_with_penalty"), "{\"choices\":[\"a\",\"b\",\"d\"]}", 167);
    assert_points("choice", WEIGHTED("proportional_with_penalty"), "{\"choices\":[\"a\",\"d\"]}", 0);
    assert_points("choice", WEIGHTED("proportional_with_penalty"), "{\"choices\":[\"a\",\"b\",\"c\",\"d\"]}",
                  500);
}

#define NUMBER                                                                                               \
    "{\"answers\":[{\"value\":3.2,\"tolerance\":0.1},{\"value\":3.2,\"tolerance\":0.05,\"relative\":true,\"fraction\":0.5}]}"
#define THOUSAND "{\"answers\":[{\"value\":1000}]}"
#define DECIMAL  "{\"answers\":[{\"value\":1.5}]}"
#define METRES   "{\"answers\":[{\"value\":3.2,\"tolerance\":0.1,\"unit\":\"m\"}]}"

static void numbers(void **state)
{
    (void)state;
    assert_points("numeric", NUMBER, "{\"value\":\"3.2\"}", 1000);
    assert_points("numeric", NUMBER, "{\"value\":\"3.3\"}", 1000);
    assert_points("numeric", NUMBER, "{\"value\":\"3.30000000000000000000000001\"}", 500);
    assert_points("numeric", NUMBER, "{\"value\":\"3.36\"}", 500);
    assert_points("numeric", NUMBER, "{\"value\":\"3.3600000000000000000000000001\"}", 0);
    assert_points("numeric", NUMBER, "{\"value\":3.2}", 1000);
    assert_points("numeric", NUMBER, "{\"value\":\"32e-1\"}", 1000);
    assert_points("numeric", NUMBER, "{\"value\":\" 3,2 \"}", 1000);
    assert_points("numeric", NUMBER, "{\"value\":\"three\"}", 0);
    assert_points("numeric", NUMBER, "{\"value\":\"\"}", 0);
    assert_points("numeric", NUMBER, "{\"value\":\"3.2.1\"}", 0);
    assert_points("numeric", NUMBER, "{\"value\":\"1e999\"}", 0);
    assert_points("numeric", NUMBER, "{\"value\":\"3.2 apples\"}", 1000);
    assert_points("numeric", "{\"answers\":[{\"value\":-5}]}", "{\"value\":\"\u22125\"}", 1000);
    assert_points("numeric", THOUSAND, "{\"value\":\"1,000\"}", 1000);
    assert_points("numeric", THOUSAND, "{\"value\":\"1 000\"}", 1000);
    assert_points("numeric", THOUSAND, "{\"value\":\"1.000\"}", 0);
    assert_points("numeric", "{\"answers\":[{\"value\":1}]}", "{\"value\":\"1,000\"}", 1000);
    assert_points("numeric", "{\"answers\":[{\"value\":1234567.8}]}", "{\"value\":\"1,234,567.8\"}", 1000);
    assert_points("numeric", THOUSAND, "{\"value\":\"10,00\"}", 0);
    assert_points("numeric", DECIMAL, "{\"value\":\"1,5\"}", 1000);
    assert_points("numeric", DECIMAL, "{\"value\":\"1,5,0\"}", 0);
}

static void units(void **state)
{
    (void)state;
    assert_points("numeric", METRES, "{\"value\":\"3.2\",\"unit\":\"m\"}", 1000);
    assert_points("numeric", METRES, "{\"value\":\"3.2 m\"}", 1000);
    assert_points("numeric", METRES, "{\"value\":\"3.2m\",\"unit\":\"m\"}", 1000);
    assert_points("numeric", METRES, "{\"value\":\"3.2\"}", 0);
    assert_points("numeric", METRES, "{\"value\":\"3.2\",\"unit\":\"M\"}", 0);
    assert_points("numeric", METRES, "{\"value\":\"3.2 cm\",\"unit\":\"m\"}", 0);
    assert_points("numeric", "{\"answers\":[{\"value\":3,\"unit\":\"e\"}]}", "{\"value\":\"3e\"}", 1000);
}

#define WORDS                                                                                                \
    "{\"accept\":[{\"text\":\"Chlorophyll a\"},{\"pattern\":\"chloro.*\",\"fraction\":0.5},{\"text\":\"pH\",\"case_sensitive\":true,\"fraction\":0.25},{\"pattern\":\"(x+)+[yz]\",\"fraction\":0.1}]}"

static void short_texts(void **state)
{
    (void)state;
    assert_points("short_text", WORDS, "{\"text\":\" chlorophyll   A \"}", 1000);
    assert_points("short_text", WORDS, "{\"text\":\"Chloroplast\"}", 500);
    assert_points("short_text", WORDS, "{\"text\":\"pH\"}", 250);
    assert_points("short_text", WORDS, "{\"text\":\"ph\"}", 0);
    assert_points("short_text", WORDS, "{\"text\":\"\"}", 0);
    assert_points("short_text", WORDS, "{\"text\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}", 0);
    assert_points("short_text", WORDS, "{\"choices\":[\"a\"]}", 0);
}

static void significant_figures(void **state)
{
#define PI  "{\"answers\":[{\"value\":3.14159,\"significant_figures\":3}],\"wrong_figures_share\":0.5}"
#define BIG "{\"answers\":[{\"value\":1200,\"significant_figures\":2}]}"
    (void)state;
    assert_points("numeric", PI, "{\"value\":\"3.14\"}", 1000);
    assert_points("numeric", PI, "{\"value\":\"3.14159\"}", 500);
    assert_points("numeric", PI, "{\"value\":\"3.1\"}", 0);
    assert_points("numeric", PI, "{\"value\":\"0.314e1\"}", 1000);
    assert_points("numeric", BIG, "{\"value\":\"1200\"}", 1000);
    assert_points("numeric", BIG, "{\"value\":\"1.2e3\"}", 1000);
    assert_points("numeric", BIG, "{\"value\":\"1200.0\"}", 0);
    assert_points("numeric", BIG, "{\"value\":\"1.20e3\"}", 0);
}

static void units_are_converted(void **state)
{
#define UNIT(value, unit)                                                                                    \
    "{\"answers\":[{\"value\":" value ",\"unit\":\"" unit "\"}],\"wrong_unit_share\":0.25}"
#define NEAR(value, unit, by)                                                                                \
    "{\"answers\":[{\"value\":" value ",\"unit\":\"" unit "\",\"tolerance\":" by "}]}"
    static const struct {
        const char *definition, *answer;
        int64_t points;
    } rows[] = {
        { UNIT("3.2", "m"), "{\"value\":\"3.2 m\"}", 1000 },
        { UNIT("3.2", "m"), "{\"value\":\"320\",\"unit\":\"cm\"}", 1000 },
        { UNIT("3.2", "m"), "{\"value\":\"3200 mm\"}", 1000 },
        { UNIT("3.2", "m"), "{\"value\":\"0.0032 km\"}", 1000 },
        { UNIT("3.2", "m"), "{\"value\":\"3.2 cm\"}", 250 },
        { UNIT("3.2", "m"), "{\"value\":\"3.2\"}", 250 },
        { UNIT("3.2", "m"), "{\"value\":\"3.2 kg\"}", 250 },
        { UNIT("3.2", "m"), "{\"value\":\"321 cm\"}", 0 },
        { UNIT("1.5", "kg"), "{\"value\":\"1500 g\"}", 1000 },
        { UNIT("1.5", "h"), "{\"value\":\"90 min\"}", 1000 },
        { UNIT("1.5", "h"), "{\"value\":\"5400 s\"}", 1000 },
        { UNIT("20", "degC"), "{\"value\":\"293.15 K\"}", 1000 },
        { UNIT("293.15", "K"), "{\"value\":\"20 \u00b0C\"}", 1000 },
        { UNIT("-40", "degC"), "{\"value\":\"-40 degF\"}", 1000 },
        { UNIT("36", "km/h"), "{\"value\":\"10 m/s\"}", 1000 },
        { UNIT("2", "L"), "{\"value\":\"2000 mL\"}", 1000 },
        { NEAR("3.2", "m", "0.05"), "{\"value\":\"325 cm\"}", 1000 },
        { NEAR("3.2", "m", "0.05"), "{\"value\":\"326 cm\"}", 0 },
        { NEAR("20", "degC", "1"), "{\"value\":\"294.15 K\"}", 1000 },
        { NEAR("20", "degC", "1"), "{\"value\":\"294.2 K\"}", 0 },
        { NEAR("2", "h", "0.1,\"relative\":true"), "{\"value\":\"132 min\"}", 1000 },
        { NEAR("2", "h", "0.1,\"relative\":true"), "{\"value\":\"133 min\"}", 0 },
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_points("numeric", rows[i].definition, rows[i].answer, rows[i].points);
}

#define CAPITALS(scoring)                                                                                                                                   \
    "{\"prompts\":[{\"id\":\"fr\",\"text\":\"France\"},{\"id\":\"it\",\"text\":\"Italy\"},{\"id\":\"es\",\"text\":\"Spain\"}],"                             \
    "\"options\":[{\"id\":\"p\",\"text\":\"Paris\"},{\"id\":\"r\",\"text\":\"Rome\"},{\"id\":\"m\",\"text\":\"Madrid\"},{\"id\":\"o\",\"text\":\"Oslo\"}]," \
    "\"key\":{\"fr\":\"p\",\"it\":\"r\",\"es\":\"m\"},\"scoring\":\"" scoring "\"}"

static void accents(void **state)
{
#define CAFE(more) "{\"accept\":[{\"text\":\"Caf\u00e9 No\u00ebl\"" more "}]}"
    (void)state;
    assert_points("short_text", CAFE(""), "{\"text\":\"caf\u00c9 no\u00ebl\"}", 1000);
    assert_points("short_text", CAFE(""), "{\"text\":\"Cafe Noel\"}", 0);
    assert_points("short_text", CAFE(",\"ignore_accents\":true"), "{\"text\":\"cafe noel\"}", 1000);
    assert_points("short_text", CAFE(",\"ignore_accents\":true"), "{\"text\":\"cafe\u0301 no\u00e8l\"}",
                  1000);
    assert_points("short_text", CAFE(",\"ignore_accents\":true,\"case_sensitive\":true"),
                  "{\"text\":\"cafe noel\"}", 0);
    assert_points("short_text", "{\"accept\":[{\"pattern\":\"caf[ea]\",\"ignore_accents\":true}]}",
                  "{\"text\":\"CAF\u00c9\"}", 1000);
}

static void matches(void **state)
{
    (void)state;
    assert_points("match", CAPITALS("proportional"), "{\"pairs\":{\"fr\":\"p\",\"it\":\"r\",\"es\":\"m\"}}",
                  1000);
    assert_points("match", CAPITALS("proportional"), "{\"pairs\":{\"fr\":\"p\",\"it\":\"o\",\"es\":\"m\"}}",
                  667);
    assert_points("match", CAPITALS("proportional"), "{\"pairs\":{\"it\":\"r\"}}", 333);
    assert_points("match", CAPITALS("proportional"), "{\"pairs\":{}}", 0);
    assert_points("match", CAPITALS("all_or_nothing"), "{\"pairs\":{\"fr\":\"p\",\"it\":\"r\",\"es\":\"o\"}}",
                  0);
    assert_points("match", CAPITALS("all_or_nothing"), "{\"pairs\":{\"fr\":\"p\",\"it\":\"r\",\"es\":\"m\"}}",
                  1000);
}

#define FIVE(scoring)                                                                                                            \
    "{\"entries\":[{\"text\":\"1\"},{\"text\":\"2\"},{\"text\":\"3\"},{\"text\":\"4\"},{\"text\":\"5\"}],\"scoring\":\"" scoring \
    "\"}"

static void orders(void **state)
{
    (void)state;
    assert_points("order", FIVE("proportional"), "{\"order\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}", 1000);
    assert_points("order", FIVE("proportional"), "{\"order\":[\"e\",\"d\",\"c\",\"b\",\"a\"]}", 0);
    assert_points("order", FIVE("proportional"), "{\"order\":[\"e\",\"a\",\"b\",\"c\",\"d\"]}", 750);
    assert_points("order", FIVE("proportional"), "{\"order\":[\"b\",\"a\",\"d\",\"c\",\"e\"]}", 500);
    assert_points("order", FIVE("proportional"), "{\"order\":[\"a\",\"b\",\"c\"]}", 500);
    assert_points("order", FIVE("proportional"), "{\"order\":[\"a\"]}", 0);
    assert_points("order", FIVE("proportional"), "{\"order\":[]}", 0);
    assert_points("order", FIVE("all_or_nothing"), "{\"order\":[\"e\",\"a\",\"b\",\"c\",\"d\"]}", 0);
}

static void gaps(void **state)
{
#define CLOZE                                                                                                                                             \
    "{\"text\":\"{{x}} {{y}} {{z}}\",\"gaps\":{\"x\":{\"accept\":[{\"text\":\"leaf\"}]},\"y\":{\"weight\":2,\"answers\":[{\"value\":7,\"unit\":\"m\"}]}," \
    "\"z\":{\"choices\":[{\"text\":\"A\",\"correct\":true},{\"text\":\"B\"}]}}}"
    (void)state;
    assert_points(
        "cloze", CLOZE,
        "{\"gaps\":{\"x\":{\"text\":\"Leaf\"},\"y\":{\"value\":\"700 cm\"},\"z\":{\"choices\":[\"a\"]}}}",
        1000);
    assert_points("cloze", CLOZE, "{\"gaps\":{\"y\":{\"value\":\"7\",\"unit\":\"m\"}}}", 500);
    assert_points(
        "cloze", CLOZE,
        "{\"gaps\":{\"x\":{\"text\":\"leaf\"},\"y\":{\"text\":\"7 m\"},\"z\":{\"choices\":[\"b\"]}}}", 250);
    assert_points("cloze", CLOZE, "{\"gaps\":{}}", 0);
    struct grader_score s = score("cloze", CLOZE, 1000, "{\"gaps\":{\"z\":{\"choices\":[\"a\"]}}}");
    assert_int_equal(s.parts_n, 3);
    assert_string_equal(s.parts[2].gap, "z");
    assert_string_equal(s.parts[2].score.rule, "choice/1");
    assert_int_equal(s.parts[2].score.matched_n, 1);
    assert_string_equal(s.parts[1].score.steps[0].why, "no answer");
}

static void formulas(void **state)
{
    const char *json =
        "{\"variables\":{\"a\":{\"min\":1,\"max\":9},\"b\":{\"min\":0,\"max\":9}},\"answer\":\"a/(b+1)\",\"tolerance\":0.01,\"unit\":\"m\"}";
    struct ea_formula_variable values[] = { { .name = "a" }, { .name = "b" } };
    const struct grader_draw draw = { values, 2 };
    struct ea_faults faults = { 0 };
    struct ea_answer answer = { .shape = EA_ANSWER_VALUE, .value = "2.33 m" };
    struct ea_item item;
    struct grader_score s;
    (void)state;

    assert_ok(ea_exact_read("7", 1, &values[0].value));
    assert_ok(ea_exact_read("2", 1, &values[1].value));
    assert_ok(ea_item_read(EA_ITEM_FORMULA, json, strlen(json), arena, "", &faults, &item));
    assert_ok(grader_score(&item, 1000, &answer, &draw, arena, &s));
    assert_int_equal(s.points, 1000);
    assert_string_equal(s.expected, "2.33333333333");
    answer.value = "2.35 m";
    assert_ok(grader_score(&item, 1000, &answer, &draw, arena, &s));
    assert_int_equal(s.points, 0);
    answer.value = "233 cm";
    assert_ok(grader_score(&item, 1000, &answer, &draw, arena, &s));
    assert_int_equal(s.points, 1000);
    /* no value for these numbers: a person decides */
    assert_ok(ea_exact_read("-1", 2, &values[1].value));
    assert_ok(grader_score(&item, 1000, &answer, &draw, arena, &s));
    assert_true(s.waits);
    assert_int_equal(s.points, 0);
}

static void essays_wait_for_a_person(void **state)
{
    (void)state;
    assert_true(score("essay", "{}", 1000, "{\"text\":\"Some words.\"}").waits);
    assert_string_equal(score("essay", "{}", 1000, "{\"text\":\" Some  words. \"}").reading, "2 words");
    assert_false(score("essay", "{}", 1000, "{\"text\":\" \\n\"}").waits);
    assert_false(score("essay", "{}", 1000, "null").waits);
}

static void rounding_is_half_up(void **state)
{
    (void)state;
    assert_int_equal(score("choice", ONE_WEIGHTED, 2, "{\"choices\":[\"b\"]}").points,
                     1); /* 0.5 of a thousandth */
    assert_int_equal(score("choice", ONE_WEIGHTED, 1, "{\"choices\":[\"b\"]}").points, 0);
    assert_int_equal(score("choice", ONE_WEIGHTED, 1000000, "{\"choices\":[\"a\"]}").points, 1000000);
}

static void the_steps_are_told(void **state)
{
    struct grader_score s =
        score("choice", WEIGHTED("proportional_with_penalty"), 1000, "{\"choices\":[\"a\",\"b\",\"d\"]}");
    (void)state;

    assert_string_equal(s.rule, "choice/1");
    assert_string_equal(s.policy, "proportional_with_penalty");
    assert_int_equal(s.steps_n, 4);
    assert_string_equal(s.steps[0].name, "raw");
    assert_int_equal(s.steps[0].share, 6666666);
    assert_string_equal(s.steps[2].name, "penalty");
    assert_int_equal(s.steps[2].share, 1666666);
    assert_string_equal(s.steps[3].name, "cap");
    assert_int_equal(s.matched_n, 3);
    assert_int_equal(s.matched[2], 3);
    s = score("numeric", THOUSAND, 1000, "{\"value\":\"1,000\"}");
    assert_string_equal(s.reading, "1000");
}

static bool same(const struct grader_score *a, const struct grader_score *b)
{
    bool equal = a->points == b->points && a->steps_n == b->steps_n && a->matched_n == b->matched_n;

    for (size_t i = 0; equal && i < a->steps_n; i++)
        equal = a->steps[i].share == b->steps[i].share && strcmp(a->steps[i].name, b->steps[i].name) == 0;
    for (size_t i = 0; equal && i < a->matched_n; i++)
        equal = a->matched[i] == b->matched[i];
    return equal;
}

/* Any answer to any item: no crash, 0 <= score <= points, the same again, and what matched is in the item's list. */
static void any_answer_to_any_item(void **state)
{
    struct chance c = chance_new();
    (void)state;

    for (int round = 0; round < 20000; round++) {
        struct ea_item item = chance_item(&c, arena, false);
        struct ea_answer answer = chance_answer(&c, arena, &item);
        int64_t of = (int64_t)chance_below(&c, 1000001);
        struct ea_formula_variable values[] = { { "a", chance_number(&c) }, { "b", chance_number(&c) } };
        const struct grader_draw draw = { values, 2 };
        struct grader_score one, two;
        assert_ok(grader_score(&item, of, &answer, &draw, arena, &one));
        assert_ok(grader_score(&item, of, &answer, &draw, arena, &two));
        if (one.points < 0 || one.points > of || (one.waits && one.points > 0) || !same(&one, &two) ||
            one.steps_n < 2 || one.steps_n > GRADER_STEPS_MAX)
            fail_msg("round %d: %d of %d", round, (int)one.points, (int)of);
        for (size_t i = 0; i < one.matched_n; i++)
            assert_true(one.matched[i] < item.n);
        ea_arena_reset(arena);
    }
}

/* Exactly the right choices are worth everything, whatever the scoring. */
static void the_key_is_worth_everything(void **state)
{
    struct chance c = chance_new();
    (void)state;

    for (int round = 0; round < 3000; round++) {
        struct ea_item item = chance_item(&c, arena, false);
        struct ea_answer answer = { .shape = EA_ANSWER_CHOICES };
        const char *ids[EA_ITEM_LIST_MAX];
        struct grader_score s;
        for (size_t i = 0; item.kind == EA_ITEM_CHOICE && i < item.n; i++)
            if (item.multiple ? item.choices[i].correct
                              : !answer.n && (item.weighted ? item.choices[i].fraction == EA_FRACTION_ONE
                                                            : item.choices[i].correct))
                ids[answer.n++] = item.choices[i].id;
        answer.choices = ids;
        if (item.kind == EA_ITEM_CHOICE) {
            assert_ok(grader_score(&item, 7777, &answer, NULL, arena, &s));
            assert_int_equal(s.points, 7777);
        }
        ea_arena_reset(arena);
    }
}

/* So are all prompts with their options, and the right order. */
static void the_key_of_pairs_and_orders(void **state)
{
    struct chance c = chance_new();
    (void)state;

    for (int round = 0; round < 3000; round++) {
        struct ea_item item = chance_item(&c, arena, false);
        struct ea_answer answer = { .shape = ea_answer_shape_of(item.kind), .n = item.n };
        struct ea_answer_pair pairs[EA_ITEM_LIST_MAX];
        const char *ids[EA_ITEM_LIST_MAX];
        struct grader_score s;
        if (item.kind != EA_ITEM_MATCH && item.kind != EA_ITEM_ORDER)
            continue;
        for (size_t i = 0; i < item.n; i++) {
            pairs[i] = (struct ea_answer_pair){ item.prompts[i].id, item.prompts[i].option };
            ids[i] = item.entries[i].id;
        }
        if (item.kind == EA_ITEM_MATCH)
            answer.pairs = pairs;
        else
            answer.choices = ids;
        assert_ok(grader_score(&item, 7777, &answer, NULL, arena, &s));
        assert_int_equal(s.points, 7777);
        ea_arena_reset(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_choice),
        cmocka_unit_test(several_choices),
        cmocka_unit_test(numbers),
        cmocka_unit_test(units),
        cmocka_unit_test(short_texts),
        cmocka_unit_test(significant_figures),
        cmocka_unit_test(units_are_converted),
        cmocka_unit_test(accents),
        cmocka_unit_test(matches),
        cmocka_unit_test(orders),
        cmocka_unit_test(gaps),
        cmocka_unit_test(formulas),
        cmocka_unit_test(essays_wait_for_a_person),
        cmocka_unit_test(rounding_is_half_up),
        cmocka_unit_test(the_steps_are_told),
        cmocka_unit_test(any_answer_to_any_item),
        cmocka_unit_test(the_key_is_worth_everything),
        cmocka_unit_test(the_key_of_pairs_and_orders),
    };

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
