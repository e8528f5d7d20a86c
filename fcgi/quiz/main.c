/* ea-quiz: several run side by side; each has a batcher of its own for what is saved. */
#include "fcgi/core/server.h"
#include "fcgi/quiz/admission.h"
#include "fcgi/quiz/quiz.h"
#include "lib/batch.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <stdlib.h>

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
    service->results = quiz_results_new();
    service->gate = quiz_gate_new(ea_server_cfg(s)->start_wait_ms * EA_NS_PER_MS);
    err = service->results && service->gate ? quiz_answer_batch_new(service) : EA_ENOMEM;
    if (err) {
        quiz_gate_free(service->gate);
        quiz_results_free(service->results);
        free(service);
    } else {
        *data = service;
    }
    return err;
}

/* Draining is over, no request is in a handler: what is still queued is written and answered. */
static void stop(struct ea_server *s, void *data)
{
    struct quiz_service *service = data;

    (void)s;
    ea_batch_free(service->answers);
}

static void free_data(struct ea_server *s, void *data)
{
    struct quiz_service *service = data;

    (void)s;
    quiz_gate_free(service->gate);
    quiz_results_free(service->results);
    free(service);
}

int main(int argc, char **argv)
{
    static const struct ea_route *const tables[] = { quiz_item_routes,
                                                     quiz_bank_routes,
                                                     quiz_routes,
                                                     quiz_accommodation_routes,
                                                     quiz_attempt_routes,
                                                     quiz_answer_routes,
                                                     quiz_receipt_routes,
                                                     quiz_result_routes,
                                                     quiz_results_routes,
                                                     quiz_grade_routes,
                                                     NULL };
    static const struct ea_service service = {
        .name = "quiz", .tables = tables, .start = start, .stop = stop, .free = free_data
    };

    return ea_server_main(&service, argc, argv);
}
