/* The hub: one thread that holds every open event stream and every waiting poll of the process. An event is encoded once (as a FastCGI STDOUT record) and its bytes are
 * shared by reference between all subscribers; each stream has a bounded queue. One timer wheel drives heartbeats, maximum ages and poll deadlines.
 * It keeps a window of recent events, read from the log as the process begins, so that a cursor inside it needs no database. A stream whose cursor is old or whose queue is full is behind: it is fed from the window, or read on for
 * in the database a page at a time, as fast as its reader takes it. A reader that takes nothing for two heartbeats is cut; it returns with Last-Event-ID. While the follower cannot read the
 * log (EA_FOLLOW_STALE_NS) nobody stays: streams end, polls are EA_EUNAVAILABLE.
 * What a person may follow is asked of the database once and then kept (kept.h: 16 MiB at most, unused for 300 s at most, EA_STREAM_AGE_S after the question at most), so one who comes again costs
 * no question until an event changes it. The database is asked all the same for a cursor that lies before what is kept, for whatever lies before the window, and by everybody once the
 * log was read anew or could not be read for EA_FOLLOW_STALE_NS.
 * Membership is told by events: kind `membership.changed` on a topic T with {"add": [topic…], "remove": [topic…]} changes, in log order, the topics of every subscriber of T (u:<user>: that
 * person; c:<course>: everybody of the course, e.g. for a new room) and is not shown to clients; nor are `user.changed` and `session.revoked`, which ends the session's streams. */
#ifndef EA_HUB_H
#define EA_HUB_H

#include "fcgi/core/req.h"
#include "lib/follow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ea_hub;
struct ea_pg;
struct ea_redis;

struct ea_hub_ask {
    int64_t after;   /* the client's cursor; -1: from now on */
    bool strange;    /* streams: the client named a cursor that can be none of this log */
    int64_t wait_ms; /* polls */
    int64_t limit;   /* polls: most events of an answer */
};

/* For handlers (pool threads), on behalf of r's caller, who sees what STMT_TOPICS_OF_USERS names. Both return what the handler returns, and use r->state. */
/* A cursor that the log no longer reaches, or never reached, gets `event: reset` (polls: the kind), and what comes after it. EA_ELIMIT: this person has EA_STREAMS_PER_USER open. */
/* Sends the head, then hands the connection over to the hub. */
enum ea_err ea_hub_stream(struct ea_hub *h, struct ea_req *r, const struct ea_hub_ask *ask) EA_MUST;
/* Answers {"events": […], "cursor": n} at once when there is something after the cursor, else waits up to wait_ms without a thread. Its ETag is that of the events. */
enum ea_err ea_hub_poll(struct ea_hub *h, struct ea_req *r, const struct ea_hub_ask *ask) EA_MUST;
/* Not stored, without id: typing. To every process of the pool, as far as Redis (the caller's connection) carries it, and as long as it leaves time for what is stored. `except` (a user id,
 * may be NULL) gets none. */
void ea_hub_transient(struct ea_hub *h, struct ea_redis *redis, const char *topic, const char *kind,
                      const char *data_json, const char *except);
/* This person is there. Costs neither Redis nor database: who was seen is gathered for a tenth of EA_PRESENCE_S, then stamped (stamps.h) and told to those who share a room of at most
 * EA_PRESENCE_ROOM_MAX people with them, wherever their streams are. A stream gets one `presence` in EA_PRESENCE_S at most. The stamp is rounded down to EA_PRESENCE_S. */
void ea_hub_seen(struct ea_hub *h, const struct ea_id *user);
int ea_hub_retry_ms(
    void); /* how long a client waits before it returns; jittered, so that many do not at once */
int64_t ea_hub_newest(const struct ea_hub *h); /* newest event id examined */

/* For server.c. */
enum ea_err ea_hub_new(struct ea_server *server, struct ea_hub **out) EA_MUST; /* starts the thread */
/* Ends every stream with a last event id and `retry`, answers every poll, takes no new ones; returns when all are gone or after 5 s. */
void ea_hub_drain(struct ea_hub *h);
/* Joins the thread, while the pool still runs and nobody else calls the hub any more; accepts NULL. */
void ea_hub_free(struct ea_hub *h);
/* For the follower's callbacks. */
enum ea_err ea_hub_snapshot(struct ea_hub *h, struct ea_pg *pg, int64_t newest_id) EA_MUST;
void ea_hub_told(struct ea_hub *h, const char *payload, size_t n); /* what another process called transient */
void ea_hub_event(struct ea_hub *h, const struct ea_event *ev);
void ea_hub_examined(struct ea_hub *h, int64_t newest_id);

#endif
