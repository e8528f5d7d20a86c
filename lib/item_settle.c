/* What a definition must hold to, however it was made, and the one form it is brought into. */
#include "lib/answer.h"
#include "lib/item_private.h"
#include "lib/pattern.h"

#include <stdio.h>
#include <string.h>

#define FULL_SLACK 10000 /* of a sum of fractions: thirds are written with few decimals */

static const char *some(const char *s)
{
    return s && *s ? s : NULL;
}

enum ea_err ea_item_tidy(struct ea_arena *a, const char **text)
{
    if (!*text)
        return EA_OK;
    const char *t = ea_text_tidy(a, *text);
    *text = some(t);
    return t ? EA_OK : EA_ENOMEM;
}

bool ea_item_is_id(const char *s)
{
    size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

    return n > 0 && n <= EA_ITEM_ID_MAX && s[n] == '\0';
}

/* The ids of a list, wherever in its entries they are. */
struct ids {
    size_t n;
    const char **(*at)(void *list, size_t i);
    void *list;
};

static bool id_taken(const struct ids *ids, size_t but, const char *id)
{
    for (size_t i = 0; i < ids->n; i++) {
        const char *other = *ids->at(ids->list, i);
        if (i != but && other && strcmp(other, id) == 0)
            return true;
    }
    return false;
}

const char *ea_item_nth_id(size_t i, char out[EA_ITEM_ID_MAX + 1])
{
    if (i < 26)
        (void)snprintf(out, EA_ITEM_ID_MAX + 1, "%c", (int)('a' + i));
    else
        (void)snprintf(out, EA_ITEM_ID_MAX + 1, "c%zu", i + 1);
    return out;
}

static enum ea_err give_id(struct ea_arena *a, const struct ids *ids, size_t i)
{
    char nth[EA_ITEM_ID_MAX + 1];

    for (size_t k = i; !*ids->at(ids->list, i); k++) {
        const char *id = ea_arena_dup(a, ea_item_nth_id(k, nth));
        if (!id)
            return EA_ENOMEM;
        if (!id_taken(ids, i, id))
            *ids->at(ids->list, i) = id;
    }
    return EA_OK;
}

enum ea_err ea_item_give_ids(const struct ea_item_look *l, size_t n, const char **(*id)(void *list, size_t i),
                             void *list)
{
    const struct ids ids = { n, id, list };
    enum ea_err err = EA_OK;

    for (size_t i = 0; i < n; i++) {
        const char *given = *id(list, i);
        if (given && !ea_item_is_id(given))
            EA_ITEM_FAULT(l, (long)i, "id", "format", "an id has letters, digits, - and _ only");
        else if (given && id_taken(&ids, i, given))
            EA_ITEM_FAULT(l, (long)i, "id", "duplicate", "another one has this id");
    }
    for (size_t i = 0; !err && i < n; i++)
        err = give_id(l->a, &ids, i);
    return err;
}

static const char **choice_id(void *list, size_t i)
{
    return &((struct ea_choice *)list)[i].id;
}

static void check_weights(const struct ea_item_look *l, const struct ea_item *item)
{
    int64_t sum = 0, best = 0;

    for (size_t i = 0; i < item->n; i++) {
        int64_t f = item->choices[i].fraction;
        if (f < -EA_FRACTION_ONE || f > EA_FRACTION_ONE)
            EA_ITEM_FAULT(l, (long)i, "fraction", "out-of-range", "a fraction is from -1 to 1");
        sum += f > 0 ? f : 0;
        best = f > best ? f : best;
    }
    if (!item->multiple && best != EA_FRACTION_ONE)
        EA_ITEM_FAULT(l, -1, "", "invalid",
                      "one choice must have the fraction 1, or nobody can reach all points");
    if (item->multiple && (sum < EA_FRACTION_ONE - FULL_SLACK || sum > EA_FRACTION_ONE + FULL_SLACK))
        EA_ITEM_FAULT(l, -1, "", "invalid", "the fractions of the correct choices must add up to 1");
}

/* Fractions that say no more than `correct` does are dropped. */
static void drop_idle_weights(struct ea_item *item)
{
    bool idle = item->multiple && item->scoring == EA_SCORE_ALL_OR_NOTHING;

    if (!item->multiple) {
        idle = true;
        for (size_t i = 0; i < item->n; i++)
            idle &= item->choices[i].fraction == (item->choices[i].correct ? EA_FRACTION_ONE : 0);
    }
    for (size_t i = 0; (idle || !item->weighted) && i < item->n; i++)
        item->choices[i].fraction = 0;
    item->weighted &= !idle;
}

