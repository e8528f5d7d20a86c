/* The grader's pure function on the command line, to hold stored scores against: reads one JSON object a line, {"kind", "definition", "points", "answer"} with the
 * points in thousandths, of kinds that chance decides nothing for, and prints for each what grader_score says: {"points", "rule", "steps": [{"step", "share"}], "matched"}; shares in units of 10^-7. */
#include "workers/grader/score.h"

#include "lib/json.h"
#include "lib/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct line {
    struct ea_int kind, points;
    struct ea_str definition, answer;
};

#define LINE(member) offsetof(struct line, member)
static const struct ea_field fields[] = {
    { .name = "kind",
      .type = EA_T_ENUM,
      .offset = LINE(kind),
      .flags = EA_REQUIRED,
      .values = ea_item_kinds },
    { .name = "definition",
      .type = EA_T_RAW,
      .offset = LINE(definition),
      .flags = EA_REQUIRED,
      .max = EA_ITEM_DEF_MAX },
    { .name = "points", .type = EA_T_INT, .offset = LINE(points), .flags = EA_REQUIRED },
    { .name = "answer",
      .type = EA_T_RAW,
      .offset = LINE(answer),
      .flags = EA_REQUIRED | EA_NULLABLE,
      .max = EA_ANSWER_MAX },
};
static const struct ea_schema schema = { "line", sizeof(struct line), fields,
                                         sizeof fields / sizeof *fields };

static enum ea_err score_line(const char *text, size_t n, struct ea_arena *a, struct grader_score *out)
{
    struct ea_faults faults = { 0 };
    struct ea_answer answer;
    struct ea_item item;
    void *read;
    enum ea_err err = ea_schema_text(&schema, text, n, a, &read, &faults);

    if (err)
        return err;
    const struct line *l = read;
    const char *given = l->answer.v ? l->answer.v : "null";
    if ((err = ea_item_read((enum ea_item_kind)l->kind.v, l->definition.v, l->definition.len, a, "", &faults,
                            &item)) ||
        (err = ea_answer_read(given, strlen(given), a, "", &faults, &answer)))
        return err;
    return grader_score(&item, l->points.v, &answer, NULL, a, out);
}

static void print(const struct grader_score *s)
{
    struct ea_buf b = { 0 };
    struct ea_jw w;

    ea_jw_init(&w, &b);
    ea_jw_obj(&w);
    ea_jw_kint(&w, "points", s->points);
    ea_jw_kstr(&w, "rule", s->rule);
    ea_jw_key(&w, "steps");
    ea_jw_arr(&w);
    for (size_t i = 0; i < s->steps_n; i++) {
        ea_jw_obj(&w);
        ea_jw_kstr(&w, "step", s->steps[i].name);
        ea_jw_kint(&w, "share", s->steps[i].share);
        ea_jw_end(&w);
    }
    ea_jw_end(&w);
    ea_jw_key(&w, "matched");
    ea_jw_arr(&w);
    for (size_t i = 0; i < s->matched_n; i++)
        ea_jw_int(&w, (int64_t)s->matched[i]);
    ea_jw_end(&w);
    ea_jw_end(&w);
    printf("%.*s\n", (int)b.len, b.p);
    ea_buf_free(&b);
}

int main(void)
{
    struct ea_arena *a = ea_arena_new();
    char *text = NULL;
    size_t cap = 0;
    ssize_t n;
    enum ea_err err = a ? EA_OK : EA_ENOMEM;

    while (!err && (n = getline(&text, &cap, stdin)) > 0) {
        struct grader_score score;
        if (!(err = score_line(text, (size_t)n, a, &score)))
            print(&score);
        else
            fprintf(stderr, "rescore: this line cannot be scored (error %d): %s", (int)err, text);
        ea_arena_reset(a);
    }
    free(text);
    ea_arena_free(a);
    return err ? 1 : 0;
}
