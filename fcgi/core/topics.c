#include "fcgi/core/topics.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct ea_topic {
    struct ea_topic *next; /* of its bucket */
    struct ea_listen *first;
    uint64_t hash;
    char name[];
};

struct ea_topics {
    struct ea_topic **buckets;
    size_t size, count; /* size is a power of two */
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
    size_t n = strlen(name) + 1;
    struct ea_topic *topic = calloc(1, sizeof(*topic) + n);
    if (topic == NULL)
        return NULL;
    topic->hash = hash;
    memcpy(topic->name, name, n);
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
    free(l);
    if (topic->first != NULL)
        return;
    *find(t, topic->name, topic->hash) = topic->next;
    free(topic);
    t->count--;
}

struct ea_topics *ea_topics_new(void)
{
    struct ea_topics *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    t->size = 256;
    t->buckets = calloc(t->size, sizeof(struct ea_topic *));
    if (t->buckets == NULL) {
        free(t);
        return NULL;
    }
    return t;
}

void ea_topics_free(struct ea_topics *t)
{
    if (t == NULL)
        return;
    free(t->buckets);
    free(t);
}

enum ea_err ea_topics_add(struct ea_topics *t, const char *topic, void *subscriber, struct ea_listen **list)
{
    if (ea_topics_has(*list, topic))
        return EA_OK;
    struct ea_listen *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return EA_ENOMEM;
    l->topic = find_or_make(t, topic);
    if (l->topic == NULL) {
        free(l);
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
