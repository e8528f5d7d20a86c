#include "lib/mq.h"

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/mq_login.h"
#include "lib/mq_message.h"
#include "lib/mq_topology.h"

#include <amqp.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANNEL      1
#define CLOSE_S      1
#define ACK_WAIT_MS  3000
#define BODY_MAX     (16U * 1024 * 1024)
#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 5000

/* A message arrives as a method frame, a header frame and body frames; other frames of ours may not come between, time may. */
struct content {
    enum { IDLE, WANT_HEADER, WANT_BODY } state;
    struct ea_mq_in in;
    char *body;
    size_t got;
};

struct ea_mq {
    char *url; /* info points into it */
    struct amqp_connection_info info;
    struct ea_mq_delays delays;
    amqp_connection_state_t conn;
    struct ea_arena *arena; /* of the message handed out last */
    struct content content;
    uint64_t published;
    bool blocked;
    bool reported; /* that the connection is lost */
    int retry_ms;
    int64_t retry_at_ns;
    char error[300];
};

static void drop(struct ea_mq *mq)
{
    if (mq->conn != NULL)
        amqp_destroy_connection(mq->conn);
    mq->conn = NULL;
    mq->blocked = false;
    mq->published = 0;
    mq->content.state = IDLE;
}

/* A little off each time, so that many processes do not come back in step. */
static void pace(struct ea_mq *mq)
{
    int64_t now = ea_clock_mono_ns();
    int64_t ms = mq->retry_ms + (now / 1000) % (mq->retry_ms / 4 + 1);

    mq->retry_at_ns = now + ms * EA_NS_PER_MS;
    mq->retry_ms = mq->retry_ms * 2 < RETRY_MAX_MS ? mq->retry_ms * 2 : RETRY_MAX_MS;
}

static enum ea_err lost(struct ea_mq *mq, const char *what, const char *why)
{
    snprintf(mq->error, sizeof(mq->error), "%s%s%s", what, what[0] != '\0' ? ": " : "", why);
    drop(mq);
    if (!mq->reported)
        ea_log(EA_LOG_WARN, "RabbitMQ is not reachable", EA_F_STR(DEPENDENCY, "rabbitmq"),
               EA_F_STR(ERROR, mq->error));
    mq->reported = true;
    pace(mq);
    return EA_EUNAVAILABLE;
}

static enum ea_err lost_status(struct ea_mq *mq, const char *what, int status)
{
    return lost(mq, what, amqp_error_string2(status));
}

static enum ea_err lost_reply(struct ea_mq *mq, const char *what, amqp_rpc_reply_t reply)
{
    char why[200];

    ea_mq_login_reply(reply, why, sizeof(why));
    return lost(mq, what, why);
}

/* Room in the socket for a message of usual size, so that the library, which would wait for ever, does not have to wait. */
static bool writable(const struct ea_mq *mq, int timeout_ms)
{
    struct pollfd p = { .fd = amqp_get_sockfd(mq->conn), .events = POLLOUT };
    int n;

    do
        n = poll(&p, 1, timeout_ms);
    while (n < 0 && errno == EINTR);
    return n > 0;
}

static enum ea_err open_channel(struct ea_mq *mq)
{
    char what[EA_MQ_NAME_SIZE];

    if (amqp_channel_open(mq->conn, CHANNEL) == NULL)
        return lost_reply(mq, "open the channel", amqp_get_rpc_reply(mq->conn));
    if (amqp_confirm_select(mq->conn, CHANNEL) == NULL)
        return lost_reply(mq, "ask for confirms", amqp_get_rpc_reply(mq->conn));
    if (ea_mq_topology_declare(mq->conn, CHANNEL, &mq->delays, what) != EA_OK)
        return lost_reply(mq, what, amqp_get_rpc_reply(mq->conn));
    amqp_maybe_release_buffers(mq->conn);
    return EA_OK;
}

static void begin_content(struct ea_mq *mq, struct ea_mq_in in)
{
    ea_arena_reset(mq->arena);
    mq->content = (struct content){ .state = WANT_HEADER, .in = in };
}

