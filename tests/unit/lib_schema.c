#include "lib/schema.h"

#include "lib/json.h"
#include "tests/unit/oom.h"
#include "tests/unit/unit.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N(a) (sizeof(a) / sizeof *(a))

struct section {
    struct ea_int given;
    struct ea_int draw;
    struct ea_str note;
};

struct choice {
    struct ea_str text;
    struct ea_int points;
};

struct quiz {
    struct ea_str title, body, course, mail, raw;
    struct ea_int opens, tries, points, shuffle, kind;
    struct section section;
    struct ea_list choices, tags, limits;
};

static const struct ea_field section_fields[] = {
    { .name = "draw",
      .type = EA_T_INT,
      .offset = offsetof(struct section, draw),
      .flags = EA_REQUIRED,
      .min = 1,
      .max = 100 },
    { .name = "note", .type = EA_T_STR, .offset = offsetof(struct section, note) },
};
static const struct ea_schema section_schema = { "section", sizeof(struct section), section_fields,
                                                 N(section_fields) };

static const struct ea_field choice_fields[] = {
    { .name = "text",
      .type = EA_T_STR,
      .offset = offsetof(struct choice, text),
      .flags = EA_REQUIRED,
      .min = 1 },
    { .name = "points", .type = EA_T_MILLI, .offset = offsetof(struct choice, points) },
};
static const struct ea_schema choice_schema = { "choice", sizeof(struct choice), choice_fields,
                                                N(choice_fields) };

static const char *const kinds[] = { "practice", "exam", NULL };

static const struct ea_field quiz_fields[] = {
    { .name = "title",
      .type = EA_T_STR,
      .offset = offsetof(struct quiz, title),
      .flags = EA_REQUIRED | EA_ONE_LINE,
      .min = 2,
      .max = 10 },
    { .name = "body", .type = EA_T_STR, .offset = offsetof(struct quiz, body), .flags = EA_NULLABLE },
    { .name = "course/id~", .type = EA_T_UUID, .offset = offsetof(struct quiz, course) },
    { .name = "mail", .type = EA_T_EMAIL, .offset = offsetof(struct quiz, mail), .max = 60 },
    { .name = "raw", .type = EA_T_RAW, .offset = offsetof(struct quiz, raw), .max = 40 },
    { .name = "opens", .type = EA_T_TIME, .offset = offsetof(struct quiz, opens), .flags = EA_NULLABLE },
    { .name = "tries", .type = EA_T_INT, .offset = offsetof(struct quiz, tries) },
    { .name = "points",
      .type = EA_T_MILLI,
      .offset = offsetof(struct quiz, points),
      .min = 0,
      .max = 100000 },
    { .name = "shuffle", .type = EA_T_BOOL, .offset = offsetof(struct quiz, shuffle) },
    { .name = "kind", .type = EA_T_ENUM, .offset = offsetof(struct quiz, kind), .values = kinds },
    { .name = "section",
      .type = EA_T_OBJ,
      .offset = offsetof(struct quiz, section),
      .flags = EA_NULLABLE,
      .sub = &section_schema },
    { .name = "choices",
      .type = EA_T_LIST,
      .offset = offsetof(struct quiz, choices),
      .sub = &choice_schema,
      .min = 1,
      .max = 3 },
    { .name = "tags",
      .type = EA_T_LIST,
      .offset = offsetof(struct quiz, tags),
      .item = EA_T_STR,
      .item_min = 1,
      .item_max = 5,
      .max = 100 },
    { .name = "limits",
      .type = EA_T_LIST,
      .offset = offsetof(struct quiz, limits),
      .flags = EA_NULLABLE,
      .item = EA_T_INT,
      .item_min = 1,
      .item_max = 9 },
};
static const struct ea_schema quiz_schema = { "quiz", sizeof(struct quiz), quiz_fields, N(quiz_fields) };

struct fixture {
    struct ea_arena *a;
    struct ea_faults faults;
    struct quiz *quiz;
};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){ .a = ea_arena_new() };
    *state = &f;
    return f.a ? 0 : -1;
}

