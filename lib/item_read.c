/* Definitions from JSON: descriptor tables, then the plain structs. */
#include "lib/decimal.h"
#include "lib/item_private.h"
#include "lib/pattern.h"

struct in_choice {
    struct ea_str id, text, html, feedback, feedback_html, fraction;
    struct ea_int correct;
};
struct in_numeric {
    struct ea_str value, tolerance, unit, fraction, feedback, feedback_html;
    struct ea_int relative, significant_figures;
};
struct in_accept {
    struct ea_str text, pattern, fraction, feedback, feedback_html;
    struct ea_int case_sensitive, ignore_accents;
};

#define STR(of, m, what, lo, hi)                                                                             \
    {                                                                                                        \
        .name = #m, .type = EA_T_STR, .offset = offsetof(struct of, m), .flags = what, .min = lo, .max = hi  \
    }
#define RAW(of, m, what)                                                                                     \
    {                                                                                                        \
        .name = #m, .type = EA_T_RAW, .offset = offsetof(struct of, m), .flags = what,                       \
        .max = EA_ITEM_NUMBER_MAX                                                                            \
    }
#define BOOL(of, m)                                                                                          \
    {                                                                                                        \
        .name = #m, .type = EA_T_BOOL, .offset = offsetof(struct of, m)                                      \
    }
#define LIST(of, schema)                                                                                     \
    {                                                                                                        \
        .name = of, .type = EA_T_LIST, .offset = offsetof(struct ea_item_in, list), .flags = EA_REQUIRED,    \
        .min = 1, .max = EA_ITEM_LIST_MAX, .sub = &schema                                                    \
    }
#define SHARE(of, m)                                                                                         \
    {                                                                                                        \
        .name = of, .type = EA_T_RAW, .offset = offsetof(struct ea_item_in, m), .max = EA_ITEM_NUMBER_MAX    \
    }
#define TABLE(name, of, fields)                                                                              \
    {                                                                                                        \
        name, sizeof(struct of), fields, sizeof fields / sizeof *fields                                      \
    }

/* The html members are ours: they are there in what we have written, and ignored in what people send. */
static const struct ea_field choice_fields[] = {
    STR(in_choice, id, EA_ONE_LINE, 1, EA_ITEM_ID_MAX),
    STR(in_choice, text, EA_REQUIRED, 1, EA_ITEM_TEXT_MAX),
    STR(in_choice, html, 0, 0, 0),
    BOOL(in_choice, correct),
    RAW(in_choice, fraction, EA_NULLABLE),
    STR(in_choice, feedback, EA_NULLABLE, 0, EA_ITEM_TEXT_MAX),
    STR(in_choice, feedback_html, EA_NULLABLE, 0, 0),
};
static const struct ea_field numeric_fields[] = {
    RAW(in_numeric, value, EA_REQUIRED),
    RAW(in_numeric, tolerance, 0),
    BOOL(in_numeric, relative),
    { .name = "significant_figures",
      .type = EA_T_INT,
      .offset = offsetof(struct in_numeric, significant_figures),
      .flags = EA_NULLABLE,
      .min = 1,
      .max = EA_ITEM_FIGURES_MAX },
    STR(in_numeric, unit, EA_NULLABLE | EA_ONE_LINE, 0, EA_ITEM_UNIT_MAX),
    RAW(in_numeric, fraction, EA_NULLABLE),
    STR(in_numeric, feedback, EA_NULLABLE, 0, EA_ITEM_TEXT_MAX),
    STR(in_numeric, feedback_html, EA_NULLABLE, 0, 0),
};
static const struct ea_field accept_fields[] = {
    STR(in_accept, text, EA_NULLABLE, 0, EA_PATTERN_MAX),
    STR(in_accept, pattern, EA_NULLABLE | EA_ONE_LINE, 0, EA_PATTERN_MAX),
    BOOL(in_accept, case_sensitive),
    BOOL(in_accept, ignore_accents),
    RAW(in_accept, fraction, EA_NULLABLE),
    STR(in_accept, feedback, EA_NULLABLE, 0, EA_ITEM_TEXT_MAX),
    STR(in_accept, feedback_html, EA_NULLABLE, 0, 0),
};
const struct ea_schema ea_item_choice_entry = TABLE("choice", in_choice, choice_fields);
const struct ea_schema ea_item_numeric_entry = TABLE("numeric answer", in_numeric, numeric_fields);
const struct ea_schema ea_item_accept_entry = TABLE("accepted text", in_accept, accept_fields);

static const struct ea_field item_choice_fields[] = {
    LIST("choices", ea_item_choice_entry),
    BOOL(ea_item_in, multiple),
    BOOL(ea_item_in, shuffle),
    { .name = "scoring",
      .type = EA_T_ENUM,
      .offset = offsetof(struct ea_item_in, scoring),
      .values = ea_scorings },
};
static const struct ea_field item_numeric_fields[] = { LIST("answers", ea_item_numeric_entry),
                                                       SHARE("wrong_unit_share", wrong_unit),
                                                       SHARE("wrong_figures_share", wrong_figures) };
static const struct ea_field item_short_text_fields[] = { LIST("accept", ea_item_accept_entry) };

const struct ea_schema ea_item_choice_schema = TABLE("choice item", ea_item_in, item_choice_fields);
const struct ea_schema ea_item_numeric_schema = TABLE("numeric item", ea_item_in, item_numeric_fields);
const struct ea_schema ea_item_accept_schema = TABLE("short text item", ea_item_in, item_short_text_fields);

