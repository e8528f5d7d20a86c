/* Metrics: a fixed registry of counters, gauges and histograms with at most one label set each, updated with relaxed atomics from any thread.
 * Served with /healthz and /readyz by libmicrohttpd on cfg->metrics_listen, in its own thread. Names follow Prometheus (ea_<noun>_<unit>_total). */
#ifndef EA_METRICS_H
#define EA_METRICS_H

#include "lib/buf.h"
#include "lib/cfg.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stdint.h>

struct ea_metric; /* lives for ever once made */

/* labels: `name="value",…` or "" (values must be static in number: routes, reasons; never user input). The same name+labels gives the same metric.
 * Never NULL: when memory is short a shared dummy is returned. */
struct ea_metric *ea_metric_counter(const char *name, const char *help, const char *labels);
struct ea_metric *ea_metric_gauge(const char *name, const char *help, const char *labels);
struct ea_metric *ea_metric_histogram(const char *name, const char *help,
                                      const char *labels); /* seconds, observed in ns */
void ea_metric_add(struct ea_metric *m, int64_t n);
void ea_metric_set(struct ea_metric *m, int64_t v);
void ea_metric_observe_ns(struct ea_metric *m, int64_t ns);
int64_t ea_metric_value(const struct ea_metric *m);
void ea_metrics_print(struct ea_buf *out); /* Prometheus text format 0.0.4 */

/* ready: called from the HTTP thread; writes what is missing into why ("postgres: connection refused") when not ready. */
typedef bool ea_ready_fn(void *arg, char *why, size_t why_size);
/* ready NULL: always. EA_EINPUT: metrics_listen is no address; EA_EUNAVAILABLE: it cannot be listened on. The reason is logged. */
enum ea_err ea_metrics_start(const struct ea_cfg *cfg, ea_ready_fn *ready, void *arg) EA_MUST;
int ea_metrics_port(void); /* where it listens, for metrics_listen with port 0; 0: not started */
void ea_metrics_stop(void);

#endif
