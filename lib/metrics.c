#include "lib/metrics.h"

#include "lib/alloc.h"
#include "lib/log.h"
#include "lib/metrics_process.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum kind { COUNTER, GAUGE, HISTOGRAM };

static const char *const kind_names[] = { "counter", "gauge", "histogram" };

/* Upper bounds. Ours are web requests, statements and jobs: from a tenth of a millisecond to half a minute. */
static const struct {
    int64_t ns;
    const char *text; /* seconds */
} bounds[] = {
    { 100000, "0.0001" },  { 250000, "0.00025" }, { 500000, "0.0005" },  { 1000000, "0.001" },
    { 2500000, "0.0025" }, { 5000000, "0.005" },  { 10000000, "0.01" },  { 25000000, "0.025" },
    { 50000000, "0.05" },  { 100000000, "0.1" },  { 250000000, "0.25" }, { 500000000, "0.5" },
    { 1000000000, "1" },   { 2500000000, "2.5" }, { 5000000000, "5" },   { 10000000000, "10" },
    { 30000000000, "30" },
};
#define BOUNDS (sizeof bounds / sizeof *bounds)

struct ea_metric {
    struct ea_metric *next; /* of its family, in order of making */
    enum kind kind;
    char *labels;
    _Atomic int64_t value;               /* of a histogram: the sum, ns */
    _Atomic int64_t buckets[BOUNDS + 1]; /* not cumulative; the last one has no bound */
};

struct family {
    struct family *next;
    enum kind kind;
    char *name, *help;
    struct ea_metric *metrics;
};

static struct {
    pthread_mutex_t lock; /* of the lists; the values are atomics */
    struct family *families;
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct ea_metric dummies[] = { { .kind = COUNTER }, { .kind = GAUGE }, { .kind = HISTOGRAM } };

static struct family *family_new(enum kind kind, const char *name, const char *help)
{
    struct family *f = ea_alloc(sizeof *f);
    if (!f)
        return NULL;
    f->kind = kind;
    f->name = ea_alloc_dup(name);
    f->help = ea_alloc_dup(help);
    if (f->name && f->help)
        return f;
    free(f->name);
    free(f->help);
    free(f);
    return NULL;
}

/* Families are kept sorted by name, so that the page reads well. */
static struct family *family_of(enum kind kind, const char *name, const char *help)
{
    struct family **at = &registry.families;
    while (*at && strcmp((*at)->name, name) < 0)
        at = &(*at)->next;
    if (*at && strcmp((*at)->name, name) == 0)
        return (*at)->kind == kind ? *at : NULL;
    struct family *f = family_new(kind, name, help);
    if (!f)
        return NULL;
    f->next = *at;
    *at = f;
    return f;
}

static struct ea_metric *metric_of(struct family *f, const char *labels)
{
    struct ea_metric **at = &f->metrics;
    for (; *at; at = &(*at)->next)
        if (strcmp((*at)->labels, labels) == 0)
            return *at;
    struct ea_metric *m = ea_alloc(sizeof *m);
    if (!m)
        return NULL;
    m->kind = f->kind;
    m->labels = ea_alloc_dup(labels);
    if (!m->labels) {
        free(m);
        return NULL;
    }
    *at = m;
    return m;
}

static struct ea_metric *get(enum kind kind, const char *name, const char *help, const char *labels)
{
    pthread_mutex_lock(&registry.lock);
    struct family *f = family_of(kind, name, help);
    struct ea_metric *m = f ? metric_of(f, labels) : NULL;
    pthread_mutex_unlock(&registry.lock);
    return m ? m : &dummies[kind];
}

static int64_t load(const _Atomic int64_t *v)
{
    return atomic_load_explicit(v, memory_order_relaxed);
}

static void print_sample(struct ea_buf *out, const char *name, const char *suffix, const char *labels,
                         const char *le)
{
    ea_buf_printf(out, "%s%s", name, suffix);
    if (!*labels && !le)
        return;
    ea_buf_printf(out, "{%s", labels);
    if (le)
        ea_buf_printf(out, "%sle=\"%s\"", *labels ? "," : "", le);
    ea_buf_char(out, '}');
}

/* The count is that of the buckets as read here: a sum read a moment apart may be off by what came between, buckets and count never disagree. */
static void print_histogram(struct ea_buf *out, const char *name, const struct ea_metric *m)
{
    int64_t count = 0, sum = load(&m->value);
    for (size_t i = 0; i <= BOUNDS; i++) {
        count += load(&m->buckets[i]);
        print_sample(out, name, "_bucket", m->labels, i < BOUNDS ? bounds[i].text : "+Inf");
        ea_buf_printf(out, " %" PRId64 "\n", count);
    }
    print_sample(out, name, "_sum", m->labels, NULL);
    ea_buf_printf(out, " %" PRId64 ".%09" PRId64 "\n", sum / 1000000000, sum % 1000000000);
    print_sample(out, name, "_count", m->labels, NULL);
    ea_buf_printf(out, " %" PRId64 "\n", count);
}

static void print_family(struct ea_buf *out, const struct family *f)
{
    ea_metrics_print_head(out, f->name, f->help, kind_names[f->kind]);
    for (const struct ea_metric *m = f->metrics; m; m = m->next) {
        if (f->kind == HISTOGRAM) {
            print_histogram(out, f->name, m);
            continue;
        }
        print_sample(out, f->name, "", m->labels, NULL);
        ea_buf_printf(out, " %" PRId64 "\n", load(&m->value));
    }
}

struct ea_metric *ea_metric_counter(const char *name, const char *help, const char *labels)
{
    return get(COUNTER, name, help, labels);
}

struct ea_metric *ea_metric_gauge(const char *name, const char *help, const char *labels)
{
    return get(GAUGE, name, help, labels);
}

struct ea_metric *ea_metric_histogram(const char *name, const char *help, const char *labels)
{
    return get(HISTOGRAM, name, help, labels);
}

void ea_metric_add(struct ea_metric *m, int64_t n)
{
    atomic_fetch_add_explicit(&m->value, n, memory_order_relaxed);
}

void ea_metric_set(struct ea_metric *m, int64_t v)
{
    atomic_store_explicit(&m->value, v, memory_order_relaxed);
}

void ea_metric_observe_ns(struct ea_metric *m, int64_t ns)
{
    size_t i = 0;
    if (ns < 0)
        ns = 0;
    while (i < BOUNDS && ns > bounds[i].ns)
        i++;
    atomic_fetch_add_explicit(&m->value, ns, memory_order_relaxed);
    atomic_fetch_add_explicit(&m->buckets[i], 1, memory_order_relaxed);
}

int64_t ea_metric_value(const struct ea_metric *m)
{
    if (m->kind != HISTOGRAM)
        return load(&m->value);
    int64_t count = 0;
    for (size_t i = 0; i <= BOUNDS; i++)
        count += load(&m->buckets[i]);
    return count;
}

void ea_metrics_print(struct ea_buf *out)
{
    pthread_mutex_lock(&registry.lock);
    for (const struct family *f = registry.families; f; f = f->next)
        print_family(out, f);
    pthread_mutex_unlock(&registry.lock);
    ea_metrics_print_head(out, "ea_log_dropped_total", "Log lines that did not get where they should",
                          "counter");
    ea_buf_printf(out, "ea_log_dropped_total %" PRId64 "\n", ea_log_dropped());
    ea_metrics_print_process(out);
}
