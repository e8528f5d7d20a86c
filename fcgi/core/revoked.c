#include "fcgi/core/revoked.h"

#include "lib/id.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Kept longer than needed: a clock that was ahead for a while must not bring a closed session back. */
#define SLACK_S (2 * 3600)

struct entry {
    struct ea_id session; /* s[0] '\0': free */
    int64_t until_s;
};

struct ea_revoked {
    pthread_rwlock_t lock;
    size_t used, cap; /* cap: a power of two, at most half of it used */
    struct entry *entries;
};

static size_t hash(const char *s)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a; session ids are random, nobody chooses them */
    for (; *s != '\0'; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211u;
    return (size_t)(h ^ h >> 32);
}

/* Where it is, or the free place where it belongs. */
static struct entry *place(struct entry *entries, size_t cap, const char *session)
{
    size_t i = hash(session) & (cap - 1);
    while (entries[i].session.s[0] != '\0' && strcmp(entries[i].session.s, session) != 0)
        i = (i + 1) & (cap - 1);
    return &entries[i];
}

/* until_s is whatever the log says. */
static bool is_live(const struct entry *e, int64_t now_s)
{
    return e->session.s[0] != '\0' && e->until_s > now_s - SLACK_S;
}

/* A new table without what is over; twice as large as that needs. */
static enum ea_err rebuild(struct ea_revoked *r, int64_t now_s)
{
    size_t live = 0, cap = 64;
    for (size_t i = 0; i < r->cap; i++)
        live += is_live(&r->entries[i], now_s);
    while (cap < (live + 1) * 4)
        cap *= 2;
    struct entry *fresh = calloc(cap, sizeof *fresh);
    if (fresh == NULL)
        return EA_ENOMEM;
    for (size_t i = 0; i < r->cap; i++) {
        const struct entry *e = &r->entries[i];
        if (is_live(e, now_s))
            *place(fresh, cap, e->session.s) = *e;
    }
    free(r->entries);
    r->entries = fresh;
    r->cap = cap;
    r->used = live;
    return EA_OK;
}

struct ea_revoked *ea_revoked_new(void)
{
    struct ea_revoked *r = calloc(1, sizeof *r);
    if (r != NULL)
        pthread_rwlock_init(&r->lock, NULL);
    return r;
}

void ea_revoked_free(struct ea_revoked *r)
{
    if (r == NULL)
        return;
    pthread_rwlock_destroy(&r->lock);
    free(r->entries);
    free(r);
}

enum ea_err ea_revoked_add(struct ea_revoked *r, const char *session_id, int64_t until_s, int64_t now_s)
{
    enum ea_err err = EA_OK;
    if (strlen(session_id) != EA_ID_LEN)
        return EA_EINPUT;
    pthread_rwlock_wrlock(&r->lock);
    if ((r->used + 1) * 2 > r->cap)
        err = rebuild(r, now_s);
    if (err == EA_OK) {
        struct entry *e = place(r->entries, r->cap, session_id);
        r->used += e->session.s[0] == '\0';
        memcpy(e->session.s, session_id, sizeof e->session.s);
        if (until_s > e->until_s)
            e->until_s = until_s;
    }
    pthread_rwlock_unlock(&r->lock);
    return err;
}

bool ea_revoked_has(struct ea_revoked *r, const char *session_id)
{
    pthread_rwlock_rdlock(&r->lock);
    bool yes = r->cap > 0 && place(r->entries, r->cap, session_id)->session.s[0] != '\0';
    pthread_rwlock_unlock(&r->lock);
    return yes;
}
