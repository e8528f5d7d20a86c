#include "workers/grader/score.h"

#include "lib/pattern.h"

#include <string.h>

static void step(struct grader_score *out, const char *name, int64_t share, const char *why)
{
    out->steps[out->steps_n++] = (struct grader_step){ .name = name, .why = why, .share = share };
}

static int64_t cap(int64_t share)
{
    return share < 0 ? 0 : share > EA_FRACTION_ONE ? EA_FRACTION_ONE : share;
}

/* Half up; of is at most a few thousand points, so nothing overflows. */
static int64_t points_of(int64_t of, int64_t share)
{
    return (of * share + EA_FRACTION_ONE / 2) / EA_FRACTION_ONE;
}

/* ---- choice ---- */

static bool is_picked(const struct ea_answer *answer, const char *id)
{
    for (size_t i = 0; i < answer->n; i++)
        if (strcmp(answer->choices[i], id) == 0)
            return true;
    return false;
}

struct picks {
    size_t picked, right, wrong; /* right, wrong: of all choices, judged so */
    bool exact;                  /* all correct ones and no other */
    int64_t gain, loss;          /* sums of fractions above and below zero; loss is positive */
};

static enum ea_err count_picks(const struct ea_item *item, const struct ea_answer *answer, struct ea_arena *a,
                               struct grader_score *out, struct picks *p)
{
    size_t *matched = ea_arena_array(a, item->n, sizeof *matched);

    *p = (struct picks){ .exact = true };
    if (!matched)
        return EA_ENOMEM;
    for (size_t i = 0; i < item->n; i++) {
        const struct ea_choice *c = &item->choices[i];
        bool picked = is_picked(answer, c->id);
        if (picked == c->correct)
            p->right++;
        else
            p->wrong++;
        p->exact &= picked == c->correct;
        if (!picked)
            continue;
        matched[p->picked++] = i;
        p->gain += c->fraction > 0 ? c->fraction : 0;
        p->loss += c->fraction < 0 ? -c->fraction : 0;
    }
    out->matched = matched;
    out->matched_n = p->picked;
    return EA_OK;
}

/* What one choice is worth that was picked alone. */
static int64_t worth(const struct ea_item *item, const struct grader_score *out)
{
    const struct ea_choice *c = &item->choices[out->matched[0]];

    return item->weighted ? c->fraction : c->correct ? EA_FRACTION_ONE : 0;
}

static void score_one(const struct ea_item *item, const struct picks *p, struct grader_score *out)
{
    bool alone = p->picked == 1;

    step(out, "raw", alone ? worth(item, out) : 0, alone ? "the choice's own share" : "more than one picked");
}

static void score_several(const struct ea_item *item, const struct picks *p, struct grader_score *out)
{
    int64_t n = (int64_t)item->n, raw = item->weighted ? p->gain : (int64_t)p->right * EA_FRACTION_ONE / n;

    if (p->exact)
        raw = EA_FRACTION_ONE;
    step(out, "raw", raw,
         item->weighted ? "sum of the picked choices' shares" : "choices judged rightly, of all");
    if (item->scoring == EA_SCORE_ALL_OR_NOTHING) {
        step(out, "partial", p->exact ? EA_FRACTION_ONE : 0, "all or nothing");
        return;
    }
    step(out, "partial", raw, "the share counts");
    if (item->scoring != EA_SCORE_PROPORTIONAL_WITH_PENALTY)
        return;
    int64_t penalty = item->weighted ? p->loss : (int64_t)p->wrong * EA_FRACTION_ONE / n;
    step(out, "penalty", raw - penalty,
         item->weighted ? "minus the wrong picks' shares" : "minus choices judged wrongly, of all");
}

static enum ea_err score_choice(const struct ea_item *item, const struct ea_answer *answer,
                                struct ea_arena *a, struct grader_score *out)
{
    struct picks p;
    enum ea_err err = count_picks(item, answer, a, out, &p);

    out->rule = "choice/1";
    out->policy = ea_scorings[item->scoring];
    if (err)
        return err;
    if (p.picked == 0)
        step(out, "raw", 0, "nothing picked");
    else if (item->multiple)
        score_several(item, &p, out);
    else
        score_one(item, &p, out);
    return EA_OK;
}

/* ---- numeric ---- */

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

static bool fits_number(const struct ea_numeric *x, const struct ea_exact *value)
{
    return x->relative ? ea_exact_within_share(value, &x->value, &x->tolerance)
                       : ea_exact_within(value, &x->value, &x->tolerance);
}