static int teardown(void **state)
{
    ea_arena_free(((struct fixture *)*state)->a);
    return 0;
}

static enum ea_err read_quiz(struct fixture *f, const char *text)
{
    struct json_object *o;
    size_t where;
    const char *why;
    void *out;
    if (ea_json_parse(text, strlen(text), &o, &where, &why))
        fail_msg("%s: %s at %zu", text, why, where);
    f->faults = (struct ea_faults){ 0 };
    enum ea_err err = ea_schema_read(&quiz_schema, o, f->a, &out, &f->faults);
    json_object_put(o); /* nothing in the struct may point into it */
    f->quiz = out;
    return err;
}

/* `expected`: "pointer code" per line. */
static void assert_faults(const struct ea_faults *f, const char *text, const char *expected)
{
    char all[4000] = "";
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++) {
        assert_true(strlen(f->v[i].detail) > 0);
        n += (size_t)snprintf(all + n, sizeof all - n, "%s%s %s", i ? "\n" : "", f->v[i].pointer,
                              f->v[i].code);
    }
    if (strcmp(all, expected) != 0)
        fail_msg("%s:\n%s\nbut expected\n%s", text, all, expected);
}

static void everything_lands_in_the_struct(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        read_quiz(
            f,
            "{\"title\":\"Caf\xC3\xA9\",\"body\":\"a\\tb\\r\\nc\",\"course/id~\":\"019083A2-7D5C-7B1E-8A4F-0123456789AB\","
            "\"mail\":\" Ada.Lovelace+x@School.Example \\n\",\"raw\":{\"a\":[1.50,\"/\\u00e9\",99999999999999999999]},"
            "\"opens\":\"2026-11-23T10:00:00+01:00\",\"tries\":3,\"points\":2.125,\"shuffle\":true,\"kind\":\"exam\","
            "\"section\":{\"draw\":7},\"choices\":[{\"text\":\"A\",\"points\":-0.5},{\"text\":\"B\"}],"
            "\"tags\":[\"x\",\"yz\"],\"limits\":[1,9]}"),
        EA_OK);
    const struct quiz *q = f->quiz;
    assert_int_equal(f->faults.n, 0);
    assert_true(q->title.given && !q->title.null);
    assert_string_equal(q->title.v, "Caf\xC3\xA9");
    assert_int_equal(q->title.len, 5);
    assert_string_equal(q->body.v, "a\tb\r\nc");
    assert_string_equal(q->course.v, "019083a2-7d5c-7b1e-8a4f-0123456789ab");
    assert_string_equal(q->mail.v, "ada.lovelace+x@school.example");
    assert_string_equal(q->raw.v, "{\"a\":[1.50,\"/\xC3\xA9\",99999999999999999999]}");
    assert_int_equal(q->opens.v, 1795424400000000);
    assert_int_equal(q->tries.v, 3);
    assert_int_equal(q->points.v, 2125);
    assert_int_equal(q->shuffle.v, 1);
    assert_int_equal(q->kind.v, 1);
    assert_true(q->section.given.given && !q->section.given.null);
    assert_int_equal(q->section.draw.v, 7);
    assert_false(q->section.note.given);
    assert_int_equal(q->choices.n, 2);
    const struct choice *c = q->choices.items;
    assert_string_equal(c[0].text.v, "A");
    assert_int_equal(c[0].points.v, -500);
    assert_string_equal(c[1].text.v, "B");
    assert_false(c[1].points.given);
    const struct ea_str *tags = q->tags.items;
    assert_string_equal(tags[1].v, "yz");
    const struct ea_int *limits = q->limits.items;
    assert_int_equal(q->limits.n, 2);
    assert_int_equal(limits[1].v, 9);
}

