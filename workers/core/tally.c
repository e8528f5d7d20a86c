#include "workers/core/tally.h"

#include "lib/clock.h"
#include "lib/metrics.h"
#include "workers/core/worker.h"

#include <stdio.h>

static const char *outcome_name(const struct ea_inbox_job *job, bool dead)
{
    static const char *const names[EA_JOB__MAX] = {
        [EA_JOB_OPEN] = "open",      [EA_JOB_DONE] = "done", [EA_JOB_DUPLICATE] = "duplicate",
        [EA_JOB_FAILED] = "delayed", [EA_JOB_DEAD] = "dead",
    };

    return dead ? "dead" : names[job->outcome];
}

void ea_tally_job(const struct ea_inbox_job *job, bool dead)
{
    char labels[160];
    int64_t at_us;

    snprintf(labels, sizeof(labels), "kind=\"%s\",outcome=\"%s\"",
             job->route != NULL ? job->route->kind : "unknown", outcome_name(job, dead));
    ea_metric_add(ea_metric_counter("ea_worker_jobs_total", "Jobs settled, by kind and outcome", labels), 1);
    if (job->outcome == EA_JOB_DONE && ea_clock_parse(job->m.at, &at_us) == EA_OK)
        ea_metric_observe_ns(
            ea_metric_histogram("ea_worker_lag_seconds", "From the event to the job's commit", ""),
            (ea_clock_wall_us() - at_us) * 1000);
}

void ea_tally_batch(int64_t ns)
{
    ea_metric_observe_ns(
        ea_metric_histogram("ea_worker_batch_seconds", "One batch, from its jobs in hand to settled", ""),
        ns);
}

void ea_tally_held(bool held)
{
    ea_metric_set(ea_metric_gauge("ea_worker_held", "1 while jobs are held because PostgreSQL is away", ""),
                  held);
}
