/* The relay's side of PostgreSQL: the lock that makes one relay the active one, the jobs after a cursor, the stored cursor. The lock is the session's: whenever a call finds
 * the session gone it returns EA_EUNAVAILABLE, and the caller must stop publishing until it holds the lock again. One thread. */
#ifndef RELAY_FEED_H
#define RELAY_FEED_H

#include "lib/err.h"
#include "lib/mq.h"

#include <stdbool.h>
#include <stdint.h>

struct ea_pg;
struct relay_feed;

struct relay_feed *relay_feed_new(struct ea_pg *pg);
void relay_feed_free(struct relay_feed *f);

/* EA_OK: the lock is ours and *cursor is where the last holder has come to. EA_EINPROGRESS: another has it. */
enum ea_err relay_feed_lock(struct relay_feed *f, int64_t *cursor) EA_MUST;
bool relay_feed_locked(const struct relay_feed *f);
int relay_feed_fd(
    const struct relay_feed *f); /* becomes readable when the session ends: then relay_feed_check */
enum ea_err relay_feed_check(struct relay_feed *f) EA_MUST;

/* Reads the jobs after a cursor. *newest: the log was examined up to here, or up to the last job when there are more. */
enum ea_err relay_feed_read(struct relay_feed *f, int64_t after, int64_t *newest) EA_MUST;
bool relay_feed_has(const struct relay_feed *f); /* is there one that was read and not taken? */
bool relay_feed_next(struct relay_feed *f,
                     struct ea_mq_message *m); /* takes it; borrowed until the next read */
void relay_feed_back(struct relay_feed *f);    /* puts it back */
void relay_feed_forget(struct relay_feed *f);  /* drops what was read */
enum ea_err relay_feed_save(struct relay_feed *f, int64_t cursor) EA_MUST;

#endif
