/* Markdown: what is shown is safe, and what is counted is what is shown. */
#include "tests/unit/arena.h"

#include "lib/arena.h"
#include "lib/md.h"

#include <stdlib.h>
#include <string.h>

static const char *html(const char *text)
{
    struct ea_buf b = { 0 };
    assert_ok(ea_md_html(text, strlen(text), &b));
    const char *copy = ea_arena_ndup(arena, b.p, b.len);
    ea_buf_free(&b);
    return copy;
}

static struct ea_md_facts read(const char *text)
{
    struct ea_md_facts facts;
    assert_ok(ea_md_read(text, strlen(text), arena, &facts));
    return facts;
}

static void test_html(void **state)
{
    (void)state;
    assert_string_equal(html("# A\n\nb *c*\n"), "<h1>A</h1>\n<p>b <em>c</em></p>\n");
    struct ea_buf b = { 0 };
    ea_buf_str(&b, "before ");
    assert_ok(ea_md_html("x", 1, &b));
    assert_string_equal(b.p, "before <p>x</p>\n");
    ea_buf_free(&b);
}

static void test_html_is_safe(void **state)
{
    (void)state;
    static const char *const attacks[] = {
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](vbscript:x)",
        "[x](file:///etc/passwd)",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](javascript:alert(1))",
        "<javascript:alert(1)>",
    };
    static const char *const never[] = { "<script",   "<img src=x",  "onerror",     "href=\"j", "href=\"J",
                                         "href=\"vb", "href=\"file", "href=\"data", "src=\"j" };
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++)
        for (size_t k = 0; k < sizeof never / sizeof *never; k++)
            assert_null(strstr(html(attacks[i]), never[k]));
    assert_non_null(strstr(html("\"<&>\""), "&quot;&lt;&amp;&gt;&quot;"));
}

static void test_where_a_page_may_lead(void **state)
{
    (void)state;
    assert_string_equal(html("[x](https://a.example/?b=c)"),
                        "<p><a href=\"https://a.example/?b=c\">x</a></p>\n");
    assert_string_equal(html("<HTTP://a.example>"),
                        "<p><a href=\"HTTP://a.example\">HTTP://a.example</a></p>\n");
    assert_string_equal(html("<a@a.example>"), "<p><a href=\"mailto:a@a.example\">a@a.example</a></p>\n");
    static const char *const nowhere[] = { "[x](ftp://a.example)",
                                           "[x](//a.example)",
                                           "[x](/v1/me)",
                                           "[x](intent:y)",
                                           "[x](data:image/png;base64,AAAA)",
                                           "[x]()",
                                           "![x](data:image/png;base64,AAAA)",
                                           "![x](y)" };
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++)
        assert_string_equal(html(nowhere[i]), "<p><a href=\"\">x</a></p>\n");
    /* nobody's browser is made to ask for an image */
    assert_string_equal(html("![a *b*](https://a.example/c.png \"d\")"),
                        "<p><a href=\"https://a.example/c.png\">a <em>b</em></a></p>\n");
    assert_null(strstr(html("[![![a](b)](c)](https://a.example)"), "<img"));
}

static void test_bytes_that_are_no_text(void **state)
{
    (void)state;
    assert_string_equal(html("a\xff\xc0z"), "<p>a\xef\xbf\xbd\xef\xbf\xbdz</p>\n");
    struct ea_md_facts f;
    assert_ok(ea_md_read("a\0b c", 5, arena, &f));
    assert_int_equal(f.words, 2);
}

static void test_words_that_a_reader_sees(void **state)
{
    (void)state;
    assert_int_equal(read("").words, 0);
    assert_int_equal(read("one **two** three\nfour").words, 4);
    assert_int_equal(read("half**way** through").words, 2);
    assert_int_equal(read("# A heading\n\n- one\n- two\n\n> quoted text\n").words, 6);
    assert_int_equal(read("see [the page](https://example.org/a-b-c \"a title\") now").words, 4);
    assert_int_equal(read("inline `code here`\n\n```c\nint x = 1;\n```\n").words, 7);
    assert_int_equal(read("a <b>bold</b> word\n\n<div>not shown at all</div>\n").words, 3);
    assert_int_equal(read("![a picture of something](x.png) shown").words, 1);
    assert_int_equal(read("&amp; &lt;").words, 2);
}

