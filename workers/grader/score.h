/* The score of one answer to one item, with the steps that led to it. Pure functions of their arguments: no I/O, no clock, no floating point, memory from
 * the arena only; the same input gives the same output on every machine.
 *
 * A share of the points is an integer in units of 10^-7 (EA_FRACTION_ONE is all of them). The steps are raw -> partial -> penalty -> cap -> final:
 *   raw      what was got right, before anything else
 *   partial  how much of that counts: all or nothing, or its share
 *   penalty  minus what wrong picks cost
 *   cap      within 0 and the whole
 * and the points are the whole times the capped share, rounded half up to 1/1000 point.
 *
 * choice/1   Nothing picked is no answer: 0. One choice: the share of the one picked. Several, with fractions: raw is the sum of the picked ones'; exactly the correct ones
 *            is always the whole; negative fractions count under proportional_with_penalty only. Several, without fractions: raw is the share of all choices
 *            that were judged rightly (picked or left); the penalty is the share judged wrongly.
 * numeric/1  The best of the answers within whose tolerance the number is, compared exactly (lib/exact.h). Spaces between digits group. A comma is a decimal point
 *            when it can be one; "1,000" is read both ways and the better counts. A unit may stand in its own member or behind the number; where one is asked
 *            for it must be that one, where none is it is not looked at.
 * short_text/1  The best of the accepted texts or patterns. Spaces are normalised; case counts only where it is said to. */
#ifndef EA_GRADER_SCORE_H
#define EA_GRADER_SCORE_H

#include "lib/answer.h"
#include "lib/item.h"

#define GRADER_STEPS_MAX 4

struct grader_step {
    const char *name, *why; /* why: static words, or NULL */
    int64_t share;          /* after this step */
};

struct grader_score {
    int64_t points;      /* thousandths, 0..of */
    const char *rule;    /* name and version of the rule, as above */
    const char *policy;  /* scoring of a choice item, or NULL */
    const char *reading; /* how a number was read, or NULL; of the arena */
    struct grader_step steps[GRADER_STEPS_MAX];
    size_t steps_n;
    const size_t *matched; /* entries of the definition's list that the answer picked or fits */
    size_t matched_n;
};

/* EA_ENOMEM; EA_EINTERNAL for a kind that has no rule. */
enum ea_err grader_score(const struct ea_item *item, int64_t of, const struct ea_answer *answer,
                         struct ea_arena *a, struct grader_score *out) EA_MUST;

#endif
