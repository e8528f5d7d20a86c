/* Formula items: numbers drawn by chance, and the expression that their answer is. */
#include "lib/formula.h"
#include "lib/item_private.h"

#include <string.h>

#define CORNERS 64 /* draws that a new definition is tried with */

struct in_variable {
    struct ea_str min, max, step;
};
struct in_formula {
    struct ea_list variables;
    struct ea_str answer, tolerance, unit, wrong_unit, wrong_figures;
    struct ea_int relative, figures;
};

#define RAW(of, m, what)                                                                                     \
    {                                                                                                        \
        .name = #m, .type = EA_T_RAW, .offset = offsetof(struct of, m), .flags = what,                       \
        .max = EA_ITEM_NUMBER_MAX                                                                            \
    }
static const struct ea_field variable_fields[] = {
    RAW(in_variable, min, EA_REQUIRED),
    RAW(in_variable, max, EA_REQUIRED),
    RAW(in_variable, step, 0),
};
static const struct ea_schema variable_schema = { "variable", sizeof(struct in_variable), variable_fields,
                                                  sizeof variable_fields / sizeof *variable_fields };

#define FORMULA(member) offsetof(struct in_formula, member)
static const struct ea_field formula_fields[] = {
    { .name = "variables",
      .type = EA_T_MAP,
      .offset = FORMULA(variables),
      .flags = EA_REQUIRED,
      .min = 1,
      .max = EA_ITEM_VARIABLES_MAX,
      .item = EA_T_RAW },
    { .name = "answer",
      .type = EA_T_STR,
      .offset = FORMULA(answer),
      .flags = EA_REQUIRED | EA_ONE_LINE,
      .min = 1,
      .max = EA_FORMULA_MAX },
    RAW(in_formula, tolerance, 0),
    { .name = "relative", .type = EA_T_BOOL, .offset = FORMULA(relative) },
    { .name = "significant_figures",
      .type = EA_T_INT,
      .offset = FORMULA(figures),
      .flags = EA_NULLABLE,
      .min = 1,
      .max = EA_ITEM_FIGURES_MAX },
    { .name = "unit",
      .type = EA_T_STR,
      .offset = FORMULA(unit),
      .flags = EA_NULLABLE | EA_ONE_LINE,
      .max = EA_ITEM_UNIT_MAX },
    { .name = "wrong_unit_share",
      .type = EA_T_RAW,
      .offset = FORMULA(wrong_unit),
      .max = EA_ITEM_NUMBER_MAX },
    { .name = "wrong_figures_share",
      .type = EA_T_RAW,
      .offset = FORMULA(wrong_figures),
      .max = EA_ITEM_NUMBER_MAX },
};
const struct ea_schema ea_item_formula_schema = { "formula item", sizeof(struct in_formula), formula_fields,
                                                  sizeof formula_fields / sizeof *formula_fields };

static const char *pointer(const struct ea_item_look *l, const char *variable, const char *member)
{
    return ea_arena_printf(l->a, "%s/variables/%s%s%s", l->at, variable, *member ? "/" : "", member);
}

/* ---- read ---- */

static enum ea_err read_variable(const struct ea_item_look *l, const struct ea_pair *pair,
                                 struct ea_variable *out)
{
    size_t before = l->faults->n;
    void *p;
    enum ea_err err = ea_schema_text(&variable_schema, pair->v.v, pair->v.len, l->a, &p, l->faults);

    out->name = pair->name.v;
    if (err == EA_EINPUT)
        return ea_faults_below(l->faults, before, l->a, pointer(l, out->name, ""));
    if (err)
        return err;
    const struct in_variable *in = p;
    struct ea_str step = in->step.v ? in->step : (struct ea_str){ .v = "1", .len = 1 };
    ea_item_read_exact(l, pointer(l, out->name, "min"), in->min, &out->min);
    ea_item_read_exact(l, pointer(l, out->name, "max"), in->max, &out->max);
    ea_item_read_exact(l, pointer(l, out->name, "step"), step, &out->step);
    return EA_OK;
}

enum ea_err ea_item_read_formula(const struct ea_item_look *l, const void *from, struct ea_item *out)
{
    const struct in_formula *in = from;
    const struct ea_pair *v = in->variables.items;
    enum ea_err err = EA_OK;

    out->n = in->variables.n;
    out->answer = in->answer.v;
    out->relative = in->relative.v;
    out->figures = in->figures.v;
    out->unit = in->unit.v;
    out->variables = ea_arena_array(l->a, out->n, sizeof *out->variables);
    if (!out->variables)
        return EA_ENOMEM;
    ea_item_read_exact(l, ea_arena_printf(l->a, "%s/tolerance", l->at), in->tolerance, &out->tolerance);
    ea_item_read_share(l, ea_arena_printf(l->a, "%s/wrong_unit_share", l->at), in->wrong_unit,
                       &out->wrong_unit);
    ea_item_read_share(l, ea_arena_printf(l->a, "%s/wrong_figures_share", l->at), in->wrong_figures,
                       &out->wrong_figures);
    for (size_t i = 0; !err && i < out->n; i++)
        err = read_variable(l, &v[i], &out->variables[i]);
    return err;
}

