/* RabbitMQ through librabbitmq-c: one connection with one channel, owned by one thread. No call waits longer than a few seconds.
 * The topology is declared by the code at every connect, from one table (mq_topology.c). Errors: EA_EUNAVAILABLE when the connection is gone (it is closed then, what was
 * unacknowledged will be delivered again; connect anew); EA_EOVERLOAD when the broker takes no publishes just now (an alarm, or the socket is full): nothing was sent, read
 * with ea_mq_next and try again. Losing and regaining the connection is logged here. */
#ifndef EA_MQ_H
#define EA_MQ_H

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ea_mq;

struct ea_mq_message { /* what travels with every job */
    const char *queue; /* "grade" | "notify"; publishing: routing key; consuming: where it was published to */
    int64_t event_id;  /* 0: not a job of ours */
    const char *kind, *body; /* body: the event's payload, JSON */
    size_t body_len;
    const char *trace;  /* traceparent or "" */
    int attempt;        /* 0 at first */
    const char *reason; /* why the last attempt failed, or "" */
    const char *at;     /* time of the event, RFC 3339 */
    /* of a delivery only */
    bool redelivered;
    uint64_t tag; /* delivery tag */
};

#define EA_MQ_STEPS_MAX 8

/* delays: seconds of each backoff step, e.g. "1,10,60,600". EA_EINPUT: one of them cannot be understood (logged). Does not connect. */
enum ea_err ea_mq_new(const char *url, const char *delays, struct ea_mq **out) EA_MUST;
void ea_mq_free(struct ea_mq *mq);

/* Connects, opens the channel with confirms, declares the topology; EA_OK at once when connected. Attempts are paced: 100 ms after a failure, then twice as
 * long each time up to 5 s; in between it fails without trying. */
enum ea_err ea_mq_connect(struct ea_mq *mq) EA_MUST;
int ea_mq_retry_ms(const struct ea_mq *mq); /* until ea_mq_connect will try; 0: now */
void ea_mq_close(struct ea_mq *mq);
bool ea_mq_connected(const struct ea_mq *mq);
bool ea_mq_blocked(const struct ea_mq *mq); /* by an alarm of the broker */
int ea_mq_fd(
    const struct ea_mq *mq); /* to poll for reading, once ea_mq_next says NOTHING; -1 when not connected */
const char *ea_mq_error(const struct ea_mq *mq);
int ea_mq_steps(const struct ea_mq *mq); /* backoff steps; a job that fails after the last is dead */
bool ea_mq_known(const char *queue);     /* is there a job queue of this name? */

/* Persistent, mandatory. *seq: this publish's confirm number, 1 for the first of a connection. */
enum ea_err ea_mq_publish(struct ea_mq *mq, const struct ea_mq_message *m, uint64_t *seq) EA_MUST;
enum ea_err ea_mq_publish_delayed(struct ea_mq *mq, const struct ea_mq_message *m, int step,
                                  uint64_t *seq) EA_MUST;
/* To the queue's dead letters; those of an unknown queue go to EA_MQ_UNROUTED. */
enum ea_err ea_mq_publish_dead(struct ea_mq *mq, const struct ea_mq_message *m, uint64_t *seq) EA_MUST;

/* One thing that arrived. */
struct ea_mq_in {
    enum { EA_MQ_NOTHING, EA_MQ_ACK, EA_MQ_NACK, EA_MQ_RETURNED, EA_MQ_JOB } type;
    uint64_t seq; /* ACK, NACK */
    bool multiple;
    struct ea_mq_message
        job; /* JOB; RETURNED (its own ACK follows, reason is the broker's); borrowed until the next call */
};
/* Waits at most timeout_ms (0: only what is there). Heartbeats are handled inside: call it at least every ten seconds. */
enum ea_err ea_mq_next(struct ea_mq *mq, int timeout_ms, struct ea_mq_in *in) EA_MUST;
/* For a connection that only publishes, one at a time: waits until this one is confirmed. EA_ERETRY: refused (nack, or returned as there is no such queue);
 * EA_EUNAVAILABLE also when no answer came in time (the connection is closed then); EA_EOVERLOAD: none can come, an alarm began. */
enum ea_err ea_mq_confirmed(struct ea_mq *mq, uint64_t seq, int timeout_ms) EA_MUST;

enum ea_err ea_mq_consume(struct ea_mq *mq, const char *queue, int prefetch) EA_MUST;
enum ea_err ea_mq_ack(struct ea_mq *mq, uint64_t tag, bool multiple) EA_MUST;
enum ea_err ea_mq_reject(struct ea_mq *mq, uint64_t tag, bool requeue) EA_MUST;

/* For `ea-queues`: by the broker's name of the queue. ea_mq_get: EA_ENOTFOUND: empty. ea_mq_depth says 0, too, when the broker does not know within a quarter of a second (stat/2 of its
 * rabbit_quorum_queue), so decide nothing by it. ea_mq_give_back: all up to this tag that is not settled. */
enum ea_err ea_mq_give_back(struct ea_mq *mq, uint64_t tag) EA_MUST;
enum ea_err ea_mq_get(struct ea_mq *mq, const char *name, struct ea_mq_in *in) EA_MUST;
enum ea_err ea_mq_depth(struct ea_mq *mq, const char *name, int64_t *messages, int64_t *consumers) EA_MUST;

#endif
