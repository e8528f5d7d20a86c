#include "fcgi/quiz/markup.h"

#include "lib/md.h"
#include "tests/unit/unit.h"

#include <string.h>

static void assert_becomes(enum quiz_markup from, const char *text, const char *markdown)
{
    struct ea_buf out = { 0 };
    char bad[QUIZ_TAG_NAME_MAX] = "";

    if (quiz_markup_markdown(from, text, strlen(text), &out, bad))
        fail_msg("%s: <%s>", text, bad);
    assert_string_equal(out.p ? out.p : "", markdown);
    ea_buf_free(&out);
}

static void assert_refused(const char *text, const char *tag)
{
    struct ea_buf out = { 0 };
    char bad[QUIZ_TAG_NAME_MAX] = "";

    assert_err(quiz_markup_markdown(QUIZ_HTML, text, strlen(text), &out, bad), EA_EINPUT);
    assert_string_equal(bad, tag);
    ea_buf_free(&out);
}

static void plain_text_stands_for_itself(void **state)
{
    (void)state;
    assert_becomes(QUIZ_PLAIN, "2*3*4 = [x] `y` a_b _c_ \\ <b> &amp;",
                   "2\\*3\\*4 = \\[x\\] \\`y\\` a_b \\_c\\_ \\\\ \\<b> \\&amp;");
    assert_becomes(QUIZ_PLAIN, "# one\n- two\n3. three\n> four",
                   "\\# one\\\n\\- two\\\n3\\. three\\\n\\> four");
    assert_becomes(QUIZ_PLAIN, "one\n\n\ntwo", "one\n\ntwo");
    assert_becomes(QUIZ_PLAIN, "    not code", "not code");
    assert_becomes(QUIZ_MARKDOWN, "# *one*", "# *one*");
}

/* Whatever the text, the reader of its HTML sees it as it was. */
static void plain_text_survives_rendering(void **state)
{
    static const char *const texts[] = {
        "*a* **b** _c_", "1) a", "a < b > c & d &lt;", "[a](b)", "![a](b)", "---", "===", "\\*", "`` ` ``",
        "~~~",           "+ a",  "<http://x.y>",       "___"
    };
    struct ea_buf markdown, html;
    char bad[QUIZ_TAG_NAME_MAX];
    (void)state;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        markdown = html = (struct ea_buf){ 0 };
        assert_ok(quiz_markup_markdown(QUIZ_PLAIN, texts[i], strlen(texts[i]), &markdown, bad));
        assert_ok(ea_md_html(markdown.p, markdown.len, &html));
        struct ea_buf expected = { 0 };
        ea_buf_str(&expected, "<p>");
        for (const char *p = texts[i]; *p; p++)
            if (*p == '<')
                ea_buf_str(&expected, "&lt;");
            else if (*p == '>')
                ea_buf_str(&expected, "&gt;");
            else if (*p == '&')
                ea_buf_str(&expected, "&amp;");
            else
                ea_buf_char(&expected, *p);
        ea_buf_str(&expected, "</p>\n");
        assert_string_equal(html.p, expected.p);
        ea_buf_free(&expected);
        ea_buf_free(&markdown);
        ea_buf_free(&html);
    }
}

static void html_becomes_markdown(void **state)
{
    (void)state;
    assert_becomes(QUIZ_HTML, "<p>One <b>bold </b>and <i>it</i>.</p>\n<p>Two<br>lines</p>",
                   "One **bold** and *it*.\n\nTwo\\\nlines\n\n");
    assert_becomes(QUIZ_HTML, "H<sub>2</sub>O, m<sup>-2</sup>", "H₂O, m⁻²");
    assert_becomes(QUIZ_HTML, "<ul><li>a</li><li>b</li></ul>", "- a\n- b\n\n");
    assert_becomes(QUIZ_HTML, "<ol><li>a<li>b</ol>c", "1. a\n2. b\n\nc");
    assert_becomes(QUIZ_HTML, "<pre>x  *y*\nz</pre>", "```\nx  *y*\nz\n```\n\n");
    assert_becomes(QUIZ_HTML, "<a href=\"https://x.y/?a=1\">it</a> <img src='i.png' alt=\"An *i*\">",
                   "[it](<https://x.y/?a=1>) ![An \\*i\\*](<i.png>)");
    assert_becomes(QUIZ_HTML, "a&nbsp;&eacute; 1 &lt; 2 <!-- no --><span class=\"x>y\">s</span>",
                   "a&nbsp;&eacute; 1 &lt; 2 s");
    assert_becomes(QUIZ_HTML, "<h2>Title</h2>text", "## Title\n\ntext");
    assert_becomes(QUIZ_LOOSE, "if a<b then <b>x</b>\nnext <table>", "if a\\<b then **x**\\\nnext \\<table>");
    assert_becomes(QUIZ_LOOSE, "x<sub>max</sub>", "x\\<sub>max\\</sub>");
}

/* CommonMark knows neither backslashes nor references nor tags inside code. */
static void code_stands_as_it_is(void **state)
{
    (void)state;
    assert_becomes(QUIZ_HTML, "if <code>a*b &lt; <b>c_</b><br>d</code>, *x", "if `a*b < c_ d`, \\*x");
    assert_becomes(QUIZ_HTML, "<pre><code>a[1] &amp;&#39;&eacute;<br>*b</code></pre>c",
                   "```\na[1] &'&eacute;\n*b\n```\n\nc");
    assert_becomes(QUIZ_HTML, "<code></code>a</code></pre><code>b", "a`b`");
    assert_becomes(QUIZ_HTML, "a <code>b<pre>c</pre>", "a `b`\n\n```\nc\n```\n\n");
    assert_becomes(QUIZ_LOOSE, "<code>a*b</code> a*b", "`a*b` a\\*b");
}

static void assert_plain(const char *markdown, const char *plain)
{
    struct ea_buf out = { 0 };
    enum ea_err err;

    ea_buf_str(&out, "before ");
    err = quiz_markup_plain(markdown, &out);
    assert_err(err, plain ? EA_OK : EA_ENOTFOUND);
    assert_string_equal(out.p + 7, plain ? plain : "");
    ea_buf_free(&out);
}

static void plain_text_comes_back(void **state)
{
    (void)state;
    assert_plain("Ottawa", "Ottawa");
    assert_plain("2\\*3 = \\[x\\] a_b \\\\", "2*3 = [x] a_b \\");
    assert_plain("one\\\ntwo\n\nthree", "one\ntwo\n\nthree");
    assert_plain("", "");
    assert_plain("2*3", NULL); /* as it is written; the plain text has a backslash */
    assert_plain("**bold**", NULL);
    assert_plain("a\\b", NULL);
    assert_plain("one\ntwo", NULL);
    assert_plain("- entry", NULL);
}

static void what_markdown_cannot_say_is_named(void **state)
{
    (void)state;
    assert_refused("a <table><tr>", "table");
    assert_refused("<script>alert(1)</script>", "script");
    assert_refused("x<sub>max</sub>", "sub");
    assert_refused("<img src=\"@@PLUGINFILE@@/a.png\">", "img");
    assert_refused("<a href=\"x\ny\">l</a>", "a");
    assert_refused("<code>a`b</code>", "code");
    assert_refused("<pre>a\n```</pre>", "pre");
    assert_refused("<pre><table></pre>", "table");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_stands_for_itself), cmocka_unit_test(plain_text_survives_rendering),
        cmocka_unit_test(html_becomes_markdown),        cmocka_unit_test(code_stands_as_it_is),
        cmocka_unit_test(plain_text_comes_back),        cmocka_unit_test(what_markdown_cannot_say_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
