#include "lib/mq_topology.h"

#include "lib/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The table: each job queue gets its quorum queue, one delay queue per backoff step and its dead letters. */
static const char *const job_queues[] = { EA_QUEUE_GRADE, EA_QUEUE_NOTIFY, NULL };

#define DELIVERY_LIMIT 200 /* only the backstop: workers give up on a job long before (workers/core) */
#define ARGS_MAX       8

struct args {
    amqp_table_entry_t entries[ARGS_MAX];
    int n;
};

static void add_str(struct args *args, const char *key, const char *value)
{
    amqp_table_entry_t *e = &args->entries[args->n++];

    e->key = amqp_cstring_bytes(key);
    e->value.kind = AMQP_FIELD_KIND_UTF8;
    e->value.value.bytes = amqp_cstring_bytes(value);
}

static void add_int(struct args *args, const char *key, int64_t value)
{
    amqp_table_entry_t *e = &args->entries[args->n++];

    e->key = amqp_cstring_bytes(key);
    e->value.kind = AMQP_FIELD_KIND_I64;
    e->value.value.i64 = value;
}

static enum ea_err declare_queue(amqp_connection_state_t conn, amqp_channel_t channel, const char *name,
                                 struct args *args)
{
    amqp_table_t table;

    add_str(args, "x-queue-type", "quorum");
    table.num_entries = args->n;
    table.entries = args->entries;
    return amqp_queue_declare(conn, channel, amqp_cstring_bytes(name), 0, 1, 0, 0, table) != NULL
               ? EA_OK
               : EA_EUNAVAILABLE;
}

/* At-least-once: the broker moves a dead letter with confirms of its own, and keeps it where it is until the target has it. It asks for reject-publish. */
static void add_dead_letters(struct args *args, const char *exchange, const char *routing_key)
{
    add_str(args, "x-dead-letter-exchange", exchange);
    add_str(args, "x-dead-letter-routing-key", routing_key);
    add_str(args, "x-dead-letter-strategy", "at-least-once");
    add_str(args, "x-overflow", "reject-publish");
}

static enum ea_err declare_jobs(amqp_connection_state_t conn, amqp_channel_t channel, const char *queue,
                                char *what)
{
    char dead[EA_MQ_NAME_SIZE];
    struct args args = { .n = 0 };
    enum ea_err err;

    ea_mq_topology_jobs(queue, what);
    add_dead_letters(&args, "", ea_mq_topology_dead(queue, dead));
    add_int(&args, "x-delivery-limit", DELIVERY_LIMIT);
    err = declare_queue(conn, channel, what, &args);
    if (err == EA_OK &&
        amqp_queue_bind(conn, channel, amqp_cstring_bytes(what), amqp_cstring_bytes(EA_MQ_EXCHANGE),
                        amqp_cstring_bytes(queue), amqp_empty_table) == NULL)
        err = EA_EUNAVAILABLE;
    return err;
}

static enum ea_err declare_delay(amqp_connection_state_t conn, amqp_channel_t channel, const char *queue,
                                 int seconds, char *what)
{
    struct args args = { .n = 0 };

    ea_mq_topology_delay(queue, seconds, what);
    add_dead_letters(&args, EA_MQ_EXCHANGE, queue);
    add_int(&args, "x-message-ttl", (int64_t)seconds * 1000);
    return declare_queue(conn, channel, what, &args);
}

static enum ea_err declare_dead(amqp_connection_state_t conn, amqp_channel_t channel, const char *queue,
                                char *what)
{
    struct args args = { .n = 0 };

    ea_mq_topology_dead(queue, what);
    return declare_queue(conn, channel, what, &args);
}

enum ea_err ea_mq_topology_delays(const char *text, struct ea_mq_delays *out)
{
    const char *p = text;

    out->n = 0;
    for (;;) {
        char *end;
        long v;

        if (*p < '0' || *p > '9' || out->n == EA_MQ_STEPS_MAX)
            return EA_EINPUT;
        v = strtol(p, &end, 10);
        if (v < 1 || v > 86400)
            return EA_EINPUT;
        out->seconds[out->n++] = (int)v;
        if (*end == '\0')
            return EA_OK;
        if (*end != ',')
            return EA_EINPUT;
        p = end + 1;
    }
}

const char *ea_mq_topology_jobs(const char *queue, char out[EA_MQ_NAME_SIZE])
{
    snprintf(out, EA_MQ_NAME_SIZE, "ea.%s", queue);
    return out;
}

/* The delay is part of the name: a queue's TTL cannot be changed, so other delays are other queues, and those of before still empty themselves. */
const char *ea_mq_topology_delay(const char *queue, int seconds, char out[EA_MQ_NAME_SIZE])
{
    snprintf(out, EA_MQ_NAME_SIZE, "ea.%s.delay.%ds", queue, seconds);
    return out;
}

const char *ea_mq_topology_dead(const char *queue, char out[EA_MQ_NAME_SIZE])
{
    snprintf(out, EA_MQ_NAME_SIZE, "ea.%s.dead", ea_mq_known(queue) ? queue : EA_MQ_UNROUTED);
    return out;
}

const char *ea_mq_topology_queue(size_t i)
{
    return i < sizeof(job_queues) / sizeof(job_queues[0]) ? job_queues[i] : NULL;
}

bool ea_mq_known(const char *queue)
{
    size_t i;

    for (i = 0; job_queues[i] != NULL; i++) {
        if (strcmp(job_queues[i], queue) == 0)
            return true;
    }
    return false;
}

enum ea_err ea_mq_topology_declare(amqp_connection_state_t conn, amqp_channel_t channel,
                                   const struct ea_mq_delays *delays, char what[EA_MQ_NAME_SIZE])
{
    enum ea_err err = EA_OK;
    size_t q;
    int step;

    snprintf(what, EA_MQ_NAME_SIZE, "%s", EA_MQ_EXCHANGE);
    if (amqp_exchange_declare(conn, channel, amqp_cstring_bytes(EA_MQ_EXCHANGE), amqp_cstring_bytes("direct"),
                              0, 1, 0, 0, amqp_empty_table) == NULL)
        return EA_EUNAVAILABLE;
    /* dead letters first: nothing may be dead-lettered to a queue that is not there yet */
    err = declare_dead(conn, channel, EA_MQ_UNROUTED, what);
    for (q = 0; err == EA_OK && job_queues[q] != NULL; q++) {
        err = declare_dead(conn, channel, job_queues[q], what);
        if (err == EA_OK)
            err = declare_jobs(conn, channel, job_queues[q], what);
        for (step = 0; err == EA_OK && step < delays->n; step++)
            err = declare_delay(conn, channel, job_queues[q], delays->seconds[step], what);
    }
    return err;
}
