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
 * numeric/2  The best of the answers within whose tolerance the number is, compared exactly (lib/exact.h). Spaces between digits group. A comma is a decimal point
 *            when it can be one; "1,000" is read both ways and the better counts. A unit may stand in its own member or behind the number. Where one is asked for, another of
 *            the same dimension is converted (lib/unit.h); with one that does not fit, or none, a right number gets wrong_unit of the share. Where significant figures are asked
 *            for, the value as rounded to them is right, too, and a right number with others gets wrong_figures of the share. (numeric/1 knew neither.)
 * formula/1  As numeric/2, by the value of the expression for the numbers drawn (lib/formula.h).
 * short_text/1  The best of the accepted texts or patterns. Spaces are normalised; case counts only where it is said to, accents unless
 *            they are to be ignored (a pattern then meets the text without them).
 * match/1    raw is the share of the prompts that have their option.
 * order/1    raw is (longest run in the right order - 1) / (entries - 1): the longest subsequence of the answer whose entries follow each other as in the key, neighbours or not
 *            (a longest increasing subsequence; Moodle's ordering questions call it the longest ordered subset). One entry in a wrong place costs one step wherever it
 *            went, where counting places would make all entries behind it wrong; the reverse order is worth nothing.
 * cloze/1    Each gap by its own rule; raw is the mean of their capped shares by weight.
 * essay/1    Waits for a person; a text without a word is 0. */
#ifndef EA_GRADER_SCORE_H
#define EA_GRADER_SCORE_H

#include "lib/answer.h"
#include "lib/formula.h"
#include "lib/item.h"

#define GRADER_STEPS_MAX 4

/* What chance decided for the slot, as far as scores depend on it. */
struct grader_draw {
    const struct ea_formula_variable *values;
    size_t n;
};

struct grader_step {
    const char *name, *why; /* why: words, or NULL */
    int64_t share;          /* after this step */
};

struct grader_part;

struct grader_score {
    int64_t points;      /* thousandths, 0..of */
    bool waits;          /* for a person; the points are 0 */
    const char *rule;    /* name and version of the rule, as above */
    const char *policy;  /* scoring of a choice item, or NULL */
    const char *reading; /* how a number was read or what a text was counted as, or NULL; of the arena */
    struct grader_step steps[GRADER_STEPS_MAX];
    size_t steps_n;
    const size_t *matched; /* entries of the definition's list that the answer picked or fits */
    size_t matched_n;
    const char *expected;            /* value of a formula, or NULL */
    const struct grader_part *parts; /* gaps of a cloze item */
    size_t parts_n;
};

struct grader_part {
    const char *gap;
    int64_t weight;
    struct grader_score score; /* without points */
};

/* draw may be NULL for kinds other than formula. EA_ENOMEM; EA_EINTERNAL for what is no kind. */
enum ea_err grader_score(const struct ea_item *item, int64_t of, const struct ea_answer *answer,
                         const struct grader_draw *draw, struct ea_arena *a,
                         struct grader_score *out) EA_MUST;

#endif
