/* Patterns (PCRE2) and comparing text without regard to case, with limits that keep any pattern on any text in bounds: a match that would
 * take longer is given up, the same way every time. Pure functions; memory comes from the arena; thread-safe. UTF-8 in and out.
 * PCRE2, because schools know its syntax from other systems, its case folding is Unicode's, and its work can be bounded in steps, depth and heap. */
#ifndef EA_PATTERN_H
#define EA_PATTERN_H

#include "lib/arena.h"
#include "lib/err.h"

#include <stdbool.h>

#define EA_PATTERN_MAX 500 /* bytes of a pattern */

enum ea_pattern_answer { EA_PATTERN_NO, EA_PATTERN_YES, EA_PATTERN_GAVE_UP };

/* Whether it is a good pattern; EA_EINPUT with *why (arena) for a person. */
enum ea_err ea_pattern_check(struct ea_arena *a, const char *pattern, const char **why) EA_MUST;
/* Whether the whole text fits the pattern. EA_EINPUT: not a good pattern. */
enum ea_err ea_pattern_match(struct ea_arena *a, const char *pattern, bool case_sensitive, const char *text,
                             enum ea_pattern_answer *out) EA_MUST;
/* Whether two texts are the same but for case; a text over EA_PATTERN_MAX bytes is the same as itself only. */
enum ea_err ea_pattern_same(struct ea_arena *a, const char *one, const char *other, bool *same) EA_MUST;

#endif
