/* When people were last seen, in one sorted set of Redis: user id -> ms of the wall clock. It also says since when it is whole: what was there before, or could not be written, is
 * unknown, and nobody takes that for "not seen". A stamp is kept for EA_STAMPS_KEPT_MS. On the caller's connection; EA_EUNAVAILABLE: nothing is known. */
#ifndef EA_STAMPS_H
#define EA_STAMPS_H

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ea_redis;

#define EA_STAMPS_KEPT_MS (15 * 60 * 1000LL)
#define EA_STAMPS_NONE    INT64_MIN

/* lost: what this process wrote last was lost, so the set is whole from now on only. Stamps of others only move on. */
enum ea_err ea_stamps_put(struct ea_redis *r, const char *const *users, size_t n, int64_t at_ms,
                          int64_t now_ms, bool lost) EA_MUST;
/* at_ms[i]: when users[i] was last seen, or EA_STAMPS_NONE. *since_ms: from then on everybody is known who was seen. */
enum ea_err ea_stamps_get(struct ea_redis *r, const char *const *users, size_t n, int64_t now_ms,
                          int64_t *at_ms, int64_t *since_ms) EA_MUST;

#endif