static void what_is_left_out_is_not_given(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_quiz(f, "{\"title\":\"ab\"}"), EA_OK);
    assert_false(f->quiz->body.given || f->quiz->tries.given || f->quiz->section.given.given ||
                 f->quiz->choices.given);
    assert_null(f->quiz->body.v);
    assert_int_equal(
        read_quiz(f, "{\"title\":\"ab\",\"body\":null,\"opens\":null,\"section\":null,\"limits\":null}"),
        EA_OK);
    assert_true(f->quiz->body.given && f->quiz->body.null);
    assert_null(f->quiz->body.v);
    assert_true(f->quiz->opens.given && f->quiz->opens.null);
    assert_true(f->quiz->section.given.given && f->quiz->section.given.null);
    assert_true(f->quiz->limits.given && f->quiz->limits.null);
}

static void all_faults_at_once(void **state)
{
    struct fixture *f = *state;
    static const char text[] =
        "{\"title\":null,\"body\":5,\"course/id~\":\"x\",\"mail\":\"no\",\"opens\":\"soon\",\"tries\":\"3\",\"points\":100.001,"
        "\"shuffle\":1,\"kind\":\"test\",\"section\":{\"draw\":0,\"a/b\":1},\"choices\":[{\"text\":\"\"},7,{\"points\":0.0001}],"
        "\"tags\":[\"ok\",null,\"toolong\",3],\"limits\":{},\"extra\":{}}";
    assert_int_equal(read_quiz(f, text), EA_EINPUT);
    assert_faults(
        &f->faults, text,
        "/title type\n/body type\n/course~1id~0 format\n/mail format\n/opens format\n/tries type\n"
        "/points out-of-range\n/shuffle type\n/kind invalid\n/section/draw out-of-range\n/section/a~1b unknown\n"
        "/choices/0/text too-short\n/choices/1 type\n/choices/2/text required\n/choices/2/points format\n"
        "/tags/1 type\n/tags/2 too-long\n/tags/3 type\n/limits type\n/extra unknown");
}

static void single_faults(void **state)
{
    static const struct {
        const char *members, *expected;
    } cases[] = {
        { "\"tries\":9223372036854775807", "" },
        { "\"tries\":9223372036854775808", "/tries out-of-range" },
        { "\"tries\":1e400", "/tries out-of-range" },
        { "\"tries\":1.5", "/tries type" },
        { "\"tries\":1.0", "" },
        { "\"tries\":true", "/tries type" },
        { "\"tries\":null", "/tries type" },
        { "\"points\":0.1", "" },
        { "\"points\":100", "" },
        { "\"points\":99.9999", "/points format" },
        { "\"points\":-0.001", "/points out-of-range" },
        { "\"points\":1e30", "/points out-of-range" },
        { "\"points\":\"1\"", "/points type" },
        { "\"body\":\"\\u0000\"", "/body utf8" },
        { "\"body\":\"a\\u0007\"", "/body format" },
        { "\"body\":\"a\\u007f\"", "/body format" },
        { "\"raw\":{\"a\":[\"\\u0000\"]}", "/raw utf8" },
        { "\"raw\":\"12345678901234567890123456789012345678\"", "" },
        { "\"raw\":\"123456789012345678901234567890123456789\"", "/raw too-long" },
        { "\"raw\":null", "/raw type" },
        { "\"course/id~\":\"019083a2-7d5c-7b1e-8a4f-0123456789ab\\u0000\"", "/course~1id~0 format" },
        { "\"kind\":\"exam\\u0000\"", "/kind invalid" },
        { "\"opens\":\"2026-11-23T10:00:00Z\\u0000\"", "/opens format" },
        { "\"opens\":1700000000", "/opens type" },
        { "\"choices\":[]", "/choices too-short" },
        { "\"choices\":[1,2,3,4]", "/choices too-long" },
        { "\"section\":[]", "/section type" },
        { "\"section\":{}", "/section/draw required" },
        { "\"limits\":[1,null,10]", "/limits/1 type\n/limits/2 out-of-range" },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < N(cases); i++) {
        char text[300];
        (void)snprintf(text, sizeof text, "{\"title\":\"ab\",%s}", cases[i].members);
        assert_int_equal(read_quiz(f, text), *cases[i].expected ? EA_EINPUT : EA_OK);
        assert_faults(&f->faults, text, cases[i].expected);
    }
}

