/* Automatic grading of a document: a pure function of what was handed in, the rules and the times -> score and explanation. So a grade can be worked out
 * again, with the same result, for as long as GRADER_CHECK_RULE is the same; who changes what it computes gives it a new version.
 * The score goes through raw (points of the checks) -> late -> cap (points of the assignment) -> final. */
#ifndef GRADER_CHECK_H
#define GRADER_CHECK_H

#include "lib/arena.h"
#include "lib/err.h"
#include "lib/md.h"
#include "lib/rules.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRADER_CHECK_RULE "document-1"

struct grader_work { /* all borrowed */
    const struct ea_rules *rules;
    int64_t rules_version;
    int64_t points;                 /* of the assignment, 1/1000 */
    const struct ea_md_facts *docs; /* what can be read as text */
    size_t docs_n;
    const char *const *unread; /* names of the files that only a person can read */
    size_t unread_n;
    int64_t late_us; /* received minus due; 0 without a due date */
};

struct grader_verdict {
    bool decided;            /* false: a person must mark it; the explanation holds what the checks found */
    int64_t score;           /* 1/1000 point, 0 … points; only when decided */
    const char *explanation; /* JSON, of the arena */
};

enum ea_err grader_check(const struct grader_work *work, struct ea_arena *a,
                         struct grader_verdict *out) EA_MUST;

#endif
