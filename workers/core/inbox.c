#include "workers/core/inbox.h"

#include <json-c/json_object.h>
#include <stdlib.h>
#include <string.h>

static char *put(char **at, const char *s, size_t len)
{
    char *p = *at;

    memcpy(p, s, len);
    p[len] = '\0';
    *at += len + 1;
    return p;
}

static struct ea_inbox_job *copy_of(const struct ea_mq_message *m)
{
    const char *texts[] = { m->queue, m->kind, m->trace, m->reason, m->at };
    size_t size = sizeof(struct ea_inbox_job) + m->body_len + 1, i;
    struct ea_inbox_job *job;
    char *at;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        size += strlen(texts[i]) + 1;
    job = malloc(size);
    if (job == NULL)
        return NULL;
    memset(job, 0, sizeof(*job));
    at = (char *)(job + 1);
    job->m = *m;
    job->m.queue = put(&at, m->queue, strlen(m->queue));
    job->m.kind = put(&at, m->kind, strlen(m->kind));
    job->m.trace = put(&at, m->trace, strlen(m->trace));
    job->m.reason = put(&at, m->reason, strlen(m->reason));
    job->m.at = put(&at, m->at, strlen(m->at));
    job->m.body = put(&at, m->body, m->body_len);
    return job;
}

static void free_job(struct ea_inbox_job *job)
{
    json_object_put(job->payload);
    free(job);
}

void ea_inbox_init(struct ea_inbox *in)
{
    in->head = NULL;
    in->tail = &in->head;
    in->connection = 0;
}

void ea_inbox_clear(struct ea_inbox *in)
{
    while (in->head != NULL) {
        struct ea_inbox_job *job = in->head;

        in->head = job->next;
        free_job(job);
    }
    in->tail = &in->head;
    in->connection++;
}

enum ea_err ea_inbox_fill(struct ea_inbox *in, struct ea_mq *mq)
{
    for (;;) {
        struct ea_mq_in arrived;
        struct ea_inbox_job *job;
        enum ea_err err = ea_mq_next(mq, 0, &arrived);

        if (err != EA_OK) {
            ea_inbox_clear(in);
            return err;
        }
        if (arrived.type == EA_MQ_NOTHING)
            return EA_OK;
        if (arrived.type != EA_MQ_JOB)
            continue;
        job = copy_of(&arrived.job);
        if (job == NULL) { /* with the connection goes the delivery, so that it comes again */
            ea_mq_close(mq);
            ea_inbox_clear(in);
            return EA_EUNAVAILABLE;
        }
        *in->tail = job;
        in->tail = &job->next;
    }
}

size_t ea_inbox_take(struct ea_inbox *in, struct ea_inbox_job **jobs, size_t max)
{
    size_t n = 0;

    while (in->head != NULL && n < max) {
        bool again = in->head->m.redelivered;

        if (again && n > 0)
            break;
        jobs[n++] = in->head;
        in->head = in->head->next;
        if (again)
            break;
    }
    if (in->head == NULL)
        in->tail = &in->head;
    return n;
}

void ea_inbox_drop(struct ea_inbox_job **jobs, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        free_job(jobs[i]);
}
