#include "lib/flight.h"

#include "lib/alloc.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct flying { /* one key that somebody is at */
    struct flying *next;
    char *key;
    struct ea_flight_seat *first, **last;
};

/* As many are under way as there are threads: a list is enough. */
struct ea_flight {
    pthread_mutex_t lock;
    struct flying *all;
};

struct ea_flight *ea_flight_new(void)
{
    struct ea_flight *f = ea_alloc(sizeof *f);
    if (f)
        pthread_mutex_init(&f->lock, NULL);
    return f;
}

void ea_flight_free(struct ea_flight *f)
{
    if (!f)
        return;
    pthread_mutex_destroy(&f->lock);
    free(f);
}

static struct flying **find(struct ea_flight *f, const char *key)
{
    struct flying **at = &f->all;
    while (*at && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    return at;
}

static struct flying *take_off(const char *key)
{
    struct flying *one = ea_alloc(sizeof *one);
    if (one && !(one->key = ea_alloc_dup(key))) {
        free(one);
        one = NULL;
    }
    if (one)
        one->last = &one->first;
    return one;
}

enum ea_err ea_flight_board(struct ea_flight *f, const char *key, struct ea_flight_seat *seat, bool *leads)
{
    enum ea_err err = EA_OK;
    pthread_mutex_lock(&f->lock);
    struct flying **at = find(f, key);
    *leads = *at == NULL;
    if (*leads) {
        *at = take_off(key);
        err = *at ? EA_OK : EA_ENOMEM;
    } else {
        seat->next = NULL;
        *(*at)->last = seat;
        (*at)->last = &seat->next;
    }
    pthread_mutex_unlock(&f->lock);
    return err;
}

void ea_flight_land(struct ea_flight *f, const char *key, enum ea_err err, const char *v, size_t n)
{
    pthread_mutex_lock(&f->lock);
    struct flying **at = find(f, key), *one = *at;
    if (one)
        *at = one->next;
    pthread_mutex_unlock(&f->lock);
    if (!one)
        return;
    for (struct ea_flight_seat *seat = one->first, *next; seat; seat = next) {
        next = seat->next;
        seat->on_land(seat, err, v, n);
    }
    free(one->key);
    free(one);
}
