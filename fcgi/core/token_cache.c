#include "fcgi/core/token_cache.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SHARDS 16
#define SETS   1024 /* of a shard */
#define WAYS   4    /* 64 k tokens in all; memory is touched only where one is */

struct entry {
    struct ea_token_hash hash;
    struct ea_claims claims; /* expires_s 0: free */
};

struct shard {
    pthread_mutex_t lock;
    struct entry (*sets)[WAYS];
};

struct ea_token_cache {
    struct shard shards[SHARDS];
};

static struct shard *shard_of(struct ea_token_cache *c, const struct ea_token_hash *h)
{
    return &c->shards[h->b[0] % SHARDS];
}

static struct entry *set_of(struct shard *s, const struct ea_token_hash *h)
{
    return s->sets[(h->b[1] | (unsigned)h->b[2] << 8) % SETS];
}

struct ea_token_cache *ea_token_cache_new(void)
{
    struct ea_token_cache *c = calloc(1, sizeof *c);
    bool ok = c != NULL;
    for (size_t i = 0; ok && i < SHARDS; i++) {
        pthread_mutex_init(&c->shards[i].lock, NULL);
        c->shards[i].sets = calloc(SETS, sizeof *c->shards[i].sets);
        ok = c->shards[i].sets != NULL;
    }
    if (ok)
        return c;
    ea_token_cache_free(c);
    return NULL;
}

void ea_token_cache_free(struct ea_token_cache *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < SHARDS; i++)
        free(c->shards[i].sets);
    free(c);
}

struct ea_token_hash ea_token_hash_of(const char *jwt)
{
    struct ea_token_hash h;
    crypto_generichash(h.b, sizeof h.b, (const unsigned char *)jwt, strlen(jwt), NULL, 0);
    return h;
}

bool ea_token_cache_get(struct ea_token_cache *c, const struct ea_token_hash *h, int64_t now_s,
                        struct ea_claims *out)
{
    struct shard *s = shard_of(c, h);
    bool found = false;
    pthread_mutex_lock(&s->lock);
    struct entry *set = set_of(s, h);
    for (size_t i = 0; i < WAYS && !found; i++) {
        found = set[i].claims.expires_s > now_s && memcmp(&set[i].hash, h, sizeof *h) == 0;
        if (found)
            *out = set[i].claims;
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

void ea_token_cache_put(struct ea_token_cache *c, const struct ea_token_hash *h,
                        const struct ea_claims *claims)
{
    struct shard *s = shard_of(c, h);
    pthread_mutex_lock(&s->lock);
    struct entry *set = set_of(s, h), *victim = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (memcmp(&set[i].hash, h, sizeof *h) == 0) {
            victim = &set[i];
            break;
        }
        if (set[i].claims.expires_s < victim->claims.expires_s)
            victim = &set[i];
    }
    victim->hash = *h;
    victim->claims = *claims;
    pthread_mutex_unlock(&s->lock);
}