enum ea_err ea_item_settle_choices(const struct ea_item_look *l, struct ea_item *item)
{
    size_t correct = 0;
    enum ea_err err = EA_OK;

    if (item->n < 2)
        EA_ITEM_FAULT(l, -1, "", "too-short", "at least two choices are needed");
    for (size_t i = 0; !err && i < item->n; i++) {
        struct ea_choice *c = &item->choices[i];
        correct += c->correct;
        err = ea_item_tidy(l->a, &c->text);
        if (!err)
            err = ea_item_tidy(l->a, &c->feedback);
        if (!err && !c->text)
            EA_ITEM_FAULT(l, (long)i, "text", "too-short", "the text is empty");
    }
    if (err)
        return err;
    if (correct == 0)
        EA_ITEM_FAULT(l, -1, "", "invalid", "no choice is correct");
    else if (item->weighted)
        check_weights(l, item);
    if (!item->multiple)
        item->scoring = EA_SCORE_ALL_OR_NOTHING;
    drop_idle_weights(item);
    return ea_item_give_ids(l, item->n, choice_id, item->choices);
}

static bool share(const struct ea_item_look *l, size_t i, int64_t fraction)
{
    if (fraction < 0 || fraction > EA_FRACTION_ONE)
        EA_ITEM_FAULT(l, (long)i, "fraction", "out-of-range", "a fraction is from 0 to 1 here");
    return fraction == EA_FRACTION_ONE;
}

void ea_item_check_share(const struct ea_item_look *l, const char *member, int64_t share)
{
    if (share < 0 || share > EA_FRACTION_ONE)
        ea_faults_add(l->faults, l->a, ea_arena_printf(l->a, "%s/%s", l->at, member), "out-of-range",
                      "a share is from 0 to 1");
}

enum ea_err ea_item_settle_numeric(const struct ea_item_look *l, struct ea_item *item)
{
    bool full = false;
    enum ea_err err = EA_OK;

    for (size_t i = 0; !err && i < item->n; i++) {
        struct ea_numeric *x = &item->numeric[i];
        err = ea_item_tidy(l->a, &x->feedback);
        if (!err)
            err = ea_item_tidy(l->a, &x->unit);
        x->relative &= !ea_exact_is_zero(&x->tolerance);
        full |= share(l, i, x->fraction);
        if (x->tolerance.minus)
            EA_ITEM_FAULT(l, (long)i, "tolerance", "out-of-range", "a tolerance is not below zero");
        if (x->figures < 0 || x->figures > EA_ITEM_FIGURES_MAX)
            EA_ITEM_FAULT(l, (long)i, "significant_figures", "out-of-range", "1 to %d figures",
                          EA_ITEM_FIGURES_MAX);
    }
    ea_item_check_share(l, "wrong_unit_share", item->wrong_unit);
    ea_item_check_share(l, "wrong_figures_share", item->wrong_figures);
    if (!err && !full)
        EA_ITEM_FAULT(l, -1, "", "invalid",
                      "one answer must have the fraction 1, or nobody can reach all points");
    return err;
}

static enum ea_err settle_accepted(const struct ea_item_look *l, size_t i, struct ea_accept *x)
{
    const char *why = NULL;
    enum ea_err err = ea_item_tidy(l->a, &x->feedback);

    if (err)
        return err;
    x->pattern = some(x->pattern);
    if (x->text) {
        x->text = ea_text_normal(l->a, x->text);
        if (!x->text)
            return EA_ENOMEM;
        x->text = some(x->text);
    }
    if (!x->text == !x->pattern)
        EA_ITEM_FAULT(l, (long)i, "", "invalid", "either text or pattern is needed, and not both");
    if (!x->pattern)
        return EA_OK;
    err = ea_pattern_check(l->a, x->pattern, &why);
    if (err == EA_EINPUT)
        EA_ITEM_FAULT(l, (long)i, "pattern", "format", "not a good pattern: %s", why ? why : "");
    return err == EA_EINPUT ? EA_OK : err;
}

enum ea_err ea_item_settle_accept(const struct ea_item_look *l, struct ea_item *item)
{
    enum ea_err err = EA_OK;
    bool full = false;

    for (size_t i = 0; !err && i < item->n; i++) {
        full |= share(l, i, item->accept[i].fraction);
        err = settle_accepted(l, i, &item->accept[i]);
    }
    if (!err && !full)
        EA_ITEM_FAULT(l, -1, "", "invalid",
                      "one accepted text must have the fraction 1, or nobody can reach all points");
    return err;
}
