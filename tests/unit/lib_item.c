#include "lib/item.h"

#include "lib/answer.h"
#include "tests/unit/arena.h"
#include "tests/unit/chance.h"

#include <string.h>

/* The definition as it is written again; "" when it has faults, which are left in *faults. */
static const char *settled(const char *kind, const char *json, struct ea_faults *faults)
{
    struct ea_item item;
    struct ea_buf b = { 0 };
    struct ea_jw w;

    *faults = (struct ea_faults){ 0 };
    if (ea_item_read(ea_item_kind_of(kind), json, strlen(json), arena, "/definition", faults, &item))
        return "";
    ea_jw_init(&w, &b);
    ea_item_write(&item, &w);
    const char *out = ea_arena_ndup(arena, b.p, b.len);
    ea_buf_free(&b);
    return out;
}

static void assert_settled(const char *kind, const char *json, const char *expected)
{
    struct ea_faults faults;
    const char *got = settled(kind, json, &faults);

    if (faults.n)
        fail_msg("%s: %s", faults.v[0].pointer, faults.v[0].detail);
    assert_string_equal(got, expected);
}

static void assert_fault(const char *kind, const char *json, const char *pointer, const char *code)
{
    struct ea_faults faults;

    assert_string_equal(settled(kind, json, &faults), "");
    for (size_t i = 0; i < faults.n; i++)
        if (strcmp(faults.v[i].pointer, pointer) == 0 && strcmp(faults.v[i].code, code) == 0)
            return;
    fail_msg("no fault %s at %s in %s; the first is %s at %s", code, pointer, json,
             faults.n ? faults.v[0].code : "none", faults.n ? faults.v[0].pointer : "");
}

static void each_kind_has_one_form(void **state)
{
    (void)state;
    assert_settled(
        "choice",
        "{\"choices\":[{\"text\":\" A \",\"correct\":true},{\"id\":\"z\",\"text\":\"B\",\"feedback\":\"\"}]}",
        "{\"choices\":[{\"id\":\"a\",\"text\":\"A\",\"correct\":true},{\"id\":\"z\",\"text\":\"B\",\"correct\":false}],"
        "\"multiple\":false,\"scoring\":\"all_or_nothing\",\"shuffle\":true}");
    assert_settled(
        "choice",
        "{\"multiple\":true,\"scoring\":\"proportional\",\"shuffle\":false,\"choices\":[{\"id\":\"b\",\"text\":\"A\",\"fraction\":0.3333333},"
        "{\"text\":\"B\",\"fraction\":0.6666667},{\"text\":\"C\",\"fraction\":-1}]}",
        "{\"choices\":[{\"id\":\"b\",\"text\":\"A\",\"correct\":true,\"fraction\":0.3333333},{\"id\":\"c\",\"text\":\"B\",\"correct\":true,\"fraction\":0.6666667},"
        "{\"id\":\"d\",\"text\":\"C\",\"correct\":false,\"fraction\":-1}],\"multiple\":true,\"scoring\":\"proportional\",\"shuffle\":false}");
    assert_settled(
        "numeric",
        "{\"answers\":[{\"value\":\"3.20\",\"tolerance\":1e-2,\"unit\":\" m \"},{\"value\":-7,\"fraction\":0.5,\"relative\":true}]}",
        "{\"answers\":[{\"value\":3.2,\"tolerance\":0.01,\"relative\":false,\"unit\":\"m\",\"fraction\":1},"
        "{\"value\":-7,\"tolerance\":0,\"relative\":false,\"fraction\":0.5}]}");
    assert_settled(
        "short_text",
        "{\"accept\":[{\"text\":\"  two\\u00a0 words \"},{\"pattern\":\"a+\",\"fraction\":0.25,\"case_sensitive\":true,\"feedback\":\"Nearly\"}]}",
        "{\"accept\":[{\"text\":\"two words\",\"case_sensitive\":false,\"fraction\":1},"
        "{\"pattern\":\"a+\",\"case_sensitive\":true,\"fraction\":0.25,\"feedback\":\"Nearly\"}]}");
}