/* A number that may come as JSON number or as a string of one: its characters. */
static struct ea_str bare(struct ea_str raw)
{
    if (raw.v && raw.len >= 2 && raw.v[0] == '"') {
        raw.v++;
        raw.len -= 2;
    }
    return raw;
}

void ea_item_read_share(const struct ea_item_look *l, const char *pointer, struct ea_str raw, int64_t *out)
{
    if (raw.v && ea_decimal_read(raw.v, raw.len, EA_FRACTION_DECIMALS, out) != EA_DECIMAL_OK)
        ea_faults_add(l->faults, l->a, pointer, "format",
                      "a number from -1 to 1 with at most 7 decimals is expected");
}

void ea_item_read_exact(const struct ea_item_look *l, const char *pointer, struct ea_str raw,
                        struct ea_exact *out)
{
    struct ea_str text = bare(raw);

    if (text.v && ea_exact_read(text.v, text.len, out))
        ea_faults_add(
            l->faults, l->a, pointer, "format",
            "a number is expected, as 3.2 or \"3.20\", of at most %d digits on each side of the point",
            EA_EXACT_DIGITS);
}

static void read_fraction(const struct ea_item_look *l, size_t i, struct ea_str raw, int64_t *out)
{
    ea_item_read_share(l, ea_item_pointer(l, (long)i, "fraction"), raw, out);
}

enum ea_err ea_item_read_choices(const struct ea_item_look *l, const void *from, struct ea_item *out)
{
    const struct ea_item_in *in = from;
    const struct in_choice *v = in->list.items;
    size_t fractions = 0;

    out->n = in->list.n;
    out->choices = ea_arena_array(l->a, in->list.n, sizeof *out->choices);
    if (!out->choices)
        return EA_ENOMEM;
    for (size_t i = 0; i < in->list.n; i++) {
        struct ea_choice *c = &out->choices[i];
        *c = (struct ea_choice){ .id = v[i].id.v, .text = v[i].text.v, .feedback = v[i].feedback.v };
        read_fraction(l, i, v[i].fraction, &c->fraction);
        fractions += v[i].fraction.v != NULL;
        c->correct = v[i].correct.given ? v[i].correct.v : c->fraction > 0;
        if (v[i].fraction.v && c->correct != (c->fraction > 0))
            EA_ITEM_FAULT(l, (long)i, "correct", "invalid",
                          "a choice is correct when its fraction is above zero");
    }
    for (size_t i = 0; fractions > 0 && i < in->list.n; i++)
        if (!v[i].fraction.v && v[i].correct.v)
            EA_ITEM_FAULT(l, (long)i, "fraction", "required",
                          "other choices have a fraction, so this one needs one too");
    out->weighted = fractions > 0;
    out->multiple = in->multiple.v;
    out->shuffle = in->shuffle.given ? in->shuffle.v : true;
    out->scoring = in->scoring.given ? (enum ea_scoring)in->scoring.v : EA_SCORE_ALL_OR_NOTHING;
    return EA_OK;
}

enum ea_err ea_item_read_numeric(const struct ea_item_look *l, const void *from, struct ea_item *out)
{
    const struct ea_item_in *in = from;
    const struct in_numeric *v = in->list.items;

    out->n = in->list.n;
    out->numeric = ea_arena_array(l->a, in->list.n, sizeof *out->numeric);
    if (!out->numeric)
        return EA_ENOMEM;
    for (size_t i = 0; i < in->list.n; i++) {
        struct ea_numeric *x = &out->numeric[i];
        *x = (struct ea_numeric){ .relative = v[i].relative.v,
                                  .figures = v[i].significant_figures.v,
                                  .unit = v[i].unit.v,
                                  .fraction = EA_FRACTION_ONE,
                                  .feedback = v[i].feedback.v };
        ea_item_read_exact(l, ea_item_pointer(l, (long)i, "value"), v[i].value, &x->value);
        ea_item_read_exact(l, ea_item_pointer(l, (long)i, "tolerance"), v[i].tolerance, &x->tolerance);
        read_fraction(l, i, v[i].fraction, &x->fraction);
    }
    ea_item_read_share(l, ea_arena_printf(l->a, "%s/wrong_unit_share", l->at), in->wrong_unit,
                       &out->wrong_unit);
    ea_item_read_share(l, ea_arena_printf(l->a, "%s/wrong_figures_share", l->at), in->wrong_figures,
                       &out->wrong_figures);
    return EA_OK;
}

enum ea_err ea_item_read_accept(const struct ea_item_look *l, const void *from, struct ea_item *out)
{
    const struct ea_item_in *in = from;
    const struct in_accept *v = in->list.items;

    out->n = in->list.n;
    out->accept = ea_arena_array(l->a, in->list.n, sizeof *out->accept);
    if (!out->accept)
        return EA_ENOMEM;
    for (size_t i = 0; i < in->list.n; i++) {
        out->accept[i] = (struct ea_accept){ .text = v[i].text.v,
                                             .pattern = v[i].pattern.v,
                                             .case_sensitive = v[i].case_sensitive.v,
                                             .ignore_accents = v[i].ignore_accents.v,
                                             .fraction = EA_FRACTION_ONE,
                                             .feedback = v[i].feedback.v };
        read_fraction(l, i, v[i].fraction, &out->accept[i].fraction);
    }
    return EA_OK;
}