static void end_content(struct ea_mq *mq, struct ea_mq_in *in)
{
    mq->content.state = IDLE;
    *in = mq->content.in;
    in->job.body = mq->content.body;
}

static enum ea_err take_header(struct ea_mq *mq, const amqp_frame_t *frame, struct ea_mq_in *in)
{
    struct ea_mq_message of_method = mq->content.in.job, *job = &mq->content.in.job;
    uint64_t size = frame->payload.properties.body_size;
    enum ea_err err;

    if (mq->content.state != WANT_HEADER || size > BODY_MAX)
        return lost(mq, "read", "a message that is not understood");
    err = ea_mq_message_decode(frame->payload.properties.decoded, mq->arena, job);
    mq->content.body = err == EA_OK ? ea_arena_alloc(mq->arena, (size_t)size + 1) : NULL;
    if (mq->content.body == NULL)
        return lost(mq, "read", "out of memory");
    job->tag = of_method.tag;
    job->redelivered = of_method.redelivered;
    if (of_method.reason != NULL)
        job->reason = of_method.reason;
    job->body_len = (size_t)size;
    mq->content.state = WANT_BODY;
    if (size == 0)
        end_content(mq, in);
    return EA_OK;
}

static enum ea_err take_body(struct ea_mq *mq, const amqp_bytes_t *part, struct ea_mq_in *in)
{
    struct content *c = &mq->content;

    if (c->state != WANT_BODY || part->len > c->in.job.body_len - c->got)
        return lost(mq, "read", "a message that is not understood");
    memcpy(c->body + c->got, part->bytes, part->len);
    c->got += part->len;
    if (c->got == c->in.job.body_len)
        end_content(mq, in);
    return EA_OK;
}

static enum ea_err take_return(struct ea_mq *mq, const amqp_basic_return_t *m)
{
    begin_content(mq, (struct ea_mq_in){ .type = EA_MQ_RETURNED });
    mq->content.in.job.reason = ea_arena_ndup(mq->arena, m->reply_text.bytes, m->reply_text.len);
    return mq->content.in.job.reason != NULL ? EA_OK : lost(mq, "read", "out of memory");
}

static void take_alarm(struct ea_mq *mq, bool blocked)
{
    if (mq->blocked != blocked)
        ea_log(blocked ? EA_LOG_WARN : EA_LOG_INFO,
               blocked ? "RabbitMQ takes no publishes: it has an alarm" : "RabbitMQ takes publishes again",
               EA_F_STR(DEPENDENCY, "rabbitmq"));
    mq->blocked = blocked;
}

static enum ea_err take_method(struct ea_mq *mq, const amqp_method_t *method, struct ea_mq_in *in)
{
    char text[200];

    switch (method->id) {
    case AMQP_BASIC_DELIVER_METHOD: {
        const amqp_basic_deliver_t *m = method->decoded;
        begin_content(
            mq, (struct ea_mq_in){ .type = EA_MQ_JOB,
                                   .job = { .tag = m->delivery_tag, .redelivered = m->redelivered != 0 } });
        return EA_OK;
    }
    case AMQP_BASIC_RETURN_METHOD:
        return take_return(mq, method->decoded);
    case AMQP_BASIC_ACK_METHOD: {
        const amqp_basic_ack_t *m = method->decoded;
        *in = (struct ea_mq_in){ .type = EA_MQ_ACK, .seq = m->delivery_tag, .multiple = m->multiple != 0 };
        return EA_OK;
    }
    case AMQP_BASIC_NACK_METHOD: {
        const amqp_basic_nack_t *m = method->decoded;
        *in = (struct ea_mq_in){ .type = EA_MQ_NACK, .seq = m->delivery_tag, .multiple = m->multiple != 0 };
        return EA_OK;
    }
    case AMQP_CONNECTION_BLOCKED_METHOD:
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
        take_alarm(mq, method->id == AMQP_CONNECTION_BLOCKED_METHOD);
        return EA_OK;
    case AMQP_BASIC_CANCEL_METHOD:
        return lost(mq, "consume", "the broker took the queue away");
    case AMQP_CHANNEL_CLOSE_METHOD:
    case AMQP_CONNECTION_CLOSE_METHOD:
        ea_mq_login_closed(method, text, sizeof(text));
        return lost(mq, "connection", text);
    default:
        return EA_OK;
    }
}