static void faults_name_their_place(void **state)
{
    (void)state;
    assert_fault("choice", "[]", "/definition", "type");
    assert_fault("choice", "{}", "/definition/choices", "required");
    assert_fault("choice", "{\"choices\":[{\"text\":\"A\",\"correct\":true}]}", "/definition/choices",
                 "too-short");
    assert_fault("choice", "{\"choices\":[{\"text\":\"A\"},{\"text\":\"B\"}]}", "/definition/choices",
                 "invalid");
    assert_fault(
        "choice",
        "{\"choices\":[{\"text\":\"A\",\"correct\":true,\"id\":\"x\"},{\"text\":\"B\",\"id\":\"x\"}]}",
        "/definition/choices/1/id", "duplicate");
    assert_fault("choice",
                 "{\"choices\":[{\"text\":\"A\",\"correct\":true,\"id\":\"x y\"},{\"text\":\"B\"}]}",
                 "/definition/choices/0/id", "format");
    assert_fault("choice",
                 "{\"choices\":[{\"text\":\"A\",\"fraction\":0.5},{\"text\":\"B\",\"fraction\":0}]}",
                 "/definition/choices", "invalid");
    assert_fault(
        "choice",
        "{\"multiple\":true,\"scoring\":\"proportional\",\"choices\":[{\"text\":\"A\",\"fraction\":0.5},{\"text\":\"B\",\"fraction\":0.2}]}",
        "/definition/choices", "invalid");
    assert_fault("choice", "{\"choices\":[{\"text\":\"A\",\"fraction\":2},{\"text\":\"B\",\"fraction\":1}]}",
                 "/definition/choices/0/fraction", "out-of-range");
    assert_fault("choice",
                 "{\"choices\":[{\"text\":\"A\",\"fraction\":\"half\"},{\"text\":\"B\",\"fraction\":1}]}",
                 "/definition/choices/0/fraction", "format");
    assert_fault("choice",
                 "{\"choices\":[{\"text\":\"A\",\"fraction\":1},{\"text\":\"B\",\"correct\":true}]}",
                 "/definition/choices/1/fraction", "required");
    assert_fault(
        "choice",
        "{\"choices\":[{\"text\":\"A\",\"fraction\":0,\"correct\":true},{\"text\":\"B\",\"fraction\":1}]}",
        "/definition/choices/0/correct", "invalid");
    assert_fault("choice", "{\"choices\":[{\"text\":\" \",\"correct\":true},{\"text\":\"B\"}]}",
                 "/definition/choices/0/text", "too-short");
    assert_fault("choice", "{\"choices\":[{\"text\":\"A\",\"correct\":true},{\"text\":\"B\"}],\"colour\":1}",
                 "/definition/colour", "unknown");
    assert_fault("numeric", "{\"answers\":[{\"value\":\"three\"}]}", "/definition/answers/0/value", "format");
    assert_fault("numeric", "{\"answers\":[{\"value\":1e60}]}", "/definition/answers/0/value", "format");
    assert_fault("numeric", "{\"answers\":[{\"value\":1,\"tolerance\":-1}]}",
                 "/definition/answers/0/tolerance", "out-of-range");
    assert_fault("numeric", "{\"answers\":[{\"value\":1,\"fraction\":-0.5}]}",
                 "/definition/answers/0/fraction", "out-of-range");
    assert_fault("numeric", "{\"answers\":[]}", "/definition/answers", "too-short");
    assert_fault("short_text", "{\"accept\":[{\"text\":\"a\",\"fraction\":0.5}]}", "/definition/accept",
                 "invalid");
    assert_fault("short_text", "{\"accept\":[{\"text\":\"a\",\"pattern\":\"b\"}]}", "/definition/accept/0",
                 "invalid");
    assert_fault("short_text", "{\"accept\":[{}]}", "/definition/accept/0", "invalid");
    assert_fault("short_text", "{\"accept\":[{\"pattern\":\"(\"}]}", "/definition/accept/0/pattern",
                 "format");
}

