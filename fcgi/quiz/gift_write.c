/* GIFT out. */
#include "fcgi/quiz/gift.h"
#include "lib/answer.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

static void put_escaped(struct ea_buf *out, const char *s)
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

/* A text in the format of the stem, which is Markdown. */
static void put_text(struct ea_buf *out, const char *s)
{
    if (*s == '[')
        ea_buf_str(out, "[markdown]");
    put_escaped(out, s);
}

static void put_feedback(struct ea_buf *out, const char *s)
{
    if (s) {
        ea_buf_char(out, '#');
        put_text(out, s);
    }
    ea_buf_char(out, '\n');
}

/* Units of 10^-decimals without needless zeros. */
static void put_decimal(struct ea_buf *out, int64_t v, int64_t one, int decimals)
{
    int64_t size = v < 0 ? -v : v;

    ea_buf_printf(out, "%s%" PRId64 ".%0*" PRId64, v < 0 ? "-" : "", size / one, decimals, size % one);
    while (out->len > 0 && !out->failed && out->p[out->len - 1] == '0')
        out->p[--out->len] = '\0';
    if (out->len > 0 && !out->failed && out->p[out->len - 1] == '.')
        out->p[--out->len] = '\0';
}

static void put_weight(struct ea_buf *out, int64_t fraction)
{
    ea_buf_char(out, '%');
    put_decimal(out, fraction, EA_FRACTION_ONE / 100, EA_FRACTION_DECIMALS - 2);
    ea_buf_char(out, '%');
}

/* = and, unless it is the whole or the text would be taken for one, no weight. */
static void put_right(struct ea_buf *out, int64_t fraction, const char *text)
{
    ea_buf_str(out, "\t=");
    if (fraction != EA_FRACTION_ONE || *text == '%')
        put_weight(out, fraction);
}

/* ---- what stands in front ---- */

static void put_attribute(struct ea_buf *out, const char *name, const char *value)
{
    ea_buf_printf(out, " [%s:", name);
    for (; *value; value++) {
        if (strchr("[]\\", *value))
            ea_buf_char(out, '\\');
        ea_buf_char(out, *value);
    }
    ea_buf_char(out, ']');
}

static bool is_true_false(const struct ea_item *item)
{
    const struct ea_choice *c = item->choices;

    return item->n == 2 && !item->multiple && !item->weighted && !item->shuffle &&
           c[0].correct != c[1].correct && strcmp(c[0].id, "true") == 0 && strcmp(c[0].text, "True") == 0 &&
           strcmp(c[1].id, "false") == 0 && strcmp(c[1].text, "False") == 0;
}

static void put_item_attributes(struct ea_buf *out, const struct ea_item *item)
{
    if (item->kind == EA_ITEM_SHORT_TEXT && item->accept[0].case_sensitive)
        put_attribute(out, "case", "yes");
    if (item->kind != EA_ITEM_CHOICE || is_true_false(item))
        return;
    if (!item->shuffle)
        put_attribute(out, "shuffle", "no");
    if (item->multiple && item->scoring != EA_SCORE_PROPORTIONAL_WITH_PENALTY)
        put_attribute(out, "scoring", ea_scorings[item->scoring]);
    if (item->multiple && !item->weighted)
        put_attribute(out, "weights", "none");
}

static void put_attributes(struct ea_buf *out, const struct quiz_question *q)
{
    size_t before = out->len;
    struct ea_buf number = { 0 };

    ea_buf_str(out, "//");
    for (size_t i = 0; i < q->tags_n; i++)
        put_attribute(out, "tag", q->tags[i]);
    if (q->points != 1000) {
        put_decimal(&number, q->points, 1000, 3);
        put_attribute(out, "points", number.p ? number.p : "");
    }
    if (q->difficulty >= 0) {
        ea_buf_reset(&number);
        put_decimal(&number, q->difficulty, 1000, 3);
        put_attribute(out, "difficulty", number.p ? number.p : "");
    }
    put_item_attributes(out, &q->item);
    out->failed |= number.failed;
    ea_buf_free(&number);
    if (out->failed || out->len > before + 2)
        ea_buf_char(out, '\n');
    else
        out->p[out->len = before] = '\0';
}

