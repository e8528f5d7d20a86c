#include "tests/unit/unit.h"

#include "fcgi/core/multipart.h"
#include "lib/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a parse told, as text: `name|filename|type{data}` for each part. */
struct told {
    struct ea_buf text;
    enum ea_err fail_part, fail_data, fail_end;
};

static enum ea_err on_part(const char *name, const char *filename, const char *type, void *arg)
{
    struct told *t = arg;
    ea_buf_printf(&t->text, "%s|%s|%s{", name, filename != NULL ? filename : "-", type);
    return t->fail_part;
}

static enum ea_err on_data(const char *p, size_t n, void *arg)
{
    struct told *t = arg;
    assert_true(n > 0);
    ea_buf_add(&t->text, p, n);
    return t->fail_data;
}

static enum ea_err on_part_end(void *arg)
{
    struct told *t = arg;
    ea_buf_char(&t->text, '}');
    return t->fail_end;
}

static const struct ea_multipart_ops ops = { on_part, on_data, on_part_end };

/* Feeds body cut at the given places. */
static enum ea_err parse_cut(const char *body, size_t n, const size_t *cuts, size_t cuts_n, struct told *t)
{
    struct ea_multipart *m;
    size_t at = 0;
    ea_buf_reset(&t->text);
    assert_ok(ea_multipart_new("multipart/form-data; boundary=XYZ", 20, &ops, t, &m));
    enum ea_err err = EA_OK;
    for (size_t i = 0; i <= cuts_n && err == EA_OK; i++) {
        size_t to = i < cuts_n ? cuts[i] : n;
        char *copy = malloc(to - at + 1); /* of its own, so that a sanitizer sees what reads beyond */
        assert_non_null(copy);
        memcpy(copy, body + at, to - at);
        err = ea_multipart_feed(m, copy, to - at);
        free(copy);
        at = to;
    }
    if (err == EA_OK)
        err = ea_multipart_end(m);
    ea_multipart_free(m);
    return err;
}

static const char *text_of(const struct told *t)
{
    return t->text.len > 0 ? t->text.p : "";
}

static const char usual[] =
    "a preamble that nobody reads\r\n"
    "--XYZ\r\n"
    "Content-Disposition: form-data; name=\"text\"\r\n\r\n"
    "two\r\nlines and \r\n--XY and \r\r\n--\r\n-\r\n"
    "\r\n--XYZ  \r\n"
    "content-type: text/markdown; charset=utf-8\r\n"
    "CONTENT-DISPOSITION: form-data; filename=\"C:\\work\\essay.md\"; name=\"file\"\r\n\r\n"
    "\r\n--XYZ\r\n"
    "Content-Disposition: form-data; name=file; filename=x.bin\r\nX-More: 1\r\n\r\n"
    "\r"
    "\r\n--XYZ--\r\nan epilogue --XYZ\r\n";
static const char usual_told[] = "text|-|text/plain{two\r\nlines and \r\n--XY and \r\r\n--\r\n-\r\n}"
                                 "file|essay.md|text/markdown; charset=utf-8{}"
                                 "file|x.bin|text/plain{\r}";

static void a_usual_form(void **state)
{
    struct told t = { 0 };
    (void)state;
    assert_ok(parse_cut(usual, sizeof usual - 1, NULL, 0, &t));
    assert_string_equal(text_of(&t), usual_told);
    ea_buf_free(&t.text);
}

static void cut_in_two_anywhere(void **state)
{
    struct told t = { 0 };
    (void)state;
    for (size_t cut = 0; cut < sizeof usual; cut++) {
        assert_ok(parse_cut(usual, sizeof usual - 1, &cut, 1, &t));
        assert_string_equal(text_of(&t), usual_told);
    }
    ea_buf_free(&t.text);
}

static void cut_in_three_anywhere(void **state)
{
    struct told t = { 0 };
    (void)state;
    for (size_t a = 0; a < sizeof usual; a += 3) {
        for (size_t b = a; b < sizeof usual; b += 5) {
            const size_t cuts[] = { a, b };
            assert_ok(parse_cut(usual, sizeof usual - 1, cuts, 2, &t));
            assert_string_equal(text_of(&t), usual_told);
        }
    }
    ea_buf_free(&t.text);
}

static void byte_by_byte(void **state)
{
    struct told t = { 0 };
    size_t cuts[sizeof usual];
    (void)state;
    for (size_t i = 0; i < sizeof usual; i++)
        cuts[i] = i;
    assert_ok(parse_cut(usual, sizeof usual - 1, cuts, sizeof usual - 1, &t));
    assert_string_equal(text_of(&t), usual_told);
    ea_buf_free(&t.text);
}