static void the_other_kinds_have_one_form_too(void **state)
{
    (void)state;
    assert_settled(
        "numeric",
        "{\"answers\":[{\"value\":3.14159,\"significant_figures\":3,\"unit\":\"m\"}],\"wrong_unit_share\":0.5,\"wrong_figures_share\":0}",
        "{\"answers\":[{\"value\":3.14159,\"tolerance\":0,\"relative\":false,\"significant_figures\":3,\"unit\":\"m\",\"fraction\":1}],"
        "\"wrong_unit_share\":0.5}");
    assert_settled(
        "match",
        "{\"prompts\":[{\"id\":\"fr\",\"text\":\" France \"}],\"options\":[{\"id\":\"p\",\"text\":\"Paris\"},{\"text\":\"Rome\"}],\"key\":{\"fr\":\"p\"}}",
        "{\"prompts\":[{\"id\":\"fr\",\"text\":\"France\"}],\"options\":[{\"id\":\"p\",\"text\":\"Paris\"},{\"id\":\"b\",\"text\":\"Rome\"}],"
        "\"key\":{\"fr\":\"p\"},\"shuffle\":true,\"scoring\":\"proportional\"}");
    assert_settled(
        "order", "{\"entries\":[{\"text\":\"one\"},{\"text\":\"two\"}],\"scoring\":\"all_or_nothing\"}",
        "{\"entries\":[{\"id\":\"a\",\"text\":\"one\"},{\"id\":\"b\",\"text\":\"two\"}],\"scoring\":\"all_or_nothing\"}");
    /* gaps in the order of the text */
    assert_settled(
        "cloze",
        "{\"text\":\"{{y}} or {{x}} {{\",\"gaps\":{\"x\":{\"answers\":[{\"value\":2}]},\"y\":{\"weight\":3,\"accept\":[{\"text\":\"a\"}]}}}",
        "{\"text\":\"{{y}} or {{x}} {{\",\"gaps\":{\"y\":{\"kind\":\"short_text\",\"weight\":3,\"accept\":[{\"text\":\"a\",\"case_sensitive\":false,"
        "\"fraction\":1}]},\"x\":{\"kind\":\"numeric\",\"weight\":1,\"answers\":[{\"value\":2,\"tolerance\":0,\"relative\":false,\"fraction\":1}]}}}");
    assert_settled(
        "formula",
        "{\"variables\":{\"a\":{\"min\":1,\"max\":\"2.50\",\"step\":0.5}},\"answer\":\" a^2 \",\"tolerance\":0.01,\"relative\":true,\"unit\":\"m\"}",
        "{\"variables\":{\"a\":{\"min\":1,\"max\":2.5,\"step\":0.5}},\"answer\":\"a^2\",\"tolerance\":0.01,\"relative\":true,\"unit\":\"m\"}");
    assert_settled("essay", "{\"min_words\":100,\"max_words\":null}", "{\"min_words\":100}");
    assert_settled("essay", "{}", "{}");
}

#define OPTIONS "\"options\":[{\"id\":\"x\",\"text\":\"X\"},{\"id\":\"y\",\"text\":\"Y\"}]"

