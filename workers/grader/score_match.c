/* What was matched, and what was put in order. */
#include "workers/grader/score_private.h"

#include <string.h>

/* How much of it counts. */
static void count(const struct ea_item *item, int64_t raw, const char *why, struct grader_score *out)
{
    out->policy = ea_scorings[item->scoring];
    grader_step(out, "raw", raw, why);
    if (item->scoring == EA_SCORE_ALL_OR_NOTHING)
        grader_step(out, "partial", raw == EA_FRACTION_ONE ? EA_FRACTION_ONE : 0, "all or nothing");
    else
        grader_step(out, "partial", raw, "the share counts");
}

static const char *option_for(const struct ea_answer *answer, const char *prompt)
{
    for (size_t i = 0; i < answer->n; i++)
        if (strcmp(answer->pairs[i].prompt, prompt) == 0)
            return answer->pairs[i].option;
    return "";
}

enum ea_err grader_score_match(const struct ea_item *item, const struct ea_answer *answer,
                               const struct grader_draw *draw, struct ea_arena *a, struct grader_score *out)
{
    size_t *matched = ea_arena_array(a, item->n, sizeof *matched);

    (void)draw;
    if (!matched)
        return EA_ENOMEM;
    for (size_t i = 0; i < item->n; i++)
        if (strcmp(option_for(answer, item->prompts[i].id), item->prompts[i].option) == 0)
            matched[out->matched_n++] = i;
    out->matched = matched;
    count(item, grader_ratio(out->matched_n, item->n), "prompts matched rightly, of all", out);
    return EA_OK;
}

/* The right place of an entry; item->n: there is none of that id. */
static size_t place_of(const struct ea_item *item, const char *id)
{
    size_t i = 0;

    while (i < item->n && strcmp(item->entries[i].id, id) != 0)
        i++;
    return i;
}

/* Length of the longest run of entries, not needing to be neighbours, that follow each other rightly. */
static size_t longest(const struct ea_item *item, const struct ea_answer *answer, size_t *place,
                      size_t *length)
{
    size_t n = 0, best = 0;

    for (size_t i = 0; i < answer->n; i++) {
        place[n] = place_of(item, answer->choices[i]);
        if (place[n] == item->n)
            continue;
        length[n] = 1;
        for (size_t k = 0; k < n; k++)
            if (place[k] < place[n] && length[k] >= length[n])
                length[n] = length[k] + 1;
        best = length[n] > best ? length[n] : best;
        n++;
    }
    return best;
}

enum ea_err grader_score_order(const struct ea_item *item, const struct ea_answer *answer,
                               const struct grader_draw *draw, struct ea_arena *a, struct grader_score *out)
{
    size_t *place = ea_arena_array(a, answer->n + 1, sizeof *place),
           *length = ea_arena_array(a, answer->n + 1, sizeof *length);

    (void)draw;
    if (!place || !length)
        return EA_ENOMEM;
    size_t best = longest(item, answer, place, length);
    count(item, best < 2 ? 0 : grader_ratio(best - 1, item->n - 1),
          "steps of the longest run in the right order, of all steps", out);
    return EA_OK;
}
