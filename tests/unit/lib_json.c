#include "lib/json.h"

#include "tests/unit/oom.h"
#include "tests/unit/unit.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAIN      (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)
#define LITERAL(s) s, sizeof(s) - 1

static enum ea_err parse(const char *p, size_t n, struct json_object **out)
{
    size_t where;
    const char *why;
    return ea_json_parse(p, n, out, &where, &why);
}

static void texts_are_read(void **state)
{
    static const struct {
        const char *text, *plain;
    } cases[] = {
        { "null", "null" },
        { " \t\r\n true ", "true" },
        { "\"\"", "\"\"" },
        { "[]", "[]" },
        { "{ }", "{}" },
        { "[1 , 2,\n3]", "[1,2,3]" },
        { "{\"a\":{\"a\":{\"a\":null}},\"b\":[{},[]]}", "{\"a\":{\"a\":{\"a\":null}},\"b\":[{},[]]}" },
        { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"" },
        { "\"\\u00e9\\u20AC\\ud83d\\ude00\"", "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"" },
        { "\"caf\xC3\xA9 \xE2\x80\xA8\"", "\"caf\xC3\xA9 \xE2\x80\xA8\"" },
        { "{\"\":1}", "{\"\":1}" },
        { "{\"\\u0061b\":1}", "{\"ab\":1}" },
        { "-0", "0" },
        { "9223372036854775807", "9223372036854775807" },
        { "-9223372036854775808", "-9223372036854775808" },
        { "9223372036854775808", "9223372036854775808" },
        { "123456789012345678901234567890", "123456789012345678901234567890" },
        { "1.10", "1.10" },
        { "1e400", "1e400" },
        { "0.1E-7", "0.1E-7" },
        { "[\"a\\nb\",\"plain\",\"\\u0000\"]", "[\"a\\nb\",\"plain\",\"\\u0000\"]" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct json_object *o;
        if (parse(cases[i].text, strlen(cases[i].text), &o))
            fail_msg("refused: %s", cases[i].text);
        assert_string_equal(json_object_to_json_string_ext(o, PLAIN), cases[i].plain);
        json_object_put(o);
    }
}

static void faults_are_found_where_they_are(void **state)
{
    static const struct {
        const char *text;
        size_t n, where;
        const char *why;
    } cases[] = {
        { LITERAL(""), 0, "the text ends too early" },
        { LITERAL("  "), 2, "the text ends too early" },
        { LITERAL("{"), 1, "the text ends too early" },
        { LITERAL("[1"), 2, "the text ends too early" },
        { LITERAL("\"abc"), 4, "the text ends too early" },
        { LITERAL("\"\\"), 2, "the text ends too early" },
        { LITERAL("-"), 1, "the text ends too early" },
        { LITERAL("tru"), 0, "a value is expected" },
        { LITERAL("nul"), 0, "a value is expected" },
        { LITERAL("True"), 0, "a value is expected" },
        { LITERAL("NaN"), 0, "a value is expected" },
        { LITERAL("'a'"), 0, "a value is expected" },
        { LITERAL("\xEF\xBB\xBF{}"), 0, "a value is expected" },
        { LITERAL("/**/1"), 0, "a value is expected" },
        { LITERAL("[1,]"), 3, "a value is expected" },
        { LITERAL("[,1]"), 1, "a value is expected" },
        { LITERAL("[1 2]"), 3, "a comma or ] is expected" },
        { LITERAL("{\"a\":1,}"), 7, "a member name in quotes is expected" },
        { LITERAL("{a:1}"), 1, "a member name in quotes is expected" },
        { LITERAL("{\"a\" 1}"), 5, "a colon is expected" },
        { LITERAL("{\"a\":1 \"b\":2}"), 7, "a comma or } is expected" },
        { LITERAL("{\"a\":1]"), 6, "a comma or } is expected" },
        { LITERAL("{} {}"), 3, "there is more after the value" },
        { LITERAL("1 x"), 2, "there is more after the value" },
        { LITERAL("{}\0"), 2, "there is more after the value" },
        { LITERAL("\0"), 0, "a value is expected" },
        { LITERAL("01"), 0, "a number must not begin with 0" },
        { LITERAL("[-012]"), 1, "a number must not begin with 0" },
        { LITERAL("1.x"), 2, "a digit is expected" },
        { LITERAL("1ex"), 2, "a digit is expected" },
        { LITERAL("+1"), 0, "a value is expected" },
        { LITERAL(".5"), 0, "a value is expected" },
        { LITERAL("\"a\nb\""), 2, "control characters must be escaped" },
        { LITERAL("\"a\0b\""), 2, "control characters must be escaped" },
        { LITERAL("\"ab\\x\""), 3, "there is no such escape" },
        { LITERAL("\"\\u12g4\""), 5, "four hexadecimal digits are expected" },
        { LITERAL("\"\\ud800\""), 1, "half of a surrogate pair is not a character" },
        { LITERAL("\"x\\udc00\""), 2, "half of a surrogate pair is not a character" },
        { LITERAL("\"\\ud800\\u0041\""), 1, "half of a surrogate pair is not a character" },
        { LITERAL("\"\xFF\""), 1, "this is not UTF-8" },
        { LITERAL("\"\xC0\x80\""), 1, "this is not UTF-8" },
        { LITERAL("\"\xED\xA0\x80\""), 1, "this is not UTF-8" },
        { LITERAL("\"\xE2\x82"), 1, "this is not UTF-8" },
        { LITERAL("{\"a\":1,\"a\":2}"), 7, "the object has a member of this name already" },
        { LITERAL("{\"a\":1,\"\\u0061\":2}"), 7, "the object has a member of this name already" },
        { LITERAL("[{\"a\":null,\"a\":null}]"), 11, "the object has a member of this name already" },
        { LITERAL("{\"a\\u0000\":1}"), 1, "a member name must not hold U+0000" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct json_object *o = (struct json_object *)&o;
        size_t where;
        const char *why;
        /* a copy of the exact size, so that ASan sees a read past it */
        char *text = malloc(cases[i].n ? cases[i].n : 1);
        memcpy(text, cases[i].text, cases[i].n);
        enum ea_err err = ea_json_parse(text, cases[i].n, &o, &where, &why);
        free(text);
        if (err != EA_ESYNTAX || where != cases[i].where || strcmp(why, cases[i].why) != 0)
            fail_msg("%s: %d at %zu, %s", cases[i].text, (int)err, where, why);
        assert_null(o);
    }
}

static void depth_is_bounded(void **state)
{
    (void)state;
    char text[2 * EA_JSON_DEPTH_MAX + 2];
    struct json_object *o;
    for (int depth = EA_JSON_DEPTH_MAX; depth <= EA_JSON_DEPTH_MAX + 1; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        size_t where;
        const char *why;
        enum ea_err err = ea_json_parse(text, (size_t)depth * 2, &o, &where, &why);
        assert_int_equal(err, depth == EA_JSON_DEPTH_MAX ? EA_OK : EA_ESYNTAX);
        json_object_put(o);
        if (err)
            assert_int_equal(where, EA_JSON_DEPTH_MAX);
    }
    size_t n = 1000000;
    char *deep = malloc(n);
    memset(deep, '[', n);
    assert_int_equal(parse(deep, n, &o), EA_ESYNTAX);
    free(deep);
}

/* Whatever is done to a good text: no crash, and what is accepted json-c's own strict parser accepts as well. */
static void damaged_texts(void **state)
{
    static const char good[] =
        "{\"title\":\"Caf\xC3\xA9 \\u20ac \\\"x\\\"\",\"points\":[2.5,-1e3,0,true,null],\"o\":{\"k\":{}}}";
    (void)state;
    unsigned seed = 12345;
    struct json_tokener *tokener = json_tokener_new();
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    for (int round = 0; round < 40000; round++) {
        char text[sizeof good];
        struct json_object *o;
        memcpy(text, good, sizeof good);
        for (int k = 0; k <= round % 3; k++)
            text[(unsigned)rand_r(&seed) % (sizeof good - 1)] = (char)(rand_r(&seed) % 256);
        if (parse(text, sizeof good - 1, &o))
            continue;
        json_tokener_reset(tokener);
        struct json_object *theirs = json_tokener_parse_ex(tokener, text, sizeof good - 1);
        if (json_tokener_get_error(tokener) != json_tokener_success)
            fail_msg("accepted: %s", text);
        assert_true(json_object_equal(o, theirs));
        json_object_put(o);
        json_object_put(theirs);
    }
    json_tokener_free(tokener);
}

static bool read_strings(void)
{
    static const char text[] = "{\"key\":\"a string with \\n an escape\",\"other\":1.5}";
    struct json_object *o;
    enum ea_err err = parse(text, sizeof text - 1, &o);
    if (err)
        assert_int_equal(err, EA_ENOMEM);
    json_object_put(o);
    return !err;
}

static void out_of_memory_is_said(void **state)
{
    (void)state;
    assert_true(each_allocation_fails(read_strings) >= 2);
}

static void utf8(void **state)
{
    static const struct {
        const char *p;
        size_t n;
        bool valid;
    } cases[] = {
        { LITERAL(""), true },
        { LITERAL("abc"), true },
        { LITERAL("\x7F"), true },
        { LITERAL("\xC2\x80\xDF\xBF"), true },
        { LITERAL("\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF"), true },
        { LITERAL("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"), true },
        { LITERAL("a\0b"), false },
        { LITERAL("\x80"), false },
        { LITERAL("\xC1\xBF"), false },
        { LITERAL("\xE0\x9F\xBF"), false },
        { LITERAL("\xED\xA0\x80"), false },
        { LITERAL("\xF0\x8F\xBF\xBF"), false },
        { LITERAL("\xF4\x90\x80\x80"), false },
        { LITERAL("\xF5\x80\x80\x80"), false },
        { LITERAL("\xE2\x82"), false },
        { LITERAL("\xE2\x82x"), false },
        { LITERAL("\xF0\x9F\x98"), false },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(ea_utf8_valid(cases[i].p, cases[i].n), cases[i].valid);
}

static void values_are_written(void **state)
{
    struct ea_buf b = { 0 };
    struct ea_jw w;
    (void)state;
    ea_jw_init(&w, &b);
    ea_jw_obj(&w);
    ea_jw_kstr(&w, "s", "a\"b\\c\n\t\x01/\x7F");
    ea_jw_kstr(&w, "none", NULL);
    ea_jw_kint(&w, "min", INT64_MIN);
    ea_jw_kbool(&w, "yes", true);
    ea_jw_key(&w, "list");
    ea_jw_arr(&w);
    ea_jw_int(&w, 1);
    ea_jw_arr(&w);
    ea_jw_end(&w);
    ea_jw_obj(&w);
    ea_jw_end(&w);
    ea_jw_null(&w);
    ea_jw_bool(&w, false);
    ea_jw_end(&w);
    ea_jw_key(&w, "at");
    ea_jw_time(&w, 1795424400123456);
    ea_jw_kraw(&w, "raw", "{\"x\":[1]}");
    ea_jw_kraw(&w, "no_raw", NULL);
    ea_jw_key(&w, "k\"ey");
    ea_jw_strn(&w, "a\0b", 3);
    ea_jw_end(&w);
    assert_false(b.failed);
    assert_string_equal(
        b.p,
        "{\"s\":\"a\\\"b\\\\c\\n\\t\\u0001/\x7F\",\"none\":null,\"min\":-9223372036854775808,\"yes\":true,"
        "\"list\":[1,[],{},null,false],\"at\":\"2026-11-23T09:00:00.123Z\",\"raw\":{\"x\":[1]},"
        "\"no_raw\":null,\"k\\\"ey\":\"a\\u0000b\"}");
    ea_buf_free(&b);
}

static void thousandths(void **state)
{
    static const struct {
        int64_t milli;
        const char *text;
    } cases[] = {
        { 0, "0" },
        { 2500, "2.5" },
        { -2500, "-2.5" },
        { 1, "0.001" },
        { -1, "-0.001" },
        { 10, "0.01" },
        { 1000, "1" },
        { 100000, "100" },
        { 12345, "12.345" },
        { -1010, "-1.01" },
        { INT64_MAX, "9223372036854775.807" },
        { INT64_MIN, "-9223372036854775.808" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ea_buf b = { 0 };
        struct ea_jw w;
        ea_jw_init(&w, &b);
        ea_jw_milli(&w, cases[i].milli);
        assert_string_equal(b.p, cases[i].text);
        ea_buf_free(&b);
    }
}

/* Any bytes at all become a string that our own reader takes back. */
static void any_bytes_make_good_json(void **state)
{
    (void)state;
    unsigned seed = 7;
    for (int round = 0; round < 20000; round++) {
        char bytes[24];
        struct ea_buf b = { 0 };
        struct ea_jw w;
        struct json_object *o;
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (char)(rand_r(&seed) % (round % 2 ? 256 : 0xF5));
        ea_jw_init(&w, &b);
        ea_jw_strn(&w, bytes, sizeof bytes);
        assert_int_equal(parse(b.p, b.len, &o), EA_OK);
        json_object_put(o);
        ea_buf_free(&b);
    }
    struct ea_buf b = { 0 };
    struct ea_jw w;
    ea_jw_init(&w, &b);
    ea_jw_str(&w, "a\xFFz\xE2\x82 \xC3\xA9");
    assert_string_equal(b.p, "\"a\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD \xC3\xA9\"");
    ea_buf_free(&b);
}

static void end_too_often(struct ea_jw *w)
{
    ea_jw_arr(w);
    ea_jw_end(w);
    ea_jw_end(w);
}

static void value_without_key(struct ea_jw *w)
{
    ea_jw_obj(w);
    ea_jw_int(w, 1);
}

static void key_in_array(struct ea_jw *w)
{
    ea_jw_arr(w);
    ea_jw_key(w, "a");
}

static void key_without_value(struct ea_jw *w)
{
    ea_jw_obj(w);
    ea_jw_key(w, "a");
    ea_jw_end(w);
}

static void two_keys(struct ea_jw *w)
{
    ea_jw_obj(w);
    ea_jw_key(w, "a");
    ea_jw_key(w, "b");
}

static void too_deep(struct ea_jw *w)
{
    for (int i = 0; i < 65; i++)
        ea_jw_arr(w);
}

static void bad_nesting_fails(void **state)
{
    static void (*const misuses[])(struct ea_jw *) = { end_too_often,     value_without_key, key_in_array,
                                                       key_without_value, two_keys,          too_deep };
    (void)state;
    for (size_t i = 0; i < sizeof misuses / sizeof *misuses; i++) {
        struct ea_buf b = { 0 };
        struct ea_jw w;
        ea_jw_init(&w, &b);
        misuses[i](&w);
        assert_true(b.failed);
        ea_buf_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_read),           cmocka_unit_test(faults_are_found_where_they_are),
        cmocka_unit_test(depth_is_bounded),         cmocka_unit_test(damaged_texts),
        cmocka_unit_test(out_of_memory_is_said),    cmocka_unit_test(utf8),
        cmocka_unit_test(values_are_written),       cmocka_unit_test(thousandths),
        cmocka_unit_test(any_bytes_make_good_json), cmocka_unit_test(bad_nesting_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
