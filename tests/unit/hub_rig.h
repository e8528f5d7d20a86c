/* The hub without its thread: a test runs it round by round, so what it says is decided by the test alone. Around it stands what the rest of a responder would do: connections are closed,
 * parked requests and work for pool threads are taken note of. One hub at a time, and one thread. */
#ifndef EA_TEST_HUB_RIG_H
#define EA_TEST_HUB_RIG_H

#include "fcgi/core/hub_private.h"
#include "tests/unit/unit.h"

#define PERSON  "0193b0c2-7c1e-7b3a-9d2e-000000000001"
#define SESSION "0193b0c2-7c1e-7b3a-9d2e-00000000000a"
#define MINE    "u:" PERSON
#define ROOM    "r:0193b0c2-7c1e-7b3a-9d2e-0000000000b1"
#define FAR_NS  (3600 * EA_NS_PER_S)

enum { TEXT = 1000 };

struct rig {
    struct ea_hub *hub;
    size_t queued, done;    /* for pool threads, and what they have done of it */
    struct ea_req *resumed; /* the last one */
    struct ea_req asker;    /* of rig_poll */
    const char *closed;     /* a session */
};
extern struct rig rig;

/* For each test. At its end everybody leaves, and the hub must hold nobody any more. */
int rig_begin(void **state);
int rig_end(void **state);

void rig_settle(void);  /* until nothing is left to be done */
bool rig_do_next(void); /* what is queued for the pool, in order: there is no database. False: nothing is */

/* The follower tells of an event that it has read. _many: messages of a kilobyte, from one id to another. */
void rig_tell(int64_t id, const char *topic, const char *kind, const char *payload);
void rig_tell_many(int64_t from, int64_t to, const char *topic);

/* PERSON's, who might follow what is theirs and the room (NULL: none). rig_stream: the end that its client reads from, for rig_forget. */
struct ea_sub *rig_sub(struct ea_req *r, int64_t cursor, const char *room);
int rig_connect(struct ea_sub *s);
int rig_stream(int64_t cursor, const char *room);
struct ea_sub *rig_poll(int64_t cursor, const char *room);

/* What a client has read. FastCGI's headers stay in it, no test looks where they lie. */
struct reading {
    struct ea_buf text;
    bool ended;
};
void rig_read(struct reading *in, int fd); /* all that is there now */
size_t rig_count(const struct reading *in, const char *what);
bool rig_has(const struct reading *in, int64_t id); /* that event; not twice */
size_t rig_waiting(int fd);                         /* bytes, before they are read */
void rig_forget(struct reading *in, int fd);

#endif
