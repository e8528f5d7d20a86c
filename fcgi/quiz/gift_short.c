/* Short answers: {=one =%50%*other}, in which * is any text. */
#include "fcgi/quiz/gift_private.h"
#include "lib/answer.h"
#include "lib/pattern.h"

#include <ctype.h>
#include <string.h>

/* ---- in ---- */

/* Text in which * is anything and \* the star itself: a pattern, or a text when there is no such star. */
static enum ea_err read_wildcards(struct gift_reader *r, const char *s, const char **text,
                                  const char **pattern)
{
    size_t n = strlen(s);
    char *literal = ea_arena_alloc(r->a, n + 1), *regex = ea_arena_alloc(r->a, 2 * n + 1), *l = literal,
         *x = regex;
    bool wild = false;

    if (!literal || !regex)
        return EA_ENOMEM;
    for (; *s; s++) {
        if (*s == '*') {
            wild = true;
            *x++ = '.';
            *x++ = '*';
            continue;
        }
        if (s[0] == '\\' && s[1] == '*')
            s++;
        *l++ = *s;
        if (ispunct((unsigned char)*s))
            *x++ = '\\';
        *x++ = *s;
    }
    *text = wild ? NULL : literal;
    *pattern = wild ? regex : NULL;
    return EA_OK;
}

static enum ea_err read_one(struct gift_reader *r, struct gift_span part, struct ea_accept *out)
{
    enum quiz_markup format; /* whichever: it is compared with what people type */
    struct gift_alternative x;
    enum ea_err err = gift_alternative(r, part, &x);

    if (err || r->bad)
        return err;
    *out = (struct ea_accept){ .fraction = x.fraction,
                               .case_sensitive = r->said.case_sensitive,
                               .feedback = x.feedback };
    const char *plain = gift_plain(r, gift_format(x.text, &format));
    plain = plain ? ea_text_normal(r->a, plain) : NULL;
    if (!plain || read_wildcards(r, plain, &out->text, &out->pattern))
        return EA_ENOMEM;
    if (strlen(out->text ? out->text : out->pattern) > EA_PATTERN_MAX)
        return gift_error(r, x.at, "too-long", "an accepted text has at most %d bytes", EA_PATTERN_MAX);
    return EA_OK;
}

enum ea_err gift_short_read(struct gift_reader *r, struct gift_span s)
{
    struct ea_item *item = &r->q.item;
    size_t n;
    enum ea_err err = gift_split(r, s, &n);

    if (err || r->bad)
        return err;
    *item = (struct ea_item){ .kind = EA_ITEM_SHORT_TEXT, .n = n };
    item->accept = ea_arena_array(r->a, n, sizeof *item->accept);
    if (!item->accept)
        return EA_ENOMEM;
    for (size_t i = 0; !err && !r->bad && i < n; i++)
        err = read_one(r, r->parts[i], &item->accept[i]);
    return err;
}

/* ---- out ---- */

/* A pattern as text in which * is anything; *out NULL when it is no such pattern. */
static enum ea_err write_wildcards(const char *pattern, struct ea_arena *a, const char **out)
{
    char *text = ea_arena_alloc(a, 2 * strlen(pattern) + 1), *to = text;
    char before = 0; /* the literal in front */
    bool wild = false;

    *out = NULL;
    if (!text)
        return EA_ENOMEM;
    for (const char *p = pattern; *p; p++) {
        if (p[0] == '.' && p[1] == '*') {
            if (before == '\\') /* \* is the star itself */
                return EA_OK;
            *to++ = '*';
            wild = true;
            before = 0;
            p++;
            continue;
        }
        if (*p == '\\' && ispunct((unsigned char)p[1]))
            p++;
        else if (ispunct((unsigned char)*p))
            return EA_OK;
        if (*p == '*')
            *to++ = '\\';
        before = *to++ = *p;
    }
    const char *normal = ea_text_normal(a, text);
    if (!normal)
        return EA_ENOMEM;
    *out = wild && strcmp(normal, text) == 0 ? text : NULL;
    return EA_OK;
}

static enum ea_err accepted(const struct ea_accept *x, struct ea_arena *a, const char **out)
{
    if (x->pattern)
        return write_wildcards(x->pattern, a, out);
    char *text = ea_arena_alloc(a, 2 * strlen(x->text) + 1), *to = text;
    for (const char *p = x->text; text && *p; p++) {
        if (*p == '*')
            *to++ = '\\';
        *to++ = *p;
    }
    *out = text;
    return text ? EA_OK : EA_ENOMEM;
}

void gift_short_write(const struct ea_item *item, struct ea_arena *a, struct ea_buf *out)
{
    for (size_t i = 0; i < item->n; i++) {
        const char *text;
        if (accepted(&item->accept[i], a, &text) || !text) {
            out->failed = true;
            return;
        }
        gift_put_right(out, item->accept[i].fraction, text);
        if (*text == '[')
            ea_buf_str(out, "[plain]");
        gift_put_escaped(out, text);
        gift_put_feedback(out, item->accept[i].feedback);
    }
}

static bool has_arrow(const char *s)
{
    return s && strstr(s, GIFT_ARROW);
}

enum ea_err gift_short_why_not(const struct ea_item *item, struct ea_arena *a, const char **why)
{
    *why = NULL;
    for (size_t i = 0; !*why && i < item->n; i++) {
        const struct ea_accept *x = &item->accept[i];
        const char *text;
        enum ea_err err = accepted(x, a, &text);
        if (err)
            return err;
        *why = !text               ? "GIFT has no patterns but *"
               : x->ignore_accents ? "GIFT cannot ignore accents"
               : x->case_sensitive != item->accept[0].case_sensitive
                   ? "GIFT has no case sensitivity of single answers"
               : has_arrow(text) || has_arrow(x->feedback)
                   ? "GIFT takes -> among answers for pairs to be matched"
                   : NULL;
    }
    return EA_OK;
}
