#include "fcgi/quiz/admission.h"

#include "lib/metrics.h"

#include <pthread.h>
#include <stdlib.h>

#define INTERVAL 5 /* targets */

bool quiz_admission_judge(struct quiz_admission *a, int64_t now_ns, int64_t waited_ns)
{
    int64_t interval_ns = INTERVAL * a->target_ns;
    bool short_wait = waited_ns <= a->target_ns;

    if (a->strict && now_ns - a->last_ns >= interval_ns) {
        a->strict = false;
        a->since_ns = 0;
    }
    if (short_wait) {
        if (!a->strict)
            a->since_ns = 0;
        return true;
    }
    a->last_ns = now_ns;
    if (a->since_ns == 0)
        a->since_ns = now_ns;
    if (now_ns - a->since_ns >= interval_ns)
        a->strict = true;
    return !a->strict;
}

struct quiz_gate {
    pthread_mutex_t lock;
    struct quiz_admission rule;
    struct ea_metric *admitted, *refused, *waited;
};

struct quiz_gate *quiz_gate_new(int64_t target_ns)
{
    static const char name[] = "ea_quiz_starts_total", help[] = "Starts of attempts at the gate";
    struct quiz_gate *g = calloc(1, sizeof *g);

    if (!g)
        return NULL;
    pthread_mutex_init(&g->lock, NULL);
    g->rule.target_ns = target_ns;
    g->admitted = ea_metric_counter(name, help, "outcome=\"admitted\"");
    g->refused = ea_metric_counter(name, help, "outcome=\"refused\"");
    g->waited = ea_metric_histogram("ea_quiz_start_wait_seconds",
                                    "How long starts of attempts had waited for a thread", "");
    return g;
}

void quiz_gate_free(struct quiz_gate *g)
{
    if (!g)
        return;
    pthread_mutex_destroy(&g->lock);
    free(g);
}

bool quiz_gate_admit(struct quiz_gate *g, int64_t now_ns, int64_t waited_ns)
{
    pthread_mutex_lock(&g->lock);
    bool admitted = quiz_admission_judge(&g->rule, now_ns, waited_ns);
    pthread_mutex_unlock(&g->lock);
    ea_metric_add(admitted ? g->admitted : g->refused, 1);
    ea_metric_observe_ns(g->waited, waited_ns);
    return admitted;
}
