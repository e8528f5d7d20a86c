#include "fcgi/core/token_cache.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHARDS = 16,
    SETS = 1024, /* of a shard */
    WAYS = 4     /* 64 k tokens in all */
};

struct entry {
    struct ea_token_hash hash;
    struct ea_claims claims;
};

/* Entries lie in the order in which they were first needed, on pages of their own that are touched only up to there; the sets number them. A token has its place by chance: if the sets held
 * the entries, each would be alone on a page. */
struct shard {
    pthread_mutex_t lock;
    struct entry *entries;
    uint16_t n;                /* entries in use */
    uint16_t sets[SETS][WAYS]; /* the entry's number from 1; 0: none yet */
};

struct ea_token_cache {
    struct shard shards[SHARDS];
};

static struct shard *shard_of(struct ea_token_cache *c, const struct ea_token_hash *h)
{
    return &c->shards[h->b[0] % SHARDS];
}

static uint16_t *set_of(struct shard *s, const struct ea_token_hash *h)
{
    return s->sets[(h->b[1] | (unsigned)h->b[2] << 8) % SETS];
}

static struct entry *entry_of(const struct shard *s, uint16_t number)
{
    return &s->entries[number - 1];
}

struct ea_token_cache *ea_token_cache_new(void)
{
    struct ea_token_cache *c = calloc(1, sizeof *c);
    bool ok = c != NULL;
    for (size_t i = 0; ok && i < SHARDS; i++) {
        pthread_mutex_init(&c->shards[i].lock, NULL);
        c->shards[i].entries = calloc(SETS * WAYS, sizeof(struct entry));
        ok = c->shards[i].entries != NULL;
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
        free(c->shards[i].entries);
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
    const uint16_t *set = set_of(s, h);
    for (size_t i = 0; i < WAYS && set[i] != 0 && !found; i++) {
        const struct entry *e = entry_of(s, set[i]);
        found = memcmp(&e->hash, h, sizeof *h) == 0 && e->claims.expires_s > now_s;
        if (found)
            *out = e->claims;
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

static uint16_t *soonest_to_expire(const struct shard *s, uint16_t *set)
{
    uint16_t *first = set;
    for (size_t i = 1; i < WAYS; i++)
        if (entry_of(s, set[i])->claims.expires_s < entry_of(s, *first)->claims.expires_s)
            first = &set[i];
    return first;
}

/* The token's own, else one of nobody yet, else the one that expires first. */
static struct entry *place_for(struct shard *s, const struct ea_token_hash *h)
{
    uint16_t *set = set_of(s, h), *way = set;
    while (way < set + WAYS && *way != 0 && memcmp(&entry_of(s, *way)->hash, h, sizeof *h) != 0)
        way++;
    if (way == set + WAYS)
        way = soonest_to_expire(s, set);
    else if (*way == 0)
        *way = ++s->n;
    return entry_of(s, *way);
}

void ea_token_cache_put(struct ea_token_cache *c, const struct ea_token_hash *h,
                        const struct ea_claims *claims)
{
    struct shard *s = shard_of(c, h);
    pthread_mutex_lock(&s->lock);
    *place_for(s, h) = (struct entry){ *h, *claims };
    pthread_mutex_unlock(&s->lock);
}