/* ---- answers ---- */

static void put_true_false(struct ea_buf *out, const struct ea_item *item)
{
    const struct ea_choice *right = &item->choices[item->choices[0].correct ? 0 : 1];
    const struct ea_choice *wrong = &item->choices[item->choices[0].correct ? 1 : 0];

    ea_buf_str(out, right == item->choices ? "\tTRUE" : "\tFALSE");
    if (wrong->feedback || right->feedback)
        ea_buf_char(out, '#');
    if (wrong->feedback)
        put_text(out, wrong->feedback);
    put_feedback(out, right->feedback);
}

static int64_t weight_of(const struct ea_item *item, const struct ea_choice *c, int64_t right)
{
    if (item->weighted)
        return c->fraction;
    return !c->correct ? 0 : item->multiple ? EA_FRACTION_ONE / right : EA_FRACTION_ONE;
}

/* One answer is marked with ~ always: with = alone it would be a short answer. */
static void put_choices(struct ea_buf *out, const struct ea_item *item)
{
    int64_t right = 0;
    bool tilde = false;

    for (size_t i = 0; i < item->n; i++)
        right += item->choices[i].correct;
    for (size_t i = 0; i < item->n; i++) {
        const struct ea_choice *c = &item->choices[i];
        int64_t weight = weight_of(item, c, right);
        if (!item->multiple && weight == EA_FRACTION_ONE && (tilde || i + 1 < item->n)) {
            put_right(out, weight, c->text);
        } else {
            tilde = true;
            ea_buf_str(out, "\t~");
            if (weight != 0 || *c->text == '%')
                put_weight(out, weight);
        }
        put_text(out, c->text);
        put_feedback(out, c->feedback);
    }
}

static void put_numeric(struct ea_buf *out, const struct ea_item *item)
{
    char text[EA_EXACT_SIZE];

    for (size_t i = 0; i < item->n; i++) {
        const struct ea_numeric *x = &item->numeric[i];
        put_right(out, x->fraction, "");
        ea_buf_printf(out, "%s:", ea_exact_text(&x->value, text));
        ea_buf_str(out, ea_exact_text(&x->tolerance, text));
        put_feedback(out, x->feedback);
    }
}

/* The text in which * is anything; NULL when the pattern is something else (or no memory). */
static const char *wildcards(const char *pattern, struct ea_arena *a)
{
    char *out = ea_arena_alloc(a, 2 * strlen(pattern) + 1), *to = out;
    char before = 0; /* the literal in front */
    bool wild = false;

    for (const char *p = pattern; out && *p; p++) {
        if (p[0] == '.' && p[1] == '*') {
            if (before == '\\')
                return NULL;
            *to++ = '*';
            wild = true;
            before = 0;
            p++;
            continue;
        }
        if (*p == '\\' && ispunct((unsigned char)p[1]))
            p++;
        else if (ispunct((unsigned char)*p))
            return NULL;
        if (*p == '*')
            *to++ = '\\';
        before = *to++ = *p;
    }
    const char *normal = wild ? ea_text_normal(a, out) : NULL;
    return normal && strcmp(normal, out) == 0 ? out : NULL;
}

static const char *accepted(const struct ea_accept *x, struct ea_arena *a)
{
    if (x->pattern)
        return wildcards(x->pattern, a);
    char *out = ea_arena_alloc(a, 2 * strlen(x->text) + 1), *to = out;
    for (const char *p = x->text; out && *p; p++) {
        if (*p == '*')
            *to++ = '\\';
        *to++ = *p;
    }
    return out;
}

static void put_accepted(struct ea_buf *out, const struct ea_item *item, struct ea_arena *a)
{
    for (size_t i = 0; i < item->n; i++) {
        const char *text = accepted(&item->accept[i], a);
        if (!text) {
            out->failed = true;
            return;
        }
        put_right(out, item->accept[i].fraction, text);
        if (*text == '[')
            ea_buf_str(out, "[plain]");
        put_escaped(out, text);
        put_feedback(out, item->accept[i].feedback);
    }
}

