/* What stands between the braces: which kind it is, its alternatives, and the feedback at its end. */
#include "fcgi/quiz/gift_private.h"
#include "lib/decimal.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

/* ---- alternatives in ---- */

/* %50% or %-33.33333% in front of the text. */
static enum ea_err take_weight(struct gift_reader *r, struct gift_alternative *x)
{
    const char *p = x->text.p;

    if (p == x->text.end || *p != '%')
        return EA_OK;
    const char *end = memchr(p + 1, '%', (size_t)(x->text.end - p - 1));
    if (!end || strspn(p + 1, "-.0123456789") < (size_t)(end - p - 1) || end == p + 1)
        return EA_OK; /* a text that begins with % */
    if (ea_decimal_read(p + 1, (size_t)(end - p - 1), 5, &x->fraction) != EA_DECIMAL_OK ||
        x->fraction < -EA_FRACTION_ONE || x->fraction > EA_FRACTION_ONE)
        return gift_error(r, p, "format", "write a weight from %%-100%% to %%100%%, with at most 5 decimals");
    x->text.p = end + 1;
    return EA_OK;
}

enum ea_err gift_alternative(struct gift_reader *r, struct gift_span s, struct gift_alternative *out)
{
    bool marked = *s.p == '=' || *s.p == '~';

    *out = (struct gift_alternative){ .at = s.p, .right = *s.p != '~' };
    out->fraction = out->right ? EA_FRACTION_ONE : 0;
    s.p += marked;
    const char *hash = gift_find(s, "#");
    out->text = gift_trim((struct gift_span){ s.p, hash ? hash : s.end });
    enum ea_err err = take_weight(r, out);
    out->text = gift_trim(out->text);
    if (err || !hash)
        return err;
    return gift_feedback(r, (struct gift_span){ hash + 1, s.end }, EA_ITEM_TEXT_MAX, &out->feedback);
}

enum ea_err gift_split(struct gift_reader *r, struct gift_span s, size_t *n)
{
    static const char *const marks = "=~";

    *n = 0;
    s = gift_trim(s);
    while (s.p < s.end) {
        const char *next = gift_find((struct gift_span){ s.p + 1, s.end }, marks);
        if (*n == EA_ITEM_LIST_MAX)
            return gift_error(r, s.p, "too-many", "a question has at most %d answers", EA_ITEM_LIST_MAX);
        if (*n == 0 && !strchr(marks, *s.p) && next)
            return gift_error(r, s.p, "syntax",
                              "put = before a right answer and ~ before a wrong one; this has neither");
        r->parts[(*n)++] = (struct gift_span){ s.p, next ? next : s.end };
        s.p = next ? next : s.end;
    }
    return EA_OK;
}

/* ---- alternatives out ---- */

void gift_put_decimal(struct ea_buf *out, int64_t v, int64_t one, int decimals)
{
    int64_t size = v < 0 ? -v : v;
    size_t before = out->len;

    ea_buf_printf(out, "%s%" PRId64 ".%0*" PRId64, v < 0 ? "-" : "", size / one, decimals, size % one);
    while (out->len > before && out->p[out->len - 1] == '0')
        ea_buf_cut(out, out->len - 1);
    if (out->len > before && out->p[out->len - 1] == '.')
        ea_buf_cut(out, out->len - 1);
}

void gift_put_weight(struct ea_buf *out, int64_t fraction)
{
    ea_buf_char(out, '%');
    gift_put_decimal(out, fraction, EA_FRACTION_ONE / 100, EA_FRACTION_DECIMALS - 2);
    ea_buf_char(out, '%');
}

/* = and, unless it is the whole or the text would be taken for one, no weight. */
void gift_put_right(struct ea_buf *out, int64_t fraction, const char *text)
{
    ea_buf_str(out, "\t=");
    if (fraction != EA_FRACTION_ONE || *text == '%')
        gift_put_weight(out, fraction);
}

void gift_put_feedback(struct ea_buf *out, const char *s)
{
    if (s) {
        ea_buf_char(out, '#');
        gift_put_text(out, s);
    }
    ea_buf_char(out, '\n');
}

/* ---- all ---- */

/* A fault of the settled item as an error at what it is about: an answer, or the comment that has given ids. */
static const char *place_of(const struct gift_reader *r, struct gift_span s, const char *pointer)
{
    const char *at = s.p, *slash = strchr(pointer + 1, '/');
    size_t index = 0, n = strlen(pointer);

    if (n > 3 && strcmp(pointer + n - 3, "/id") == 0)
        return strncmp(pointer, "/options", 8) == 0 ? r->said.options.at : r->said.ids.at;
    for (const char *p = slash ? slash + 1 : ""; isdigit((unsigned char)*p); p++)
        index = index * 10 + (size_t)(*p - '0');
    for (size_t i = 0; i <= index && at; i++)
        at = gift_find((struct gift_span){ at + (i > 0), s.end }, "=~");
    return at;
}

static enum ea_err settle(struct gift_reader *r, struct gift_span s)
{
    struct ea_faults faults = { 0 };
    enum ea_err err = ea_item_settle(&r->q.item, r->a, "", &faults);

    if (err != EA_EINPUT)
        return err;
    if (faults.n == 0)
        return EA_ENOMEM;
    const char *at = place_of(r, s, faults.v[0].pointer);
    return gift_error(r, at ? at : s.p, faults.v[0].code, "%s", faults.v[0].detail);
}

/* The last #### is the item's own feedback. */
static enum ea_err take_general(struct gift_reader *r, struct gift_span *s)
{
    const char *at = NULL;

    for (const char *p = s->p; (p = gift_find((struct gift_span){ p, s->end }, "#")); p++)
        if (s->end - p >= 4 && memcmp(p, "####", 4) == 0)
            at = p;
    if (!at)
        return EA_OK;
    struct gift_span text = { at + 4, s->end };
    s->end = at;
    return gift_feedback(r, text, QUIZ_FEEDBACK_MAX, &r->q.feedback);
}

/* 1 or 0; -1: neither. A single small letter is a short answer: the force is {f}. */
static int truth_of(struct gift_span s)
{
    const char *hash = gift_find(s, "#");

    s = gift_trim((struct gift_span){ s.p, hash ? hash : s.end });
    if (s.end - s.p == 1)
        return *s.p == 'T' ? 1 : *s.p == 'F' ? 0 : -1;
    return gift_is_word(s, "TRUE") ? 1 : gift_is_word(s, "FALSE") ? 0 : -1;
}

static enum ea_err read_kind(struct gift_reader *r, struct gift_span s)
{
    int truth = truth_of(s);

    if (s.p == s.end) {
        r->q.item = (struct ea_item){ .kind = EA_ITEM_ESSAY,
                                      .min_words = r->said.min_words,
                                      .max_words = r->said.max_words };
        return EA_OK;
    }
    if (*s.p == '#')
        return gift_numeric_read(r, (struct gift_span){ s.p + 1, s.end });
    if (truth >= 0)
        return gift_truth_read(r, s, truth == 1);
    if (gift_find(s, "~"))
        return gift_choice_read(r, s);
    if (gift_find(s, "=") && gift_find_text(s, GIFT_ARROW))
        return gift_match_read(r, s);
    return gift_short_read(r, s);
}

enum ea_err gift_answers(struct gift_reader *r, struct gift_span s)
{
    enum ea_err err = take_general(r, &s);

    s = gift_trim(s);
    if (!err && !r->bad)
        err = read_kind(r, s);
    return err || r->bad ? err : settle(r, s);
}
