/* What GET /v1/me answers, kept in memory: bounded, keyed by user. Any thread. Entries go when the event log says that they are stale, so
 * a hit needs no database. Filling is ordered against that: a ticket taken before the database is read is worthless once anything nearby was dropped. */
#ifndef EA_GATEWAY_ME_CACHE_H
#define EA_GATEWAY_ME_CACHE_H

#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GATEWAY_ETAG_SIZE 33

struct gateway_me_cache;

struct gateway_me_cache *gateway_me_cache_new(void); /* NULL: no memory */
void gateway_me_cache_free(struct gateway_me_cache *c);

/* A hit appends the body to out. */
bool gateway_me_cache_get(struct gateway_me_cache *c, const char *user, struct ea_buf *body,
                          char etag[GATEWAY_ETAG_SIZE]);
uint64_t gateway_me_cache_ticket(struct gateway_me_cache *c, const char *user);
void gateway_me_cache_put(struct gateway_me_cache *c, const char *user, uint64_t ticket, const char *body,
                          size_t n, const char *etag);
void gateway_me_cache_drop(struct gateway_me_cache *c, const char *user);
void gateway_me_cache_clear(struct gateway_me_cache *c);

#endif
