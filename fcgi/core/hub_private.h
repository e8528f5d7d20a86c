/* Between the hub's files: hub.c (the thread), hub_inbox.c (what others tell it), hub_fill.c (its window at the start), hub_sub.c (subscribers), hub_deliver.c (what events mean to them),
 * hub_feed.c (streams that are behind), hub_sight.c (when the log cannot be read), hub_ask.c (the handlers' side), hub_topics.c (what people may follow: kept.h, or asked), hub_live.c (what is not stored,
 * between processes), hub_presence.c (who is there). */
#ifndef EA_HUB_PRIVATE_H
#define EA_HUB_PRIVATE_H

#include "fcgi/core/hub.h"
#include "fcgi/core/kept.h"
#include "fcgi/core/outbox.h"
#include "fcgi/core/pool.h"
#include "fcgi/core/seats.h"
#include "fcgi/core/slab.h"
#include "fcgi/core/topics.h"
#include "fcgi/core/wheel.h"
#include "fcgi/core/window.h"
#include "lib/id.h"
#include "lib/metrics.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct ea_pg;

#define EA_HUB_WINDOW_EVENTS 16384
#define EA_HUB_WINDOW_BYTES  ((size_t)16 * 1024 * 1024)
#define EA_HUB_HEARTBEAT_NS  (15 * 1000000000LL)
#define EA_HUB_POLL_BYTES    ((size_t)1024 * 1024) /* a poll's answer ends after the event that passes it */
#define EA_HUB_PAGE_BYTES    ((size_t)128 * 1024)  /* the same for what is read ahead for a stream */
#define EA_HUB_KEPT_BYTES    ((size_t)16 * 1024 * 1024) /* of topics: of 38,000 people in five rooms each */
#define EA_HUB_KEPT_IDLE_NS  (300 * 1000000000LL)
#define EA_HUB_MEMBERSHIP    "membership.changed"

/* Why a stream ended, for metrics. */
enum ea_cut {
    EA_CUT_GONE,    /* the client left */
    EA_CUT_SLOW,    /* it did not read */
    EA_CUT_SESSION, /* logged out */
    EA_CUT_AGE,     /* maximum age, or its token ran out */
    EA_CUT_DRAIN,   /* the process ends */
    EA_CUT_LOG,     /* the event log could not be read on for it */
    EA_CUT_BLIND,   /* nor by this process, for EA_FOLLOW_STALE_NS */
    EA_CUT_MEMORY,
    EA_CUT__MAX
};

/* What a handler asks, from its beginning to a subscriber or an answer; in the request's arena. */
struct ea_hub_asking {
    struct ea_hub_asking *next;
    struct ea_req *r;
    ea_handler *then;
    struct ea_hub_ask ask;
    struct ea_topic_list topics;
    uint64_t era;    /* of what is kept */
    bool keep;       /* the topics are kept as soon as they are known: a stream's are once it ends */
    enum ea_err err; /* of finding the topics */
    bool seated;     /* it holds a place in h->seats */
    bool reset;      /* the client's cursor means nothing here: it must fetch its state anew */
    int64_t cursor;  /* to go on from */
};

/* One open stream or one waiting poll. Made by a pool thread, the hub thread's from ea_hub_subscribe on. */
struct ea_sub {
    struct ea_timer timer; /* first: a timer is its subscriber */
    struct ea_sub *next, **link;
    struct ea_sub *next_dirty, **dirty_link; /* dirty_link NULL: not marked */
    struct ea_listen *listens;
    struct ea_topic_list
        topics; /* as loaded; what it listens to from joining on, but for read_s, and `at`, which moves on */
    int64_t cursor; /* the newest event examined for it */
    struct ea_id user, session;
    int64_t end_ns; /* stream: maximum age or the token's end; poll: its deadline */
    int64_t heartbeat_ns;
    struct ea_req *poll;  /* NULL: a stream */
    int64_t asked, limit; /* polls: the cursor that was asked for, and how many events */
    int64_t upto;  /* polls: the answer ends with this event, which changes what is followed; 0: none did */
    int fd;        /* a poll's is its request's, and only watched; -1: it is not. The rest is for streams. */
    bool seated;   /* it holds a place in the hub's seats */
    bool keep;     /* nginx wants the connection back */
    bool behind;   /* events do not come to it; it is fed */
    bool reading;  /* a pool thread reads on for it */
    int page_rows; /* how many fitted the last page; 0: unknown */
    bool ending;   /* its end is queued */
    bool gone;     /* closed, and only kept for what is being read */
    bool writable_wait;
    unsigned
        idle_beats; /* heartbeats in a row that found something queued, and nothing taken since the one before */
    struct ea_outbox out;
};