static enum ea_err score_numeric(const struct ea_item *item, const struct ea_answer *answer,
                                 struct ea_arena *a, struct grader_score *out)
{
    struct typed t;
    size_t *matched = ea_arena_array(a, 1, sizeof *matched);
    const char *why = "no answer is within its tolerance";
    int64_t best = -1;
    enum ea_err err = matched ? read_typed(answer, a, &t) : EA_ENOMEM;

    out->rule = "numeric/1";
    if (err)
        return err;
    if (t.n == 0)
        why = "not a number";
    else if (!(out->reading = ea_arena_dup(a, t.readings[0].text)))
        return EA_ENOMEM;
    for (size_t k = 0; k < t.n; k++)
        for (size_t i = 0; i < item->n; i++) {
            const struct ea_numeric *x = &item->numeric[i];
            if (x->fraction <= best || !fits_number(x, &t.readings[k].value))
                continue;
            if (x->unit && strcmp(x->unit, t.unit) != 0) {
                why = best < 0 ? "the unit is missing or another" : why;
                continue;
            }
            best = x->fraction;
            why = "within the tolerance of an answer";
            matched[0] = i;
            out->matched = matched;
            out->matched_n = 1;
            if (!(out->reading = ea_arena_dup(a, t.readings[k].text)))
                return EA_ENOMEM;
        }
    step(out, "raw", best < 0 ? 0 : best, why);
    return EA_OK;
}

/* ---- short text ---- */

static enum ea_err fits_text(const struct ea_accept *x, const char *text, struct ea_arena *a, bool *fits,
                             bool *gave_up)
{
    enum ea_pattern_answer answer = EA_PATTERN_NO;
    enum ea_err err;

    if (x->text && x->case_sensitive) {
        *fits = strcmp(x->text, text) == 0;
        return EA_OK;
    }
    if (x->text)
        return ea_pattern_same(a, x->text, text, fits);
    err = ea_pattern_match(a, x->pattern, x->case_sensitive, text, &answer);
    *fits = answer == EA_PATTERN_YES;
    *gave_up |= answer == EA_PATTERN_GAVE_UP;
    return err;
}

static enum ea_err score_short_text(const struct ea_item *item, const struct ea_answer *answer,
                                    struct ea_arena *a, struct grader_score *out)
{
    const char *text = ea_text_normal(a, answer->text);
    size_t *matched = ea_arena_array(a, 1, sizeof *matched);
    int64_t best = -1;
    bool fits, gave_up = false;
    enum ea_err err = text && matched ? EA_OK : EA_ENOMEM;

    out->rule = "short_text/1";
    for (size_t i = 0; !err && i < item->n; i++) {
        const struct ea_accept *x = &item->accept[i];
        if (x->fraction <= best)
            continue;
        err = fits_text(x, text, a, &fits, &gave_up);
        if (err || !fits)
            continue;
        best = x->fraction;
        matched[0] = i;
        out->matched = matched;
        out->matched_n = 1;
    }
    if (!err)
        step(out, "raw", best < 0 ? 0 : best,
             best >= 0    ? "an accepted text"
             : gave_up    ? "no accepted text; a pattern was given up, it took too many steps"
             : *text == 0 ? "an empty text"
                          : "no accepted text");
    return err;
}

/* ---- all ---- */

static const struct {
    const char *rule;
    enum ea_err (*score)(const struct ea_item *item, const struct ea_answer *answer, struct ea_arena *a,
                         struct grader_score *out);
} kinds[EA_ITEM__MAX] = {
    [EA_ITEM_CHOICE] = { "choice/1", score_choice },
    [EA_ITEM_NUMERIC] = { "numeric/1", score_numeric },
    [EA_ITEM_SHORT_TEXT] = { "short_text/1", score_short_text },
};

enum ea_err grader_score(const struct ea_item *item, int64_t of, const struct ea_answer *answer,
                         struct ea_arena *a, struct grader_score *out)
{
    enum ea_err err = EA_OK;

    *out = (struct grader_score){ 0 };
    if ((unsigned)item->kind >= EA_ITEM__MAX || !kinds[item->kind].score)
        return EA_EINTERNAL;
    out->rule = kinds[item->kind].rule;
    if (answer->shape == EA_ANSWER_NONE)
        step(out, "raw", 0, "no answer");
    else if (answer->shape != ea_answer_shape_of(item->kind))
        step(out, "raw", 0, "not an answer to an item of this kind");
    else
        err = kinds[item->kind].score(item, answer, a, out);
    if (err)
        return err;
    int64_t share = cap(out->steps[out->steps_n - 1].share);
    step(out, "cap", share, NULL);
    out->points = points_of(of, share);
    return EA_OK;
}
