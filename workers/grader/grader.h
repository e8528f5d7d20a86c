/* The grader: jobs of the queue `grade`. main.c holds its routes {kind -> handler}; a handler lives in the file of its noun.
 * One thread, to which everything here belongs, and that of sweep.h. */
#ifndef EA_GRADER_H
#define EA_GRADER_H

#include "workers/core/worker.h"

struct ea_blobs;
struct grader_sweep;

struct grader { /* what start() makes: ea_work.data */
    struct ea_blobs *blobs;
    struct grader_sweep *sweep;
};

ea_job_handler grader_submission; /* submission.submitted: submission.c */
ea_job_handler grader_attempt;    /* attempt.submitted: attempt.c */

#endif
