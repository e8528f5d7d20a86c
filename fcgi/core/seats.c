#include "fcgi/core/seats.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096, TAIL = 8, SLAB = 128 };

struct person {
    struct person *next; /* of the bucket */
    struct ea_id who;
    unsigned taken; /* never 0 */
};

/* People who stay are kept apart from what requests take and give back, so that their pages can be given back too. */
struct slab {
    struct slab *next;
    struct person v[SLAB];
};

struct ea_seats {
    pthread_mutex_t lock;
    unsigned most;
    struct slab *slabs;
    struct person *spare;
    struct person *buckets[BUCKETS];
};

/* The last digits of a UUIDv7 are random. */
static struct person **find(struct ea_seats *s, const struct ea_id *who)
{
    struct person **p = &s->buckets[strtoul(who->s + EA_ID_LEN - TAIL, NULL, 16) % BUCKETS];
    while (*p != NULL && strcmp((*p)->who.s, who->s) != 0)
        p = &(*p)->next;
    return p;
}

struct ea_seats *ea_seats_new(unsigned most)
{
    struct ea_seats *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    s->most = most;
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void ea_seats_free(struct ea_seats *s)
{
    if (s == NULL)
        return;
    for (struct slab *next, *slab = s->slabs; slab != NULL; slab = next) {
        next = slab->next;
        free(slab);
    }
    pthread_mutex_destroy(&s->lock);
    free(s);
}

unsigned ea_seats_most(const struct ea_seats *s)
{
    return s->most;
}

static void put_back(struct ea_seats *s, struct person *p)
{
    p->next = s->spare;
    s->spare = p;
}

/* NULL: no memory. */
static struct person *person_new(struct ea_seats *s, const struct ea_id *who)
{
    if (s->spare == NULL) {
        struct slab *slab = calloc(1, sizeof(*slab));
        if (slab == NULL)
            return NULL;
        slab->next = s->slabs;
        s->slabs = slab;
        for (size_t i = 0; i < SLAB; i++)
            put_back(s, &slab->v[i]);
    }
    struct person *p = s->spare;
    s->spare = p->next;
    *p = (struct person){ .who = *who };
    return p;
}

static enum ea_err take(struct ea_seats *s, const struct ea_id *who)
{
    struct person **p = find(s, who);
    if (*p == NULL && (*p = person_new(s, who)) == NULL)
        return EA_ENOMEM;
    if ((*p)->taken == s->most)
        return EA_ELIMIT;
    (*p)->taken++;
    return EA_OK;
}

enum ea_err ea_seats_take(struct ea_seats *s, const struct ea_id *who)
{
    pthread_mutex_lock(&s->lock);
    enum ea_err err = take(s, who);
    pthread_mutex_unlock(&s->lock);
    return err;
}

void ea_seats_leave(struct ea_seats *s, const struct ea_id *who)
{
    pthread_mutex_lock(&s->lock);
    struct person **p = find(s, who), *gone = *p;
    if (gone != NULL && --gone->taken == 0) {
        *p = gone->next;
        put_back(s, gone);
    }
    pthread_mutex_unlock(&s->lock);
}
