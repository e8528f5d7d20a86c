#include "workers/grader/score.h"

#include "workers/grader/score_private.h"

void grader_step(struct grader_score *out, const char *name, int64_t share, const char *why)
{
    out->steps[out->steps_n++] = (struct grader_step){ .name = name, .why = why, .share = share };
}

int64_t grader_share(const struct grader_score *score)
{
    return score->steps[score->steps_n - 1].share;
}

int64_t grader_ratio(size_t several, size_t all)
{
    return all ? (int64_t)several * EA_FRACTION_ONE / (int64_t)all : 0;
}

int64_t grader_share_of(int64_t share, int64_t of)
{
    return share * of / EA_FRACTION_ONE;
}

static int64_t cap(int64_t share)
{
    return share < 0 ? 0 : share > EA_FRACTION_ONE ? EA_FRACTION_ONE : share;
}

/* Half up; of is at most a few thousand points, so nothing overflows. */
static int64_t points_of(int64_t of, int64_t share)
{
    return (of * share + EA_FRACTION_ONE / 2) / EA_FRACTION_ONE;
}

static const struct {
    const char *rule;
    grader_score_rule *score;
} kinds[EA_ITEM__MAX] = {
    [EA_ITEM_CHOICE] = { "choice/1", grader_score_choice },
    [EA_ITEM_NUMERIC] = { "numeric/2", grader_score_numeric },
    [EA_ITEM_SHORT_TEXT] = { "short_text/1", grader_score_short_text },
    [EA_ITEM_MATCH] = { "match/1", grader_score_match },
    [EA_ITEM_ORDER] = { "order/1", grader_score_order },
    [EA_ITEM_CLOZE] = { "cloze/1", grader_score_cloze },
    [EA_ITEM_FORMULA] = { "formula/1", grader_score_formula },
    [EA_ITEM_ESSAY] = { "essay/1", grader_score_essay },
};

enum ea_err grader_score_share(const struct ea_item *item, const struct ea_answer *answer,
                               const struct grader_draw *draw, struct ea_arena *a, struct grader_score *out)
{
    enum ea_err err = EA_OK;

    *out = (struct grader_score){ 0 };
    if ((unsigned)item->kind >= EA_ITEM__MAX)
        return EA_EINTERNAL;
    out->rule = kinds[item->kind].rule;
    if (answer->shape == EA_ANSWER_NONE)
        grader_step(out, "raw", 0, "no answer");
    else if (answer->shape != ea_answer_shape_of(item->kind))
        grader_step(out, "raw", 0, "not an answer to an item of this kind");
    else
        err = kinds[item->kind].score(item, answer, draw, a, out);
    if (!err)
        grader_step(out, "cap", cap(grader_share(out)), NULL);
    return err;
}

enum ea_err grader_score(const struct ea_item *item, int64_t of, const struct ea_answer *answer,
                         const struct grader_draw *draw, struct ea_arena *a, struct grader_score *out)
{
    enum ea_err err = grader_score_share(item, answer, draw, a, out);

    if (!err)
        out->points = points_of(of, grader_share(out));
    return err;
}