static unsigned next(unsigned *seed)
{
    return (*seed = *seed * 1103515245u + 12345u) >> 16;
}

/* Bodies made of the bytes that a delimiter is made of, cut anywhere: what went in comes out. */
static void random_bodies_come_out_whole(void **state)
{
    static const char alphabet[] = "\r\n-XYZa";
    unsigned seed = 7;
    struct told t = { 0 };
    (void)state;
    for (int round = 0; round < 5000; round++) {
        char data[64];
        size_t n = next(&seed) % sizeof data, cuts[4];
        for (size_t i = 0; i < n; i++)
            data[i] = alphabet[next(&seed) % (sizeof alphabet - 1)];
        if (memmem(data, n, "\r\n--XYZ", 7) != NULL)
            continue;
        struct ea_buf body = { 0 }, want = { 0 };
        ea_buf_str(&body, "--XYZ\r\nContent-Disposition: form-data; name=\"d\"\r\n\r\n");
        ea_buf_add(&body, data, n);
        ea_buf_str(&body, "\r\n--XYZ--");
        ea_buf_str(&want, "d|-|text/plain{");
        ea_buf_add(&want, data, n);
        ea_buf_char(&want, '}');
        for (size_t i = 0, low = 0; i < 4; i++)
            low = cuts[i] = low + next(&seed) % (body.len - low + 1);
        assert_ok(parse_cut(body.p, body.len, cuts, 4, &t));
        assert_int_equal(t.text.len, want.len);
        assert_memory_equal(t.text.p, want.p, want.len);
        ea_buf_free(&body);
        ea_buf_free(&want);
    }
    ea_buf_free(&t.text);
}

/* Any bytes: an answer, and no harm. */
static void random_bytes_are_survived(void **state)
{
    static const char alphabet[] = "\r\n-XYZ:;=\" \\aContent-Disposition";
    unsigned seed = 11;
    struct told t = { 0 };
    (void)state;
    for (int round = 0; round < 20000; round++) {
        char body[400];
        size_t at =
            (size_t)snprintf(body, sizeof body, "--XYZ\r\nContent-Disposition: form-data; name=\"d\"");
        size_t n = at + next(&seed) % (sizeof body - at);
        for (; at < n; at++)
            body[at] = alphabet[next(&seed) % (sizeof alphabet - 1)];
        const size_t cut = next(&seed) % (n + 1);
        enum ea_err err = parse_cut(body, n, &cut, 1, &t);
        assert_true(err == EA_OK || err == EA_EBADREQUEST || err == EA_ETOOLARGE);
    }
    ea_buf_free(&t.text);
}

#define PART(disposition, data) "--XYZ\r\nContent-Disposition: " disposition "\r\n\r\n" data "\r\n--XYZ--"

static void file_names_are_made_harmless(void **state)
{
    static const char *const cases[][2] = {
        { PART("form-data; name=\"f\"; filename=\"../../etc/passwd\"", ""), "f|passwd|text/plain{}" },
        { PART("form-data; name=\"f\"; filename=\"..\"", ""), "f|__|text/plain{}" },
        { PART("form-data; name=\"f\"; filename=\"\"", ""), "f||text/plain{}" },
        { PART("form-data; name=\"f\"; filename=\"a\\\"b\x01\x7f.txt\"", ""), "f|a\"b.txt|text/plain{}" },
        { PART("form-data; name=\"f\"; filename=\"\xc3\xa4.pdf\"", ""), "f|\xc3\xa4.pdf|text/plain{}" },
        { PART("form-data; name=\"f\"; filename=\"\xff.pdf\"", ""), "f|_.pdf|text/plain{}" },
        { PART("form-data; name=\"f\"; filename=\"a;name=x\"", ""), "f|a;name=x|text/plain{}" },
        { PART("form-data; filename=\"a;name=x\"; name=\"f\"", ""), "f|a;name=x|text/plain{}" },
    };
    struct told t = { 0 };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(parse_cut(cases[i][0], strlen(cases[i][0]), NULL, 0, &t));
        assert_string_equal(text_of(&t), cases[i][1]);
    }
    ea_buf_free(&t.text);
}

