#include "lib/answer.h"

#include "lib/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#define VALUE_MAX 200
#define UNIT_MAX  40
#define TEXT_MAX  50000

const char *const ea_answer_shapes[EA_ANSWER__MAX] = {
    [EA_ANSWER_NONE] = "none", [EA_ANSWER_CHOICES] = "choices", [EA_ANSWER_VALUE] = "value",
    [EA_ANSWER_TEXT] = "text", [EA_ANSWER_PAIRS] = "pairs",     [EA_ANSWER_ORDER] = "order",
    [EA_ANSWER_GAPS] = "gaps",
};

struct in_answer {
    struct ea_list choices, pairs, order, gaps;
    struct ea_str value, unit, text;
};

#define AT(member) offsetof(struct in_answer, member)
#define IDS(member)                                                                                          \
    {                                                                                                        \
        .name = #member, .type = EA_T_LIST, .offset = AT(member), .max = EA_ITEM_LIST_MAX, .item = EA_T_STR, \
        .item_min = 1, .item_max = EA_ITEM_ID_MAX                                                            \
    }
#define SIMPLE                                                                                               \
    IDS(choices), { .name = "value", .type = EA_T_RAW, .offset = AT(value), .max = VALUE_MAX },              \
        { .name = "unit",                                                                                    \
          .type = EA_T_STR,                                                                                  \
          .offset = AT(unit),                                                                                \
          .flags = EA_NULLABLE | EA_ONE_LINE,                                                                \
          .max = UNIT_MAX },                                                                                 \
    {                                                                                                        \
        .name = "text", .type = EA_T_STR, .offset = AT(text), .max = TEXT_MAX                                \
    }
#define SCHEMA(name, fields)                                                                                 \
    {                                                                                                        \
        name, sizeof(struct in_answer), fields, sizeof fields / sizeof *fields                               \
    }

static const struct ea_field answer_fields[] = {
    SIMPLE,
    IDS(order),
    { .name = "pairs",
      .type = EA_T_MAP,
      .offset = AT(pairs),
      .max = EA_ITEM_LIST_MAX,
      .item = EA_T_STR,
      .item_min = 1,
      .item_max = EA_ITEM_ID_MAX },
    { .name = "gaps", .type = EA_T_MAP, .offset = AT(gaps), .max = EA_ITEM_GAPS_MAX, .item = EA_T_RAW },
};
static const struct ea_field gap_fields[] = { SIMPLE };
static const struct ea_schema answer_schema = SCHEMA("answer", answer_fields);
static const struct ea_schema gap_schema = SCHEMA("answer to a gap", gap_fields);

struct in_value {
    struct ea_str value;
};
static const struct ea_field value_fields[] = {
    { .name = "value",
      .type = EA_T_STR,
      .offset = offsetof(struct in_value, value),
      .flags = EA_ONE_LINE,
      .max = VALUE_MAX },
};
static const struct ea_schema value_schema = { "value", sizeof(struct in_value), value_fields, 1 };

enum ea_answer_shape ea_answer_shape_of(enum ea_item_kind kind)
{
    static const enum ea_answer_shape shapes[EA_ITEM__MAX] = {
        [EA_ITEM_CHOICE] = EA_ANSWER_CHOICES,  [EA_ITEM_NUMERIC] = EA_ANSWER_VALUE,
        [EA_ITEM_SHORT_TEXT] = EA_ANSWER_TEXT, [EA_ITEM_MATCH] = EA_ANSWER_PAIRS,
        [EA_ITEM_ORDER] = EA_ANSWER_ORDER,     [EA_ITEM_CLOZE] = EA_ANSWER_GAPS,
        [EA_ITEM_FORMULA] = EA_ANSWER_VALUE,   [EA_ITEM_ESSAY] = EA_ANSWER_TEXT,
    };
    return (unsigned)kind < EA_ITEM__MAX ? shapes[kind] : EA_ANSWER_NONE;
}

/* The value as typed: a string, or a number's own characters. */
static enum ea_err read_value(struct ea_arena *a, const struct in_answer *in, const char *at,
                              struct ea_faults *faults, struct ea_answer *out)
{
    void *v = NULL;

    out->value = in->value.v;
    out->unit = in->unit.v;
    if (*in->value.v != '"') {
        if (!strchr("-0123456789", *in->value.v))
            ea_faults_add(faults, a, ea_arena_printf(a, "%s/value", at), "type",
                          "a string or a number is expected");
        return EA_OK;
    }
    char *object = ea_arena_printf(a, "{\"value\":%s}", in->value.v);
    size_t before = faults->n;
    if (!object)
        return EA_ENOMEM;
    enum ea_err err = ea_schema_text(&value_schema, object, strlen(object), a, &v, faults);
    if (err == EA_EINPUT)
        return ea_faults_below(faults, before, a, at);
    if (!err)
        out->value = ((struct in_value *)v)->value.v;
    return err;
}