static void their_faults_name_their_place(void **state)
{
    (void)state;
    assert_fault("numeric", "{\"answers\":[{\"value\":1,\"significant_figures\":0}]}",
                 "/definition/answers/0/significant_figures", "out-of-range");
    assert_fault("numeric", "{\"answers\":[{\"value\":1}],\"wrong_unit_share\":2}",
                 "/definition/wrong_unit_share", "out-of-range");
    assert_fault("numeric", "{\"answers\":[{\"value\":1}],\"wrong_figures_share\":\"x\"}",
                 "/definition/wrong_figures_share", "format");
    assert_fault("match", "{\"prompts\":[{\"id\":\"p\",\"text\":\"P\"}]," OPTIONS ",\"key\":{\"q\":\"x\"}}",
                 "/definition/key/q", "unknown");
    assert_fault("match", "{\"prompts\":[{\"id\":\"p\",\"text\":\"P\"}]," OPTIONS ",\"key\":{\"p\":\"z\"}}",
                 "/definition/key/p", "unknown");
    assert_fault("match",
                 "{\"prompts\":[{\"id\":\"p\",\"text\":\"P\"},{\"id\":\"q\",\"text\":\"Q\"}]," OPTIONS
                 ",\"key\":{\"p\":\"x\"}}",
                 "/definition/key/q", "required");
    assert_fault("match",
                 "{\"prompts\":[{\"id\":\"p\",\"text\":\"P\"}]," OPTIONS
                 ",\"key\":{\"p\":\"x\"},\"scoring\":\"proportional_with_penalty\"}",
                 "/definition/scoring", "invalid");
    assert_fault("match", "{\"prompts\":[{\"id\":\"p\",\"text\":\"P\"}],\"options\":[],\"key\":{\"p\":1}}",
                 "/definition/key/p", "type");
    assert_fault("order", "{\"entries\":[{\"text\":\"one\"}]}", "/definition/entries", "too-short");
    assert_fault("order", "{\"entries\":[{\"id\":\"a\",\"text\":\"one\"},{\"id\":\"a\",\"text\":\" \"}]}",
                 "/definition/entries/1/id", "duplicate");
    assert_fault("order", "{\"entries\":[{\"id\":\"a\",\"text\":\"one\"},{\"id\":\"b\",\"text\":\" \"}]}",
                 "/definition/entries/1/text", "too-short");
    assert_fault("cloze", "{\"text\":\"none\",\"gaps\":{\"x\":{\"accept\":[{\"text\":\"a\"}]}}}",
                 "/definition/gaps/x", "invalid");
    assert_fault("cloze", "{\"text\":\"{{x}} {{y}}\",\"gaps\":{\"x\":{\"accept\":[{\"text\":\"a\"}]}}}",
                 "/definition/text", "unknown");
    assert_fault("cloze", "{\"text\":\"{{x}} {{x}}\",\"gaps\":{\"x\":{\"accept\":[{\"text\":\"a\"}]}}}",
                 "/definition/text", "duplicate");
    assert_fault("cloze", "{\"text\":\"{{x}}\",\"gaps\":{\"x\":{}}}", "/definition/gaps/x", "invalid");
    assert_fault("cloze", "{\"text\":\"{{x}}\",\"gaps\":{\"x\":{\"kind\":\"essay\"}}}",
                 "/definition/gaps/x/kind", "invalid");
    assert_fault("cloze",
                 "{\"text\":\"{{x}}\",\"gaps\":{\"x\":{\"kind\":\"choice\",\"accept\":[{\"text\":\"a\"}]}}}",
                 "/definition/gaps/x/kind", "invalid");
    assert_fault("cloze",
                 "{\"text\":\"{{x}}\",\"gaps\":{\"x\":{\"multiple\":true,\"accept\":[{\"text\":\"a\"}]}}}",
                 "/definition/gaps/x/multiple", "unknown");
    assert_fault("cloze",
                 "{\"text\":\"{{x}}\",\"gaps\":{\"x\":{\"accept\":[{\"text\":\"a\",\"fraction\":0.5}]}}}",
                 "/definition/gaps/x/accept", "invalid");
    assert_fault("cloze", "{\"text\":\"{{_}}\",\"gaps\":{\"_\":{\"accept\":[{\"text\":\"a\"}]}}}",
                 "/definition/gaps/_", "format");
    assert_fault("formula", "{\"variables\":{\"a\":{\"min\":1,\"max\":0}},\"answer\":\"a\"}",
                 "/definition/variables/a/max", "out-of-range");
    assert_fault("formula", "{\"variables\":{\"a\":{\"min\":0,\"max\":1,\"step\":0}},\"answer\":\"a\"}",
                 "/definition/variables/a/step", "out-of-range");
    assert_fault("formula", "{\"variables\":{\"a\":{\"min\":0,\"max\":1,\"step\":1e-6}},\"answer\":\"a\"}",
                 "/definition/variables/a/step", "out-of-range");
    assert_fault("formula", "{\"variables\":{\"sin\":{\"min\":0,\"max\":1}},\"answer\":\"1\"}",
                 "/definition/variables/sin", "format");
    assert_fault("formula", "{\"variables\":{\"a\":{\"min\":0}},\"answer\":\"a\"}",
                 "/definition/variables/a/max", "required");
    assert_fault("formula", "{\"variables\":{\"a\":{\"min\":0,\"max\":1}},\"answer\":\"1/a\"}",
                 "/definition/answer", "format");
    assert_fault("formula", "{\"variables\":{\"a\":{\"min\":0,\"max\":1}},\"answer\":\"a=2\"}",
                 "/definition/answer", "format");
    assert_fault("essay", "{\"min_words\":10,\"max_words\":5}", "/definition/max_words", "out-of-range");
    assert_fault("essay", "{\"words\":10}", "/definition/words", "unknown");
}

