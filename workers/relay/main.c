/* ea-relay: carries the jobs of the event log to RabbitMQ, in order, with many publishes on their way at once. One process is active; others stand by. */
#include "lib/clock.h"
#include "lib/events.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/mq.h"
#include "lib/pg.h"
#include "lib/redis.h"
#include "workers/core/process.h"
#include "workers/relay/feed.h"
#include "workers/relay/flight.h"
#include "workers/relay/partition.h"
#include "workers/relay/tidy.h"

#include <stdio.h>
#include <string.h>

#define LOOK_NS EA_NS_PER_S          /* the log is read so often even when nothing wakes us */
#define SAVE_NS (100 * EA_NS_PER_MS) /* the cursor is stored at most so often */
#define STUCK_NS                                                                                             \
    (30 * EA_NS_PER_S) /* no confirm for so long, without an alarm: the connection is of no use */
#define LAST_LOOK_NS (2 * EA_NS_PER_S) /* at the end: for confirms that are on their way */
#define AGAIN_MS     200
#define STANDBY_MS   1000
#define TICK_MS      1000
#define TIDY_MS      10
#define FULL_MS      50

struct relay {
    struct ea_process process;
    struct ea_pg *pg;
    struct ea_redis *redis;
    struct ea_mq *mq;
    struct relay_feed *feed;
    struct relay_flight flight;
    struct relay_tidy tidy;
    struct relay_partition partition;
    int64_t examined; /* the log was read up to here */
    int64_t looked_ns, saved_ns, confirmed_ns, subscribed_ns;
    int64_t saved;    /* the stored cursor */
    bool woken, full; /* full: the broker takes no more just now */
    bool holds;       /* the lock, as far as we know */
    struct ea_metric *active, *in_flight, *backlog, *published, *confirmed;
};

/* Begins again from what is confirmed: the rest is published once more, and consumers know what they have done. */
static void rewind_to_cursor(struct relay *r, uint64_t next)
{
    relay_flight_init(&r->flight, next, r->flight.cursor);
    relay_feed_forget(r->feed);
    r->examined = r->flight.cursor;
    r->woken = true;
    r->confirmed_ns = ea_clock_mono_ns();
}

static void reconnect(struct relay *r, const char *why)
{
    ea_log(EA_LOG_WARN, "connecting to RabbitMQ anew", EA_F_STR(REASON, why),
           EA_F_INT(CURSOR, r->flight.cursor));
    ea_mq_close(r->mq);
    ea_process_wait(NULL, 0, AGAIN_MS);
}

/* The lock is lost: from here nothing may be published, as another relay may have begun. */
static void stand_down(struct relay *r)
{
    ea_log(EA_LOG_WARN, "the session that holds the relay's lock is gone", EA_F_STR(DEPENDENCY, "postgres"));
    r->holds = false;
    ea_metric_set(r->active, 0);
    atomic_store(&r->process.pg_ready, false);
    ea_mq_close(r->mq);
}

static bool become_active(struct relay *r)
{
    int64_t cursor;
    enum ea_err err = relay_feed_lock(r->feed, &cursor);

    atomic_store(&r->process.pg_ready, err == EA_OK || err == EA_EINPROGRESS);
    if (err != EA_OK) {
        atomic_store(&r->process.amqp_ready, true); /* standing by needs no broker */
        ea_process_wait(NULL, 0, STANDBY_MS);
        return false;
    }
    ea_log(EA_LOG_INFO, "active", EA_F_INT(CURSOR, cursor));
    r->holds = true;
    ea_metric_set(r->active, 1);
    r->flight.cursor = r->saved = cursor;
    return true;
}

static bool connect_mq(struct relay *r)
{
    int retry;

    if (ea_mq_connected(r->mq))
        return true;
    atomic_store(&r->process.amqp_ready, false);
    if (ea_mq_connect(r->mq) == EA_OK) {
        atomic_store(&r->process.amqp_ready, true);
        rewind_to_cursor(r, 1);
        return true;
    }
    retry = ea_mq_retry_ms(r->mq);
    ea_process_wait(NULL, 0, retry < TICK_MS ? retry : TICK_MS);
    if (relay_feed_check(r->feed) != EA_OK)
        stand_down(r);
    return false;
}

