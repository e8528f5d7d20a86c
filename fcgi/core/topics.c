#include "fcgi/core/topics.h"

#include "fcgi/core/slab.h"
#include "lib/events.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { START = 256 }; /* buckets */

struct ea_topic {
    struct ea_topic *next; /* of its bucket */
    struct ea_listen *first;
    uint64_t hash;
    char name[EA_TOPIC_SIZE];
};

/* The sizes are powers of two. */
struct ea_topics {
    struct ea_topic **buckets;
    size_t size, count;
    struct ea_listen **pairs; /* every listening, by its topic and its subscriber */
    size_t pairs_size, pairs_count;
    struct ea_slab *cells, *listens;
};

/* FNV-1a (Fowler, Noll, Vo). Topics are made by us, never by a client, so nobody can aim at one bucket. */
uint64_t ea_topics_hash(const char *topic)
{
    uint64_t h = 14695981039346656037u;
    for (; *topic != '\0'; topic++)
        h = (h ^ (unsigned char)*topic) * 1099511628211u;
    return h;
}

static struct ea_topic **find(const struct ea_topics *t, const char *name, uint64_t hash)
{
    struct ea_topic **p = &t->buckets[hash & (t->size - 1)];
    while (*p != NULL && ((*p)->hash != hash || strcmp((*p)->name, name) != 0))
        p = &(*p)->next;
    return p;
}

/* Doubles the table; without memory it stays as it is, only slower. */
static void grow(struct ea_topics *t)
{
    struct ea_topic **buckets = calloc(t->size * 2, sizeof(struct ea_topic *));
    if (buckets == NULL)
        return;
    for (size_t i = 0; i < t->size; i++) {
        struct ea_topic *next;
        for (struct ea_topic *p = t->buckets[i]; p != NULL; p = next) {
            struct ea_topic **to = &buckets[p->hash & (t->size * 2 - 1)];
            next = p->next;
            p->next = *to;
            *to = p;
        }
    }
    free(t->buckets);
    t->buckets = buckets;
    t->size *= 2;
}

static struct ea_topic *find_or_make(struct ea_topics *t, const char *name, uint64_t hash)
{
    struct ea_topic **p = find(t, name, hash);
    if (*p != NULL)
        return *p;
    struct ea_topic *topic = ea_slab_get(t->cells);
    if (topic == NULL)
        return NULL;
    topic->hash = hash;
    memcpy(topic->name, name, strlen(name) + 1);
    *p = topic;
    if (++t->count > t->size)
        grow(t);
    return topic;
}

/* ---- pairs ---- */

static struct ea_listen **pair_bucket(struct ea_listen **pairs, size_t size, uint64_t hash, const void *who)
{
    uint64_t h = (hash ^ (uintptr_t)who) * 0x9e3779b97f4a7c15u;
    return &pairs[h >> 32 & (size - 1)];
}

static void pair_add(struct ea_listen **pairs, size_t size, struct ea_listen *l)
{
    struct ea_listen **first = pair_bucket(pairs, size, l->topic->hash, l->subscriber);
    l->next_of_pair = *first;
    *first = l;
}

static void grow_pairs(struct ea_topics *t)
{
    size_t size = t->pairs_size * 2;
    struct ea_listen **pairs = calloc(size, sizeof(struct ea_listen *));
    if (pairs == NULL)
        return;
    for (size_t i = 0; i < t->pairs_size; i++) {
        struct ea_listen *next;
        for (struct ea_listen *l = t->pairs[i]; l != NULL; l = next) {
            next = l->next_of_pair;
            pair_add(pairs, size, l);
        }
    }
    free(t->pairs);
    t->pairs = pairs;
    t->pairs_size = size;
}

static void pair_remove(struct ea_topics *t, const struct ea_listen *l)
{
    struct ea_listen **p = pair_bucket(t->pairs, t->pairs_size, l->topic->hash, l->subscriber);
    while (*p != l)
        p = &(*p)->next_of_pair;
    *p = l->next_of_pair;
    t->pairs_count--;
}

