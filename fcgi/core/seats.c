#include "fcgi/core/seats.h"

#include "fcgi/core/slab.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096, TAIL = 8 };

struct person {
    struct person *next; /* of the bucket */
    struct ea_id who;
    unsigned taken; /* never 0 */
};

struct ea_seats {
    pthread_mutex_t lock;
    unsigned most;
    struct ea_slab *people;
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
    s->people = ea_slab_new(sizeof(struct person));
    if (s->people == NULL) {
        free(s);
        return NULL;
    }
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void ea_seats_free(struct ea_seats *s)
{
    if (s == NULL)
        return;
    ea_slab_free(s->people);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

unsigned ea_seats_most(const struct ea_seats *s)
{
    return s->most;
}

/* NULL: no memory. */
static struct person *person_new(struct ea_seats *s, const struct ea_id *who)
{
    struct person *p = ea_slab_get(s->people);
    if (p != NULL)
        p->who = *who;
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
        ea_slab_put(s->people, gone);
    }
    pthread_mutex_unlock(&s->lock);
}