static void take(struct relay *r, const struct ea_mq_in *in)
{
    size_t before = relay_flight_count(&r->flight);

    switch (in->type) {
    case EA_MQ_ACK:
        if (!relay_flight_confirm(&r->flight, in->seq, in->multiple))
            reconnect(r, "a queue is not there");
        break;
    case EA_MQ_NACK:
        if (in->seq >= r->flight.first)
            reconnect(r, "the broker refused a job");
        break;
    case EA_MQ_RETURNED:
        relay_flight_returned(&r->flight, in->job.event_id);
        break;
    default:
        break;
    }
    if (relay_flight_count(&r->flight) != before) {
        ea_metric_add(r->confirmed, (int64_t)(before - relay_flight_count(&r->flight)));
        r->confirmed_ns = ea_clock_mono_ns();
    }
}

static void read_confirms(struct relay *r)
{
    struct ea_mq_in in;

    do {
        if (ea_mq_next(r->mq, 0, &in) != EA_OK)
            return;
        if (in.type != EA_MQ_NOTHING)
            r->full = false;
        take(r, &in);
    } while (in.type != EA_MQ_NOTHING && ea_mq_connected(r->mq));
    if (relay_flight_count(&r->flight) > 0 && !ea_mq_blocked(r->mq) &&
        ea_clock_mono_ns() - r->confirmed_ns > STUCK_NS)
        reconnect(r, "no confirm came for half a minute");
}

/* A queue that this build does not know is no reason to stop for ever: its jobs are kept among the dead letters, from where they can be replayed. */
static enum ea_err publish(struct relay *r, struct ea_mq_message *m, uint64_t *seq)
{
    if (ea_mq_known(m->queue))
        return ea_mq_publish(r->mq, m, seq);
    m->reason = "this relay knows no such queue";
    ea_log(EA_LOG_ERROR, "job of an unknown queue is dead", EA_F_STR(QUEUE, m->queue),
           EA_F_INT(EVENT_ID, m->event_id));
    return ea_mq_publish_dead(r->mq, m, seq);
}

static void publish_jobs(struct relay *r)
{
    struct ea_mq_message m;
    uint64_t seq;

    r->full = false;
    while (!relay_flight_full(&r->flight) && relay_feed_next(r->feed, &m)) {
        enum ea_err err = publish(r, &m, &seq);

        if (err == EA_EOVERLOAD) {
            relay_feed_back(r->feed);
            r->full = true;
        }
        if (err == EA_EINPUT) { /* cannot be: the kinds and queues are ours */
            ea_log(EA_LOG_ERROR, "job cannot be published", EA_F_INT(EVENT_ID, m.event_id),
                   EA_F_STR(JOB_KIND, m.kind));
            continue;
        }
        if (err != EA_OK)
            return;
        if (relay_flight_count(&r->flight) == 0)
            r->confirmed_ns = ea_clock_mono_ns();
        relay_flight_add(&r->flight, seq, m.event_id);
        ea_metric_add(r->published, 1);
    }
}

static bool look(struct relay *r)
{
    int64_t now = ea_clock_mono_ns(), newest;

    if (relay_feed_has(r->feed) || (!r->woken && now - r->looked_ns < LOOK_NS))
        return true;
    r->woken = false;
    r->looked_ns = now;
    if (relay_feed_read(r->feed, r->examined, &newest) != EA_OK)
        return relay_feed_locked(r->feed);
    if (newest > r->examined)
        r->woken = true; /* look again after these: there may be more */
    r->examined = newest > r->examined ? newest : r->examined;
    return true;
}

static bool save_cursor(struct relay *r)
{
    int64_t now = ea_clock_mono_ns();

    ea_metric_set(r->backlog, r->examined - r->flight.cursor);
    ea_metric_set(r->in_flight, (int64_t)relay_flight_count(&r->flight));
    if (r->flight.cursor == r->saved || now - r->saved_ns < SAVE_NS)
        return true;
    r->saved_ns = now;
    if (relay_feed_save(r->feed, r->flight.cursor) == EA_OK)
        r->saved = r->flight.cursor;
    return relay_feed_locked(r->feed);
}

static void on_wake(const char *channel, const char *payload, size_t n, void *arg)
{
    struct relay *r = arg;

    (void)channel;
    (void)payload;
    (void)n;
    r->woken = true;
}

static void listen_for_wakes(struct relay *r)
{
    int64_t now = ea_clock_mono_ns();

    if (ea_redis_fd(r->redis) >= 0) {
        if (ea_redis_drain(r->redis, on_wake, r) == EA_OK)
            return;
    }
    if (now - r->subscribed_ns < LOOK_NS)
        return;
    r->subscribed_ns = now;
    if (ea_redis_subscribe(r->redis, EA_CHANNEL_WAKE) == EA_OK)
        r->woken = true; /* what was told before we listened */
}