static void titles_are_one_line_of_some_bytes(void **state)
{
    static const struct {
        const char *value, *expected;
    } cases[] = {
        { "0123456789", "" },
        { "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9", "" },
        { "0123456789x", "/title too-long" },
        { "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9x", "/title too-long" },
        { "x", "/title too-short" },
        { "a\\nb", "/title format" },
        { "a\\tb", "/title format" },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < N(cases); i++) {
        char text[100];
        (void)snprintf(text, sizeof text, "{\"title\":\"%s\"}", cases[i].value);
        (void)read_quiz(f, text);
        assert_faults(&f->faults, text, cases[i].expected);
    }
}

static void mail_addresses(void **state)
{
    static const struct {
        const char *value;
        bool good;
    } cases[] = {
        { "a@b", true },
        { "o'neil.x+y@sub.school-1.example", true },
        { "", false },
        { "a", false },
        { "@b", false },
        { "a@", false },
        { "a@@b", false },
        { "a@b@c", false },
        { ".a@b", false },
        { "a.@b", false },
        { "a..b@c", false },
        { "a b@c", false },
        { "a@-b", false },
        { "a@b-", false },
        { "a@b..c", false },
        { "a@.b", false },
        { "a@b.", false },
        { "a@b_c", false },
        { "\\\"a\\\"@b", false },
        { "a<x@b", false },
        { "a@b\\r\\nBcc: c@d", false },
        { "a@b\\u0000", false },
        { "a@b,c@d", false },
        { "0123456789012345678901234567890123456789012345678901234567890@b", false },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < N(cases); i++) {
        char text[200];
        (void)snprintf(text, sizeof text, "{\"title\":\"ab\",\"mail\":\"%s\"}", cases[i].value);
        if ((read_quiz(f, text) == EA_OK) != cases[i].good)
            fail_msg("%s", cases[i].value);
    }
}

static void the_body_must_be_an_object(void **state)
{
    static const char *const texts[] = { "[]", "null", "3", "\"x\"" };
    struct fixture *f = *state;
    for (size_t i = 0; i < N(texts); i++) {
        assert_int_equal(read_quiz(f, texts[i]), EA_EINPUT);
        assert_faults(&f->faults, texts[i], " type");
    }
}

static void faults_are_bounded(void **state)
{
    struct fixture *f = *state;
    struct ea_buf b = { 0 };
    ea_buf_str(&b, "{\"title\":\"ab\",\"tags\":[");
    for (int i = 0; i < 70; i++)
        ea_buf_str(&b, i ? ",0" : "0");
    ea_buf_str(&b, "],\"");
    for (int i = 0; i < 5000; i++)
        ea_buf_char(&b, 'n');
    ea_buf_str(&b, "\":1}");
    assert_int_equal(read_quiz(f, b.p), EA_EINPUT);
    assert_int_equal(f->faults.n, EA_FAULTS_MAX);
    assert_int_equal(f->faults.more, 21);
    assert_string_equal(f->faults.v[49].pointer, "/tags/49");
    ea_buf_reset(&b);
    ea_buf_str(&b, "{\"title\":\"ab\",\"");
    for (int i = 0; i < 5000; i++)
        ea_buf_char(&b, 'n');
    ea_buf_str(&b, "\":1}");
    assert_int_equal(read_quiz(f, b.p), EA_EINPUT);
    assert_true(strlen(f->faults.v[0].pointer) < 300);
    ea_buf_free(&b);
}