struct ea_page;
struct ea_hub_presence;
struct json_object;

/* What other threads ask of the hub's. */
struct ea_hub_command {
    struct ea_hub_command *next;
    enum ea_hub_do {
        EA_HUB_SUBSCRIBE,
        EA_HUB_EVENT,
        EA_HUB_LOST,
        EA_HUB_EXAMINED,
        EA_HUB_SNAPSHOT,
        EA_HUB_TRANSIENT,
        EA_HUB_PAGE,
        EA_HUB_SEEN,
        EA_HUB_GATHERED,
        EA_HUB_SIGHTED,
        EA_HUB_DRAIN,
        EA_HUB_STOP
    } type;
    struct ea_sub *sub;       /* SUBSCRIBE */
    struct ea_page *page;     /* PAGE: the command is part of it */
    struct ea_window *window; /* SNAPSHOT */
    struct ea_recent event;   /* EVENT; TRANSIENT: topic and frame */
    struct json_object *seen; /* SIGHTED: a letter of hub_presence.c */
    int64_t id;               /* LOST, EXAMINED, SNAPSHOT */
    uint64_t era;             /* EXAMINED, SNAPSHOT: of what is kept */
    struct ea_id except;      /* TRANSIENT */
};

struct ea_hub {
    struct ea_server *server;
    struct ea_id id; /* of this hub, among those of other processes */
    struct ea_seats *seats;
    struct ea_slab *cells; /* struct ea_sub */
    pthread_t thread;
    int epoll, wake;
    pthread_mutex_t mutex; /* inbox, its tail, lost, closed, held, and all about askers */
    pthread_cond_t idle;   /* the last subscriber is gone */
    struct ea_hub_command *inbox, **inbox_tail;
    struct ea_hub_command drain, stop; /* these three need no memory when it matters */
    struct ea_hub_command lost; /* an event found no memory: all from there on up to its id are missing */
    bool lost_queued;
    bool closed;                                 /* takes no new subscribers */
    size_t held;                                 /* subscribers accepted and not yet gone */
    struct ea_hub_asking *askers, **askers_tail; /* for the next question; see hub_topics.c */
    struct ea_work ask_work;
    bool asking; /* somebody asks the database, or is about to */
    _Atomic int64_t newest, window_after;
    struct ea_hub_presence *presence;
    struct ea_kept *kept;

    /* the follower thread's own */
    int64_t looked_ns; /* when it has read the log, as far as it goes */

    /* the hub thread's own */
    struct ea_topics *topics;
    struct ea_window window;
    struct ea_wheel wheel;
    struct ea_hub_command *todo; /* taken out of the inbox, and not run yet */
    struct ea_sub *subs, *dirty;
    size_t reads;                          /* what pool threads do for it, or will, which comes back */
    size_t reading, reading_max;           /* pages that pool threads have, and may have */
    struct ea_page *unread, **unread_tail; /* pages that wait for their turn */
    struct ea_frame *heartbeat, *end;
    int64_t heartbeat_id;
    int64_t live_ns;  /* up to then the time that transient events may take is used up; see hub_live.c */
    int64_t examined; /* `newest`, once every event up to it has gone through the inbox */
    uint64_t era;     /* of what is kept, at that place */
    bool stopping;
    struct ea_metric *streams, *polls, *events, *deliveries, *log_reads, *topic_loads, *topics_asked,
        *topics_kept, *refused, *cuts[EA_CUT__MAX];
};

