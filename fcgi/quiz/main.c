/* ea-quiz: several run side by side; each has batchers of its own for what is saved and what is handed in. */
#include "fcgi/core/server.h"
#include "fcgi/quiz/admission.h"
#include "fcgi/quiz/pulse.h"
#include "fcgi/quiz/quiz.h"
#include "lib/batch.h"
#include "lib/clock.h"
#include "lib/flight.h"
#include "lib/log.h"
#include "lib/redis.h"

#include <stdlib.h>

static void destroy(struct quiz_service *service)
{
    ea_batch_free(service->answers);
    ea_batch_free(service->submits);
    ea_redis_free(service->redis);
    ea_flight_free(service->figures);
    quiz_gate_free(service->gate);
    quiz_results_free(service->results);
    free(service);
}

static enum ea_err make(struct quiz_service *service)
{
    const struct ea_cfg *cfg = ea_server_cfg(service->server);
    enum ea_err err;

    service->results = quiz_results_new();
    service->gate = quiz_gate_new(cfg->start_wait_ms * EA_NS_PER_MS);
    service->redis = ea_redis_new(cfg->redis);
    service->figures = ea_flight_new();
    if (!service->results || !service->gate || !service->redis || !service->figures)
        return EA_ENOMEM;
    err = quiz_answer_batch_new(service);
    if (!err)
        err = quiz_submit_batch_new(service);
    return err ? err : quiz_pulse_start(service->server, &service->pulse);
}

static enum ea_err start(struct ea_server *s, void **data)
{
    struct quiz_service *service;
    enum ea_err err;

    if (!ea_server_receipt_key(s)) {
        ea_log0(EA_LOG_ERROR, "EA_RECEIPT_KEY is needed to take in attempts");
        return EA_EINPUT;
    }
    service = calloc(1, sizeof *service);
    if (!service)
        return EA_ENOMEM;
    service->server = s;
    err = make(service);
    if (err)
        destroy(service);
    else
        *data = service;
    return err;
}

/* Draining is over, no request is in a handler: what is still queued is written and answered. */
static void stop(struct ea_server *s, void *data)
{
    struct quiz_service *service = data;

    (void)s;
    quiz_pulse_stop(service->pulse);
    ea_batch_free(service->answers);
    ea_batch_free(service->submits);
    service->answers = service->submits = NULL;
}

static void free_data(struct ea_server *s, void *data)
{
    (void)s;
    destroy(data);
}

int main(int argc, char **argv)
{
    static const struct ea_route *const tables[] = { quiz_item_routes,
                                                     quiz_bank_routes,
                                                     quiz_routes,
                                                     quiz_accommodation_routes,
                                                     quiz_announcement_routes,
                                                     quiz_attempt_routes,
                                                     quiz_answer_routes,
                                                     quiz_event_routes,
                                                     quiz_submit_routes,
                                                     quiz_receipt_routes,
                                                     quiz_result_routes,
                                                     quiz_results_routes,
                                                     quiz_grade_routes,
                                                     quiz_outage_routes,
                                                     quiz_performance_routes,
                                                     NULL };
    static const struct ea_service service = {
        .name = "quiz", .tables = tables, .start = start, .stop = stop, .free = free_data
    };

    return ea_server_main(&service, argc, argv);
}
