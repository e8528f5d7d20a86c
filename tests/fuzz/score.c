/* Any definition and any answer, scored: no crash, definitions that have one form, 0 <= points <= all of them, and the same again for the same. The input is a line each: kind, definition,
 * answer, values of a formula's variables as {"a": "1.5"}. The entry point is libFuzzer's (./dev fuzz score); `make check` runs it over its corpus (replay.c). */
#include "workers/grader/score.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OF        12345
#define VALUES    8
#define INPUT_MAX 16384

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "%s\n", what);
    abort();
}

static const char *next_line(const char **p)
{
    char *line = *p ? strdup(*p) : NULL;

    if (!line)
        return NULL;
    char *end = strchr(line, '\n');
    *p = end ? *p + (end - line) + 1 : NULL;
    if (end)
        *end = '\0';
    return line;
}

static const char *written(const struct ea_item *item, struct ea_arena *a)
{
    struct ea_buf b = { 0 };
    struct ea_jw w;

    ea_jw_init(&w, &b);
    ea_item_write(item, &w);
    const char *out = b.failed ? NULL : ea_arena_ndup(a, b.p, b.len);
    ea_buf_free(&b);
    require(out, "a definition cannot be written");
    return out;
}

static void one_form(const struct ea_item *item, struct ea_arena *a)
{
    const char *once = written(item, a);
    struct ea_faults faults = { 0 };
    struct ea_item again;

    if (strlen(once) > EA_ITEM_DEF_MAX)
        return;
    require(ea_item_read(item->kind, once, strlen(once), a, "", &faults, &again) == EA_OK,
            "what was written is not read");
    require(strcmp(written(&again, a), once) == 0, "what was written is read as something else");
}

static void read_values(const char *json, struct ea_arena *a, struct ea_formula_variable *v, size_t *n)
{
    struct in {
        struct ea_list values;
    };
    static const struct ea_field fields[] = {
        { .name = "values", .type = EA_T_MAP, .max = VALUES, .item = EA_T_STR },
    };
    static const struct ea_schema schema = { "values", sizeof(struct in), fields, 1 };
    struct ea_faults faults = { 0 };
    const char *object = ea_arena_printf(a, "{\"values\":%s}", json);
    void *p;

    *n = 0;
    if (!object || ea_schema_text(&schema, object, strlen(object), a, &p, &faults))
        return;
    const struct ea_list *list = &((struct in *)p)->values;
    const struct ea_pair *pairs = list->items;
    for (size_t i = 0; i < list->n; i++) {
        v[*n].name = pairs[i].name.v;
        *n += ea_exact_read(pairs[i].v.v, pairs[i].v.len, &v[*n].value) == EA_OK;
    }
}

static void score(const struct ea_item *item, const char *answer_json, const char *values_json,
                  struct ea_arena *a)
{
    struct ea_formula_variable values[VALUES];
    struct grader_draw draw = { .values = values };
    struct grader_score one, two;
    struct ea_faults faults = { 0 };
    struct ea_answer answer;

    read_values(values_json, a, values, &draw.n);
    if (ea_answer_read(answer_json, strlen(answer_json), a, "", &faults, &answer))
        return;
    require(ea_answer_names(&answer, a), "no memory");
    require(grader_score(item, OF, &answer, &draw, a, &one) == EA_OK, "an answer cannot be scored");
    require(grader_score(item, OF, &answer, &draw, a, &two) == EA_OK, "an answer cannot be scored again");
    require(one.points >= 0 && one.points <= OF, "points out of bounds");
    require(!one.waits || one.points == 0, "points for what waits");
    require(one.points == two.points && one.steps_n == two.steps_n && one.matched_n == two.matched_n,
            "the same is not scored the same");
    require(one.steps_n >= 2 && one.steps_n <= GRADER_STEPS_MAX, "steps out of bounds");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ea_arena *a = ea_arena_new();
    char *text = n <= INPUT_MAX ? strndup((const char *)data, n) : NULL;
    const char *p = text;
    const char *kind = next_line(&p), *definition = next_line(&p), *answer = next_line(&p),
               *values = next_line(&p);
    struct ea_faults faults = { 0 };
    struct ea_item item;

    if (a && answer && ea_item_kind_of(kind) != EA_ITEM__MAX &&
        ea_item_read(ea_item_kind_of(kind), definition, strlen(definition), a, "", &faults, &item) == EA_OK) {
        one_form(&item, a);
        score(&item, answer, values ? values : "{}", a);
    }
    free((void *)(uintptr_t)kind);
    free((void *)(uintptr_t)definition);
    free((void *)(uintptr_t)answer);
    free((void *)(uintptr_t)values);
    free(text);
    ea_arena_free(a);
    return 0;
}