/* Any thread. */
void ea_hub_put(struct ea_hub *h, struct ea_hub_command *c);
struct ea_hub_command *ea_hub_command_new(enum ea_hub_do type);        /* NULL: no memory */
void ea_hub_close_with(struct ea_hub *h, struct ea_hub_command *last); /* nobody joins behind it */
bool ea_hub_closed(struct ea_hub *h);
void ea_hub_say(struct ea_hub *h, const char *topic, const char *kind, const char *data_json,
                const char *except); /* a transient event, in this process */
struct ea_sub *
ea_sub_new(struct ea_hub *h, const struct ea_req *r, struct ea_topic_list *topics,
           int64_t cursor); /* takes the topics; NULL: no memory, and they are still the caller's */
void ea_sub_free(struct ea_hub *h, struct ea_sub *s);
/* EA_EOVERLOAD while draining, EA_ENOMEM; then s is still the caller's. */
enum ea_err ea_hub_subscribe(struct ea_hub *h, struct ea_sub *s) EA_MUST;
void ea_hub_mark_change(struct ea_hub *h,
                        const struct ea_event *ev); /* the follower's thread: for what is kept */
int64_t ea_hub_window_after(const struct ea_hub *h);
/* What a user might follow right after event `at`, for ea_topic_list_clear. */
enum ea_err ea_hub_topics_load(const struct ea_hub *h, struct ea_pg *pg, const struct ea_id *user, int64_t at,
                               struct ea_topic_list *out) EA_MUST;
/* The same for a->r's caller and a->topics.at, from memory or together with others. EA_OK: a->topics and a->err are there. EA_PARKED: they will be when a pool thread runs `then`; r and a are not to be touched. */
enum ea_err ea_hub_topics_ask(struct ea_hub *h, struct ea_hub_asking *a, ea_handler *then) EA_MUST;
void ea_hub_topics_init(struct ea_hub *h);
void ea_hub_topics_keep(struct ea_hub *h, const struct ea_sub *s); /* the hub thread: a stream that ends */
struct ea_hub_stretch {                                            /* of the log, for one user */
    const struct ea_id *user;
    const struct ea_topic_list *topics; /* right after `after` */
    int64_t after, upto, limit;
};
/* STMT_EVENTS_OF_TOPICS. *whole false: some of what follows `after` is no longer kept, so its reader must fetch its state anew. */
enum ea_err ea_hub_read(const struct ea_hub *h, struct ea_pg *pg, struct ea_arena *a,
                        const struct ea_hub_stretch *of, PGresult **res, bool *whole) EA_MUST;
void ea_hub_put_reset(struct ea_buf *b, int64_t cursor); /* `event: reset` of a stream */
/* {"events": […], "cursor": n} piece by piece, for both sides. */
void ea_poll_begin(struct ea_jw *w);
void ea_poll_event(struct ea_jw *w, int64_t id, const char *kind, const char *at, const char *payload);
/* What a poll has shown after the cursor it asked for. */
struct ea_poll_shown {
    int64_t asked, n;
};
void ea_poll_end(struct ea_req *r, const struct ea_poll_shown *shown,
                 int64_t cursor); /* shown NULL: a reset, which is never what somebody has seen before */

/* A hub without its thread: whoever has it is that thread, by ea_hub_run (until it was told to stop) or round by round. ea_hub_destroy: nobody calls it any more. */
enum ea_err ea_hub_make(struct ea_server *server, struct ea_hub **out) EA_MUST;
void ea_hub_run(struct ea_hub *h);
void ea_hub_destroy(struct ea_hub *h);

/* The hub thread. One round: what is ready, what others asked for, what is due, then one send per stream that has something to say. Its work is bounded: who was given more to say by
 * having said all waits for the next one. */
