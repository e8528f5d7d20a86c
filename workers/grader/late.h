/* What lateness costs: a pure function of the policy and the time. */
#ifndef GRADER_LATE_H
#define GRADER_LATE_H

#include "lib/rules.h"

#include <stdint.h>

#define GRADER_ALL 100000 /* 100 percent in thousandths of a percent */

struct grader_late {
    int64_t days; /* begun after the due date; 0 when in time, within the grace, or without a policy */
    int64_t kept; /* of the score, 1/1000 percent: GRADER_ALL … floor_percent */
};

/* late_us: received minus due, in microseconds; negative or 0: in time. */
struct grader_late grader_late_of(const struct ea_late_policy *policy, int64_t late_us);

/* Its share of a score in 1/1000 point, rounded half up. */
int64_t grader_late_apply(struct grader_late late, int64_t score);

#endif
