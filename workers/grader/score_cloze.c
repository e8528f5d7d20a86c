/* A text with gaps: each is scored by the rule of its own kind. */
#include "workers/grader/score_private.h"

#include <string.h>

static const struct ea_answer *answer_to(const struct ea_answer *answer, const char *gap)
{
    static const struct ea_answer none = { .shape = EA_ANSWER_NONE };

    for (size_t i = 0; i < answer->n; i++)
        if (strcmp(answer->gaps[i].name, gap) == 0)
            return &answer->gaps[i].answer;
    return &none;
}

enum ea_err grader_score_cloze(const struct ea_item *item, const struct ea_answer *answer,
                               const struct grader_draw *draw, struct ea_arena *a, struct grader_score *out)
{
    struct grader_part *parts = ea_arena_array(a, item->n, sizeof *parts);
    int64_t sum = 0, weights = 0;
    enum ea_err err = parts ? EA_OK : EA_ENOMEM;

    for (size_t i = 0; !err && i < item->n; i++) {
        const struct ea_gap *gap = &item->gaps[i];
        parts[i] = (struct grader_part){ .gap = gap->name, .weight = gap->weight };
        err = grader_score_share(&gap->item, answer_to(answer, gap->name), draw, a, &parts[i].score);
        if (err)
            return err;
        sum += gap->weight * grader_share(&parts[i].score);
        weights += gap->weight;
    }
    if (err)
        return err;
    out->parts = parts;
    out->parts_n = item->n;
    grader_step(out, "raw", weights ? sum / weights : 0, "the gaps' shares by their weights");
    return EA_OK;
}
