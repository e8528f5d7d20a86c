#include "fcgi/gateway/me_cache.h"

#include "lib/alloc.h"
#include "lib/id.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Sets of a few ways; the way that was used longest ago makes room. */
#define SETS     4096
#define WAYS     8
#define BODY_MAX ((size_t)64 * 1024) /* larger ones are not kept */

struct entry {
    char user[EA_ID_LEN + 1];
    char etag[GATEWAY_ETAG_SIZE];
    uint64_t used;
    size_t n;
    char body[];
};

struct set {
    pthread_mutex_t lock;
    uint64_t tick, dropped; /* dropped: how often something was; tickets are its value */
    struct entry *ways[WAYS];
};

struct gateway_me_cache {
    struct set sets[SETS];
};

/* FNV-1a */
static struct set *set_of(struct gateway_me_cache *c, const char *user)
{
    uint32_t h = 2166136261u;
    for (; *user; user++)
        h = (h ^ (unsigned char)*user) * 16777619u;
    return &c->sets[(h ^ h >> 16) % SETS];
}

static struct entry **find(struct set *s, const char *user)
{
    for (int i = 0; i < WAYS; i++)
        if (s->ways[i] && strcmp(s->ways[i]->user, user) == 0)
            return &s->ways[i];
    return NULL;
}

/* The user's own way, else a free one, else the one used longest ago. */
static struct entry **room(struct set *s, const char *user)
{
    struct entry **own = find(s, user), **oldest = &s->ways[0];
    for (int i = 1; !own && i < WAYS && *oldest; i++)
        if (!s->ways[i] || s->ways[i]->used < (*oldest)->used)
            oldest = &s->ways[i];
    return own ? own : oldest;
}

static struct entry *entry_new(const char *user, const char *body, size_t n, const char *etag)
{
    struct entry *e = ea_alloc(sizeof *e + n);
    if (!e)
        return NULL;
    strncpy(e->user, user, sizeof e->user - 1);
    strncpy(e->etag, etag, sizeof e->etag - 1);
    memcpy(e->body, body, n);
    e->n = n;
    return e;
}

static void drop(struct entry **at)
{
    free(*at);
    *at = NULL;
}

struct gateway_me_cache *gateway_me_cache_new(void)
{
    struct gateway_me_cache *c = ea_alloc(sizeof *c);
    for (int i = 0; c && i < SETS; i++)
        pthread_mutex_init(&c->sets[i].lock, NULL);
    return c;
}

void gateway_me_cache_free(struct gateway_me_cache *c)
{
    if (!c)
        return;
    gateway_me_cache_clear(c);
    for (int i = 0; i < SETS; i++)
        pthread_mutex_destroy(&c->sets[i].lock);
    free(c);
}

bool gateway_me_cache_get(struct gateway_me_cache *c, const char *user, struct ea_buf *body,
                          char etag[GATEWAY_ETAG_SIZE])
{
    struct set *s = set_of(c, user);
    pthread_mutex_lock(&s->lock);
    struct entry **at = find(s, user);
    if (at) {
        (*at)->used = ++s->tick;
        ea_buf_add(body, (*at)->body, (*at)->n);
        memcpy(etag, (*at)->etag, GATEWAY_ETAG_SIZE);
    }
    pthread_mutex_unlock(&s->lock);
    return at != NULL;
}

uint64_t gateway_me_cache_ticket(struct gateway_me_cache *c, const char *user)
{
    struct set *s = set_of(c, user);
    pthread_mutex_lock(&s->lock);
    uint64_t ticket = s->dropped;
    pthread_mutex_unlock(&s->lock);
    return ticket;
}

void gateway_me_cache_put(struct gateway_me_cache *c, const char *user, uint64_t ticket, const char *body,
                          size_t n, const char *etag)
{
    struct entry *e = n <= BODY_MAX ? entry_new(user, body, n, etag) : NULL;
    if (!e)
        return; /* it will be read again */
    struct set *s = set_of(c, user);
    pthread_mutex_lock(&s->lock);
    if (s->dropped == ticket) {
        struct entry **at = room(s, user);
        drop(at);
        e->used = ++s->tick;
        *at = e;
        e = NULL;
    }
    pthread_mutex_unlock(&s->lock);
    free(e);
}

void gateway_me_cache_drop(struct gateway_me_cache *c, const char *user)
{
    struct set *s = set_of(c, user);
    pthread_mutex_lock(&s->lock);
    s->dropped++;
    struct entry **at = find(s, user);
    if (at)
        drop(at);
    pthread_mutex_unlock(&s->lock);
}

void gateway_me_cache_clear(struct gateway_me_cache *c)
{
    for (int i = 0; i < SETS; i++) {
        struct set *s = &c->sets[i];
        pthread_mutex_lock(&s->lock);
        s->dropped++;
        for (int way = 0; way < WAYS; way++)
            drop(&s->ways[way]);
        pthread_mutex_unlock(&s->lock);
    }
}
