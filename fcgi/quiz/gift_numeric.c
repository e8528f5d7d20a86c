/* Numbers: {#3.2:0.1}, {#3..4} and {#=3 =%50%3:1}. */
#include "fcgi/quiz/gift_private.h"

#include <string.h>

/* ---- in ---- */

static enum ea_err read_number(struct gift_reader *r, struct gift_span s, struct ea_exact *out)
{
    s = gift_trim(s);
    if (ea_exact_read(s.p, (size_t)(s.end - s.p), out))
        return gift_error(r, s.p, "format",
                          memchr(s.p, ',', (size_t)(s.end - s.p))
                              ? "write the number with a point, not with a comma"
                              : "write a number here, as 3.2, 3.2:0.1 or 3..4");
    return EA_OK;
}

/* 2..4 is 3:1. */
static enum ea_err read_range(struct gift_reader *r, struct gift_span s, const char *dots,
                              struct ea_numeric *out)
{
    struct ea_exact low, high;
    enum ea_err err = read_number(r, (struct gift_span){ s.p, dots }, &low);

    if (!err && !r->bad)
        err = read_number(r, (struct gift_span){ dots + 2, s.end }, &high);
    if (err || r->bad)
        return err;
    if (ea_exact_cmp(&low, &high) > 0)
        return gift_error(r, s.p, "out-of-range",
                          "write the smaller number first: the range ends before it begins");
    if (ea_exact_sub(&high, &low, &out->tolerance) || ea_exact_half(&out->tolerance, &out->tolerance) ||
        ea_exact_add(&low, &out->tolerance, &out->value))
        return gift_error(r, s.p, "out-of-range", "the range has too many digits");
    return EA_OK;
}

static enum ea_err read_one(struct gift_reader *r, struct gift_span part, struct ea_numeric *out)
{
    struct gift_alternative x;
    enum ea_err err = gift_alternative(r, part, &x);

    if (err || r->bad)
        return err;
    if (!x.right || gift_is_word(x.text, "*"))
        return gift_error(r, x.at, "unsupported",
                          "a numeric item has no answer for any other number; put its feedback after ####");
    *out = (struct ea_numeric){ .fraction = x.fraction, .feedback = x.feedback };
    const char *dots = gift_find_text(x.text, ".."), *colon = gift_find_text(x.text, ":");
    if (dots)
        return read_range(r, x.text, dots, out);
    err = read_number(r, (struct gift_span){ x.text.p, colon ? colon : x.text.end }, &out->value);
    if (!err && !r->bad && colon)
        err = read_number(r, (struct gift_span){ colon + 1, x.text.end }, &out->tolerance);
    return err;
}

enum ea_err gift_numeric_read(struct gift_reader *r, struct gift_span s)
{
    struct ea_item *item = &r->q.item;
    size_t n;
    enum ea_err err = gift_split(r, s, &n);

    if (err || r->bad)
        return err;
    if (n == 0)
        return gift_error(r, s.p, "required", "write a number after #, as {#3.2}");
    *item = (struct ea_item){ .kind = EA_ITEM_NUMERIC, .n = n };
    item->numeric = ea_arena_array(r->a, n, sizeof *item->numeric);
    if (!item->numeric)
        return EA_ENOMEM;
    for (size_t i = 0; !err && !r->bad && i < n; i++)
        err = read_one(r, r->parts[i], &item->numeric[i]);
    return err;
}

/* ---- out ---- */

void gift_numeric_write(const struct ea_item *item, struct ea_arena *a, struct ea_buf *out)
{
    char text[EA_EXACT_SIZE];

    (void)a;
    for (size_t i = 0; i < item->n; i++) {
        const struct ea_numeric *x = &item->numeric[i];
        gift_put_right(out, x->fraction, "");
        ea_buf_printf(out, "%s:", ea_exact_text(&x->value, text));
        ea_buf_str(out, ea_exact_text(&x->tolerance, text));
        gift_put_feedback(out, x->feedback);
    }
}

enum ea_err gift_numeric_why_not(const struct ea_item *item, struct ea_arena *a, const char **why)
{
    (void)a;
    *why = item->wrong_unit      ? "GIFT has no points for a right number with a wrong unit"
           : item->wrong_figures ? "GIFT has no points for a right number with wrong significant figures"
                                 : NULL;
    for (size_t i = 0; !*why && i < item->n; i++)
        *why = item->numeric[i].unit       ? "GIFT has no units"
               : item->numeric[i].relative ? "GIFT has no relative tolerance"
               : item->numeric[i].figures  ? "GIFT has no significant figures"
                                           : NULL;
    return EA_OK;
}