static void test_headings(void **state)
{
    (void)state;
    struct ea_md_facts f = read("# The *first*\n\ntext\n\nSecond\n------\n\n### `third`\n\n#\n");
    static const struct ea_md_heading expect[] = {
        { 1, "The first" }, { 2, "Second" }, { 3, "third" }, { 1, "" }
    };
    assert_int_equal(f.headings_n, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(f.headings[i].level, expect[i].level);
        assert_string_equal(f.headings[i].text, expect[i].text);
    }
    assert_string_equal(f.plain, "The first\ntext\nSecond\nthird\n");
}

static void test_links(void **state)
{
    (void)state;
    struct ea_md_facts f =
        read("[a](https://a.example) <https://b.example> [c]\n![i](https://i.example)\n[x](javascript:1) "
             "[e]()\n\n[c]: /relative\n");
    static const char *const expect[] = { "https://a.example", "https://b.example", "/relative" };
    assert_int_equal(f.links_n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(f.links[i], expect[i]);
}

static void test_many_of_each(void **state)
{
    (void)state;
    struct ea_buf b = { 0 };
    for (int i = 0; i < 1000; i++)
        ea_buf_printf(&b, "# h%d\n\n[l](u%d)\n\n", i, i);
    struct ea_md_facts f = read(b.p);
    assert_int_equal(f.headings_n, 1000);
    assert_int_equal(f.links_n, 1000);
    assert_int_equal(f.words, 2000);
    assert_string_equal(f.headings[999].text, "h999");
    assert_string_equal(f.links[999], "u999");
    ea_buf_free(&b);
}

/* Nesting as deep as a body may be long must cost neither the stack nor minutes. */
static void test_deep_nesting(void **state)
{
    (void)state;
    enum { N = 50000 };
    char *text = malloc(2 * N + 2);
    assert_non_null(text);
    static const char *const units[] = { "> ", "[", "*a", "- " };
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        size_t n = strlen(units[u]);
        for (size_t i = 0; i < N; i++)
            memcpy(text + i * n, units[u], n);
        memcpy(text + N * n, "x", 2);
        struct ea_md_facts f;
        struct ea_buf b = { 0 };
        assert_ok(ea_md_html(text, N * n + 1, &b));
        assert_ok(ea_md_read(text, N * n + 1, arena, &f));
        ea_buf_free(&b);
    }
    free(text);
}

/* n bytes of a pattern, over and over. */
static char *repeated(const char *pattern, size_t n)
{
    char *text = ea_arena_alloc(arena, n + 1);
    assert_non_null(text);
    for (size_t i = 0, len = strlen(pattern); i < n; i++)
        text[i] = pattern[i % len];
    return text;
}

/* Images beyond the thousandth are plain text; so a megabyte of what would take cmark minutes (CVE-2023-22486) is done. */
static void test_images_without_end(void **state)
{
    (void)state;
    const char *page = html(repeated("![a](b)\n", 1500 * 8));
    size_t images = 0, others = 0;
    for (const char *p = page; (p = strstr(p, "<a href=\"\">a</a>")); p++)
        images++;
    for (const char *p = page; (p = strstr(p, "![a](b)")); p++)
        others++;
    assert_int_equal(images, 1000);
    assert_int_equal(others, 500);
    const char *attack = repeated("![[]()", (size_t)1 << 20);
    assert_non_null(html(attack));
    assert_true(read(attack).words > 0);
}

static void test_too_large(void **state)
{
    (void)state;
    struct ea_buf b = { 0 };
    struct ea_md_facts f;
    assert_err(ea_md_html("", ((size_t)16 << 20) + 1, &b), EA_ETOOLARGE);
    assert_err(ea_md_read("", ((size_t)16 << 20) + 1, arena, &f), EA_ETOOLARGE);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, arena_set_up, arena_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_html),
        TEST(test_html_is_safe),
        TEST(test_where_a_page_may_lead),
        TEST(test_bytes_that_are_no_text),
        TEST(test_words_that_a_reader_sees),
        TEST(test_headings),
        TEST(test_links),
        TEST(test_many_of_each),
        TEST(test_deep_nesting),
        TEST(test_images_without_end),
        TEST(test_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