static enum ea_err take_frame(struct ea_mq *mq, const amqp_frame_t *frame, struct ea_mq_in *in)
{
    switch (frame->frame_type) {
    case AMQP_FRAME_METHOD:
        return take_method(mq, &frame->payload.method, in);
    case AMQP_FRAME_HEADER:
        return take_header(mq, frame, in);
    case AMQP_FRAME_BODY:
        return take_body(mq, &frame->payload.body_fragment, in);
    default: /* a heartbeat */
        return EA_OK;
    }
}

static enum ea_err publish(struct ea_mq *mq, const char *exchange, const char *key,
                           const struct ea_mq_message *m, uint64_t *seq)
{
    struct ea_mq_properties properties;
    amqp_bytes_t body = { .len = m->body_len, .bytes = (void *)(uintptr_t)m->body };
    enum ea_err err;
    int status;

    if (mq->conn == NULL)
        return EA_EUNAVAILABLE;
    err = ea_mq_message_encode(m, &properties);
    if (err != EA_OK)
        return err;
    if (mq->blocked || !writable(mq, 0))
        return EA_EOVERLOAD;
    status = amqp_basic_publish(mq->conn, CHANNEL, amqp_cstring_bytes(exchange), amqp_cstring_bytes(key), 1,
                                0, &properties.basic, body);
    if (status != AMQP_STATUS_OK)
        return lost_status(mq, "publish", status);
    *seq = ++mq->published;
    return EA_OK;
}

/* Acknowledgements are small; a broker that has not read so much for seconds is not there. */
static enum ea_err settle(struct ea_mq *mq, int (*send)(struct ea_mq *, uint64_t, bool), uint64_t tag,
                          bool flag)
{
    int status;

    if (mq->conn == NULL)
        return EA_EUNAVAILABLE;
    if (!writable(mq, ACK_WAIT_MS))
        return lost(mq, "acknowledge", "the broker does not read");
    status = send(mq, tag, flag);
    return status == AMQP_STATUS_OK ? EA_OK : lost_status(mq, "acknowledge", status);
}

static int send_ack(struct ea_mq *mq, uint64_t tag, bool multiple)
{
    return amqp_basic_ack(mq->conn, CHANNEL, tag, multiple);
}

static int send_reject(struct ea_mq *mq, uint64_t tag, bool requeue)
{
    return amqp_basic_reject(mq->conn, CHANNEL, tag, requeue);
}

static int send_back(struct ea_mq *mq, uint64_t tag, bool multiple)
{
    return amqp_basic_nack(mq->conn, CHANNEL, tag, multiple, true);
}

static int left_ms(int64_t deadline_ns)
{
    int64_t left = deadline_ns - ea_clock_mono_ns();

    return left > 0 ? (int)((left + EA_NS_PER_MS - 1) / EA_NS_PER_MS) : 0;
}

enum ea_err ea_mq_new(const char *url, const char *delays, struct ea_mq **out)
{
    struct ea_mq *mq = calloc(1, sizeof(*mq));
    enum ea_err err = EA_ENOMEM;

    *out = NULL;
    if (mq == NULL)
        return EA_ENOMEM;
    mq->retry_ms = RETRY_MIN_MS;
    mq->url = strdup(url);
    mq->arena = ea_arena_new();
    if (mq->url == NULL || mq->arena == NULL)
        goto out;
    err = EA_EINPUT;
    if (ea_mq_topology_delays(delays, &mq->delays) != EA_OK) {
        ea_log(EA_LOG_ERROR, "EA_MQ_DELAYS must be whole seconds with commas between, like 1,10,60,600",
               EA_F_STR(VALUE, delays));
        goto out;
    }
    amqp_default_connection_info(&mq->info);
    if (amqp_parse_url(mq->url, &mq->info) != AMQP_STATUS_OK || mq->info.ssl) {
        ea_log0(EA_LOG_ERROR, "EA_AMQP must look like amqp://user:password@host:port/vhost");
        goto out;
    }
    *out = mq;
    return EA_OK;
out:
    ea_mq_free(mq);
    return err;
}