static enum ea_err read_ids(struct ea_arena *a, const struct ea_list *list, const char *at,
                            const char *member, struct ea_faults *faults, struct ea_answer *out)
{
    const struct ea_str *v = list->items;
    const char **ids = ea_arena_array(a, list->n ? list->n : 1, sizeof *ids);

    if (!ids)
        return EA_ENOMEM;
    for (size_t i = 0; i < list->n; i++) {
        for (size_t k = 0; k < i; k++)
            if (strcmp(ids[k], v[i].v) == 0) {
                ea_faults_add(faults, a, ea_arena_printf(a, "%s/%s/%zu", at, member, i), "duplicate",
                              "this id is there twice");
                break;
            }
        ids[i] = v[i].v;
    }
    out->choices = ids;
    out->n = list->n;
    return EA_OK;
}

static enum ea_err read_pairs(struct ea_arena *a, const struct ea_list *map, struct ea_answer *out)
{
    const struct ea_pair *v = map->items;
    struct ea_answer_pair *pairs = ea_arena_array(a, map->n ? map->n : 1, sizeof *pairs);

    if (!pairs)
        return EA_ENOMEM;
    for (size_t i = 0; i < map->n; i++)
        pairs[i] = (struct ea_answer_pair){ .prompt = v[i].name.v, .option = v[i].v.v };
    out->pairs = pairs;
    out->n = map->n;
    return EA_OK;
}

static enum ea_err read_shape(const struct ea_schema *schema, const char *json, size_t n, struct ea_arena *a,
                              const char *at, struct ea_faults *faults, struct ea_answer *out);

static enum ea_err read_gaps(struct ea_arena *a, const struct ea_list *map, const char *at,
                             struct ea_faults *faults, struct ea_answer *out)
{
    const struct ea_pair *v = map->items;
    struct ea_answer_gap *gaps = ea_arena_array(a, map->n ? map->n : 1, sizeof *gaps);
    enum ea_err err = gaps ? EA_OK : EA_ENOMEM;

    for (size_t i = 0; !err && i < map->n; i++) {
        const char *below = ea_arena_printf(a, "%s/gaps/%s", at, v[i].name.v);
        gaps[i].name = v[i].name.v;
        err = below ? read_shape(&gap_schema, v[i].v.v, v[i].v.len, a, below, faults, &gaps[i].answer)
                    : EA_ENOMEM;
        if (err == EA_EINPUT)
            err = EA_OK; /* the next one's faults, too */
    }
    out->gaps = gaps;
    out->n = map->n;
    return err;
}

static enum ea_err read_shape(const struct ea_schema *schema, const char *json, size_t n, struct ea_arena *a,
                              const char *at, struct ea_faults *faults, struct ea_answer *out)
{
    void *p;
    size_t first = faults->n;
    enum ea_err err = ea_schema_text(schema, json, n, a, &p, faults);

    if (err == EA_EINPUT)
        return ea_faults_below(faults, first, a, at) ? EA_ENOMEM : EA_EINPUT;
    if (err)
        return err;
    const struct in_answer *in = p;
    const bool given[EA_ANSWER__MAX] = {
        [EA_ANSWER_CHOICES] = in->choices.given, [EA_ANSWER_VALUE] = in->value.given,
        [EA_ANSWER_TEXT] = in->text.given,       [EA_ANSWER_PAIRS] = in->pairs.given,
        [EA_ANSWER_ORDER] = in->order.given,     [EA_ANSWER_GAPS] = in->gaps.given,
    };
    int shapes = 0;
    for (enum ea_answer_shape s = 0; s < EA_ANSWER__MAX; s++)
        if (given[s]) {
            out->shape = s;
            shapes++;
        }
    if (shapes != 1 || (in->unit.given && !in->value.given)) {
        ea_faults_add(faults, a, at, "invalid",
                      schema == &gap_schema
                          ? "one of these is expected: {\"choices\": […]}, {\"value\": …, \"unit\": …}, "
                            "{\"text\": …}"
                          : "one of these is expected: {\"choices\": […]}, {\"value\": …, \"unit\": …}, "
                            "{\"text\": …}, {\"pairs\": {…}}, {\"order\": […]}, {\"gaps\": {…}}");
        return EA_EINPUT;
    }
    out->text = in->text.v;
    switch (out->shape) {
    case EA_ANSWER_CHOICES:
        return read_ids(a, &in->choices, at, "choices", faults, out);
    case EA_ANSWER_ORDER:
        return read_ids(a, &in->order, at, "order", faults, out);
    case EA_ANSWER_PAIRS:
        return read_pairs(a, &in->pairs, out);
    case EA_ANSWER_GAPS:
        return read_gaps(a, &in->gaps, at, faults, out);
    case EA_ANSWER_VALUE:
        return read_value(a, in, at, faults, out);
    default:
        return EA_OK;
    }
}

