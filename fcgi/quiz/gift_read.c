/* GIFT in: a file, its blocks, and what of a question is not in its comments or answers. The source is copied once; comment lines are
 * blanked in the copy with bytes that no text may have, so every pointer into the copy still tells line and column. */
#include "fcgi/quiz/gift_private.h"
#include "lib/utf8.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CATEGORY "$CATEGORY:"

/* ---- errors and their places ---- */

static bool grow(struct ea_arena *a, void **v, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return true;
    size_t more = *cap ? *cap * 2 : 16;
    void *bigger = ea_arena_array(a, more, size);
    if (!bigger)
        return false;
    if (n)
        memcpy(bigger, *v, n * size);
    *v = bigger;
    *cap = more;
    return true;
}

/* Characters count, not bytes. */
static void find_place(const struct gift_reader *r, const char *at, struct quiz_gift_error *e)
{
    e->line = r->line;
    e->column = 1;
    for (const char *p = r->block.p; p < at; p++)
        if (*p == '\n' || *p == GIFT_NEWLINE) {
            e->line++;
            e->column = 1;
        } else if (((unsigned char)*p & 0xC0) != 0x80 && *p != GIFT_REST) {
            e->column++;
        }
}

static enum ea_err add_error(struct gift_reader *r, const char *at, const char *code, const char *detail)
{
    struct quiz_gift *out = r->out;
    struct quiz_gift_error e = { .code = code, .detail = ea_arena_dup(r->a, detail) };
    void *v = out->errors;

    if (!e.detail || !grow(r->a, &v, out->errors_n, &out->errors_cap, sizeof e))
        return EA_ENOMEM;
    find_place(r, at, &e);
    out->errors = v;
    out->errors[out->errors_n++] = e;
    return EA_OK;
}

enum ea_err gift_error(struct gift_reader *r, const char *at, const char *code, const char *fmt, ...)
{
    char words[300];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    r->bad = true;
    if (r->out->errors_n < QUIZ_GIFT_ERRORS_MAX)
        return add_error(r, at, code, words);
    r->out->errors_more++;
    return EA_OK;
}

/* ---- one block ---- */

/* The stem; a gap in a sentence is shown where the answers stood. */
static enum ea_err read_stem(struct gift_reader *r, struct gift_span before, struct gift_span after)
{
    before = gift_format(before, &r->format);
    after = gift_trim(after);
    if (before.p == before.end && after.p == after.end)
        return gift_error(r, before.p, "required", "write the question in front of its answers");
    const char *gap = r->format == QUIZ_MARKDOWN ? "\\_\\_\\_\\_\\_" : "_____";
    const char *head = gift_plain(r, before), *tail = gift_plain(r, after), *whole = head;
    if (head && tail && *tail)
        whole = ea_arena_printf(r->a, "%s%s%s%s%s", head, *head ? " " : "", gap,
                                ispunct((unsigned char)*tail) ? "" : " ", tail);
    if (!head || !tail || !whole)
        return EA_ENOMEM;
    enum ea_err err = gift_markdown(r, before.p, r->format, whole, QUIZ_STEM_MAX, &r->q.stem);
    if (!err && !r->bad && !*r->q.stem)
        err = gift_error(r, before.p, "required", "nothing is left of the question without its HTML");
    return err;
}

/* As it stands: Moodle writes no escapes here, and knows none. */
static enum ea_err read_category(struct gift_reader *r, struct gift_span *s)
{
    static const char *const roots[] = { "$course$/", "$system$/", "$module$/", "top/" };
    const char *end = memchr(s->p, '\n', (size_t)(s->end - s->p));
    struct gift_span path = { s->p + strlen(CATEGORY), end ? end : s->end };

    s->p = path.end;
    path = gift_trim(path);
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
        if ((size_t)(path.end - path.p) >= strlen(roots[i]) &&
            strncmp(path.p, roots[i], strlen(roots[i])) == 0)
            path.p += strlen(roots[i]);
    const char *category = gift_line(r, path);
    if (!category)
        return EA_ENOMEM;
    if (strlen(category) > QUIZ_CATEGORY_MAX)
        return gift_error(r, path.p, "too-long", "a category has at most %d bytes", QUIZ_CATEGORY_MAX);
    r->category = *category ? category : NULL;
    return EA_OK;
}

