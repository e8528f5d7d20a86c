#include "tests/unit/chance.h"

#include "lib/clock.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct chance chance_new(void)
{
    const char *seed = getenv("EA_TEST_SEED");

    return (struct chance){ .state = seed ? strtoull(seed, NULL, 10) : 20261123 };
}

/* splitmix64 */
static uint64_t next(struct chance *c)
{
    uint64_t z = c->state += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

uint64_t chance_below(struct chance *c, uint64_t n)
{
    return next(c) % n;
}

bool chance_one_in(struct chance *c, uint64_t n)
{
    return chance_below(c, n) == 0;
}

const char *chance_text(struct chance *c, struct ea_arena *a, size_t max, bool one_line)
{
    static const char *const pieces[] = {
        "a",    "b",      "Z",          "7",    " ",  " ",  "\\",
        "~",    "=",      "#",          "{",    "}",  ":",  "*",
        "%",    "[",      "]",          "<",    ">",  "&",  "/",
        "//",   "::",     "->",         "\"",   "_",  "`",  ".",
        "-",    "####",   "\\n",        "{}",   "é",  "Ω",  "\xF0\x9F\x8C\xB1",
        "%50%", "[html]", "$CATEGORY:", "TRUE", "\n", "\n", "word"
    };
    size_t n = sizeof pieces / sizeof *pieces, len = 1 + chance_below(c, max);
    char *out = ea_arena_alloc(a, len * 12 + 1), *to = out;

    assert_non_null(out);
    for (size_t i = 0; i < len; i++)
        to = stpcpy(to, pieces[chance_below(c, n)]);
    for (char *p = out; one_line && *p; p++)
        if (*p == '\n')
            *p = ' ';
    const char *tidy = one_line ? ea_text_normal(a, out) : ea_text_tidy(a, out);
    assert_non_null(tidy);
    return *tidy ? tidy : "x";
}

struct ea_exact chance_number(struct chance *c)
{
    char text[40];
    struct ea_exact x;
    int n = snprintf(text, sizeof text, "%s%llu.%llue%d", chance_one_in(c, 2) ? "-" : "",
                     (unsigned long long)chance_below(c, 100000), (unsigned long long)chance_below(c, 1000),
                     (int)chance_below(c, 13) - 6);

    assert_ok(ea_exact_read(text, (size_t)n, &x));
    return x;
}

static int64_t share(struct chance *c)
{
    return (int64_t)chance_below(c, EA_FRACTION_ONE / 100 + 1) * 100;
}

static void make_choices(struct chance *c, struct ea_arena *a, struct ea_item *out)
{
    out->n = 2 + chance_below(c, 5);
    out->choices = ea_arena_array(a, out->n, sizeof *out->choices);
    assert_non_null(out->choices);
    out->multiple = chance_one_in(c, 2);
    out->shuffle = chance_one_in(c, 2);
    out->scoring = out->multiple ? (enum ea_scoring)chance_below(c, EA_SCORE__MAX) : EA_SCORE_ALL_OR_NOTHING;
    out->weighted = chance_one_in(c, 2);
    size_t right = chance_below(c, out->n);
    for (size_t i = 0; i < out->n; i++) {
        struct ea_choice *x = &out->choices[i];
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
    for (size_t i = 0; i < out->n; i++) {
        struct ea_numeric *x = &out->numeric[i];
        x->value = chance_number(c);
        x->tolerance = chance_number(c);
        x->tolerance.minus = false;
        x->relative = !plain && chance_one_in(c, 3);
        x->unit = !plain && chance_one_in(c, 3) ? "m" : NULL;
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
        x->fraction = i == 0 ? EA_FRACTION_ONE : share(c);
        x->feedback = chance_one_in(c, 3) ? chance_text(c, a, 8, false) : NULL;
        if (plain && x->feedback && strstr(x->feedback, "->"))
            x->feedback = NULL;
    }
}

struct ea_item chance_item(struct chance *c, struct ea_arena *a, bool plain)
{
    struct ea_item out = { .kind = (enum ea_item_kind)chance_below(c, 3) };
    struct ea_faults faults = { 0 };

    if (out.kind == EA_ITEM_CHOICE)
        make_choices(c, a, &out);
    else if (out.kind == EA_ITEM_NUMERIC)
        make_numeric(c, a, plain, &out);
    else
        make_accept(c, a, plain, &out);
    if (ea_item_settle(&out, a, "", &faults))
        fail_msg("an item made by chance is not good: %s %s", faults.v[0].pointer, faults.v[0].detail);
    return out;
}

static void fitting_answer(struct chance *c, struct ea_arena *a, const struct ea_item *item,
                           struct ea_answer *out)
{
    char text[EA_EXACT_SIZE];
    size_t i = chance_below(c, item->n);

    if (item->kind == EA_ITEM_CHOICE) {
        const char **ids = ea_arena_array(a, item->n, sizeof *ids);
        assert_non_null(ids);
        for (size_t k = 0; k < item->n; k++)
            if (chance_one_in(c, 2))
                ids[out->n++] = item->choices[k].id;
        out->choices = ids;
    } else if (item->kind == EA_ITEM_NUMERIC) {
        out->value = ea_arena_dup(a, ea_exact_text(&item->numeric[i].value, text));
        out->unit = item->numeric[i].unit;
    } else {
        out->text = item->accept[i].text ? item->accept[i].text : "colour";
    }
}

struct ea_answer chance_answer(struct chance *c, struct ea_arena *a, const struct ea_item *item)
{
    static const char *const ids[] = { "a", "b", "true", "no-such" };
    struct ea_answer out = { .shape = (enum ea_answer_shape)chance_below(c, EA_ANSWER__MAX) };

    if (chance_one_in(c, 2)) {
        out.shape = ea_answer_shape_of(item->kind);
        fitting_answer(c, a, item, &out);
    } else if (out.shape == EA_ANSWER_CHOICES) {
        out.choices = ids;
        out.n = chance_below(c, 5);
    } else {
        out.value = out.text = chance_text(c, a, 20, false);
        out.unit = chance_one_in(c, 2) ? chance_text(c, a, 3, true) : NULL;
    }
    return out;
}
