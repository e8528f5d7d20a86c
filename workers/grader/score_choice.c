/* What was picked of choices. */
#include "workers/grader/score_private.h"

#include <string.h>

static bool is_picked(const struct ea_answer *answer, const char *id)
{
    for (size_t i = 0; i < answer->n; i++)
        if (strcmp(answer->choices[i], id) == 0)
            return true;
    return false;
}

struct picks {
    size_t picked, right, wrong; /* right, wrong: of all choices, judged so */
    bool exact;                  /* all correct ones and no other */
    int64_t gain, loss;          /* sums of fractions above and below zero; loss is positive */
};

static enum ea_err count_picks(const struct ea_item *item, const struct ea_answer *answer, struct ea_arena *a,
                               struct grader_score *out, struct picks *p)
{
    size_t *matched = ea_arena_array(a, item->n, sizeof *matched);

    *p = (struct picks){ .exact = true };
    if (!matched)
        return EA_ENOMEM;
    for (size_t i = 0; i < item->n; i++) {
        const struct ea_choice *c = &item->choices[i];
        bool picked = is_picked(answer, c->id);
        if (picked == c->correct)
            p->right++;
        else
            p->wrong++;
        p->exact &= picked == c->correct;
        if (!picked)
            continue;
        matched[p->picked++] = i;
        p->gain += c->fraction > 0 ? c->fraction : 0;
        p->loss += c->fraction < 0 ? -c->fraction : 0;
    }
    out->matched = matched;
    out->matched_n = p->picked;
    return EA_OK;
}

/* What one choice is worth that was picked alone. */
static int64_t worth(const struct ea_item *item, const struct grader_score *out)
{
    const struct ea_choice *c = &item->choices[out->matched[0]];

    return item->weighted ? c->fraction : c->correct ? EA_FRACTION_ONE : 0;
}

static void score_one(const struct ea_item *item, const struct picks *p, struct grader_score *out)
{
    bool alone = p->picked == 1;

    grader_step(out, "raw", alone ? worth(item, out) : 0,
                alone ? "the choice's own share" : "more than one picked");
}

static void score_several(const struct ea_item *item, const struct picks *p, struct grader_score *out)
{
    int64_t n = (int64_t)item->n, raw = item->weighted ? p->gain : (int64_t)p->right * EA_FRACTION_ONE / n;

    if (p->exact)
        raw = EA_FRACTION_ONE;
    grader_step(out, "raw", raw,
                item->weighted ? "sum of the picked choices' shares" : "choices judged rightly, of all");
    if (item->scoring == EA_SCORE_ALL_OR_NOTHING) {
        grader_step(out, "partial", p->exact ? EA_FRACTION_ONE : 0, "all or nothing");
        return;
    }
    grader_step(out, "partial", raw, "the share counts");
    if (item->scoring != EA_SCORE_PROPORTIONAL_WITH_PENALTY)
        return;
    int64_t penalty = item->weighted ? p->loss : (int64_t)p->wrong * EA_FRACTION_ONE / n;
    grader_step(out, "penalty", raw - penalty,
                item->weighted ? "minus the wrong picks' shares" : "minus choices judged wrongly, of all");
}

enum ea_err grader_score_choice(const struct ea_item *item, const struct ea_answer *answer,
                                const struct grader_draw *draw, struct ea_arena *a, struct grader_score *out)
{
    struct picks p;
    (void)draw;
    enum ea_err err = count_picks(item, answer, a, out, &p);

    out->policy = ea_scorings[item->scoring];
    if (err)
        return err;
    if (p.picked == 0)
        grader_step(out, "raw", 0, "nothing picked");
    else if (item->multiple)
        score_several(item, &p, out);
    else
        score_one(item, &p, out);
    return EA_OK;
}