static enum ea_err read_title(struct gift_reader *r, struct gift_span *s)
{
    struct gift_span rest = { s->p + 2, s->end };
    const char *end = NULL;

    for (const char *p = rest.p; !end && (p = gift_find((struct gift_span){ p, rest.end }, ":")); p++)
        if (p + 1 < rest.end && p[1] == ':')
            end = p;
    if (!end)
        return gift_error(r, s->p, "syntax", "end the title with ::");
    s->p = end + 2;
    const char *title = gift_plain(r, gift_trim((struct gift_span){ rest.p, end }));
    title = title ? gift_line(r, (struct gift_span){ title, title + strlen(title) }) : NULL;
    if (!title)
        return EA_ENOMEM;
    if (strlen(title) > QUIZ_TITLE_MAX)
        return gift_error(r, rest.p, "too-long", "a title has at most %d bytes", QUIZ_TITLE_MAX);
    r->q.title = *title ? title : NULL;
    return EA_OK;
}

static enum ea_err store(struct gift_reader *r)
{
    struct quiz_gift *out = r->out;
    void *v = out->questions;
    size_t cap = out->cap;

    if (out->n == QUIZ_GIFT_QUESTIONS_MAX)
        return gift_error(r, r->block.p, "too-many", "at most %d questions are taken at once",
                          QUIZ_GIFT_QUESTIONS_MAX);
    if (!grow(r->a, &v, out->n, &cap, sizeof *out->questions))
        return EA_ENOMEM;
    out->questions = v;
    v = out->lines;
    cap = out->cap;
    if (!grow(r->a, &v, out->n, &cap, sizeof *out->lines))
        return EA_ENOMEM;
    out->lines = v;
    out->cap = cap;
    out->lines[out->n] = r->line;
    out->questions[out->n++] = r->q;
    return EA_OK;
}

static enum ea_err read_question(struct gift_reader *r, struct gift_span s)
{
    enum ea_err err = EA_OK;

    if (s.end - s.p >= 2 && s.p[0] == ':' && s.p[1] == ':')
        err = read_title(r, &s);
    if (err || r->bad)
        return err;
    const char *open = gift_find(s, "{}");
    if (!open)
        return gift_error(
            r, s.p, "unsupported",
            "a description (text without answers in braces) cannot be an item; if it is a question, add {…}");
    if (*open == '}')
        return gift_error(r, open, "syntax", "} without { before it; write \\} for the character itself");
    struct gift_span answers = { open + 1, s.end };
    const char *close = gift_find(answers, "{}");
    if (!close)
        return gift_error(r, open, "syntax",
                          "end the answers that begin here with }; no empty line may be among them");
    if (*close == '{')
        return gift_error(r, close, "syntax", "{ inside the answers; write \\{ for the character itself");
    answers.end = close;
    const char *again = gift_find((struct gift_span){ close + 1, s.end }, "{}");
    if (again)
        return gift_error(
            r, again, "unsupported",
            "a question with several sets of answers cannot be an item; write \\{ and \\} for the characters themselves");
    err = read_stem(r, (struct gift_span){ s.p, open }, (struct gift_span){ close + 1, s.end });
    if (!err && !r->bad)
        err = gift_answers(r, answers);
    if (!err && !r->bad)
        err = store(r);
    return err;
}

/* Characters that no text has: said once per block, at the first. */
static enum ea_err check_characters(struct gift_reader *r, struct gift_span s)
{
    for (size_t step; s.p < s.end; s.p += step) {
        step = ea_utf8_step(s.p, (size_t)(s.end - s.p));
        if (step == 0)
            return gift_error(
                r, s.p, "encoding",
                "this is not UTF-8 (perhaps Latin-1, which Windows calls ANSI); save the file as UTF-8");
        if (((unsigned char)*s.p < ' ' && *s.p != '\n' && *s.p != '\t' && !gift_no_text(*s.p)) ||
            *s.p == 0x7F)
            return gift_error(r, s.p, "control", "a control character, number %d; take it out", *s.p);
    }
    return EA_OK;
}

