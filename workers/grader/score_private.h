/* What the files of score share: a function per kind, and steps being told. */
#ifndef EA_GRADER_SCORE_PRIVATE_H
#define EA_GRADER_SCORE_PRIVATE_H

#include "workers/grader/score.h"

/* Each is called with an answer of the item's shape, and tells at least the step "raw". */
typedef enum ea_err grader_score_rule(const struct ea_item *item, const struct ea_answer *answer,
                                      const struct grader_draw *draw, struct ea_arena *a,
                                      struct grader_score *out);
grader_score_rule grader_score_choice;                         /* score_choice.c */
grader_score_rule grader_score_numeric, grader_score_formula;  /* score_number.c */
grader_score_rule grader_score_short_text, grader_score_essay; /* score_text.c */
grader_score_rule grader_score_match, grader_score_order;      /* score_match.c */
grader_score_rule grader_score_cloze;                          /* score_cloze.c */

/* Everything but the points. */
enum ea_err grader_score_share(const struct ea_item *item, const struct ea_answer *answer,
                               const struct grader_draw *draw, struct ea_arena *a,
                               struct grader_score *out) EA_MUST;

void grader_step(struct grader_score *out, const char *name, int64_t share, const char *why);
int64_t grader_share(const struct grader_score *score); /* after the last step */
/* Several of all, as a share; of none it is 0. */
int64_t grader_ratio(size_t several, size_t all);
int64_t grader_share_of(int64_t share, int64_t of); /* their product, cut off */

#endif
