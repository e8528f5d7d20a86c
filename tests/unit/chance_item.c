/* Items and answers made by chance. */
#include "tests/unit/chance.h"

#include "tests/unit/unit.h"

#include <string.h>

static int64_t share(struct chance *c)
{
    return (int64_t)chance_below(c, EA_FRACTION_ONE / 100 + 1) * 100;
}

/* What GIFT writes as {T} or {F}. */
static void make_truth(struct chance *c, struct ea_arena *a, struct ea_item *out)
{
    bool is_true = chance_one_in(c, 2);

    out->n = 2;
    out->choices = ea_arena_array(a, 2, sizeof *out->choices);
    assert_non_null(out->choices);
    out->choices[0] = (struct ea_choice){ .id = "true", .text = "True", .correct = is_true };
    out->choices[1] = (struct ea_choice){ .id = "false", .text = "False", .correct = !is_true };
    out->shuffle = chance_one_in(c, 4);
    for (size_t i = 0; i < 2; i++)
        out->choices[i].feedback = chance_one_in(c, 2) ? chance_text(c, a, 8, false) : NULL;
}

static void make_choices(struct chance *c, struct ea_arena *a, struct ea_item *out)
{
    bool named = chance_one_in(c, 4);

    if (chance_one_in(c, 6)) {
        make_truth(c, a, out);
        return;
    }
    out->n = 2 + chance_below(c, chance_one_in(c, 20) ? 30 : 5);
    out->choices = ea_arena_array(a, out->n, sizeof *out->choices);
    assert_non_null(out->choices);
    out->multiple = chance_one_in(c, 2);
    out->shuffle = chance_one_in(c, 2);
    out->scoring = out->multiple ? (enum ea_scoring)chance_below(c, EA_SCORE__MAX) : EA_SCORE_ALL_OR_NOTHING;
    out->weighted = chance_one_in(c, 2);
    size_t right = chance_below(c, out->n);
    for (size_t i = 0; i < out->n; i++) {
        struct ea_choice *x = &out->choices[i];
        x->id = named ? ea_arena_printf(a, "c-%zu", i) : NULL;
        x->text = chance_text(c, a, 12, false);
        x->feedback = chance_one_in(c, 3) ? chance_text(c, a, 8, false) : NULL;
        x->fraction = i == right ? EA_FRACTION_ONE : -share(c);
        if (!out->multiple && i != right && chance_one_in(c, 3))
            x->fraction = share(c);
        x->correct = out->weighted ? x->fraction > 0 : i == right || chance_one_in(c, 3);
    }
}

static void make_numeric(struct chance *c, struct ea_arena *a, bool plain, struct ea_item *out)
{
    out->n = 1 + chance_below(c, 4);
    out->numeric = ea_arena_array(a, out->n, sizeof *out->numeric);
    assert_non_null(out->numeric);
    out->wrong_unit = !plain && chance_one_in(c, 4) ? share(c) : 0;
    out->wrong_figures = !plain && chance_one_in(c, 4) ? share(c) : 0;
    for (size_t i = 0; i < out->n; i++) {
        struct ea_numeric *x = &out->numeric[i];
        x->value = chance_number(c);
        x->tolerance = chance_number(c);
        x->tolerance.minus = false;
        x->relative = !plain && chance_one_in(c, 3);
        x->unit = !plain && chance_one_in(c, 3) ? "m" : NULL;
        x->figures = !plain && chance_one_in(c, 4) ? 3 : 0;
        x->fraction = i == 0 ? EA_FRACTION_ONE : share(c);
        x->feedback = chance_one_in(c, 3) ? chance_text(c, a, 8, false) : NULL;
    }
}

static void make_accept(struct chance *c, struct ea_arena *a, bool plain, struct ea_item *out)
{
    static const char *const patterns[] = { "col.*r", ".*", "a\\*.*b", "(a+)+[bc]", "\\d{1,3}", "[xyz]" };
    bool case_sensitive = chance_one_in(c, 2);

    out->n = 1 + chance_below(c, 4);
    out->accept = ea_arena_array(a, out->n, sizeof *out->accept);
    assert_non_null(out->accept);
    for (size_t i = 0; i < out->n; i++) {
        struct ea_accept *x = &out->accept[i];
        x->text = chance_text(c, a, 10, true);
        if (plain && strstr(x->text, "->"))
            x->text = "arrow";
        if (chance_one_in(c, 4)) {
            x->text = NULL;
            x->pattern = patterns[chance_below(c, plain ? 3 : 6)];
        }
        x->case_sensitive = plain ? case_sensitive : chance_one_in(c, 2);
        x->ignore_accents = !plain && chance_one_in(c, 4);
        x->fraction = i == 0 ? EA_FRACTION_ONE : share(c);
        x->feedback = chance_one_in(c, 3) ? chance_text(c, a, 8, false) : NULL;
        if (plain && x->feedback && strstr(x->feedback, "->"))
            x->feedback = NULL;
    }
}

