/* What stands in the broker, and under which names. Everything is declared at every connect: what is there already is left alone. Used by mq.c and by ea-queues. */
#ifndef EA_MQ_TOPOLOGY_H
#define EA_MQ_TOPOLOGY_H

#include "lib/err.h"
#include "lib/mq.h"

#include <amqp.h>
#include <stddef.h>

#define EA_MQ_EXCHANGE  "ea.jobs"
#define EA_MQ_UNROUTED  "unrouted" /* dead letters of jobs whose queue this build does not know */
#define EA_MQ_NAME_SIZE 64

struct ea_mq_delays {
    int n;
    int seconds[EA_MQ_STEPS_MAX];
};

enum ea_err ea_mq_topology_delays(const char *text, struct ea_mq_delays *out) EA_MUST; /* EA_EINPUT */

/* The broker's names of a job queue's own queue, of its delay queue for a step, of its dead letters. Return out. */
const char *ea_mq_topology_jobs(const char *queue, char out[EA_MQ_NAME_SIZE]);
const char *ea_mq_topology_delay(const char *queue, int seconds, char out[EA_MQ_NAME_SIZE]);
const char *ea_mq_topology_dead(const char *queue, char out[EA_MQ_NAME_SIZE]);

const char *ea_mq_topology_queue(size_t i); /* the i-th job queue's name, NULL after the last */

/* Declares all of it. EA_EUNAVAILABLE: amqp_get_rpc_reply() tells why, *what the name that was refused. */
enum ea_err ea_mq_topology_declare(amqp_connection_state_t conn, amqp_channel_t channel,
                                   const struct ea_mq_delays *delays, char what[EA_MQ_NAME_SIZE]) EA_MUST;

#endif