struct page {
    struct ea_str after, name;
    struct ea_int limit, min, mine, kind;
};
static const struct ea_field page_fields[] = {
    { .name = "after", .type = EA_T_UUID, .offset = offsetof(struct page, after) },
    { .name = "name", .type = EA_T_STR, .offset = offsetof(struct page, name), .max = 20 },
    { .name = "limit",
      .type = EA_T_INT,
      .offset = offsetof(struct page, limit),
      .flags = EA_REQUIRED,
      .min = 1,
      .max = 100 },
    { .name = "min", .type = EA_T_MILLI, .offset = offsetof(struct page, min) },
    { .name = "mine", .type = EA_T_BOOL, .offset = offsetof(struct page, mine) },
    { .name = "kind", .type = EA_T_ENUM, .offset = offsetof(struct page, kind), .values = kinds },
};
static const struct ea_schema page_schema = { "page", sizeof(struct page), page_fields, N(page_fields) };

static enum ea_err read_page(struct fixture *f, const char *query, struct page **out)
{
    void *p;
    f->faults = (struct ea_faults){ 0 };
    enum ea_err err = ea_schema_query(&page_schema, query, f->a, &p, &f->faults);
    *out = p;
    return err;
}

static void queries(void **state)
{
    struct fixture *f = *state;
    struct page *p;
    assert_int_equal(read_page(f, "limit=20&name=a+b%2Bc%26%C3%A9&mine=1&min=-1.5&kind=practice&", &p),
                     EA_OK);
    assert_string_equal(p->name.v, "a b+c&\xC3\xA9");
    assert_int_equal(p->limit.v, 20);
    assert_int_equal(p->mine.v, 1);
    assert_int_equal(p->min.v, -1500);
    assert_true(p->kind.given && p->kind.v == 0);
    assert_false(p->after.given);
    assert_int_equal(read_page(f, "li%6Dit=1&&name&mine=false", &p), EA_OK);
    assert_string_equal(p->name.v, "");
    assert_int_equal(p->mine.v, 0);
}

static void bad_queries(void **state)
{
    static const struct {
        const char *query, *expected;
    } cases[] = {
        { NULL, "/limit required" },
        { "", "/limit required" },
        { "limit=1&limit=2", "/limit duplicate" },
        { "limit=1&x=2&y~/=3", "/x unknown\n/y~0~1 unknown" },
        { "limit=", "/limit type" },
        { "limit=+5", "/limit type" },
        { "limit=0x10", "/limit type" },
        { "limit=101", "/limit out-of-range" },
        { "limit=1.5", "/limit type" },
        { "limit=1&name=%", "/name format" },
        { "limit=1&name=%4", "/name format" },
        { "limit=1&name=%4g", "/name format" },
        { "limit=1&name=%FF", "/name utf8" },
        { "limit=1&name=a%00b", "/name utf8" },
        { "limit=1&n%00ame=a", " format" },
        { "limit=1&%zz=a", " format" },
        { "limit=1&mine=yes", "/mine type" },
        { "limit=1&mine=1%00", "/mine type" },
        { "limit=1&after=abc", "/after format" },
        { "limit=1&kind=", "/kind invalid" },
        { "limit=1&name=123456789012345678901", "/name too-long" },
        { "limit=1&=3", "/ unknown" },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < N(cases); i++) {
        struct page *p;
        assert_int_equal(read_page(f, cases[i].query, &p), EA_EINPUT);
        assert_faults(&f->faults, cases[i].query ? cases[i].query : "none", cases[i].expected);
    }
}

static void handlers_add_their_own(void **state)
{
    struct fixture *f = *state;
    char pointer[] = "/x";
    ea_faults_add(&f->faults, f->a, pointer, "invalid", "%d is odd", 3);
    pointer[1] = 'y'; /* it has been copied */
    assert_faults(&f->faults, "own", "/x invalid");
    assert_string_equal(f->faults.v[0].detail, "3 is odd");
}

