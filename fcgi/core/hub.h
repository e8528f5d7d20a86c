/* The hub: one thread that holds every open event stream and every waiting poll of the process. An event is encoded once (as a FastCGI STDOUT record) and its bytes are
 * shared by reference between all subscribers; each stream has a bounded queue, one that overflows is cut and returns with Last-Event-ID. One timer wheel drives heartbeats,
 * maximum ages and poll deadlines. It keeps a window of recent events, so that a cursor inside it needs no database.
 * Membership is told by events: kind `membership.changed` on a topic T with {"add": [topic…], "remove": [topic…]} changes, in log order, the topics of every subscriber of T (u:<user>: that
 * person; c:<course>: everybody of the course, e.g. for a new room) and is not shown to clients; nor are `user.changed` and `session.revoked`, which ends the session's streams. */
#ifndef EA_HUB_H
#define EA_HUB_H

#include "fcgi/core/req.h"
#include "lib/follow.h"

struct ea_hub;

/* The events after `after` that a caller may see, for replay before the window, are read by this callback on the pool thread: rows (id, kind, at, payload), id ascending. */
struct ea_hub_ask {
    const char *const *topics;
    size_t topics_n;
    int64_t after;   /* -1: from now on */
    int64_t wait_ms; /* polls */
    int64_t limit;   /* polls */
};

/* Sends the head, replays what lies before the window, hands the connection over: the return value is what the handler returns (EA_PARKED). */
enum ea_err ea_hub_stream(struct ea_hub *h, struct ea_req *r, const struct ea_hub_ask *ask) EA_MUST;
/* Answers {events, cursor} at once when there is something after the cursor, else parks the request up to wait_ms. */
enum ea_err ea_hub_poll(struct ea_hub *h, struct ea_req *r, const struct ea_hub_ask *ask) EA_MUST;
/* Not stored, without id: typing, presence. Any thread. `except` (user id) gets none; may be NULL. */
void ea_hub_transient(struct ea_hub *h, const char *topic, const char *kind, const char *data_json,
                      const char *except);
int64_t ea_hub_newest(const struct ea_hub *h); /* newest event id examined */

#endif
