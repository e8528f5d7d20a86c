#include "fcgi/core/topics.h"

#include "fcgi/core/slab.h"
#include "lib/events.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct ea_topic {
    struct ea_topic *next; /* of its bucket */
    struct ea_listen *first;
    uint64_t hash;
    char name[EA_TOPIC_SIZE];
};

struct ea_topics {
    struct ea_topic **buckets;
    size_t size, count; /* size is a power of two */
    struct ea_slab *cells, *listens;
};

/* FNV-1a (Fowler, Noll, Vo). Topics are made by us, never by a client, so nobody can aim at one bucket. */
static uint64_t hash_of(const char *s)
{
    uint64_t h = 14695981039346656037u;
    for (; *s != '\0'; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211u;
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

static struct ea_topic *find_or_make(struct ea_topics *t, const char *name)
{
    uint64_t hash = hash_of(name);
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

/* Unlinks one listening; the last one takes the topic with it. */
static void drop(struct ea_topics *t, struct ea_listen *l)
{
    struct ea_topic *topic = l->topic;
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
    t->size = 256;
    t->buckets = calloc(t->size, sizeof(struct ea_topic *));
    t->cells = ea_slab_new(sizeof(struct ea_topic));
    t->listens = ea_slab_new(sizeof(struct ea_listen));
    if (t->buckets != NULL && t->cells != NULL && t->listens != NULL)
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
    free(t);
}

enum ea_err ea_topics_add(struct ea_topics *t, const char *topic, void *subscriber, struct ea_listen **list)
{
    if (ea_topics_has(*list, topic))
        return EA_OK;
    if (strlen(topic) >= EA_TOPIC_SIZE)
        return EA_EINTERNAL;
    struct ea_listen *l = ea_slab_get(t->listens);
    if (l == NULL)
        return EA_ENOMEM;
    l->topic = find_or_make(t, topic);
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
    struct ea_topic *found = *find(t, topic, hash_of(topic));
    return found == NULL ? NULL : found->first;
}

bool ea_topics_has(const struct ea_listen *list, const char *topic)
{
    for (; list != NULL; list = list->next)
        if (strcmp(list->topic->name, topic) == 0)
            return true;
    return false;
}

size_t ea_topics_count(const struct ea_topics *t)
{
    return t->count;
}
