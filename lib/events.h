/* Appending to the event log: ids are gap-free and in commit order. The append is the last thing of a transaction: lock, insert and COMMIT go out as one
 * pipeline, and no row lock is taken after the lock. So it is this module that commits. Rows that must know where in the log they came about take ea_log_place() (SQL), and the append says
 * where that is. See ARCHITECTURE.md, "One event log". */
#ifndef EA_EVENTS_H
#define EA_EVENTS_H

#include "lib/err.h"
#include "lib/id.h"

#include <stddef.h>
#include <stdint.h>

struct ea_pg;
struct ea_redis;

/* topic NULL: for nobody's stream. queue NULL: no job. Topics: EA_TOPIC_* + id, or EA_TOPIC_SYS (processes only). trace: the W3C traceparent it happened under, or NULL. All borrowed. */
struct ea_event_new {
    const char *topic, *kind, *payload /* JSON object */, *queue, *trace;
};

#define EA_TOPIC_USER   'u'
#define EA_TOPIC_COURSE 'c'
#define EA_TOPIC_ROOM   'r'
#define EA_TOPIC_SYS    "sys"
#define EA_TOPIC_SIZE   (EA_ID_LEN + 3)
const char *ea_topic(char kind, const char *id, char out[EA_TOPIC_SIZE]); /* "u:<uuid>"; returns out */

/* Events were changed after they were told: what they say now. Topic EA_TOPIC_SYS, payload {"oldest": <the log's first id>, "events": [{"id", "payload": <as text>}]}. It
 * comes before the event that tells people, so who has heard that is told the old words by nobody who told it. */
#define EA_EVENTS_UNSAID "events.unsaid"

#define EA_QUEUE_GRADE   "grade"
#define EA_QUEUE_NOTIFY  "notify"

/* Commits the open transaction of pg with these n events appended (n may be 0: plain COMMIT). *first_id: of the first, consecutive from there; 0 for n = 0. */
enum ea_err ea_events_commit(struct ea_pg *pg, const struct ea_event_new *ev, size_t n,
                             int64_t *first_id) EA_MUST;

/* After COMMIT returned: tell followers that there is news. Failure is no error: they look by themselves once a second. redis may be NULL. */
void ea_events_wake(struct ea_redis *redis, int64_t last_id);

#endif