static struct ea_entry *make_entries(struct chance *c, struct ea_arena *a, size_t n)
{
    struct ea_entry *v = ea_arena_array(a, n, sizeof *v);
    bool named = chance_one_in(c, 2);
    char nth[EA_ITEM_ID_MAX + 1];

    assert_non_null(v);
    for (size_t i = 0; i < n; i++)
        v[i] = (struct ea_entry){ .id = named ? ea_arena_printf(a, "e%zu", i)
                                              : ea_arena_dup(a, ea_item_nth_id(i, nth)),
                                  .text = chance_text(c, a, 8, false) };
    return v;
}

static void make_match(struct chance *c, struct ea_arena *a, bool plain, struct ea_item *out)
{
    out->n = 1 + chance_below(c, 6);
    out->options_n = 2 + chance_below(c, 6);
    out->prompts = make_entries(c, a, out->n);
    out->options = make_entries(c, a, out->options_n);
    out->shuffle = chance_one_in(c, 2);
    out->scoring = (enum ea_scoring)chance_below(c, EA_SCORE_PROPORTIONAL + 1);
    for (size_t i = 0; i < out->n; i++) {
        out->prompts[i].option = out->options[chance_below(c, out->options_n)].id;
        if (plain && strstr(out->prompts[i].text, "->"))
            out->prompts[i].text = "arrow";
    }
    for (size_t i = 0; plain && i < out->options_n; i++)
        out->options[i].text = ea_arena_printf(a, "%s%zu", out->options[i].text, i);
}

static void make_order(struct chance *c, struct ea_arena *a, struct ea_item *out)
{
    out->n = 2 + chance_below(c, 8);
    out->entries = make_entries(c, a, out->n);
    out->scoring = (enum ea_scoring)chance_below(c, EA_SCORE_PROPORTIONAL + 1);
}

static void make_item(struct chance *c, struct ea_arena *a, bool plain, struct ea_item *out);

static void make_cloze(struct chance *c, struct ea_arena *a, struct ea_item *out)
{
    const char *text = "";

    out->n = 1 + chance_below(c, 4);
    out->gaps = ea_arena_array(a, out->n, sizeof *out->gaps);
    assert_non_null(out->gaps);
    for (size_t i = 0; i < out->n; i++) {
        struct ea_gap *gap = &out->gaps[i];
        gap->name = ea_arena_printf(a, "g%zu", i);
        gap->weight = 1 + (int64_t)chance_below(c, 3);
        gap->item.kind = (enum ea_item_kind)chance_below(c, EA_ITEM_SHORT_TEXT + 1);
        make_item(c, a, false, &gap->item);
        text = ea_arena_printf(a, "{{%s}} and %s", gap->name, text);
    }
    out->text = text;
}

static void make_formula(struct chance *c, struct ea_arena *a, struct ea_item *out)
{
    static const char *const answers[] = { "a*b", "a^2 + b", "sqrt(abs(a)) - 3*b/7", "1/(a*a + b*b + 1)",
                                           "sin(a)*exp(b/10)" };

    out->n = 2;
    out->variables = ea_arena_array(a, 2, sizeof *out->variables);
    assert_non_null(out->variables);
    for (size_t i = 0; i < 2; i++) {
        struct ea_variable *v = &out->variables[i];
        v->name = i ? "b" : "a";
        assert_ok(ea_exact_read("-3.5", 4, &v->min));
        assert_ok(ea_exact_read("12", 2, &v->max));
        assert_ok(ea_exact_read("0.25", 4, &v->step));
    }
    out->answer = answers[chance_below(c, sizeof answers / sizeof *answers)];
    out->tolerance = chance_number(c);
    out->tolerance.minus = false;
    out->relative = chance_one_in(c, 2);
    out->figures = chance_one_in(c, 3) ? 3 : 0;
    out->unit = chance_one_in(c, 3) ? "m" : NULL;
    out->wrong_unit = share(c);
    out->wrong_figures = share(c);
}

static void make_item(struct chance *c, struct ea_arena *a, bool plain, struct ea_item *out)
{
    switch (out->kind) {
    case EA_ITEM_CHOICE:
        make_choices(c, a, out);
        break;
    case EA_ITEM_NUMERIC:
        make_numeric(c, a, plain, out);
        break;
    case EA_ITEM_SHORT_TEXT:
        make_accept(c, a, plain, out);
        break;
    case EA_ITEM_MATCH:
        make_match(c, a, plain, out);
        break;
    case EA_ITEM_ORDER:
        make_order(c, a, out);
        break;
    case EA_ITEM_CLOZE:
        make_cloze(c, a, out);
        break;
    case EA_ITEM_FORMULA:
        make_formula(c, a, out);
        break;
    default:
        out->min_words = (int64_t)chance_below(c, 100);
        out->max_words = chance_one_in(c, 2) ? out->min_words + 10 : 0;
    }
}