enum ea_err ea_answer_read(const char *json, size_t n, struct ea_arena *a, const char *at,
                           struct ea_faults *faults, struct ea_answer *out)
{
    size_t before = faults->n + faults->more;

    *out = (struct ea_answer){ .shape = EA_ANSWER_NONE };
    if (n == 4 && memcmp(json, "null", 4) == 0)
        return EA_OK;
    enum ea_err err = read_shape(&answer_schema, json, n, a, at, faults, out);
    if (err)
        return err;
    return faults->n + faults->more > before ? EA_EINPUT : EA_OK;
}

static void name(struct ea_jw *w, const char *before, const char *between, const char *after)
{
    char text[2 * EA_ITEM_ID_MAX + 16];

    (void)snprintf(text, sizeof text, "%s%s%s", before, between, after);
    ea_jw_str(w, text);
}

static void name_gap(struct ea_jw *w, const struct ea_answer_gap *gap)
{
    const struct ea_answer *answer = &gap->answer;

    name(w, gap->name, ":", ea_answer_shapes[answer->shape]);
    for (size_t i = 0; answer->shape == EA_ANSWER_CHOICES && i < answer->n; i++)
        name(w, gap->name, "=", answer->choices[i]);
}

const char *ea_answer_names(const struct ea_answer *answer, struct ea_arena *a)
{
    struct ea_buf b = { 0 };
    struct ea_jw w;

    ea_jw_init(&w, &b);
    ea_jw_arr(&w);
    for (size_t i = 0; i < answer->n; i++)
        if (answer->shape == EA_ANSWER_PAIRS) {
            ea_jw_str(&w, answer->pairs[i].prompt);
            name(&w, "", "=", answer->pairs[i].option);
        } else if (answer->shape == EA_ANSWER_GAPS) {
            name_gap(&w, &answer->gaps[i]);
        } else {
            ea_jw_str(&w, answer->choices[i]);
        }
    ea_jw_end(&w);
    const char *out = b.failed ? NULL : ea_arena_ndup(a, b.p, b.len);
    ea_buf_free(&b);
    return out;
}

/* Unicode's White_Space, as far as anybody types it. */
static size_t space_at(const char *p)
{
    static const char *const wide[] = { "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81",
                                        "\xE2\x80\x82", "\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85",
                                        "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89",
                                        "\xE2\x80\x8A", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF",
                                        "\xE2\x81\x9F", "\xE3\x80\x80", "\xC2\x85" };

    if (*p == ' ' || (*p >= '\t' && *p <= '\r'))
        return 1;
    for (size_t i = 0; (unsigned char)*p >= 0xC2 && i < sizeof wide / sizeof *wide; i++)
        if (strncmp(p, wide[i], strlen(wide[i])) == 0)
            return strlen(wide[i]);
    return 0;
}

const char *ea_text_normal(struct ea_arena *a, const char *text)
{
    char *out = ea_arena_alloc(a, strlen(text) + 1), *to = out;
    bool gap = false;
    size_t space;

    if (!out)
        return NULL;
    for (const char *p = text; *p; p += space ? space : 1) {
        space = space_at(p);
        if (space) {
            gap = to > out;
            continue;
        }
        if (gap)
            *to++ = ' ';
        gap = false;
        *to++ = *p;
    }
    *to = '\0';
    return out;
}

const char *ea_text_plain(struct ea_arena *a, const char *text)
{
    utf8proc_uint8_t *plain = NULL;
    utf8proc_ssize_t n =
        utf8proc_map((const utf8proc_uint8_t *)text, 0, &plain,
                     UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_STRIPMARK);

    if (n == UTF8PROC_ERROR_NOMEM)
        return NULL;
    const char *out = n < 0 ? text : ea_arena_ndup(a, plain, (size_t)n);
    free(plain);
    return out;
}

const char *ea_text_tidy(struct ea_arena *a, const char *text)
{
    text += strspn(text, " \t\r\n");
    char *out = ea_arena_alloc(a, strlen(text) + 1), *to = out;

    if (!out)
        return NULL;
    for (const char *p = text; *p; p++)
        if (*p != '\r')
            *to++ = *p;
        else if (p[1] != '\n')
            *to++ = '\n';
    while (to > out && strchr(" \t\n", to[-1]))
        to--;
    *to = '\0';
    return out;
}