static void bad_bodies_are_refused(void **state)
{
    static const char *const bodies[] = {
        "",
        "--XYZ",
        "--XYZ--x", /* that one is whole: what follows is epilogue; see below */
        "--XYZ\r\n\r\n\r\n--XYZ--",
        "--XYZ\r\nContent-Disposition: form-data\r\n\r\n\r\n--XYZ--",
        "--XYZ\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\n\r\n--XYZ--",
        "--XYZ\r\nContent-Disposition form-data; name=\"a\"\r\n\r\n\r\n--XYZ--",
        "--XYZ\r\nContent-Disposition: form-data; name=\"a\r\n\r\n\r\n--XYZ--",
        "--XYZ\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\n\r\n--XYZ--",
        "--XYZ\r\nContent-Disposition: form-data;\r\n name=\"a\"\r\n\r\n\r\n--XYZ--",
        "--XYZ\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ndata",
        "--XYZ\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ndata\r\n--XYZ",
        "--XYZ\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ndata\r\n--XYZ-",
        "--XYZ\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ndata\r\n--XYZ-x",
        "--XYZ\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ndata\r\n--XYZa",
        "--XYZ\rContent-Disposition: form-data; name=\"a\"\r\n\r\ndata\r\n--XYZ--",
    };
    struct told t = { 0 };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        assert_err(parse_cut(bodies[i], strlen(bodies[i]), NULL, 0, &t), i == 2 ? EA_OK : EA_EBADREQUEST);
    static const char nul[] = "--XYZ\r\nContent-Disposition: form-data; name=\"a\0b\"\r\n\r\n\r\n--XYZ--";
    assert_err(parse_cut(nul, sizeof nul - 1, NULL, 0, &t), EA_EBADREQUEST);
    ea_buf_free(&t.text);
}

static void there_are_bounds(void **state)
{
    struct ea_buf body = { 0 };
    struct told t = { 0 };
    (void)state;
    for (int i = 0; i < 21; i++)
        ea_buf_str(&body, "--XYZ\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n");
    ea_buf_str(&body, "--XYZ--");
    assert_err(parse_cut(body.p, body.len, NULL, 0, &t), EA_ETOOLARGE);
    ea_buf_reset(&body);
    ea_buf_str(&body, "--XYZ\r\nContent-Disposition: form-data; name=\"a\"\r\nX: ");
    for (int i = 0; i < 9000; i++)
        ea_buf_char(&body, 'x');
    ea_buf_str(&body, "\r\n\r\n\r\n--XYZ--");
    assert_err(parse_cut(body.p, body.len, NULL, 0, &t), EA_EBADREQUEST);
    ea_buf_free(&body);
    ea_buf_free(&t.text);
}

static void a_callbacks_error_ends_the_parse(void **state)
{
    struct told t = { .fail_part = EA_EINPUT };
    (void)state;
    assert_err(parse_cut(usual, sizeof usual - 1, NULL, 0, &t), EA_EINPUT);
    t = (struct told){ .fail_data = EA_ENOSPACE, .text = t.text };
    assert_err(parse_cut(usual, sizeof usual - 1, NULL, 0, &t), EA_ENOSPACE);
    t = (struct told){ .fail_end = EA_ENOMEM, .text = t.text };
    assert_err(parse_cut(usual, sizeof usual - 1, NULL, 0, &t), EA_ENOMEM);
    ea_buf_free(&t.text);
}

static void content_types(void **state)
{
    static const char *const good[] = {
        "multipart/form-data; boundary=x",
        "Multipart/Form-Data;charset=utf-8;boundary=\"a b\"",
        "multipart/form-data ; Boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
        "multipart/form-data; boundary=aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg",
    };
    static const char *const bad[] = {
        "",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"a ",
        "multipart/form-data; boundary=\"a \"",
        "multipart/form-data; boundary=a\x80",
        "multipart/form-data; boundary=aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggggggggh",
        "multipart/form-datax; boundary=x",
        "multipart/mixed; boundary=x",
        "application/json",
    };
    struct ea_multipart *m;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_ok(ea_multipart_new(good[i], 1, &ops, NULL, &m));
        ea_multipart_free(m);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_err(ea_multipart_new(bad[i], 1, &ops, NULL, &m), EA_EMEDIA);
    assert_err(ea_multipart_new(NULL, 1, &ops, NULL, &m), EA_EMEDIA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_usual_form),
        cmocka_unit_test(cut_in_two_anywhere),
        cmocka_unit_test(cut_in_three_anywhere),
        cmocka_unit_test(byte_by_byte),
        cmocka_unit_test(random_bodies_come_out_whole),
        cmocka_unit_test(random_bytes_are_survived),
        cmocka_unit_test(file_names_are_made_harmless),
        cmocka_unit_test(bad_bodies_are_refused),
        cmocka_unit_test(there_are_bounds),
        cmocka_unit_test(a_callbacks_error_ends_the_parse),
        cmocka_unit_test(content_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
