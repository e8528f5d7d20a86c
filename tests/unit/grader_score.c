#include "workers/grader/score.h"

#include "tests/unit/chance.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct ea_arena *arena;

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

static struct grader_score score(const char *kind, const char *definition, int64_t of, const char *given)
{
    struct ea_faults faults = { 0 };
    struct ea_item item;
    struct ea_answer answer;
    struct grader_score out;

    if (ea_item_read(ea_item_kind_of(kind), definition, strlen(definition), arena, "", &faults, &item))
        fail_msg("%s: %s %s", definition, faults.v[0].pointer, faults.v[0].detail);
    assert_ok(ea_answer_read(given, strlen(given), arena, "", &faults, &answer));
    assert_ok(grader_score(&item, of, &answer, arena, &out));
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
        struct grader_score one, two;
        assert_ok(grader_score(&item, of, &answer, arena, &one));
        assert_ok(grader_score(&item, of, &answer, arena, &two));
        if (one.points < 0 || one.points > of || !same(&one, &two) || one.steps_n < 2 ||
            one.steps_n > GRADER_STEPS_MAX)
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
            assert_ok(grader_score(&item, 7777, &answer, arena, &s));
            assert_int_equal(s.points, 7777);
        }
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
        cmocka_unit_test(rounding_is_half_up),
        cmocka_unit_test(the_steps_are_told),
        cmocka_unit_test(any_answer_to_any_item),
        cmocka_unit_test(the_key_is_worth_everything),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
