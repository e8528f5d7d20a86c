#include "workers/grader/late.h"

#define MINUTE_US 60000000LL
#define DAY_US    (24 * 60 * MINUTE_US)

struct grader_late grader_late_of(const struct ea_late_policy *policy, int64_t late_us)
{
    struct grader_late late = { .days = 0, .kept = GRADER_ALL };
    bool holds = policy->given.given && !policy->given.null;

    if (!holds || late_us <= 0 || late_us <= policy->grace_minutes.v * MINUTE_US)
        return late;
    late.days = (late_us - 1) / DAY_US + 1;
    if (policy->per_day_percent.v > 0 && late.days > GRADER_ALL / policy->per_day_percent.v)
        late.kept = 0;
    else
        late.kept = GRADER_ALL - late.days * policy->per_day_percent.v;
    if (late.kept < policy->floor_percent.v)
        late.kept = policy->floor_percent.v;
    return late;
}

int64_t grader_late_apply(struct grader_late late, int64_t score)
{
    return (score * late.kept + GRADER_ALL / 2) / GRADER_ALL;
}
