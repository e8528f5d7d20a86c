/* HTML's tags as CommonMark. */
#include "fcgi/quiz/markup_private.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define HREF_MAX 2000

struct tag {
    char name[QUIZ_TAG_NAME_MAX];
    bool closing;
    const char *attributes, *end; /* end: after > */
};

static bool read_tag(const char *p, const char *end, struct tag *out)
{
    size_t n = 0;
    const char *s = p + 1;

    *out = (struct tag){ 0 };
    if (s < end && *s == '/') {
        out->closing = true;
        s++;
    }
    for (; s < end && (isalnum((unsigned char)*s) || *s == ':') && n + 1 < QUIZ_TAG_NAME_MAX; s++)
        out->name[n++] = (char)tolower((unsigned char)*s);
    if (n == 0 || !isalpha((unsigned char)out->name[0]))
        return false;
    out->attributes = s;
    for (char quote = 0; s < end; s++) {
        if (quote)
            quote = *s == quote ? 0 : quote;
        else if (*s == '"' || *s == '\'')
            quote = *s;
        else if (*s == '>' || *s == '<')
            break;
    }
    out->end = s + 1;
    return s < end && *s == '>';
}

/* The value of an attribute; NULL when it has none. */
static const char *attribute(const struct tag *t, const char *name, size_t *n)
{
    size_t len = strlen(name);

    for (const char *s = t->attributes; s + len + 1 < t->end; s++) {
        if (!isspace((unsigned char)s[0]) || strncasecmp(s + 1, name, len) != 0 || s[1 + len] != '=')
            continue;
        const char *v = s + len + 2, *stop;
        if (*v == '"' || *v == '\'') {
            stop = memchr(v + 1, *v, (size_t)(t->end - v - 1));
            v++;
        } else {
            for (stop = v; stop < t->end - 1 && !isspace((unsigned char)*stop); stop++)
                ;
        }
        if (!stop)
            return NULL;
        *n = (size_t)(stop - v);
        return v;
    }
    return NULL;
}

/* An address can stand between < and > when it has none of them, and no spaces that break a line. */
static bool address_ok(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strchr("<>\n\\", p[i]) || p[i] == '\0')
            return false;
    return n > 0 && n <= HREF_MAX && strncmp(p, "@@", n < 2 ? n : 2) != 0;
}

static bool tag_break(struct markup *w, const struct tag *t)
{
    (void)t;
    markup_break(w);
    return true;
}

static bool tag_paragraph(struct markup *w, const struct tag *t)
{
    (void)t;
    markup_paragraph(w);
    return true;
}

static bool tag_nothing(struct markup *w, const struct tag *t)
{
    (void)w;
    (void)t;
    return true;
}

/* The spaces inside <b> go outside: CommonMark's marks must touch the word. */
static bool emphasis(struct markup *w, const struct tag *t, const char *mark)
{
    struct ea_buf *out = w->out;
    bool space = false;

    if (!t->closing) {
        ea_buf_str(out, mark);
        return true;
    }
    while (out->len > w->start && out->p[out->len - 1] == ' ') {
        ea_buf_cut(out, out->len - 1);
        space = true;
    }
    ea_buf_str(out, mark);
    if (space)
        ea_buf_char(out, ' ');
    return true;
}

static bool tag_strong(struct markup *w, const struct tag *t)
{
    return emphasis(w, t, "**");
}

static bool tag_em(struct markup *w, const struct tag *t)
{
    return emphasis(w, t, "*");
}

static void end_code(struct markup *w)
{
    if (w->code && w->out->len > w->start && w->out->p[w->out->len - 1] == '`')
        ea_buf_cut(w->out, w->out->len - 1); /* there was nothing in it */
    else if (w->code)
        ea_buf_char(w->out, '`');
    w->code = false;
}

static bool tag_pre(struct markup *w, const struct tag *t)
{
    if (w->pre == !t->closing)
        return true;
    end_code(w);
    if (!t->closing)
        markup_paragraph(w);
    ea_buf_str(w->out, t->closing ? "\n```\n\n" : "```\n");
    w->pre = !t->closing;
    return true;
}

