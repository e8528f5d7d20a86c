/* The chat responder: rooms, messages, everybody's stream of events. One file per noun, each with its routes; what they share is here. */
#ifndef EA_CHAT_H
#define EA_CHAT_H

#include "fcgi/core/route.h"
#include "fcgi/core/server.h"
#include "lib/batch.h"

#include <libpq-fe.h>

struct ea_blobs;
struct ea_redis;

struct chat { /* the service's data: made at start, read-only afterwards */
    struct ea_server *server;
    struct ea_batch *messages; /* writes what is said */
    struct ea_redis *redis;    /* the batcher's thread's own */
    struct ea_blobs *blobs;    /* files that come with messages */
};

extern const struct ea_route chat_room_routes[];
extern const struct ea_route chat_member_routes[];
extern const struct ea_route chat_read_routes[];
extern const struct ea_route chat_message_routes[];
extern const struct ea_route chat_history_routes[];
extern const struct ea_route chat_edit_routes[];
extern const struct ea_route chat_reaction_routes[];
extern const struct ea_route chat_pin_routes[];
extern const struct ea_route chat_file_routes[];
extern const struct ea_route chat_search_routes[];
extern const struct ea_route chat_question_routes[];
extern const struct ea_route chat_hide_routes[];
extern const struct ea_route chat_mute_routes[];
extern const struct ea_route chat_report_routes[];
extern const struct ea_route chat_retention_routes[];
extern const struct ea_route chat_export_routes[];
extern const struct ea_route chat_presence_routes[];
extern const struct ea_route chat_event_routes[];

#define CHAT_TEXT_MAX  (16 * 1024)
#define CHAT_FILES_MAX 10 /* of one message */

/* The caller's id. */
static inline const char *chat_me(const struct ea_req *r)
{
    return r->caller.claims.user.s;
}

/* The batcher behind POST …/messages. message.c */
enum ea_err chat_message_batch_new(struct chat *c) EA_MUST;

/* Tells who follows the topic of a person or a course that they hear the room from now on, or no longer; each only if it is news to them. room.c */
enum ea_err chat_room_tell(struct ea_req *r, char topic_kind, const char *topic_id, const char *room,
                           bool hears) EA_MUST;

/* What people write. text.c */
/* Markdown as HTML of the arena. */
enum ea_err chat_html(struct ea_req *r, const char *text, size_t n, const char **out) EA_MUST;
/* What may be names in a text: lines "<number of the @> <words>", for each @ that begins a word the next one to four words, without what ends a sentence. *out NULL: there are none. */
enum ea_err chat_mention_words(struct ea_arena *a, const char *text, size_t n, const char **out) EA_MUST;

/* The caller's right to what {id} names, and what goes with it. access.c */
/* ea_authz_read: asks and reads in one snapshot. CHAT_READ(r, kind, cap, &access or NULL, &res, STMT_X, "a", id) */
enum ea_err chat_read(struct ea_req *r, enum ea_object kind, enum ea_cap cap, struct ea_access *out,
                      PGresult **res, enum ea_stmt stmt, const char *const *args, size_t n) EA_MUST;
#define CHAT_READ(r, kind, cap, out, res, stmt, ...)                                                         \
    chat_read(r, kind, cap, out, res, stmt, (const char *const[]){ __VA_ARGS__ },                            \
              sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))
/* Begins a transaction in which the caller keeps the right (ea_authz_hold). */
enum ea_err chat_begin(struct ea_req *r, enum ea_object kind, enum ea_cap cap, struct ea_access *out) EA_MUST;
/* Begins one in which nobody comes into the room's course, leaves it or becomes something else there. *kind: the room's, of the arena. */
enum ea_err chat_begin_people(struct ea_req *r, const char **kind, struct ea_access *out) EA_MUST;

/* A message that something is to be done to. */
struct chat_message {
    const char *room, *author; /* of the arena */
    enum ea_course_role role;  /* the caller's in the course */
    bool direct, mine, deleted, hidden, question;
    bool editable;  /* its time for that is not over */
    bool muted;     /* the caller is, in its room */
    bool moderates; /* the caller looks after the room; nobody does after a direct one */
};
/* chat_begin, and the message's row is locked. EA_ENOTFOUND for who does not see it, EA_EGONE when it was taken back. */
enum ea_err chat_message_open(struct ea_req *r, struct chat_message *out) EA_MUST;
/* The same to say something by it: EA_EFORBIDDEN for who is muted in its room. */
enum ea_err chat_message_write(struct ea_req *r, struct chat_message *out) EA_MUST;
/* The event of a change, to all who hear the room. */
enum ea_err chat_room_event(struct ea_req *r, const char *room, const char *kind,
                            const char *payload) EA_MUST;
/* What the log was made to forget (ea_events_unsay), for processes that hold it in memory. Before the event that tells the room. */
enum ea_err chat_unsaid_event(struct ea_req *r, const char *payload) EA_MUST;
/* Hides it, or shows it again, and tells the room; nothing when it is so already. The transaction is open. hide.c */
enum ea_err chat_message_hide(struct ea_req *r, const char *id, bool hidden) EA_MUST;
/* {"items": …, "next": …} from rows (JSON, event id), fetched with LIMIT limit + 1; `next` is the last event id of the page. */
enum ea_err chat_page(struct ea_req *r, const PGresult *res, int64_t limit) EA_MUST;

#endif