/* Until something happens, or something is due. */
static void wait_for_news(struct relay *r, int timeout)
{
    struct pollfd fds[] = { { .fd = ea_mq_fd(r->mq), .events = POLLIN },
                            { .fd = ea_redis_fd(r->redis), .events = POLLIN },
                            { .fd = relay_feed_fd(r->feed), .events = POLLIN } };

    if (r->woken && !relay_flight_full(&r->flight) && !r->full)
        timeout = 0;
    else if (r->full)
        timeout = FULL_MS;
    else if (r->flight.cursor != r->saved)
        timeout = (int)(SAVE_NS / EA_NS_PER_MS);
    ea_process_wait(fds, 3, timeout);
    if (fds[2].revents != 0 && relay_feed_check(r->feed) != EA_OK)
        stand_down(r);
}

static void relay_once(struct relay *r)
{
    if (r->holds && !relay_feed_locked(r->feed))
        stand_down(r);
    if (!r->holds && !become_active(r))
        return;
    relay_partition_step(&r->partition, r->pg); /* also while there is no broker: people write on */
    if (!connect_mq(r) || !relay_feed_locked(r->feed))
        return;
    read_confirms(r);
    if (!ea_mq_connected(r->mq))
        return;
    listen_for_wakes(r);
    if (!look(r)) {
        stand_down(r);
        return;
    }
    publish_jobs(r);
    if (!relay_feed_has(r->feed)) /* what was read is published */
        relay_flight_examined(&r->flight, r->examined);
    if (!save_cursor(r)) {
        stand_down(r);
        return;
    }
    wait_for_news(r, relay_tidy_step(&r->tidy, r->pg) ? TIDY_MS : TICK_MS);
}

/* At SIGTERM: what is on its way has a moment to be confirmed, so that the next relay need not publish it again. */
static void finish(struct relay *r)
{
    int64_t deadline = ea_clock_mono_ns() + LAST_LOOK_NS;

    while (ea_mq_connected(r->mq) && relay_flight_count(&r->flight) > 0 && ea_clock_mono_ns() < deadline) {
        struct pollfd fd = { .fd = ea_mq_fd(r->mq), .events = POLLIN };

        ea_process_wait(&fd, 1, (int)(SAVE_NS / EA_NS_PER_MS));
        read_confirms(r);
    }
    if (relay_feed_locked(r->feed) && relay_feed_save(r->feed, r->flight.cursor) == EA_OK)
        ea_log(EA_LOG_INFO, "cursor stored", EA_F_INT(CURSOR, r->flight.cursor),
               EA_F_INT(COUNT, relay_flight_count(&r->flight)));
}

static enum ea_err set_up(struct relay *r)
{
    const struct ea_cfg *cfg = r->process.cfg;
    enum ea_err err;

    r->active = ea_metric_gauge("ea_relay_active", "1 in the process that holds the lock", "");
    r->in_flight = ea_metric_gauge("ea_relay_in_flight", "Publishes that wait for their confirm", "");
    r->backlog = ea_metric_gauge("ea_relay_backlog", "Events between the cursor and the end of the log", "");
    r->published = ea_metric_counter("ea_relay_published_total", "Jobs published", "");
    r->confirmed = ea_metric_counter("ea_relay_confirmed_total", "Jobs confirmed in order", "");
    relay_partition_init(&r->partition, cfg);
    r->pg = ea_pg_new(cfg->pg, "relay");
    r->redis = ea_redis_new(cfg->redis);
    r->feed = r->pg != NULL ? relay_feed_new(r->pg) : NULL;
    if (r->redis == NULL || r->feed == NULL)
        return EA_ENOMEM;
    err = ea_mq_new(cfg->amqp, cfg->mq_delays, &r->mq);
    if (err == EA_OK)
        err = ea_process_await_schema(&r->process, r->pg);
    return err;
}

int main(void)
{
    static struct relay r;
    enum ea_err err;

    if (ea_process_start(&r.process) != EA_OK)
        return 1;
    relay_flight_init(&r.flight, 1, 0);
    err = set_up(&r);
    if (err == EA_OK) {
        while (!ea_process_stopping())
            relay_once(&r);
        finish(&r);
    } else if (err != EA_ECLOSED) {
        ea_log(EA_LOG_ERROR, "the relay cannot start", EA_F_STR(REASON, ea_err_title(err)));
    }
    relay_feed_free(r.feed);
    ea_mq_free(r.mq);
    ea_redis_free(r.redis);
    ea_pg_free(r.pg);
    ea_process_end(&r.process);
    return err == EA_OK || err == EA_ECLOSED ? 0 : 1;
}