static enum ea_err read_block(struct gift_reader *r)
{
    r->bad = false;
    r->format = QUIZ_LOOSE;
    r->said = (struct gift_said){ 0 };
    r->q = (struct quiz_question){ .points = 1000, .difficulty = -1 };
    if (r->block.end - r->block.p > QUIZ_GIFT_BLOCK_MAX)
        return gift_error(r, r->block.p, "too-long",
                          "more than %d bytes without an empty line; put one between questions",
                          QUIZ_GIFT_BLOCK_MAX);
    enum ea_err err = check_characters(r, r->block);
    if (!err && !r->bad)
        err = gift_comments(r);
    struct gift_span s = gift_trim(r->block);
    while (!err && !r->bad && s.end - s.p >= (ptrdiff_t)strlen(CATEGORY) &&
           strncmp(s.p, CATEGORY, strlen(CATEGORY)) == 0) {
        err = read_category(r, &s);
        s = gift_trim(s);
    }
    r->q.category = r->category;
    if (err || r->bad || s.p == s.end)
        return err;
    return read_question(r, s);
}

/* ---- the file ---- */

/* Every other byte of ASCII text in UTF-16 is zero. */
static bool looks_like_utf16(const char *p, size_t n)
{
    size_t zeros[2] = { 0 }, looked = n < 400 ? n : 400;

    for (size_t i = 0; i < looked; i++)
        zeros[i % 2] += p[i] == '\0';
    return looked >= 4 &&
           ((zeros[0] == 0 && zeros[1] >= looked / 4) || (zeros[1] == 0 && zeros[0] >= looked / 4));
}

static const char *no_text(const char *p, size_t n)
{
    if (n >= 2 && (memcmp(p, "\xFF\xFE", 2) == 0 || memcmp(p, "\xFE\xFF", 2) == 0))
        return "this is UTF-16; save the file as UTF-8";
    if (!memchr(p, '\0', n))
        return NULL;
    if (looks_like_utf16(p, n))
        return "this looks like UTF-16; save the file as UTF-8";
    return "this is no text (it has bytes of zero); choose the GIFT file itself, not a document or an archive";
}

/* CRLF and CR become one newline each, without moving anything. */
static void settle_newlines(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (gift_no_text(p[i]))
            p[i] = '\x04'; /* they are ours now; this one the block's check will refuse */
        else if (p[i] == '\r')
            p[i] = i + 1 < n && p[i + 1] == '\n' ? GIFT_BLANK : '\n';
}

static bool is_empty(const char *p, const char *end)
{
    struct gift_span s = gift_trim((struct gift_span){ p, end });

    return s.p == s.end;
}

static const char *line_end(const char *p, const char *end)
{
    const char *newline = memchr(p, '\n', (size_t)(end - p));

    return newline ? newline : end;
}

enum ea_err quiz_gift_read(const char *p, size_t n, struct ea_arena *a, struct quiz_gift *out)
{
    struct gift_reader r = { .a = a, .out = out, .line = 1, .block = { p, p } };
    enum ea_err err = EA_OK;
    const char *why = no_text(p, n), *end, *eol;

    *out = (struct quiz_gift){ 0 };
    if (why)
        return gift_error(&r, p, "encoding", "%s", why) ? EA_ENOMEM : EA_EMEDIA;
    size_t bom = n >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    char *copy = ea_arena_ndup(a, p + bom, n - bom);
    if (!copy)
        return EA_ENOMEM;
    settle_newlines(copy, n - bom);
    r.copy = copy;
    p = copy;
    end = copy + n - bom;
    for (size_t line = 1; !err && p < end; p = eol + (eol < end), line++) {
        eol = line_end(p, end);
        if (is_empty(p, eol))
            continue;
        r.block.p = p;
        r.line = line;
        while (eol < end && !is_empty(eol + 1, line_end(eol + 1, end))) {
            eol = line_end(eol + 1, end);
            line++;
        }
        r.block.end = eol;
        err = read_block(&r);
    }
    return err;
}
