/* Numbers as people type them, with units and significant figures. */
#include "workers/grader/score_private.h"

#include "lib/unit.h"

#include <string.h>

#define NUMBER_MAX 200 /* characters of a number as typed */

struct number {
    struct ea_exact value;
    char text[NUMBER_MAX + 1]; /* without what groups */
};

struct typed {
    struct number readings[2];
    size_t n;
    const char *unit;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A minus sign of print, and spaces between digits: gone. Returns what stands behind the number. */
static const char *strip(const char *s, char out[NUMBER_MAX + 1])
{
    size_t n = 0;
    bool digits = false;

    for (; *s && n < NUMBER_MAX; s++) {
        if (strncmp(s, "\xE2\x88\x92", 3) == 0) {
            out[n++] = '-';
            s += 2;
        } else if (*s == ' ' && digits && is_digit(s[1])) {
            continue;
        } else if (is_digit(*s) || strchr("+-.,", *s)) {
            out[n++] = *s;
        } else if ((*s == 'e' || *s == 'E') && digits &&
                   (is_digit(s[1]) || (s[1] && strchr("+-", s[1]) && is_digit(s[2])))) {
            out[n++] = *s;
        } else {
            break;
        }
        digits |= is_digit(*s);
    }
    out[n] = '\0';
    return s;
}

/* Groups of three behind each comma: "1,000" and "12,345,678.9". */
static bool is_grouped(const char *s)
{
    const char *comma = strchr(s, ','), *p = s + strspn(s, "+-");

    if (!comma || comma == p || comma - p > 3 || *p == '0')
        return false;
    for (p = comma; *p == ','; p += 4)
        if (!is_digit(p[1]) || !is_digit(p[2]) || !is_digit(p[3]) || is_digit(p[4]))
            return false;
    return !strchr(p, ',');
}

static void add_reading(struct typed *t, const char *s, char comma)
{
    struct number *x = &t->readings[t->n];
    size_t n = 0;

    for (; *s; s++)
        if (*s != ',')
            x->text[n++] = *s;
        else if (comma)
            x->text[n++] = comma;
    x->text[n] = '\0';
    t->n += ea_exact_read(x->text, n, &x->value) == EA_OK;
}

static enum ea_err read_typed(const struct ea_answer *answer, struct ea_arena *a, struct typed *t)
{
    char plain[NUMBER_MAX + 1];
    const char *normal = ea_text_normal(a, answer->value),
               *unit = answer->unit ? ea_text_normal(a, answer->unit) : "";

    *t = (struct typed){ 0 };
    if (!normal || !unit)
        return EA_ENOMEM;
    const char *rest = strip(normal, plain), *comma = strchr(plain, ',');
    rest += strspn(rest, " ");
    t->unit = *unit ? unit : rest;
    if (*rest && *unit && strcmp(rest, unit) != 0)
        return EA_OK; /* two units: not a number with a unit */
    if (comma && is_grouped(plain))
        add_reading(t, plain, 0);
    if (!comma || (!strchr(comma + 1, ',') && !strchr(plain, '.')))
        add_reading(t, plain, '.');
    return EA_OK;
}

/* How many significant figures it is written with: zeros at the end of a whole number may count or not. */
static bool has_figures(const char *s, int64_t figures)
{
    int64_t n = 0, zeros = 0;
    bool point = false;

    for (; *s && *s != 'e' && *s != 'E'; s++) {
        if (*s == '.')
            point = true;
        if (!is_digit(*s) || (n == 0 && *s == '0'))
            continue;
        n++;
        zeros = *s == '0' ? zeros + 1 : 0;
    }
    return figures <= n && figures >= (point ? n : n - zeros);
}

static bool near(const struct ea_numeric *x, const struct ea_exact *value, const struct ea_exact *of,
                 const struct ea_exact *tolerance)
{
    return x->relative ? ea_exact_within_share(value, of, tolerance) : ea_exact_within(value, of, tolerance);
}

/* `typed` is in the unit `from`, or both are NULL: in the answer's own. */
static bool near_in(const struct ea_numeric *x, const struct ea_exact *value, const struct ea_exact *of,
                    const struct ea_unit *from, const struct ea_unit *to)
{
    struct ea_exact here, there, one, tolerance = x->tolerance;

    if (!from)
        return near(x, value, of, &tolerance);
    if (ea_unit_compare(from, value, to, of, &here, &there, &one) ||
        (!x->relative && ea_exact_mul(&tolerance, &one, &tolerance)))
        return false;
    return near(x, &here, &there, &tolerance);
}

/* Of an answer that asks for figures the value as rounded to them is right, too. */
static bool fits(const struct ea_numeric *x, const struct ea_exact *value, const struct ea_unit *from,
                 const struct ea_unit *to)
{
    struct ea_exact rounded;

    if (near_in(x, value, &x->value, from, to))
        return true;
    return x->figures && ea_exact_round(&x->value, (unsigned)x->figures, &rounded) == EA_OK &&
           near_in(x, value, &rounded, from, to);
}

/* A number as read, held against one answer. */
struct judgement {
    bool right, wrong_unit, wrong_figures;
    int64_t share;
};

static struct judgement judge(const struct ea_item *item, const struct ea_numeric *x,
                              const struct number *number, const char *unit)
{
    struct judgement j = { .share = x->fraction };
    const struct ea_unit *from = NULL, *to = NULL;

    if (x->unit && strcmp(x->unit, unit) != 0) {
        from = ea_unit_of(unit);
        to = ea_unit_of(x->unit);
        j.right = from && to && ea_unit_alike(from, to) && fits(x, &number->value, from, to);
        j.wrong_unit = !j.right;
    }
    if (!j.right)
        j.right = fits(x, &number->value, NULL, NULL);
    j.wrong_figures = x->figures && !has_figures(number->text, x->figures);
    if (j.wrong_unit)
        j.share = grader_share_of(j.share, item->wrong_unit);
    if (j.wrong_figures)
        j.share = grader_share_of(j.share, item->wrong_figures);
    return j;
}

static void tell(const struct ea_item *item, const struct ea_numeric *x, const struct judgement *j,
                 struct grader_score *out)
{
    int64_t share = x->fraction;

