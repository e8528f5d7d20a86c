#include "lib/answer.h"

#include "lib/utf8.h"

#include <string.h>

#define VALUE_MAX 200
#define UNIT_MAX  40
#define ID_MAX    32
#define TEXT_MAX  50000

const char *const ea_answer_shapes[EA_ANSWER__MAX] = {
    [EA_ANSWER_NONE] = "none",
    [EA_ANSWER_CHOICES] = "choices",
    [EA_ANSWER_VALUE] = "value",
    [EA_ANSWER_TEXT] = "text",
};

struct in_answer {
    struct ea_list choices;
    struct ea_str value, unit, text;
};

static const struct ea_field answer_fields[] = {
    { .name = "choices",
      .type = EA_T_LIST,
      .offset = offsetof(struct in_answer, choices),
      .max = EA_ITEM_LIST_MAX,
      .item = EA_T_STR,
      .item_min = 1,
      .item_max = ID_MAX },
    { .name = "value", .type = EA_T_RAW, .offset = offsetof(struct in_answer, value), .max = VALUE_MAX },
    { .name = "unit",
      .type = EA_T_STR,
      .offset = offsetof(struct in_answer, unit),
      .flags = EA_NULLABLE | EA_ONE_LINE,
      .max = UNIT_MAX },
    { .name = "text", .type = EA_T_STR, .offset = offsetof(struct in_answer, text), .max = TEXT_MAX },
};
static const struct ea_schema answer_schema = { "answer", sizeof(struct in_answer), answer_fields,
                                                sizeof answer_fields / sizeof *answer_fields };

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
        [EA_ITEM_SHORT_TEXT] = EA_ANSWER_TEXT, [EA_ITEM_FORMULA] = EA_ANSWER_VALUE,
        [EA_ITEM_ESSAY] = EA_ANSWER_TEXT,
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

static enum ea_err read_choices(struct ea_arena *a, const struct ea_list *list, const char *at,
                                struct ea_faults *faults, struct ea_answer *out)
{
    const struct ea_str *v = list->items;
    const char **ids = ea_arena_array(a, list->n ? list->n : 1, sizeof *ids);

    if (!ids)
        return EA_ENOMEM;
    for (size_t i = 0; i < list->n; i++) {
        for (size_t k = 0; k < i; k++)
            if (strcmp(ids[k], v[i].v) == 0) {
                ea_faults_add(faults, a, ea_arena_printf(a, "%s/choices/%zu", at, i), "duplicate",
                              "this choice is there twice");
                break;
            }
        ids[i] = v[i].v;
    }
    out->choices = ids;
    out->n = list->n;
    return EA_OK;
}

enum ea_err ea_answer_read(const char *json, size_t n, struct ea_arena *a, const char *at,
                           struct ea_faults *faults, struct ea_answer *out)
{
    void *p;
    size_t before = faults->n + faults->more, first = faults->n;

    *out = (struct ea_answer){ .shape = EA_ANSWER_NONE };
    if (n == 4 && memcmp(json, "null", 4) == 0)
        return EA_OK;
    enum ea_err err = ea_schema_text(&answer_schema, json, n, a, &p, faults);
    if (err == EA_EINPUT)
        return ea_faults_below(faults, first, a, at) ? EA_ENOMEM : EA_EINPUT;
    if (err)
        return err;
    const struct in_answer *in = p;
    if (in->choices.given + in->value.given + in->text.given != 1 || (in->unit.given && !in->value.given)) {
        ea_faults_add(
            faults, a, at, "invalid",
            "one of these is expected: {\"choices\": […]}, {\"value\": …, \"unit\": …}, {\"text\": …}");
        return EA_EINPUT;
    }
    out->shape = in->choices.given ? EA_ANSWER_CHOICES : in->value.given ? EA_ANSWER_VALUE : EA_ANSWER_TEXT;
    out->text = in->text.v;
    if (in->choices.given)
        err = read_choices(a, &in->choices, at, faults, out);
    else if (in->value.given)
        err = read_value(a, in, at, faults, out);
    if (err)
        return err;
    return faults->n + faults->more > before ? EA_EINPUT : EA_OK;
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