void ea_mq_free(struct ea_mq *mq)
{
    if (mq == NULL)
        return;
    ea_mq_close(mq);
    ea_arena_free(mq->arena);
    free(mq->url);
    free(mq);
}

enum ea_err ea_mq_connect(struct ea_mq *mq)
{
    enum ea_err err;
    char why[240];

    if (mq->conn != NULL)
        return EA_OK;
    if (ea_mq_retry_ms(mq) > 0)
        return EA_EUNAVAILABLE;
    if (ea_mq_login(&mq->info, &mq->conn, why, sizeof(why)) != EA_OK)
        return lost(mq, "", why);
    err = open_channel(mq);
    if (err != EA_OK)
        return err;
    mq->retry_ms = RETRY_MIN_MS;
    mq->reported = false;
    mq->error[0] = '\0';
    ea_log(EA_LOG_INFO, "connected to RabbitMQ", EA_F_STR(DEPENDENCY, "rabbitmq"));
    return EA_OK;
}

int ea_mq_retry_ms(const struct ea_mq *mq)
{
    return left_ms(mq->retry_at_ns);
}

void ea_mq_close(struct ea_mq *mq)
{
    struct timeval wait = { .tv_sec = CLOSE_S };

    if (mq->conn == NULL)
        return;
    if (!mq->blocked && writable(mq, 0) && amqp_set_rpc_timeout(mq->conn, &wait) == AMQP_STATUS_OK)
        (void)amqp_connection_close(mq->conn, AMQP_REPLY_SUCCESS);
    drop(mq);
}

bool ea_mq_connected(const struct ea_mq *mq)
{
    return mq->conn != NULL;
}

bool ea_mq_blocked(const struct ea_mq *mq)
{
    return mq->blocked;
}

int ea_mq_fd(const struct ea_mq *mq)
{
    return mq->conn != NULL ? amqp_get_sockfd(mq->conn) : -1;
}

const char *ea_mq_error(const struct ea_mq *mq)
{
    return mq->error;
}

int ea_mq_steps(const struct ea_mq *mq)
{
    return mq->delays.n;
}

enum ea_err ea_mq_publish(struct ea_mq *mq, const struct ea_mq_message *m, uint64_t *seq)
{
    return publish(mq, EA_MQ_EXCHANGE, m->queue, m, seq);
}

enum ea_err ea_mq_publish_delayed(struct ea_mq *mq, const struct ea_mq_message *m, int step, uint64_t *seq)
{
    char name[EA_MQ_NAME_SIZE];

    if (step < 0 || step >= mq->delays.n || !ea_mq_known(m->queue))
        return EA_EINPUT;
    return publish(mq, "", ea_mq_topology_delay(m->queue, mq->delays.seconds[step], name), m, seq);
}

enum ea_err ea_mq_publish_dead(struct ea_mq *mq, const struct ea_mq_message *m, uint64_t *seq)
{
    char name[EA_MQ_NAME_SIZE];

    return publish(mq, "", ea_mq_topology_dead(m->queue, name), m, seq);
}

enum ea_err ea_mq_next(struct ea_mq *mq, int timeout_ms, struct ea_mq_in *in)
{
    int64_t deadline = ea_clock_mono_ns() + timeout_ms * EA_NS_PER_MS;

    memset(in, 0, sizeof(*in));
    for (;;) {
        int left = left_ms(deadline), status;
        struct timeval tv = { .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 };
        amqp_frame_t frame;
        enum ea_err err;

        if (mq->conn == NULL)
            return EA_EUNAVAILABLE;
        status = amqp_simple_wait_frame_noblock(mq->conn, &frame, &tv);
        if (status == AMQP_STATUS_TIMEOUT)
            return EA_OK;
        if (status != AMQP_STATUS_OK)
            return lost_status(mq, "read", status);
        err = take_frame(mq, &frame, in);
        if (mq->conn != NULL)
            amqp_maybe_release_buffers(mq->conn);
        if (err != EA_OK || in->type != EA_MQ_NOTHING)
            return err;
    }
}