    grader_step(out, "raw", share, "within the tolerance of an answer");
    if (j->wrong_unit) {
        share = grader_share_of(share, item->wrong_unit);
        grader_step(out, "partial", share, "the unit is missing or another");
    }
    if (j->wrong_figures)
        grader_step(out, "penalty", grader_share_of(share, item->wrong_figures),
                    "other significant figures are asked for");
}

/* The best of item->numeric. */
static enum ea_err score_number(const struct ea_item *item, const struct ea_answer *answer,
                                struct ea_arena *a, struct grader_score *out)
{
    struct typed t;
    size_t *matched = ea_arena_array(a, 1, sizeof *matched);
    struct judgement best = { .share = -1 };
    const struct number *reading = &t.readings[0];
    enum ea_err err = matched ? read_typed(answer, a, &t) : EA_ENOMEM;

    if (err)
        return err;
    for (size_t k = 0; k < t.n; k++)
        for (size_t i = 0; i < item->n; i++) {
            struct judgement j = judge(item, &item->numeric[i], &t.readings[k], t.unit);
            if (!j.right || j.share <= best.share)
                continue;
            best = j;
            reading = &t.readings[k];
            matched[0] = i;
            out->matched = matched;
            out->matched_n = 1;
        }
    if (t.n > 0 && !(out->reading = ea_arena_dup(a, reading->text)))
        return EA_ENOMEM;
    if (best.right)
        tell(item, &item->numeric[matched[0]], &best, out);
    else
        grader_step(out, "raw", 0, t.n == 0 ? "not a number" : "no answer is within its tolerance");
    return EA_OK;
}

enum ea_err grader_score_numeric(const struct ea_item *item, const struct ea_answer *answer,
                                 const struct grader_draw *draw, struct ea_arena *a, struct grader_score *out)
{
    (void)draw;
    return score_number(item, answer, a, out);
}

/* One whose expression has no value for the numbers drawn is left to a person: the student is not to blame. */
enum ea_err grader_score_formula(const struct ea_item *item, const struct ea_answer *answer,
                                 const struct grader_draw *draw, struct ea_arena *a, struct grader_score *out)
{
    char text[EA_EXACT_SIZE];
    struct ea_numeric right = { .tolerance = item->tolerance,
                                .relative = item->relative,
                                .figures = item->figures,
                                .unit = item->unit,
                                .fraction = EA_FRACTION_ONE };
    struct ea_item numeric = { .kind = EA_ITEM_NUMERIC,
                               .n = 1,
                               .numeric = &right,
                               .wrong_unit = item->wrong_unit,
                               .wrong_figures = item->wrong_figures };
    const char *why = NULL;
    enum ea_err err =
        ea_formula_value(item->answer, draw ? draw->values : NULL, draw ? draw->n : 0, a, &right.value, &why);

    if (err == EA_EINPUT) {
        out->waits = true;
        grader_step(out, "raw", 0, why);
        return EA_OK;
    }
    if (err)
        return err;
    out->expected = ea_arena_dup(a, ea_exact_text(&right.value, text));
    return out->expected ? score_number(&numeric, answer, a, out) : EA_ENOMEM;
}
