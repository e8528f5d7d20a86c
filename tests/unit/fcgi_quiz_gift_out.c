/* GIFT out: what is written, what is refused, and that whatever goes out comes in again as the same. */
#include "fcgi/quiz/gift.h"

#include "tests/unit/arena.h"
#include "tests/unit/chance.h"

#include <string.h>

#define ROUNDS 3000

static struct quiz_gift file;

static const char *why_not(const struct quiz_question *q)
{
    const char *why;

    assert_ok(quiz_gift_why_not(q, arena, &why));
    return why;
}

static struct quiz_question question_of(const char *kind, const char *definition)
{
    struct quiz_question q = { .stem = "x", .points = 1000, .difficulty = -1 };
    struct ea_faults faults = { 0 };

    if (ea_item_read(ea_item_kind_of(kind), definition, strlen(definition), arena, "", &faults, &q.item))
        fail_msg("%s: %s %s", definition, faults.v[0].pointer, faults.v[0].detail);
    return q;
}

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

/* ---- what is written ---- */

static void each_kind_has_its_form(void **state)
{
    static const struct {
        const char *kind, *definition, *gift;
    } rows[] = {
        { "choice", "{\"choices\":[{\"text\":\"a\",\"correct\":true,\"feedback\":\"yes\"},{\"text\":\"b\"}]}",
          "[markdown]x {\n\t=a#yes\n\t~b\n}\n\n" },
        { "choice",
          "{\"multiple\":true,\"scoring\":\"proportional\",\"choices\":[{\"id\":\"o\",\"text\":\"a\",\"fraction\":0.5},{\"text\":\"[b]\",\"fraction\":0.5},"
          "{\"text\":\"c\",\"fraction\":-0.333}]}",
          "// [scoring:proportional] [ids:o,b,c]\n[markdown]x {\n\t~%50%a\n\t~%50%[markdown][b]\n\t~%-33.3%c\n}\n\n" },
        { "choice",
          "{\"shuffle\":false,\"choices\":[{\"id\":\"true\",\"text\":\"True\",\"feedback\":\"no\"},{\"id\":\"false\",\"text\":\"False\",\"correct\":true}]}",
          "[markdown]x {\n\tFALSE#no\n}\n\n" },
        { "numeric", "{\"answers\":[{\"value\":3.20,\"tolerance\":0.1},{\"value\":-1e3,\"fraction\":0.25}]}",
          "[markdown]x {#\n\t=3.2:0.1\n\t=%25%-1000:0\n}\n\n" },
        { "short_text",
          "{\"accept\":[{\"text\":\"%50% [a] 2*3\",\"case_sensitive\":true},{\"pattern\":\"col.*r\",\"case_sensitive\":true,\"fraction\":0.5}]}",
          "// [case:yes]\n[markdown]x {\n\t=%100%%50% [a] 2\\\\*3\n\t=%50%col*r\n}\n\n" },
        { "match",
          "{\"prompts\":[{\"id\":\"a\",\"text\":\"*one*\"},{\"id\":\"b\",\"text\":\"two\"}],"
          "\"options\":[{\"id\":\"a\",\"text\":\"1\"},{\"id\":\"b\",\"text\":\"2\\\\*1 -> #\"},{\"id\":\"c\",\"text\":\"**3**\"}],\"key\":{\"a\":\"a\",\"b\":\"b\"}}",
          "[markdown]x {\n\t=*one* -> 1\n\t=two -> 2*1 -> \\#\n\t= -> [markdown]**3**\n}\n\n" },
        { "match",
          "{\"prompts\":[{\"id\":\"p\",\"text\":\"one\"}],\"options\":[{\"id\":\"a\",\"text\":\"\\\\[0]\"},{\"id\":\"b\",\"text\":\"\\\\[1\\\\]\"}],\"key\":{\"p\":\"b\"},"
          "\"shuffle\":false,\"scoring\":\"all_or_nothing\"}",
          "// [shuffle:no] [scoring:all_or_nothing] [ids:p] [order:2,1]\n[markdown]x {\n\t=one -> [plain][1]\n\t= -> [markdown]\\\\[0]\n}\n\n" },
        { "essay", "{\"min_words\":50}", "// [words:50..]\n[markdown]x {\n}\n\n" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct quiz_question q = question_of(rows[i].kind, rows[i].definition);
        struct ea_buf out = { 0 };
        const char *category = "";
        assert_null(why_not(&q));
        quiz_gift_write(&q, &category, arena, &out);
        assert_string_equal(out.p, rows[i].gift);
        assert_ok(quiz_gift_read(out.p, out.len, arena, &file));
        assert_int_equal(file.n, 1);
        assert_string_equal(json_of(&file.questions[0]), json_of(&q));
        ea_buf_free(&out);
    }
}

/* ---- what is refused ---- */

static void what_gift_cannot_say_is_named(void **state)
{
    static const struct {
        const char *kind, *definition, *why;
    } rows[] = {
        { "order", "{\"entries\":[{\"text\":\"a\"},{\"text\":\"b\"}]}", "put in order" },
        { "cloze", "{\"text\":\"a {{g}}\",\"gaps\":{\"g\":{\"accept\":[{\"text\":\"b\"}]}}}", "gaps" },
        { "formula", "{\"variables\":{\"a\":{\"min\":1,\"max\":2}},\"answer\":\"a*2\"}", "formulas" },
        { "numeric", "{\"answers\":[{\"value\":1,\"unit\":\"m\"}]}", "units" },
        { "numeric", "{\"answers\":[{\"value\":1,\"tolerance\":0.1,\"relative\":true}]}",
          "relative tolerance" },
        { "numeric", "{\"answers\":[{\"value\":1},{\"value\":2,\"significant_figures\":2}]}",
          "GIFT has no significant figures" },
        { "numeric", "{\"answers\":[{\"value\":1}],\"wrong_unit_share\":0.5}", "a wrong unit" },
        { "numeric", "{\"answers\":[{\"value\":1}],\"wrong_figures_share\":0.5}",
          "wrong significant figures" },
        { "short_text", "{\"accept\":[{\"pattern\":\"[ab]\"}]}", "patterns" },
        { "short_text", "{\"accept\":[{\"pattern\":\"ab\"}]}", "patterns" },
        { "short_text", "{\"accept\":[{\"text\":\"a\",\"ignore_accents\":true}]}", "accents" },
        { "short_text", "{\"accept\":[{\"text\":\"a\"},{\"text\":\"b\",\"case_sensitive\":true}]}",
          "case sensitivity of single answers" },
        { "short_text", "{\"accept\":[{\"text\":\"a->b\"}]}", "->" },
        { "short_text", "{\"accept\":[{\"text\":\"a\",\"feedback\":\"b -> c\"}]}", "->" },
        { "match",
          "{\"prompts\":[{\"id\":\"p\",\"text\":\"a->b\"}],\"options\":[{\"id\":\"a\",\"text\":\"1\"},{\"id\":\"b\",\"text\":\"2\"}],\"key\":{\"p\":\"a\"}}",
          "the first ->" },
        { "match",
          "{\"prompts\":[{\"id\":\"p\",\"text\":\"a\"}],\"options\":[{\"id\":\"a\",\"text\":\"1\"},{\"id\":\"b\",\"text\":\"1\"}],\"key\":{\"p\":\"a\"}}",
          "same text" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct quiz_question q = question_of(rows[i].kind, rows[i].definition);
        const char *why = why_not(&q);
        if (!why || !strstr(why, rows[i].why))
            fail_msg("%s is refused with %s, not %s", rows[i].definition, why ? why : "nothing", rows[i].why);
    }
}

static void what_is_left_out_is_one_comment(void **state)
{
    struct quiz_question q = question_of("numeric", "{\"answers\":[{\"value\":1,\"unit\":\"m\"}]}");
    struct ea_buf out = { 0 };
    const char *category = "";
    (void)state;

    q.stem = "How\nlong [tag:no]?";
    quiz_gift_write(&q, &category, arena, &out);
    assert_string_equal(out.p, "// Left out, GIFT has no units: How long  tag:no]?\n\n");
    q.title =
        "aéééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé"; /* the 100th byte is within a character */
    quiz_gift_write(&q, &category, arena, &out);
    assert_ok(quiz_gift_read(out.p, out.len, arena, &file));
    assert_int_equal(file.n + file.errors_n, 0);
    ea_buf_free(&out);
}

/* ---- import(export(x)) == x ---- */

/* A line as the API takes it: its spaces are its own. */
static const char *chance_line(struct chance *c, size_t max)
{
    char *line = ea_arena_dup(arena, chance_text(c, arena, max, false));

    assert_non_null(line);
    for (char *p = line; *p; p++)
        if (*p == '\n' || *p == '\t')
            *p = ' ';
    const char *tidy = ea_text_tidy(arena, line);
    assert_non_null(tidy);
    return *tidy ? tidy : "x";
}

static struct quiz_question chance_question(struct chance *c)
{
    struct quiz_question q = { .points = (int64_t)chance_below(c, 5000),
                               .difficulty = (int64_t)chance_below(c, 1002) - 1 };
    const char **tags = ea_arena_array(arena, 3, sizeof *tags);

    assert_non_null(tags);
    q.item = chance_item(c, arena, chance_one_in(c, 2));
    q.stem = chance_text(c, arena, 30, false);
    q.title = chance_one_in(c, 2) ? chance_line(c, 6) : NULL;
    q.category = chance_one_in(c, 3) ? chance_line(c, 6) : NULL;
    q.feedback = chance_one_in(c, 3) ? chance_text(c, arena, 10, false) : NULL;
    for (size_t n = chance_below(c, 4); q.tags_n < n; q.tags_n++)
        tags[q.tags_n] = ea_arena_printf(arena, "%s%zu", chance_text(c, arena, 3, true), q.tags_n);
    q.tags = tags;
    return q;
}

/* Any items whatever: each is refused by name, or comes in as it was. Questions in one file do not touch each other. */
static void what_goes_out_comes_in_again(void **state)
{
    struct chance c = chance_any();
    size_t said[EA_ITEM__MAX] = { 0 };
    (void)state;

    for (int round = 0; round < ROUNDS; round++) {
        struct quiz_question q[4];
        struct ea_buf out = { 0 };
        const char *category = "";
        size_t n = 0;
        for (int i = 0; i < 4; i++) {
            q[n] = chance_question(&c);
            quiz_gift_write(&q[n], &category, arena, &out);
            if (!why_not(&q[n]))
                said[q[n++].item.kind]++;
        }
        assert_false(out.failed);
        assert_ok(quiz_gift_read(out.p, out.len, arena, &file));
        if (file.errors_n || file.n != n)
            fail_msg("round %d: %s\n%s", round,
                     file.errors_n ? file.errors[0].detail : "another number of questions", out.p);
        for (size_t i = 0; i < n; i++)
            if (strcmp(json_of(&file.questions[i]), json_of(&q[i])) != 0)
                fail_msg("round %d:\n%s\nbecame\n%s\nby\n%s", round, json_of(&q[i]),
                         json_of(&file.questions[i]), out.p);
        ea_buf_free(&out);
        ea_arena_reset(arena);
    }
    for (enum ea_item_kind k = 0; k < EA_ITEM__MAX; k++)
        if (k == EA_ITEM_ORDER || k == EA_ITEM_CLOZE || k == EA_ITEM_FORMULA)
            assert_int_equal(said[k], 0);
        else
            assert_true(said[k] > ROUNDS / 10); /* it did try */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_its_form),
        cmocka_unit_test(what_gift_cannot_say_is_named),
        cmocka_unit_test(what_is_left_out_is_one_comment),
        cmocka_unit_test(what_goes_out_comes_in_again),
    };

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