static bool tag_code(struct markup *w, const struct tag *t)
{
    if (t->closing)
        end_code(w);
    else if (!w->pre && !w->code)
        ea_buf_char(w->out, '`');
    w->code |= !t->closing && !w->pre;
    return true;
}

static bool tag_heading(struct markup *w, const struct tag *t)
{
    markup_paragraph(w);
    for (char i = '0'; !t->closing && i < t->name[1]; i++)
        ea_buf_char(w->out, '#');
    if (!t->closing)
        ea_buf_char(w->out, ' ');
    return true;
}

static bool tag_list(struct markup *w, const struct tag *t)
{
    if (t->closing) {
        w->lists -= w->lists > 0;
        if (w->lists == 0)
            markup_paragraph(w);
        return true;
    }
    if (w->lists == MARKUP_DEPTH_MAX)
        return false;
    if (w->lists == 0)
        markup_paragraph(w);
    w->numbers[w->lists++] = t->name[0] == 'o';
    return true;
}

static bool tag_entry(struct markup *w, const struct tag *t)
{
    if (t->closing)
        return true;
    if (!markup_at_line_start(w))
        ea_buf_char(w->out, '\n');
    for (int i = 1; i < w->lists; i++)
        ea_buf_str(w->out, "   ");
    int *number = &w->numbers[w->lists ? w->lists - 1 : 0];
    if (w->lists && *number)
        ea_buf_printf(w->out, "%d. ", (*number)++);
    else
        ea_buf_str(w->out, "- ");
    return true;
}

static bool tag_link(struct markup *w, const struct tag *t)
{
    if (t->closing) {
        if (w->href)
            ea_buf_printf(w->out, "](<%.*s>)", (int)w->href_n, w->href);
        w->href = NULL;
        return true;
    }
    w->href = attribute(t, "href", &w->href_n);
    if (w->href && !address_ok(w->href, w->href_n))
        return false;
    if (w->href)
        ea_buf_char(w->out, '[');
    return true;
}

static bool tag_image(struct markup *w, const struct tag *t)
{
    size_t src_n = 0, alt_n = 0;
    const char *src = attribute(t, "src", &src_n), *alt = attribute(t, "alt", &alt_n);

    if (!src || !address_ok(src, src_n))
        return false;
    ea_buf_str(w->out, "![");
    for (size_t i = 0; alt && i < alt_n; i++)
        markup_character(w, alt + i, alt + alt_n);
    ea_buf_printf(w->out, "](<%.*s>)", (int)src_n, src);
    return true;
}

static const struct {
    const char *name;
    bool (*put)(struct markup *w, const struct tag *t); /* false: it cannot be said in CommonMark */
} tags[] = {
    { "a", tag_link },        { "b", tag_strong },      { "br", tag_break },     { "code", tag_code },
    { "div", tag_paragraph }, { "em", tag_em },         { "font", tag_nothing }, { "h1", tag_heading },
    { "h2", tag_heading },    { "h3", tag_heading },    { "h4", tag_heading },   { "h5", tag_heading },
    { "h6", tag_heading },    { "i", tag_em },          { "img", tag_image },    { "li", tag_entry },
    { "ol", tag_list },       { "p", tag_paragraph },   { "pre", tag_pre },      { "small", tag_nothing },
    { "span", tag_nothing },  { "strong", tag_strong }, { "tt", tag_code },      { "u", tag_nothing },
    { "ul", tag_list },
};

static bool (*find_tag(const char *name))(struct markup *, const struct tag *)
{
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (strcmp(tags[i].name, name) == 0)
            return tags[i].put;
    return NULL;
}

/* H<sub>2</sub>O and m<sup>2</sup>: digits and signs have letters of their own. False: the text between is something else. */
static bool raised(struct markup *w, const struct tag *open, const char *end, const char **next)
{
    static const char *const up[] = { "⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹", "⁺", "⁻" };
    static const char *const down[] = { "₀", "₁", "₂", "₃", "₄", "₅", "₆", "₇", "₈", "₉", "₊", "₋" };
    static const char *const from = "0123456789+-";
    const char *const *to = strcmp(open->name, "sup") == 0 ? up : down, *p;
    size_t before = w->out->len;
    struct tag close;

    for (p = open->end; p < end && *p != '<'; p++) {
        const char *at = *p ? strchr(from, *p) : NULL;
        if (!at)
            break;
        ea_buf_str(w->out, to[at - from]);
    }
    if (p < end && *p == '<' && read_tag(p, end, &close) && close.closing &&
        strcmp(close.name, open->name) == 0) {
        *next = close.end;
        return true;
    }
    ea_buf_cut(w->out, before);
    return false;
}

