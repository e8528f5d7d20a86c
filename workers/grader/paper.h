/* Papers are made before the opening, one small transaction each, so that a start finds its own ready. What is due is data: a paper that a change of the quiz or the
 * bank has made stale is due again, nothing is missed while no grader runs, and several graders share the work. Called by the sweep's thread. */
#ifndef EA_GRADER_PAPER_H
#define EA_GRADER_PAPER_H

#include "lib/arena.h"
#include "lib/err.h"

#include <stdint.h>

struct ea_pg;

#define GRADER_PAPERS_AT_ONCE 20

/* One round for quizzes that open within ahead_s. *n: papers that were due, at most GRADER_PAPERS_AT_ONCE. The arena is reset. */
enum ea_err grader_papers_make(struct ea_pg *pg, struct ea_arena *arena, int64_t ahead_s, int *n) EA_MUST;

#endif
