#include "workers/core/park.h"

#include "lib/cfg.h"
#include "lib/log.h"
#include "lib/mq.h"

#include <stdlib.h>
#include <string.h>

#define CONFIRM_MS   5000
#define ALARM_MS     200

#define TRACE_ID_AT  3 /* 00-<trace id>-<span id>-<flags> */
#define TRACE_ID_LEN 32

struct ea_park {
    struct ea_mq *mq;
};

/* The part of a traceparent that logs are searched by. */
static const char *trace_id(const char *traceparent, char out[TRACE_ID_LEN + 1])
{
    if (strlen(traceparent) < TRACE_ID_AT + TRACE_ID_LEN)
        return NULL;
    memcpy(out, traceparent + TRACE_ID_AT, TRACE_ID_LEN);
    out[TRACE_ID_LEN] = '\0';
    return out;
}

static void log_parked(const struct ea_mq_message *m, bool dead)
{
    char trace[TRACE_ID_LEN + 1];

    ea_log(dead ? EA_LOG_ERROR : EA_LOG_WARN, dead ? "job is dead" : "job failed, it is tried again later",
           EA_F_STR(JOB_KIND, m->kind), EA_F_INT(EVENT_ID, m->event_id), EA_F_INT(COUNT, m->attempt),
           EA_F_STR(REASON, m->reason), EA_F_STR(TRACE, trace_id(m->trace, trace)));
}

enum ea_err ea_park_new(const struct ea_cfg *cfg, struct ea_park **out)
{
    enum ea_err err;

    *out = calloc(1, sizeof(**out));
    if (*out == NULL)
        return EA_ENOMEM;
    err = ea_mq_new(cfg->amqp, cfg->mq_delays, &(*out)->mq);
    if (err != EA_OK) {
        free(*out);
        *out = NULL;
    }
    return err;
}

void ea_park_free(struct ea_park *p)
{
    if (p == NULL)
        return;
    ea_mq_free(p->mq);
    free(p);
}

enum ea_err ea_park_job(struct ea_park *p, const struct ea_inbox_job *job, bool *dead)
{
    struct ea_mq_message m = job->m;
    int step = job->m.attempt;
    struct ea_mq_in in;
    enum ea_err err;
    uint64_t seq;

    *dead = job->outcome == EA_JOB_DEAD || step >= ea_mq_steps(p->mq);
    m.reason = job->reason;
    m.attempt = step + 1;
    err = ea_mq_connect(p->mq);
    if (err == EA_OK)
        err = *dead ? ea_mq_publish_dead(p->mq, &m, &seq) : ea_mq_publish_delayed(p->mq, &m, step, &seq);
    if (err == EA_EOVERLOAD) { /* look for the end of the alarm */
        enum ea_err seen = ea_mq_next(p->mq, ALARM_MS, &in);

        return seen == EA_OK ? EA_EOVERLOAD : seen;
    }
    if (err == EA_OK)
        err = ea_mq_confirmed(p->mq, seq, CONFIRM_MS);
    if (err == EA_ERETRY) /* no such queue: somebody deleted it. Connecting declares it again */
        ea_mq_close(p->mq);
    if (err == EA_OK)
        log_parked(&m, *dead);
    return err;
}

void ea_park_idle(struct ea_park *p)
{
    struct ea_mq_in in;

    if (ea_mq_connected(p->mq) && ea_mq_next(p->mq, 0, &in) != EA_OK)
        ea_mq_close(p->mq);
}
