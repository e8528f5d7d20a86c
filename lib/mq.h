/* RabbitMQ through librabbitmq-c: one connection with one channel, owned by one thread. The topology is declared by the code from one table (mq.c):
 * exchange ea.jobs (direct, durable), per job queue a quorum queue ea.<queue>, a delay queue per backoff step ea.<queue>.delay.<n> (quorum, queue TTL, at-least-once dead-lettering
 * back with reject-publish) and ea.<queue>.dead. Errors: EA_EUNAVAILABLE when the connection is gone (it is closed then; the next call connects anew). */
#ifndef EA_MQ_H
#define EA_MQ_H

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ea_mq;

struct ea_mq_message { /* headers that travel with every job */
    const char *queue; /* "grade" | "notify"; publishing: routing key; consuming: the queue */
    int64_t event_id;
    const char *kind, *body; /* body: the event's payload, JSON */
    size_t body_len;
    const char *trace;  /* traceparent or "" */
    int attempt;        /* 0 at first */
    const char *reason; /* why the last attempt failed, or "" */
    bool redelivered;
    uint64_t tag;   /* delivery tag */
    const char *at; /* time of the event, RFC 3339 */
};

#define EA_MQ_STEPS 4 /* delays 1 s, 10 s, 60 s, 600 s; after the last the job is dead */

struct ea_mq *ea_mq_new(const char *url);
void ea_mq_free(struct ea_mq *mq);
enum ea_err ea_mq_connect(
    struct ea_mq *mq) EA_MUST; /* connects, opens the channel with confirms, declares the topology */
void ea_mq_close(struct ea_mq *mq);
bool ea_mq_connected(const struct ea_mq *mq);
const char *ea_mq_error(const struct ea_mq *mq);

/* Persistent, mandatory. *seq: this publish's confirm number. */
enum ea_err ea_mq_publish(struct ea_mq *mq, const struct ea_mq_message *m, uint64_t *seq) EA_MUST;
enum ea_err ea_mq_publish_delayed(struct ea_mq *mq, const struct ea_mq_message *m, int step,
                                  uint64_t *seq) EA_MUST;
enum ea_err ea_mq_publish_dead(struct ea_mq *mq, const struct ea_mq_message *m, uint64_t *seq) EA_MUST;

/* One thing that arrived. */
struct ea_mq_in {
    enum { EA_MQ_NOTHING, EA_MQ_ACK, EA_MQ_NACK, EA_MQ_RETURNED, EA_MQ_JOB } type;
    uint64_t seq; /* ACK, NACK */
    bool multiple;
    struct ea_mq_message job; /* JOB, RETURNED; borrowed until ea_mq_release */
};
/* Waits at most timeout_ms (0: only what is there). Heartbeats are handled inside. */
enum ea_err ea_mq_next(struct ea_mq *mq, int timeout_ms, struct ea_mq_in *in) EA_MUST;
void ea_mq_release(struct ea_mq *mq, struct ea_mq_in *in);

enum ea_err ea_mq_consume(struct ea_mq *mq, const char *queue, int prefetch) EA_MUST;
enum ea_err ea_mq_ack(struct ea_mq *mq, uint64_t tag, bool multiple) EA_MUST;
enum ea_err ea_mq_reject(struct ea_mq *mq, uint64_t tag, bool requeue) EA_MUST;

/* For `ea-queues`: synchronous get and depth. EA_ENOTFOUND: empty. */
enum ea_err ea_mq_get(struct ea_mq *mq, const char *full_queue_name, struct ea_mq_in *in) EA_MUST;
enum ea_err ea_mq_depth(struct ea_mq *mq, const char *full_queue_name, int64_t *messages,
                        int64_t *consumers) EA_MUST;

#endif