static void an_answer_names_ids(void **state)
{
    static const struct {
        const char *json, *names;
    } rows[] = {
        { "null", "[]" },
        { "{\"text\":\"a\"}", "[]" },
        { "{\"choices\":[\"b\",\"a\"]}", "[\"b\",\"a\"]" },
        { "{\"order\":[\"b\",\"a\"]}", "[\"b\",\"a\"]" },
        { "{\"pairs\":{\"p\":\"x\",\"q\":\"x\"}}", "[\"p\",\"=x\",\"q\",\"=x\"]" },
        { "{\"gaps\":{\"g\":{\"choices\":[\"a\"]},\"h\":{\"value\":3},\"i\":{\"text\":\"\"}}}",
          "[\"g:choices\",\"g=a\",\"h:value\",\"i:text\"]" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ea_faults faults = { 0 };
        struct ea_answer answer;
        assert_ok(ea_answer_read(rows[i].json, strlen(rows[i].json), arena, "", &faults, &answer));
        assert_string_equal(ea_answer_names(&answer, arena), rows[i].names);
    }
}

/* What was written is read again as the same, and writing that gives the same bytes. */
static void what_is_written_reads_back(void **state)
{
    struct chance c = chance_new();
    (void)state;

    for (int round = 0; round < 3000; round++) {
        struct ea_item item = chance_item(&c, arena, false);
        struct ea_buf one = { 0 };
        struct ea_faults faults;
        struct ea_jw w;
        ea_jw_init(&w, &one);
        ea_item_write(&item, &w);
        assert_settled(ea_item_kinds[item.kind], one.p, one.p);
        assert_string_equal(settled(ea_item_kinds[item.kind], one.p, &faults), one.p);
        ea_buf_free(&one);
        ea_arena_reset(arena);
    }
}

static void rendering_fills_the_html(void **state)
{
    struct ea_faults faults = { 0 };
    struct ea_item item;
    const char *json =
        "{\"choices\":[{\"text\":\"**A** <script>\",\"correct\":true,\"feedback\":\"_yes_\",\"html\":\"forged\"},{\"text\":\"B\"}]}";
    (void)state;

    assert_ok(ea_item_read(EA_ITEM_CHOICE, json, strlen(json), arena, "", &faults, &item));
    assert_ok(ea_item_render(&item, arena));
    assert_non_null(strstr(item.choices[0].html, "<strong>A</strong>"));
    assert_null(strstr(item.choices[0].html, "<script>"));
    assert_null(strstr(item.choices[0].html, "forged"));
    assert_non_null(strstr(item.choices[0].feedback_html, "<em>yes</em>"));
    assert_null(item.choices[1].feedback_html);
}

static void assert_answer(const char *json, enum ea_answer_shape shape)
{
    struct ea_faults faults = { 0 };
    struct ea_answer answer;

    if (ea_answer_read(json, strlen(json), arena, "/answer", &faults, &answer))
        fail_msg("%s: %s %s", json, faults.n ? faults.v[0].pointer : "", faults.n ? faults.v[0].detail : "");
    assert_int_equal(answer.shape, shape);
}

static void assert_no_answer(const char *json, const char *pointer)
{
    struct ea_faults faults = { 0 };
    struct ea_answer answer;

    assert_err(ea_answer_read(json, strlen(json), arena, "/answer", &faults, &answer), EA_EINPUT);
    assert_string_equal(faults.v[0].pointer, pointer);
}

static const char *value_of(const char *json)
{
    struct ea_faults faults = { 0 };
    struct ea_answer answer;

    assert_ok(ea_answer_read(json, strlen(json), arena, "", &faults, &answer));
    return answer.value;
}

static void answers_have_a_few_shapes(void **state)
{
    (void)state;

    assert_answer("null", EA_ANSWER_NONE);
    assert_answer("{\"choices\":[]}", EA_ANSWER_CHOICES);
    assert_answer("{\"choices\":[\"a\",\"b\"]}", EA_ANSWER_CHOICES);
    assert_answer("{\"value\":\"3.20\",\"unit\":\"m\"}", EA_ANSWER_VALUE);
    assert_answer("{\"value\":\"half-ty\"}", EA_ANSWER_VALUE);
    assert_answer("{\"text\":\"\"}", EA_ANSWER_TEXT);
    assert_answer("{\"pairs\":{\"p\":\"x\"}}", EA_ANSWER_PAIRS);
    assert_answer("{\"order\":[\"a\",\"b\"]}", EA_ANSWER_ORDER);
    assert_answer("{\"gaps\":{\"x\":{\"value\":\"3\",\"unit\":\"m\"}}}", EA_ANSWER_GAPS);
    assert_no_answer("{\"pairs\":{\"p\":7}}", "/answer/pairs/p");
    assert_no_answer("{\"order\":[\"a\",\"a\"]}", "/answer/order/1");
    assert_no_answer("{\"order\":[\"a\"],\"text\":\"b\"}", "/answer");
    assert_no_answer("{\"gaps\":{\"x\":{\"order\":[\"a\"]}}}", "/answer/gaps/x/order");
    assert_no_answer("{\"gaps\":{\"x\":null}}", "/answer/gaps/x");
    assert_no_answer("{\"gaps\":{\"x\":{}}}", "/answer/gaps/x");
    assert_string_equal(value_of("{\"value\":3.20}"), "3.20");
    assert_string_equal(value_of("{\"value\":\"3\\u00b7\"}"), "3·");
    assert_no_answer("{}", "/answer");
    assert_no_answer("[]", "/answer");
    assert_no_answer("7", "/answer");
    assert_no_answer("{\"text\":\"a\",\"value\":\"1\"}", "/answer");
    assert_no_answer("{\"unit\":\"m\"}", "/answer");
    assert_no_answer("{\"text\":7}", "/answer/text");
    assert_no_answer("{\"value\":[1]}", "/answer/value");
    assert_no_answer("{\"value\":null}", "/answer/value");
    assert_no_answer("{\"value\":true}", "/answer/value");
    assert_no_answer("{\"choices\":[\"a\",\"a\"]}", "/answer/choices/1");
    assert_no_answer("{\"choices\":[1]}", "/answer/choices/0");
    assert_no_answer("{\"pairs\":[]}", "/answer/pairs");
}

static void texts_are_normalised(void **state)
{
    (void)state;
    assert_string_equal(ea_text_normal(arena, "  a \t\n b\xC2\xA0\xE3\x80\x80 c "), "a b c");
    assert_string_equal(ea_text_normal(arena, ""), "");
    assert_string_equal(ea_text_normal(arena, "\xE2\x80\x89"), "");
    assert_string_equal(ea_text_tidy(arena, " \r\na\r\nb\rc \n"), "a\nb\nc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_one_form),
        cmocka_unit_test(faults_name_their_place),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(rendering_fills_the_html),
        cmocka_unit_test(the_other_kinds_have_one_form_too),
        cmocka_unit_test(their_faults_name_their_place),
        cmocka_unit_test(an_answer_names_ids),
        cmocka_unit_test(answers_have_a_few_shapes),
        cmocka_unit_test(texts_are_normalised),
    };

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
