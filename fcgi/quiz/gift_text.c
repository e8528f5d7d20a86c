/* Texts of GIFT: escapes and formats, in and out. */
#include "fcgi/quiz/gift_private.h"
#include "lib/answer.h"

#include <ctype.h>
#include <string.h>

/* ---- spans and escapes ---- */

bool gift_no_text(char c)
{
    return c == GIFT_BLANK || c == GIFT_NEWLINE || c == GIFT_REST;
}

struct gift_span gift_trim(struct gift_span s)
{
    while (s.p < s.end && (isspace((unsigned char)*s.p) || gift_no_text(*s.p)))
        s.p++;
    while (s.end > s.p && (isspace((unsigned char)s.end[-1]) || gift_no_text(s.end[-1])))
        s.end--;
    return s;
}

bool gift_is_word(struct gift_span s, const char *word)
{
    return (size_t)(s.end - s.p) == strlen(word) && strncasecmp(s.p, word, strlen(word)) == 0;
}

/* At p: a backslash that takes the next character's meaning, or makes it a line break. */
static bool is_escape(const char *p, const char *end)
{
    return *p == '\\' && p + 1 < end && strchr("\\#={}~:n", p[1]) && p[1];
}

const char *gift_find(struct gift_span s, const char *set)
{
    for (const char *p = s.p; p < s.end; p++)
        if (is_escape(p, s.end))
            p++;
        else if (*p && strchr(set, *p))
            return p;
    return NULL;
}

const char *gift_find_text(struct gift_span s, const char *text)
{
    return s.p < s.end ? memmem(s.p, (size_t)(s.end - s.p), text, strlen(text)) : NULL;
}

const char *gift_plain(struct gift_reader *r, struct gift_span s)
{
    char *out = ea_arena_alloc(r->a, (size_t)(s.end - s.p) + 1), *to = out;

    if (!out)
        return NULL;
    for (const char *p = s.p; p < s.end; p++) {
        if (gift_no_text(*p))
            continue;
        if (is_escape(p, s.end)) {
            p++;
            *to++ = *p == 'n' ? '\n' : *p;
        } else {
            *to++ = *p;
        }
    }
    return out;
}

/* A run of white space with a line break or a tab in it becomes one space; spaces alone stay. */
const char *gift_line(struct gift_reader *r, struct gift_span s)
{
    char *out = ea_arena_alloc(r->a, (size_t)(s.end - s.p) + 1), *to = out, *run = out;
    bool breaks = false; /* in the run of white space that begins at `run` */

    if (!out)
        return NULL;
    for (const char *p = s.p; p < s.end; p++) {
        if (*p == '\n' || *p == '\t' || *p == GIFT_NEWLINE) {
            breaks = true;
        } else if (*p == ' ') {
            *to++ = ' ';
        } else if (!gift_no_text(*p)) {
            if (breaks) {
                to = run;
                *to++ = ' ';
            }
            *to++ = *p;
            run = to;
            breaks = false;
        }
    }
    return ea_text_tidy(r->a, out);
}

/* ---- texts in their formats ---- */

struct gift_span gift_format(struct gift_span s, enum quiz_markup *format)
{
    static const struct {
        const char *word;
        enum quiz_markup format;
    } words[] = { { "[html]", QUIZ_HTML },
                  { "[markdown]", QUIZ_MARKDOWN },
                  { "[moodle]", QUIZ_LOOSE },
                  { "[plain]", QUIZ_PLAIN } };

    s = gift_trim(s);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if ((size_t)(s.end - s.p) >= strlen(words[i].word) &&
            strncasecmp(s.p, words[i].word, strlen(words[i].word)) == 0) {
            s.p += strlen(words[i].word);
            *format = words[i].format;
            return gift_trim(s);
        }
    return s;
}

enum ea_err gift_markdown(struct gift_reader *r, const char *at, enum quiz_markup format, const char *plain,
                          size_t max, const char **out)
{
    struct ea_buf b = { 0 };
    char bad[QUIZ_TAG_NAME_MAX] = "";
    struct gift_span t = gift_trim((struct gift_span){ plain, plain + strlen(plain) });
    enum ea_err err = quiz_markup_markdown(format, t.p, (size_t)(t.end - t.p), &b, bad);

    if (err == EA_EINPUT)
        err = gift_error(
            r, at, "unsupported",
            "the HTML tag <%s> cannot be put into Markdown; take it out, or write it as text under [plain]",
            bad);
    if (!err) {
        const char *text = b.p ? b.p : "";
        t = gift_trim((struct gift_span){ text, text + b.len });
        *out = ea_arena_ndup(r->a, t.p, (size_t)(t.end - t.p));
        err = *out ? EA_OK : EA_ENOMEM;
    }
    if (!err && !r->bad && (size_t)(t.end - t.p) > max)
        err = gift_error(r, at, "too-long", "this text has more than %zu bytes", max);
    ea_buf_free(&b);
    return err;
}

enum ea_err gift_text(struct gift_reader *r, struct gift_span s, enum quiz_markup format, size_t max,
                      const char **out)
{
    s = gift_format(s, &format);
    const char *plain = gift_plain(r, s);
    return plain ? gift_markdown(r, s.p, format, plain, max, out) : EA_ENOMEM;
}

enum ea_err gift_feedback(struct gift_reader *r, struct gift_span s, size_t max, const char **out)
{
    enum ea_err err = gift_text(r, s, r->format, max, out);

    if (!err && !**out)
        *out = NULL;
    return err;
}

/* ---- out ---- */

void gift_put_escaped(struct ea_buf *out, const char *s)
{
    for (; *s; s++)
        if (*s == '\n') {
            ea_buf_str(out, "\\n");
        } else {
            if (strchr("\\~=#{}:", *s))
                ea_buf_char(out, '\\');
            ea_buf_char(out, *s);
        }
}

void gift_put_text(struct ea_buf *out, const char *s)
{
    if (*s == '[')
        ea_buf_str(out, "[markdown]");
    gift_put_escaped(out, s);
}