/* ---- listening ---- */

/* Unlinks one listening; the last one takes the topic with it. */
static void drop(struct ea_topics *t, struct ea_listen *l)
{
    struct ea_topic *topic = l->topic;
    pair_remove(t, l);
    *l->link_of_topic = l->next_of_topic;
    if (l->next_of_topic != NULL)
        l->next_of_topic->link_of_topic = l->link_of_topic;
    ea_slab_put(t->listens, l);
    if (topic->first != NULL)
        return;
    *find(t, topic->name, topic->hash) = topic->next;
    ea_slab_put(t->cells, topic);
    t->count--;
}

struct ea_topics *ea_topics_new(void)
{
    struct ea_topics *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    t->size = t->pairs_size = START;
    t->buckets = calloc(START, sizeof(struct ea_topic *));
    t->pairs = calloc(START, sizeof(struct ea_listen *));
    t->cells = ea_slab_new(sizeof(struct ea_topic));
    t->listens = ea_slab_new(sizeof(struct ea_listen));
    if (t->buckets != NULL && t->pairs != NULL && t->cells != NULL && t->listens != NULL)
        return t;
    ea_topics_free(t);
    return NULL;
}

void ea_topics_free(struct ea_topics *t)
{
    if (t == NULL)
        return;
    ea_slab_free(t->cells);
    ea_slab_free(t->listens);
    free(t->buckets);
    free(t->pairs);
    free(t);
}

enum ea_err ea_topics_add(struct ea_topics *t, const char *topic, void *subscriber, struct ea_listen **list)
{
    uint64_t hash = ea_topics_hash(topic);
    if (ea_topics_has(t, topic, hash, subscriber))
        return EA_OK;
    if (strlen(topic) >= EA_TOPIC_SIZE)
        return EA_EINTERNAL;
    struct ea_listen *l = ea_slab_get(t->listens);
    if (l == NULL)
        return EA_ENOMEM;
    l->topic = find_or_make(t, topic, hash);
    if (l->topic == NULL) {
        ea_slab_put(t->listens, l);
        return EA_ENOMEM;
    }
    l->subscriber = subscriber;
    l->next_of_topic = l->topic->first;
    l->link_of_topic = &l->topic->first;
    if (l->next_of_topic != NULL)
        l->next_of_topic->link_of_topic = &l->next_of_topic;
    l->topic->first = l;
    l->next = *list;
    *list = l;
    pair_add(t->pairs, t->pairs_size, l);
    if (++t->pairs_count > 2 * t->pairs_size) /* one pointer for two: it is memory of every stream */
        grow_pairs(t);
    return EA_OK;
}

void ea_topics_remove(struct ea_topics *t, const char *topic, struct ea_listen **list)
{
    for (; *list != NULL; list = &(*list)->next) {
        struct ea_listen *l = *list;
        if (strcmp(l->topic->name, topic) == 0) {
            *list = l->next;
            drop(t, l);
            return;
        }
    }
}

void ea_topics_remove_all(struct ea_topics *t, struct ea_listen **list)
{
    while (*list != NULL) {
        struct ea_listen *l = *list;
        *list = l->next;
        drop(t, l);
    }
}

struct ea_listen *ea_topics_first(struct ea_topics *t, const char *topic)
{
    struct ea_topic *found = *find(t, topic, ea_topics_hash(topic));
    return found == NULL ? NULL : found->first;
}

const char *ea_topics_name(const struct ea_listen *l)
{
    return l->topic->name;
}

bool ea_topics_has(const struct ea_topics *t, const char *topic, uint64_t hash, const void *subscriber)
{
    const struct ea_listen *l = *pair_bucket(t->pairs, t->pairs_size, hash, subscriber);
    while (l != NULL &&
           (l->subscriber != subscriber || l->topic->hash != hash || strcmp(l->topic->name, topic) != 0))
        l = l->next_of_pair;
    return l != NULL;
}

size_t ea_topics_count(const struct ea_topics *t)
{
    return t->count;
}