enum ea_err ea_mq_confirmed(struct ea_mq *mq, uint64_t seq, int timeout_ms)
{
    int64_t deadline = ea_clock_mono_ns() + timeout_ms * EA_NS_PER_MS;
    bool returned = false;

    for (;;) {
        struct ea_mq_in in;
        enum ea_err err = ea_mq_next(mq, left_ms(deadline), &in);

        if (err != EA_OK)
            return err;
        if (in.type == EA_MQ_RETURNED)
            returned = true;
        if (in.type == EA_MQ_NACK && in.seq >= seq)
            return EA_ERETRY;
        if (in.type == EA_MQ_ACK && in.seq >= seq)
            return returned ? EA_ERETRY : EA_OK;
        if (in.type == EA_MQ_NOTHING && left_ms(deadline) == 0)
            return mq->blocked ? EA_EOVERLOAD : lost(mq, "publish", "no confirm came");
    }
}

enum ea_err ea_mq_consume(struct ea_mq *mq, const char *queue, int prefetch)
{
    char name[EA_MQ_NAME_SIZE];

    if (mq->conn == NULL)
        return EA_EUNAVAILABLE;
    if (amqp_basic_qos(mq->conn, CHANNEL, 0, (uint16_t)prefetch, 0) == NULL)
        return lost_reply(mq, "set the prefetch", amqp_get_rpc_reply(mq->conn));
    if (amqp_basic_consume(mq->conn, CHANNEL, amqp_cstring_bytes(ea_mq_topology_jobs(queue, name)),
                           amqp_empty_bytes, 0, 0, 0, amqp_empty_table) == NULL)
        return lost_reply(mq, "consume", amqp_get_rpc_reply(mq->conn));
    return EA_OK;
}

enum ea_err ea_mq_ack(struct ea_mq *mq, uint64_t tag, bool multiple)
{
    return settle(mq, send_ack, tag, multiple);
}

enum ea_err ea_mq_reject(struct ea_mq *mq, uint64_t tag, bool requeue)
{
    return settle(mq, send_reject, tag, requeue);
}

enum ea_err ea_mq_give_back(struct ea_mq *mq, uint64_t tag)
{
    return settle(mq, send_back, tag, true);
}

enum ea_err ea_mq_get(struct ea_mq *mq, const char *name, struct ea_mq_in *in)
{
    amqp_rpc_reply_t reply;
    const amqp_basic_get_ok_t *ok;
    enum ea_err err;

    if (mq->conn == NULL)
        return EA_EUNAVAILABLE;
    reply = amqp_basic_get(mq->conn, CHANNEL, amqp_cstring_bytes(name), 0);
    if (reply.reply_type != AMQP_RESPONSE_NORMAL)
        return lost_reply(mq, name, reply);
    if (reply.reply.id == AMQP_BASIC_GET_EMPTY_METHOD)
        return EA_ENOTFOUND;
    ok = reply.reply.decoded;
    begin_content(
        mq, (struct ea_mq_in){ .type = EA_MQ_JOB,
                               .job = { .tag = ok->delivery_tag, .redelivered = ok->redelivered != 0 } });
    err = ea_mq_next(mq, EA_MQ_RPC_S * 1000, in);
    if (err == EA_OK && in->type != EA_MQ_JOB)
        return lost(mq, name, "a message did not arrive whole");
    return err;
}

enum ea_err ea_mq_depth(struct ea_mq *mq, const char *name, int64_t *messages, int64_t *consumers)
{
    const amqp_queue_declare_ok_t *ok;

    if (mq->conn == NULL)
        return EA_EUNAVAILABLE;
    ok = amqp_queue_declare(mq->conn, CHANNEL, amqp_cstring_bytes(name), 1, 1, 0, 0, amqp_empty_table);
    if (ok == NULL)
        return lost_reply(mq, name, amqp_get_rpc_reply(mq->conn));
    *messages = ok->message_count;
    *consumers = ok->consumer_count;
    amqp_maybe_release_buffers(mq->conn);
    return EA_OK;
}
