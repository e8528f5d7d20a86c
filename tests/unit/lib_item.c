#include "lib/item.h"

#include "lib/answer.h"
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
    assert_fault("essay", "{}", "/definition", "unsupported");
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
        cmocka_unit_test(each_kind_has_one_form),     cmocka_unit_test(faults_name_their_place),
        cmocka_unit_test(what_is_written_reads_back), cmocka_unit_test(rendering_fills_the_html),
        cmocka_unit_test(answers_have_a_few_shapes),  cmocka_unit_test(texts_are_normalised),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
