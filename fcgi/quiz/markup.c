#include "fcgi/quiz/markup.h"

#include "fcgi/quiz/markup_private.h"

#include <ctype.h>
#include <string.h>

bool markup_at_line_start(const struct markup *w)
{
    size_t i = w->out->len;

    while (i > w->start && w->out->p[i - 1] == ' ')
        i--;
    return i == w->start || w->out->p[i - 1] == '\n';
}

static bool only_digits_on_line(const struct markup *w)
{
    size_t i = w->out->len, digits = 0;

    while (i > w->start && isdigit((unsigned char)w->out->p[i - 1])) {
        i--;
        digits++;
    }
    while (i > w->start && w->out->p[i - 1] == ' ')
        i--;
    return digits > 0 && digits < 10 && (i == w->start || w->out->p[i - 1] == '\n');
}

static bool in_word(const struct markup *w, const char *p, const char *end)
{
    return w->out->len > w->start && isalnum((unsigned char)w->out->p[w->out->len - 1]) && p + 1 < end &&
           isalnum((unsigned char)p[1]);
}

static bool needs_backslash(const struct markup *w, const char *p, const char *end)
{
    switch (*p) {
    case '\\':
    case '`':
    case '*':
    case '[':
    case ']':
    case '<':
        return true;
    case '_':
        return !in_word(w, p, end);
    case '&': /* HTML's references are left to CommonMark, which knows them all */
        return w->from == QUIZ_PLAIN && p + 1 < end && (isalnum((unsigned char)p[1]) || p[1] == '#');
    case '#':
    case '+':
    case '-':
    case '>':
    case '=':
    case '~':
        return markup_at_line_start(w);
    case '.':
    case ')':
        return only_digits_on_line(w);
    default:
        return false;
    }
}

/* A line break that shows, and the spaces of an indented line, which would make it code. */
void markup_break(struct markup *w)
{
    while (w->out->len > w->start && w->out->p[w->out->len - 1] == ' ')
        ea_buf_cut(w->out, w->out->len - 1);
    if (w->out->len > w->start && w->out->p[w->out->len - 1] != '\n')
        ea_buf_str(w->out, "\\\n");
}

void markup_character(struct markup *w, const char *p, const char *end)
{
    if (isspace((unsigned char)*p)) {
        if (*p == '\n' && w->from != QUIZ_HTML)
            markup_break(w);
        else if (!markup_at_line_start(w) && w->out->p[w->out->len - 1] != ' ')
            ea_buf_char(w->out, ' ');
        return;
    }
    if (needs_backslash(w, p, end))
        ea_buf_char(w->out, '\\');
    ea_buf_char(w->out, *p);
}

/* Two newlines in a row end a paragraph. Plain text's break before them was one too many. */
void markup_paragraph(struct markup *w)
{
    struct ea_buf *out = w->out;

    while (out->len > w->start && (out->p[out->len - 1] == '\n' || out->p[out->len - 1] == ' '))
        ea_buf_cut(out, out->len - 1);
    if (out->len > w->start && out->p[out->len - 1] == '\\')
        ea_buf_cut(out, out->len - 1);
    if (out->len > w->start)
        ea_buf_str(out, "\n\n");
}

static void plain(struct markup *w, const char *p, const char *end)
{
    for (; p < end; p++)
        if (*p == '\n' && p + 1 < end && p[1] == '\n')
            markup_paragraph(w);
        else
            markup_character(w, p, end);
}

enum ea_err quiz_markup_markdown(enum quiz_markup from, const char *p, size_t n, struct ea_buf *out,
                                 char bad[QUIZ_TAG_NAME_MAX])
{
    struct markup w = { .from = from, .out = out, .start = out->len };
    enum ea_err err = EA_OK;

    if (from == QUIZ_MARKDOWN)
        ea_buf_add(out, p, n);
    else if (from == QUIZ_PLAIN)
        plain(&w, p, p + n);
    else
        err = markup_hypertext(&w, p, p + n, bad);
    return err ? err : out->failed ? EA_ENOMEM : EA_OK;
}

/* Its characters without the backslashes that make them stand for themselves. */
static void take_backslashes(const char *markdown, struct ea_buf *out)
{
    for (const char *p = markdown; *p; p++) {
        if (p[0] == '\\' && (p[1] == '\n' || ispunct((unsigned char)p[1])))
            p++;
        ea_buf_char(out, *p);
    }
}

enum ea_err quiz_markup_plain(const char *markdown, struct ea_buf *out)
{
    size_t before = out->len;
    struct ea_buf again = { 0 };
    char bad[QUIZ_TAG_NAME_MAX];

    take_backslashes(markdown, out);
    enum ea_err err = out->failed ? EA_ENOMEM : EA_OK;
    if (!err && out->p)
        err = quiz_markup_markdown(QUIZ_PLAIN, out->p + before, out->len - before, &again, bad);
    if (!err && strcmp(again.p ? again.p : "", markdown) != 0) {
        ea_buf_cut(out, before);
        err = EA_ENOTFOUND;
    }
    ea_buf_free(&again);
    return err;
}