static bool is_comment(const char *p, const char *end)
{
    return end - p >= 4 && memcmp(p, "<!--", 4) == 0;
}

static const char *after_comment(const char *p, const char *end)
{
    const char *stop = memmem(p + 4, (size_t)(end - p) - 4, "-->", 3);

    return stop ? stop + 3 : end;
}

static bool is_raised(const char *name)
{
    return strcmp(name, "sub") == 0 || strcmp(name, "sup") == 0;
}

/* Inside code CommonMark knows no references: those that editors write there. */
static char reference(const char *p, const char *end, size_t *n)
{
    static const struct {
        const char *name;
        char is;
    } names[] = { { "&lt;", '<' },    { "&gt;", '>' },   { "&amp;", '&' },  { "&quot;", '"' },
                  { "&apos;", '\'' }, { "&#39;", '\'' }, { "&nbsp;", ' ' }, { "&#160;", ' ' } };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        *n = strlen(names[i].name);
        if ((size_t)(end - p) >= *n && memcmp(p, names[i].name, *n) == 0)
            return names[i].is;
    }
    *n = 1;
    return *p;
}

/* One character of code. False: Markdown would take it for the code's end. */
static bool put_code(struct markup *w, const char *p, const char *end, const char **next)
{
    size_t n;
    char c = reference(p, end, &n);

    *next = p + n;
    ea_buf_char(w->out, c);
    if (w->pre)
        return w->out->len < 3 || memcmp(w->out->p + w->out->len - 3, "```", 3) != 0;
    return c != '`';
}

/* One tag; false when it cannot be put. */
static bool put_tag(struct markup *w, const struct tag *t, const char *end, const char **next)
{
    bool (*put)(struct markup *, const struct tag *) = find_tag(t->name);

    *next = t->end;
    if (is_raised(t->name))
        return !t->closing && raised(w, t, end, next);
    if ((w->pre || w->code) && put && put != tag_pre && put != tag_code) { /* code has no marks in it */
        if (put == tag_break)
            ea_buf_char(w->out, w->pre ? '\n' : ' ');
        return true;
    }
    return put && put(w, t);
}

/* What stands at p: a comment, a tag, a paragraph's end or a character. */
static enum ea_err hypertext_step(struct markup *w, const char *p, const char *end, const char **next,
                                  char bad[QUIZ_TAG_NAME_MAX])
{
    struct tag t;

    *next = p + 1;
    if (is_comment(p, end)) {
        *next = after_comment(p, end);
        return EA_OK;
    }
    bool loose = w->from != QUIZ_HTML;
    if (*p == '<' && read_tag(p, end, &t) && (!loose || find_tag(t.name) || is_raised(t.name))) {
        if (put_tag(w, &t, end, next))
            return EA_OK;
        if (!loose || !is_raised(t.name)) {
            memcpy(bad, t.name, sizeof t.name);
            return EA_EINPUT;
        }
        *next = p + 1;
    }
    if (w->pre || w->code) {
        if (put_code(w, p, end, next))
            return EA_OK;
        (void)snprintf(bad, QUIZ_TAG_NAME_MAX, "%s", w->pre ? "pre" : "code");
        return EA_EINPUT;
    }
    if (*p == '\n' && p + 1 < end && p[1] == '\n' && loose)
        markup_paragraph(w);
    else
        markup_character(w, p, end);
    return EA_OK;
}

enum ea_err markup_hypertext(struct markup *w, const char *p, const char *end, char bad[QUIZ_TAG_NAME_MAX])
{
    enum ea_err err = EA_OK;

    for (const char *next; !err && p < end; p = next)
        err = hypertext_step(w, p, end, &next, bad);
    end_code(w);
    return err;
}
