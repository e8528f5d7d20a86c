/* What people may follow, kept for those who come again: long polls after each event, streams after a cut. The database's answer holds from its place in the log on until one of its topics is
 * told to have changed (membership.changed on it; one's own u:<user> is among them). So nothing is brought up to date here: what has changed since, or may have, is not found, and the database is
 * asked. Nor is found: for a place before the answer's own (an old cursor); what was kept before the log was read anew; what is older than `age_ns` since the database said so, for what is changed
 * without being told heals then. Topics are marked by hash, so the change of one may hide another's answer: one question more, never a wrong answer.
 * Bounded: bytes_max of answers, the one used longest ago goes first, and one that nobody uses for `idle_ns`; beside them 100 KiB. Thread-safe; now_ns is ea_clock_mono_ns(). */
#ifndef EA_KEPT_H
#define EA_KEPT_H

#include "lib/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What somebody may follow: malloc'd, one block. */
struct ea_topic_list {
    const char **v;
    uint32_t n;
    uint32_t read_s; /* when the database was asked, in seconds of the monotonic clock */
    int64_t at;      /* right after this event: membership changes from there on are to be applied */
};
void ea_topic_list_clear(struct ea_topic_list *t);

struct ea_kept_bounds {
    size_t bytes_max;
    int64_t idle_ns, age_ns;
};

struct ea_kept;
struct ea_kept *ea_kept_new(const struct ea_kept_bounds *bounds); /* closed; NULL: no memory */
void ea_kept_free(struct ea_kept *k);                             /* accepts NULL */

/* For who reads the log, in its order. Between _close and _open nothing is kept, and what is on its way from before is refused; _close returns the era that begins with _open.
 * Since event `after` of _open each change is told by _changed (also before _open), and before anybody names a place as late as it. */
uint64_t ea_kept_close(struct ea_kept *k);
void ea_kept_open(struct ea_kept *k, int64_t after);
void ea_kept_changed(struct ea_kept *k, const char *topic, int64_t id);
void ea_kept_tidy(struct ea_kept *k, int64_t now_ns); /* lets go what nobody has used for long */

/* For who follows. The era is taken before the place in the log is looked up. */
uint64_t ea_kept_era(struct ea_kept *k);
/* What `who` might follow right after event out->at. False: the database must be asked. */
bool ea_kept_find(struct ea_kept *k, uint64_t era, const struct ea_id *who, int64_t now_ns,
                  struct ea_topic_list *out);
/* Keeps a copy, if it holds still. Without memory, or beyond the bounds, it does not. */
void ea_kept_put(struct ea_kept *k, uint64_t era, const struct ea_id *who, int64_t now_ns,
                 const struct ea_topic_list *topics);

#endif