void ea_hub_round(struct ea_hub *h);

/* The hub thread: its inbox. */
struct ea_hub_command *ea_hub_take_inbox(struct ea_hub *h);
int64_t ea_hub_lost_up_to(struct ea_hub *h); /* while LOST runs: what comes from now on is queued again */

/* The hub thread: subscribers. */
void ea_sub_link(struct ea_hub *h, struct ea_sub *s);
bool ea_sub_listen(struct ea_hub *h, struct ea_sub *s); /* to its topics and no others; false: no memory */
bool ea_sub_send(struct ea_hub *h, struct ea_sub *s,
                 struct ea_frame *f); /* queues; false: it was cut and is gone. f NULL: no memory */
void ea_sub_mark(struct ea_hub *h, struct ea_sub *s); /* it has something to send or to answer this round */
void ea_sub_flush(struct ea_hub *h, struct ea_sub *s);
void ea_sub_flush_all(struct ea_hub *h);
void ea_sub_run_timers(struct ea_hub *h);
void ea_sub_end(struct ea_hub *h, struct ea_sub *s,
                enum ea_cut why); /* a stream: last id, retry, end of the reply; a poll: its answer */
void ea_sub_cut(struct ea_hub *h, struct ea_sub *s, enum ea_cut why); /* a stream: closed at once */
void ea_sub_forget(struct ea_hub *h, struct ea_sub *s);               /* unlinked before: frees it */
/* A poll: with what there is (fn NULL) or what fn says on a pool thread. */
void ea_sub_answer(struct ea_hub *h, struct ea_sub *s, ea_handler *fn);

/* The hub thread: events. */
void ea_hub_take(struct ea_hub *h, const struct ea_recent *made);
void ea_hub_restart(struct ea_hub *h,
                    int64_t after); /* events were missed: everybody must read them from the database */
void ea_hub_pass_on(struct ea_hub *h,
                    const struct ea_hub_command *c); /* a transient event; of too many some are dropped */
bool ea_hub_hears(const struct ea_hub *h, const struct ea_sub *s, const struct ea_recent *e);
/* The next event of the window for a subscriber that has examined all before it. False: it is ending or gone. */
bool ea_hub_examine(struct ea_hub *h, struct ea_sub *s, const struct ea_recent *e);
bool ea_sub_close_session(struct ea_hub *h,
                          struct ea_sub *s); /* its session was closed; false, as it is ending or gone */
void ea_hub_end_all(struct ea_hub *h);
void ea_hub_check_sight(struct ea_hub *h); /* every round, so ten times a second while anybody is there */

/* Who is there. */
#define EA_HUB_PRESENCE "presence" /* kind of its letters */
enum ea_err ea_hub_presence_new(struct ea_hub *h) EA_MUST;
void ea_hub_presence_free(struct ea_hub *h);
void ea_hub_sighted(struct ea_hub *h, struct json_object **letter); /* any thread; takes it */
/* On the hub's thread: the commands, what is due, and how long nothing is (-1: until there is news). */
void ea_hub_presence_seen(struct ea_hub *h);
void ea_hub_presence_gathered(struct ea_hub *h);
void ea_hub_presence_sighted(struct ea_hub *h, struct json_object *letter); /* frees it */
void ea_hub_presence_run(struct ea_hub *h);
int ea_hub_presence_wait_ms(const struct ea_hub *h);

/* The hub thread: what is not stored, for those streams that are here and now. */
bool ea_sub_is_live(const struct ea_sub *s);
bool ea_sub_tell(struct ea_hub *h, struct ea_sub *s, struct ea_frame *f); /* false: it misses this */

/* The hub thread: joining and catching up. */
void ea_hub_feed_init(struct ea_hub *h);
void ea_hub_join(struct ea_hub *h, struct ea_sub *s);
void ea_hub_feed(struct ea_hub *h, struct ea_sub *s); /* a stream that is behind and has nothing queued */
void ea_hub_page(struct ea_hub *h, struct ea_page *p);

#endif
