/* Between the hub's files: hub.c (the thread and its inbox), hub_sub.c (subscribers), hub_deliver.c (events), hub_ask.c (the handlers' side). */
#ifndef EA_HUB_PRIVATE_H
#define EA_HUB_PRIVATE_H

#include "fcgi/core/hub.h"
#include "fcgi/core/outbox.h"
#include "fcgi/core/topics.h"
#include "fcgi/core/wheel.h"
#include "fcgi/core/window.h"
#include "lib/id.h"
#include "lib/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define EA_HUB_HEARTBEAT_NS (15 * 1000000000LL)

/* Why a stream ended, for metrics. */
enum ea_cut {
    EA_CUT_GONE,    /* the client left */
    EA_CUT_SLOW,    /* it did not read */
    EA_CUT_SESSION, /* logged out */
    EA_CUT_AGE,     /* maximum age, or its token ran out */
    EA_CUT_DRAIN,   /* the process ends */
    EA_CUT_WINDOW,  /* what it needs next is only in the database */
    EA_CUT_MEMORY,
    EA_CUT__MAX
};

/* One open stream or one waiting poll. Made by a pool thread, the hub thread's from ea_hub_subscribe on. */
struct ea_sub {
    struct ea_timer timer; /* first: a timer is its subscriber */
    struct ea_sub *next, **link;
    struct ea_sub *next_dirty;
    bool dirty, ending, writable_wait;
    struct ea_listen *listens;
    const char **topics; /* as asked for; freed once listening */
    size_t topics_n;
    int64_t topics_at;
    int64_t cursor; /* the newest event examined for it */
    struct ea_id user, session;
    int64_t end_ns; /* stream: maximum age or the token's end; poll: its deadline */
    int64_t heartbeat_ns;
    struct ea_req *poll; /* NULL: a stream */
    int64_t limit;       /* polls */
    int fd;              /* streams */
    bool keep;           /* nginx wants the connection back */
    struct ea_outbox out;
};

/* What other threads ask of the hub's. */
struct ea_hub_command {
    struct ea_hub_command *next;
    enum {
        EA_HUB_SUBSCRIBE,
        EA_HUB_EVENT,
        EA_HUB_LOST,
        EA_HUB_EXAMINED,
        EA_HUB_SNAPSHOT,
        EA_HUB_TRANSIENT,
        EA_HUB_DRAIN,
        EA_HUB_STOP
    } type;
    struct ea_sub *sub;     /* SUBSCRIBE */
    struct ea_recent event; /* EVENT; TRANSIENT: topic and frame */
    int64_t id;             /* LOST, EXAMINED, SNAPSHOT */
    struct ea_id except;    /* TRANSIENT */
};

struct ea_hub {
    struct ea_server *server;
    pthread_t thread;
    int epoll, wake;
    pthread_mutex_t mutex; /* inbox, its tail, closed, held */
    pthread_cond_t idle;   /* the last subscriber is gone */
    struct ea_hub_command *inbox, **inbox_tail;
    bool closed; /* takes no new subscribers */
    size_t held; /* subscribers accepted and not yet gone */
    _Atomic int64_t newest, window_after;

    /* the hub thread's own */
    struct ea_topics *topics;
    struct ea_window window;
    struct ea_wheel wheel;
    struct ea_sub *subs, *dirty;
    struct ea_frame *heartbeat, *end;
    int64_t heartbeat_id;
    int64_t examined; /* `newest`, once every event up to it has gone through the inbox */
    bool stopping;
    struct ea_metric *streams, *polls, *events, *deliveries, *cuts[EA_CUT__MAX];
};

/* Any thread. */
struct ea_sub *ea_sub_new(const struct ea_req *r, const struct ea_hub_ask *ask,
                          int64_t cursor); /* NULL: no memory */
void ea_sub_free(struct ea_sub *s);
void ea_sub_free_topics(struct ea_sub *s);
/* EA_EOVERLOAD while draining; then s is still the caller's. */
enum ea_err ea_hub_subscribe(struct ea_hub *h, struct ea_sub *s) EA_MUST;
int64_t ea_hub_window_after(const struct ea_hub *h);
int ea_hub_retry_ms(void); /* jittered, so that many clients do not return at once */
/* {"events": […], "cursor": n} piece by piece, for both sides. */
void ea_poll_event(struct ea_jw *w, int64_t id, const char *kind, const char *at, const char *payload);

/* The hub thread: subscribers. */
bool ea_sub_send(struct ea_hub *h, struct ea_sub *s,
                 struct ea_frame *f); /* queues; false: it was cut and is gone. f NULL: no memory */
void ea_sub_mark(struct ea_hub *h, struct ea_sub *s); /* it has something to send or to answer this round */
void ea_sub_flush(struct ea_hub *h, struct ea_sub *s);
void ea_sub_flush_all(struct ea_hub *h);
void ea_sub_set_timer(struct ea_hub *h, struct ea_sub *s);
void ea_sub_run_timers(struct ea_hub *h);
void ea_sub_end(struct ea_hub *h, struct ea_sub *s,
                enum ea_cut why); /* a stream: last id, retry, end of the reply */
void ea_sub_cut(struct ea_hub *h, struct ea_sub *s, enum ea_cut why); /* a stream: closed at once */
void ea_sub_answer(struct ea_hub *h, struct ea_sub *s,
                   ea_handler *fn); /* a poll: with what there is; fn then runs on a pool thread */
enum ea_err ea_sub_answered(struct ea_req *r);
bool ea_sub_wants(const struct ea_sub *s, const struct ea_recent *e);

/* The hub thread: events. */
void ea_hub_take(struct ea_hub *h, const struct ea_recent *made);
void ea_hub_restart(struct ea_hub *h,
                    int64_t after); /* events were missed: everybody must read them from the database */
void ea_hub_pass_on(struct ea_hub *h, const struct ea_hub_command *c); /* a transient event */
void ea_hub_join(struct ea_hub *h, struct ea_sub *s);
void ea_hub_end_all(struct ea_hub *h);

#endif
