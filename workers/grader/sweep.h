/* Attempts that have run out are submitted for their students, whoever looks or does not look at them: a statement every second, on a thread and a
 * connection of its own, which also makes papers (paper.h) and removes files that no submission names (orphan.h). What is due is data, so nothing is missed while no grader
 * runs; several graders share the work. An end that an outage may still move is not due yet (fcgi/quiz/pulse.h). */
#ifndef EA_GRADER_SWEEP_H
#define EA_GRADER_SWEEP_H

#include "lib/cfg.h"
#include "lib/err.h"

struct ea_blobs;
struct grader_sweep;

/* blobs: borrowed until the stop */
enum ea_err grader_sweep_start(const struct ea_cfg *cfg, struct ea_blobs *blobs,
                               struct grader_sweep **out) EA_MUST;
void grader_sweep_stop(struct grader_sweep *s); /* joins the thread; accepts NULL */

#endif