static bool read_without_memory(void)
{
    static const char text[] =
        "{\"title\":\"ab\",\"bad\":1,\"tags\":[\"a\",\"b\"],\"choices\":[{\"text\":\"A\"}],\"raw\":[1]}";
    struct json_object *o;
    size_t where;
    const char *why;
    void *out;
    struct ea_faults faults = { 0 };
    bool (*hook)(size_t) = ea_alloc_hook;
    ea_alloc_hook = NULL;
    assert_int_equal(ea_json_parse(text, sizeof text - 1, &o, &where, &why), EA_OK);
    ea_alloc_hook = hook;
    struct ea_arena *a = ea_arena_new();
    enum ea_err err = a ? ea_schema_read(&quiz_schema, o, a, &out, &faults) : EA_ENOMEM;
    ea_arena_free(a);
    json_object_put(o);
    if (err != EA_EINPUT)
        assert_int_equal(err, EA_ENOMEM);
    return err == EA_EINPUT;
}

static void out_of_memory_is_said(void **state)
{
    (void)state;
    assert_true(each_allocation_fails(read_without_memory) >= 3);
}

/* Members whose names are free: each is a pair, in the order of the text. */
static void maps(void **state)
{
    struct in {
        struct ea_list words, parts;
    };
    static const struct ea_field map_fields[] = {
        { .name = "words",
          .type = EA_T_MAP,
          .offset = offsetof(struct in, words),
          .flags = EA_NULLABLE,
          .min = 1,
          .max = 2,
          .item = EA_T_STR,
          .item_min = 1,
          .item_max = 4 },
        { .name = "parts",
          .type = EA_T_MAP,
          .offset = offsetof(struct in, parts),
          .item = EA_T_RAW,
          .item_max = 20 },
    };
    static const struct ea_schema map_schema = { "maps", sizeof(struct in), map_fields, N(map_fields) };
    static const struct {
        const char *json, *pointer, *code;
    } rows[] = {
        { "{\"words\":[]}", "/words", "type" },
        { "{\"words\":{}}", "/words", "too-short" },
        { "{\"words\":{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}}", "/words", "too-long" },
        { "{\"words\":{\"a\":1}}", "/words/a", "type" },
        { "{\"words\":{\"a\":null}}", "/words/a", "type" },
        { "{\"words\":{\"a/b~\":\"12345\"}}", "/words/a~1b~0", "too-long" },
        { "{\"words\":{\"a\\n\":\"1\"}}", "/words/a\n", "format" },
        { "{\"parts\":{\"a\":[\"twenty and some bytes\"]}}", "/parts/a", "too-long" },
    };
    struct ea_arena *a = ea_arena_new();
    void *p;
    (void)state;

    for (size_t i = 0; i < N(rows); i++) {
        struct ea_faults faults = { 0 };
        assert_int_equal(ea_schema_text(&map_schema, rows[i].json, strlen(rows[i].json), a, &p, &faults),
                         EA_EINPUT);
        assert_string_equal(faults.v[0].pointer, rows[i].pointer);
        assert_string_equal(faults.v[0].code, rows[i].code);
    }
    struct ea_faults faults = { 0 };
    const char *json = "{\"words\":{\"z\":\"1\",\"a\":\"two\"},\"parts\":{\"x\":{\"y\":[1]}}}";
    assert_int_equal(ea_schema_text(&map_schema, json, strlen(json), a, &p, &faults), EA_OK);
    const struct in *in = p;
    const struct ea_pair *words = in->words.items, *parts = in->parts.items;
    assert_int_equal(in->words.n, 2);
    assert_string_equal(words[0].name.v, "z");
    assert_string_equal(words[1].v.v, "two");
    assert_string_equal(parts[0].v.v, "{\"y\":[1]}");
    json = "{\"words\":null}";
    assert_int_equal(ea_schema_text(&map_schema, json, strlen(json), a, &p, &faults), EA_OK);
    assert_true(((const struct in *)p)->words.null);
    ea_arena_free(a);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps),
        CASE(everything_lands_in_the_struct),
        CASE(what_is_left_out_is_not_given),
        CASE(all_faults_at_once),
        CASE(single_faults),
        CASE(titles_are_one_line_of_some_bytes),
        CASE(mail_addresses),
        CASE(the_body_must_be_an_object),
        CASE(faults_are_bounded),
        CASE(queries),
        CASE(bad_queries),
        CASE(handlers_add_their_own),
        CASE(out_of_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
