/* One Redis connection (hiredis), owned by one thread. Redis holds nothing that must not be lost: every caller has an answer for EA_EUNAVAILABLE.
 * Short timeouts (connect 200 ms, command 200 ms); after a failure it fails fast for 500 ms before trying again.
 * hiredis writes to sockets that may be closed: the process ignores SIGPIPE. */
#ifndef EA_REDIS_H
#define EA_REDIS_H

#include "lib/buf.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stdint.h>

struct ea_redis;

struct ea_redis *ea_redis_new(const char *address); /* unix:/path or host:port; does not connect yet */
void ea_redis_free(struct ea_redis *r);

enum ea_err ea_redis_get(struct ea_redis *r, const char *key, struct ea_buf *out) EA_MUST; /* EA_ENOTFOUND */
enum ea_err ea_redis_getdel(struct ea_redis *r, const char *key,
                            struct ea_buf *out) EA_MUST; /* EA_ENOTFOUND; one-use values */
enum ea_err ea_redis_set(struct ea_redis *r, const char *key, const char *v, size_t n,
                         int64_t ttl_ms) EA_MUST;
enum ea_err ea_redis_del(struct ea_redis *r, const char *key) EA_MUST;
/* Counts one event in a fixed window: *count after it, *left_ms until the window ends. Atomic (one Lua script). */
enum ea_err ea_redis_count(struct ea_redis *r, const char *key, int64_t window_ms, int64_t *count,
                           int64_t *left_ms) EA_MUST;
enum ea_err ea_redis_peek(struct ea_redis *r, const char *key, int64_t *count,
                          int64_t *left_ms) EA_MUST; /* without counting */
enum ea_err ea_redis_publish(struct ea_redis *r, const char *channel, const char *payload) EA_MUST;
enum ea_err ea_redis_ping(struct ea_redis *r) EA_MUST;
/* Sorted sets. n members get one score; only: "NX" those that are new, "GT" or "LT" those too whose score is less or greater. */
enum ea_err ea_redis_zadd(struct ea_redis *r, const char *key, const char *only, int64_t score,
                          const char *const *members, size_t n) EA_MUST;
/* scores[i] of members[i]; EA_REDIS_NO_SCORE: not in the set. */
#define EA_REDIS_NO_SCORE INT64_MIN
enum ea_err ea_redis_zscores(struct ea_redis *r, const char *key, const char *const *members, size_t n,
                             int64_t *scores) EA_MUST;
/* Removes what has a score of from up to, but not, below. */
enum ea_err ea_redis_zcut(struct ea_redis *r, const char *key, int64_t from, int64_t below) EA_MUST;

/* Subscription: for follow.c and the hub's transient events. A connection that has subscribed takes no other command; it may subscribe to several channels.
 * fd to poll, -1 while not connected (subscribe again). */
enum ea_err ea_redis_subscribe(struct ea_redis *r, const char *channel) EA_MUST;
int ea_redis_fd(const struct ea_redis *r);
/* Reads what has arrived without waiting; on_message for each. EA_EUNAVAILABLE: broken, subscribe again. */
enum ea_err ea_redis_drain(struct ea_redis *r,
                           void (*on_message)(const char *channel, const char *payload, size_t n, void *arg),
                           void *arg) EA_MUST;

#define EA_CHANNEL_WAKE "ea:wake" /* the event log has grown; payload: newest id */
#define EA_CHANNEL_LIVE                                                                                      \
    "ea:live" /* what is not stored: typing, presence. Letters of fcgi/core/hub_live.c and hub_presence.c */

#endif