static void put_answers(struct ea_buf *out, const struct quiz_question *q, struct ea_arena *a)
{
    ea_buf_str(out, q->item.kind == EA_ITEM_NUMERIC ? " {#\n" : " {\n");
    if (q->item.kind == EA_ITEM_NUMERIC)
        put_numeric(out, &q->item);
    else if (q->item.kind == EA_ITEM_SHORT_TEXT)
        put_accepted(out, &q->item, a);
    else if (is_true_false(&q->item))
        put_true_false(out, &q->item);
    else
        put_choices(out, &q->item);
    if (q->feedback) {
        ea_buf_str(out, "\t####");
        put_text(out, q->feedback);
        ea_buf_char(out, '\n');
    }
    ea_buf_str(out, "}\n\n");
}

/* ---- what GIFT cannot say ---- */

static bool has_arrow(const char *s)
{
    return s && strstr(s, "->");
}

static const char *why_not_numeric(const struct ea_item *item)
{
    for (size_t i = 0; i < item->n; i++) {
        if (item->numeric[i].unit)
            return "GIFT has no units";
        if (item->numeric[i].relative)
            return "GIFT has no relative tolerance";
        if (item->numeric[i].figures)
            return "GIFT has no significant figures";
    }
    return NULL;
}

static const char *why_not_short_text(const struct quiz_question *q, struct ea_arena *a)
{
    const struct ea_item *item = &q->item;

    for (size_t i = 0; i < item->n; i++) {
        const struct ea_accept *x = &item->accept[i];
        if (x->case_sensitive != item->accept[0].case_sensitive)
            return "GIFT has no case sensitivity of single answers";
        if (!accepted(x, a))
            return "GIFT has no patterns but *";
        if (x->ignore_accents)
            return "GIFT cannot ignore accents";
        if (has_arrow(accepted(x, a)) || has_arrow(x->feedback))
            return "GIFT takes -> for a question of another kind";
    }
    return NULL;
}

const char *quiz_gift_why_not(const struct quiz_question *q, struct ea_arena *a)
{
    switch (q->item.kind) {
    case EA_ITEM_CHOICE:
        return NULL;
    case EA_ITEM_NUMERIC:
        return why_not_numeric(&q->item);
    case EA_ITEM_SHORT_TEXT:
        return why_not_short_text(q, a);
    default:
        return "this kind cannot be written yet";
    }
}

/* One line, whatever is in the text. */
static void put_comment(struct ea_buf *out, const struct quiz_question *q, const char *why)
{
    const char *name = q->title ? q->title : q->stem;

    ea_buf_str(out, "// Left out, ");
    ea_buf_str(out, why);
    ea_buf_str(out, ": ");
    for (size_t i = 0; name[i] && i < 100; i++)
        ea_buf_char(out, name[i] == '\n' || name[i] == '[' ? ' ' : name[i]);
    ea_buf_str(out, "\n\n");
}

static void put_category(struct ea_buf *out, const char *category, const char **now)
{
    if (strcmp(category ? category : "", *now) == 0)
        return;
    *now = category ? category : "";
    ea_buf_str(out, "$CATEGORY: $course$/top/");
    ea_buf_str(out, *now); /* Moodle knows no escapes here */
    ea_buf_str(out, "\n\n");
}

void quiz_gift_write(const struct quiz_question *q, const char **category, struct ea_arena *a,
                     struct ea_buf *out)
{
    const char *why = quiz_gift_why_not(q, a);

    if (why) {
        put_comment(out, q, why);
        return;
    }
    put_category(out, q->category, category);
    put_attributes(out, q);
    if (q->title) {
        ea_buf_str(out, "::");
        put_escaped(out, q->title);
        ea_buf_str(out, "::");
    }
    ea_buf_str(out, "[markdown]");
    put_escaped(out, q->stem);
    put_answers(out, q, a);
}
