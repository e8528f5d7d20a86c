#include "fcgi/core/stamps.h"

#include "lib/redis.h"

#include <stdlib.h>

/* The set's own mark is a member beside the people, with its time as a score below zero: it goes with them when Redis forgets, and not when old stamps are cut off. */
static const char key[] = "ea:presence", mark[] = "since";

enum ea_err ea_stamps_put(struct ea_redis *r, const char *const *users, size_t n, int64_t at_ms,
                          int64_t now_ms, bool lost)
{
    const char *const marks[] = { mark };
    enum ea_err err = ea_redis_zadd(r, key, lost ? "LT" : "NX", -now_ms, marks, 1);
    if (err == EA_OK)
        err = ea_redis_zadd(r, key, "GT", at_ms, users, n);
    if (err == EA_OK)
        err = ea_redis_zcut(r, key, 0, now_ms - EA_STAMPS_KEPT_MS);
    return err;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

enum ea_err ea_stamps_get(struct ea_redis *r, const char *const *users, size_t n, int64_t now_ms,
                          int64_t *at_ms, int64_t *since_ms)
{
    const int64_t oldest = now_ms - EA_STAMPS_KEPT_MS;
    const char **members = calloc(n + 1, sizeof(*members));
    int64_t *scores = calloc(n + 1, sizeof(*scores));
    enum ea_err err = EA_ENOMEM;
    if (members != NULL && scores != NULL) {
        members[n] = mark;
        for (size_t i = 0; i < n; i++)
            members[i] = users[i];
        err = ea_redis_zscores(r, key, members, n + 1, scores);
    }
    for (size_t i = 0; err == EA_OK && i < n; i++)
        at_ms[i] = scores[i] == EA_REDIS_NO_SCORE || scores[i] < oldest ? EA_STAMPS_NONE : scores[i];
    if (err == EA_OK)
        *since_ms = scores[n] == EA_REDIS_NO_SCORE ? now_ms : later(-scores[n], oldest);
    free(members);
    free(scores);
    return err;
}