struct ea_item chance_item(struct chance *c, struct ea_arena *a, bool plain)
{
    static const enum ea_item_kind plains[] = { EA_ITEM_CHOICE, EA_ITEM_NUMERIC, EA_ITEM_SHORT_TEXT,
                                                EA_ITEM_MATCH, EA_ITEM_ESSAY };
    struct ea_item out = { .kind = plain ? plains[chance_below(c, sizeof plains / sizeof *plains)]
                                         : (enum ea_item_kind)chance_below(c, EA_ITEM__MAX) };
    struct ea_faults faults = { 0 };

    make_item(c, a, plain, &out);
    if (ea_item_settle(&out, a, "", &faults))
        fail_msg("an item made by chance is not good: %s %s", faults.v[0].pointer, faults.v[0].detail);
    return out;
}

static const char **make_ids(struct ea_arena *a, size_t n)
{
    const char **ids = ea_arena_array(a, n + 1, sizeof *ids);

    assert_non_null(ids);
    return ids;
}

static void fit_choices(struct chance *c, struct ea_arena *a, const struct ea_item *item,
                        struct ea_answer *out)
{
    const char **ids = make_ids(a, item->n);

    for (size_t k = 0; k < item->n; k++)
        if (chance_one_in(c, 2))
            ids[out->n++] = item->choices[k].id;
    out->choices = ids;
}

/* Each entry that is taken goes to some place among those before it. */
static void fit_order(struct chance *c, struct ea_arena *a, const struct ea_item *item, struct ea_answer *out)
{
    const char **ids = make_ids(a, item->n);

    for (size_t k = 0; k < item->n; k++) {
        size_t at = chance_one_in(c, 2) ? out->n : chance_below(c, out->n + 1);
        if (chance_one_in(c, 8))
            continue;
        memmove(ids + at + 1, ids + at, (out->n - at) * sizeof *ids);
        ids[at] = item->entries[k].id;
        out->n++;
    }
    out->choices = ids;
}

static void fit_pairs(struct chance *c, struct ea_arena *a, const struct ea_item *item, struct ea_answer *out)
{
    struct ea_answer_pair *pairs = ea_arena_array(a, item->n, sizeof *pairs);

    assert_non_null(pairs);
    for (size_t k = 0; k < item->n; k++)
        if (!chance_one_in(c, 5))
            pairs[out->n++] = (struct ea_answer_pair){
                item->prompts[k].id, chance_one_in(c, 2) ? item->prompts[k].option
                                                         : item->options[chance_below(c, item->options_n)].id
            };
    out->pairs = pairs;
}

static void fit_gaps(struct chance *c, struct ea_arena *a, const struct ea_item *item, struct ea_answer *out)
{
    struct ea_answer_gap *gaps = ea_arena_array(a, item->n, sizeof *gaps);

    assert_non_null(gaps);
    for (size_t k = 0; k < item->n; k++)
        if (!chance_one_in(c, 5))
            gaps[out->n++] =
                (struct ea_answer_gap){ item->gaps[k].name, chance_answer(c, a, &item->gaps[k].item) };
    out->gaps = gaps;
}

static void fitting_answer(struct chance *c, struct ea_arena *a, const struct ea_item *item,
                           struct ea_answer *out)
{
    char text[EA_EXACT_SIZE];
    size_t i = item->n ? chance_below(c, item->n) : 0;

    switch (item->kind) {
    case EA_ITEM_CHOICE:
        fit_choices(c, a, item, out);
        break;
    case EA_ITEM_NUMERIC:
        out->value = ea_arena_dup(a, ea_exact_text(&item->numeric[i].value, text));
        out->unit = item->numeric[i].unit;
        break;
    case EA_ITEM_SHORT_TEXT:
        out->text = item->accept[i].text ? item->accept[i].text : "colour";
        break;
    case EA_ITEM_MATCH:
        fit_pairs(c, a, item, out);
        break;
    case EA_ITEM_ORDER:
        fit_order(c, a, item, out);
        break;
    case EA_ITEM_CLOZE:
        fit_gaps(c, a, item, out);
        break;
    case EA_ITEM_FORMULA:
        out->value = chance_one_in(c, 2) ? "3.5" : "350 cm";
        break;
    default:
        out->text = chance_text(c, a, 20, false);
    }
}

struct ea_answer chance_answer(struct chance *c, struct ea_arena *a, const struct ea_item *item)
{
    static const char *const ids[] = { "a", "b", "true", "no-such" };
    /* of any shape, but for lists that have no entries of their own here */
    struct ea_answer out = { .shape = (enum ea_answer_shape)chance_below(c, EA_ANSWER__MAX) };

    if (chance_one_in(c, 2)) {
        out.shape = ea_answer_shape_of(item->kind);
        fitting_answer(c, a, item, &out);
    } else if (out.shape == EA_ANSWER_CHOICES || out.shape == EA_ANSWER_ORDER) {
        out.choices = ids;
        out.n = chance_below(c, 5);
    } else {
        out.value = out.text = chance_text(c, a, 20, false);
        out.unit = chance_one_in(c, 2) ? chance_text(c, a, 3, true) : NULL;
    }
    return out;
}