/* ---- settle ---- */

/* min + VALUES_MAX * step >= max */
static bool few_values(const struct ea_variable *v)
{
    struct ea_exact many, range, span;

    return !ea_exact_read("1e6", 3, &many) && !ea_exact_sub(&v->max, &v->min, &range) &&
           (ea_exact_mul(&v->step, &many, &span) || ea_exact_cmp(&range, &span) < 0);
}

static void check_variable(const struct ea_item_look *l, const struct ea_variable *v)
{
    if (!ea_formula_name_ok(v->name))
        ea_faults_add(
            l->faults, l->a, pointer(l, v->name, ""), "format",
            "a variable is a letter, then letters, digits and _, at most %d in all, and no function's name",
            EA_FORMULA_NAME_MAX);
    if (v->step.minus || ea_exact_is_zero(&v->step))
        ea_faults_add(l->faults, l->a, pointer(l, v->name, "step"), "out-of-range", "a step is above zero");
    else if (ea_exact_cmp(&v->min, &v->max) > 0)
        ea_faults_add(l->faults, l->a, pointer(l, v->name, "max"), "out-of-range", "max is below min");
    else if (!few_values(v))
        ea_faults_add(l->faults, l->a, pointer(l, v->name, "step"), "out-of-range",
                      "a variable takes at most %d values", EA_ITEM_VALUES_MAX);
}

/* Tries it with the variables at their ends: bit i of `corner` says which of the i-th. */
static enum ea_err check_answer(const struct ea_item_look *l, const struct ea_item *item)
{
    struct ea_formula_variable *at = ea_arena_array(l->a, item->n, sizeof *at);
    struct ea_exact value;
    const char *why = NULL;
    enum ea_err err = at ? EA_OK : EA_ENOMEM;

    for (unsigned corner = 0; !err && corner < CORNERS && corner < 1u << item->n; corner++) {
        for (size_t i = 0; i < item->n; i++)
            at[i] = (struct ea_formula_variable){ item->variables[i].name, corner >> i & 1
                                                                               ? item->variables[i].max
                                                                               : item->variables[i].min };
        err = ea_formula_value(item->answer, at, item->n, l->a, &value, &why);
    }
    if (err == EA_EINPUT) {
        ea_faults_add(l->faults, l->a, ea_arena_printf(l->a, "%s/answer", l->at), "format", "%s", why);
        err = EA_OK;
    }
    return err;
}

enum ea_err ea_item_settle_formula(const struct ea_item_look *l, struct ea_item *item)
{
    size_t before = l->faults->n;
    enum ea_err err = ea_item_tidy(l->a, &item->unit);

    if (!err)
        err = ea_item_tidy(l->a, &item->answer);
    if (err)
        return err;
    if (item->n < 1 || item->n > EA_ITEM_VARIABLES_MAX)
        EA_ITEM_FAULT(l, -1, "", "out-of-range", "1 to %d variables", EA_ITEM_VARIABLES_MAX);
    for (size_t i = 0; i < item->n; i++)
        check_variable(l, &item->variables[i]);
    if (item->tolerance.minus)
        ea_faults_add(l->faults, l->a, ea_arena_printf(l->a, "%s/tolerance", l->at), "out-of-range",
                      "a tolerance is not below zero");
    item->relative &= !ea_exact_is_zero(&item->tolerance);
    ea_item_check_share(l, "wrong_unit_share", item->wrong_unit);
    ea_item_check_share(l, "wrong_figures_share", item->wrong_figures);
    if (!item->answer)
        ea_faults_add(l->faults, l->a, ea_arena_printf(l->a, "%s/answer", l->at), "too-short", "it is empty");
    return l->faults->n > before ? EA_OK : check_answer(l, item);
}

/* ---- write ---- */

void ea_item_write_formula(const struct ea_item *item, struct ea_jw *w)
{
    ea_jw_key(w, "variables");
    ea_jw_obj(w);
    for (size_t i = 0; i < item->n; i++) {
        ea_jw_key(w, item->variables[i].name);
        ea_jw_obj(w);
        ea_item_write_exact(w, "min", &item->variables[i].min);
        ea_item_write_exact(w, "max", &item->variables[i].max);
        ea_item_write_exact(w, "step", &item->variables[i].step);
        ea_jw_end(w);
    }
    ea_jw_end(w);
    ea_jw_kstr(w, "answer", item->answer);
    ea_item_write_exact(w, "tolerance", &item->tolerance);
    ea_jw_kbool(w, "relative", item->relative);
    if (item->figures)
        ea_jw_kint(w, "significant_figures", item->figures);
    ea_item_write_str(w, "unit", item->unit);
    if (item->wrong_unit)
        ea_item_write_share(w, "wrong_unit_share", item->wrong_unit);
    if (item->wrong_figures)
        ea_item_write_share(w, "wrong_figures_share", item->wrong_figures);
}
