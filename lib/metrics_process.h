/* The process as the kernel sees it, in Prometheus text; for metrics.c only. Thread-safe. */
#ifndef EA_METRICS_PROCESS_H
#define EA_METRICS_PROCESS_H

#include "lib/buf.h"

void ea_metrics_print_head(struct ea_buf *out, const char *name, const char *help, const char *type);
void ea_metrics_print_process(struct ea_buf *out); /* leaves out what /proc does not tell */

#endif
