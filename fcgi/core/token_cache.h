/* Verified tokens by their hash, until they expire. Bounded: the entry that expires first gives way. Thread-safe, in shards with a short lock each. */
#ifndef EA_TOKEN_CACHE_H
#define EA_TOKEN_CACHE_H

#include "lib/token.h"

#include <stdbool.h>
#include <stdint.h>

struct ea_token_cache;

struct ea_token_hash {
    unsigned char b[16];
};

struct ea_token_cache *ea_token_cache_new(void);
void ea_token_cache_free(struct ea_token_cache *c);
struct ea_token_hash ea_token_hash_of(const char *jwt);
bool ea_token_cache_get(struct ea_token_cache *c, const struct ea_token_hash *h, int64_t now_s,
                        struct ea_claims *out);
void ea_token_cache_put(struct ea_token_cache *c, const struct ea_token_hash *h,
                        const struct ea_claims *claims);

#endif
