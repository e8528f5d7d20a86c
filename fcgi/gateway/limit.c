#include "fcgi/gateway/limit.h"

#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/redis.h"
#include "lib/token.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTES(n) ((int64_t)(n)*60 * 1000)

static const struct {
    const char *name;
    int64_t most, window_ms;
} rules[GATEWAY_LIMIT__MAX] = {
    [GATEWAY_LIMIT_ACCOUNT] = { "account", 10, MINUTES(15) },
    [GATEWAY_LIMIT_ADDRESS] = { "address", 10000, MINUTES(15) },
};

#define KEY_SIZE (sizeof "ea:fail:address:" + EA_SHA256_HEX)

/* The fallback: a fixed table, so that an attacker cannot grow it; the entry that ends first makes room. */
#define SETS 1024
#define WAYS 8

struct entry {
    char key[KEY_SIZE]; /* "": free */
    int64_t count, until_ns;
};

struct gateway_limits {
    pthread_mutex_t lock;
    struct entry entries[SETS][WAYS];
};

/* Whoever has one IPv6 address has its whole /64. */
static size_t length_that_counts(enum gateway_limit kind, const char *who, struct in6_addr *address)
{
    bool network = kind == GATEWAY_LIMIT_ADDRESS && inet_pton(AF_INET6, who, address) == 1;
    return network ? 8 : 0;
}

/* What is counted under is a hash: e-mail addresses do not belong into Redis. */
static void key_of(enum gateway_limit kind, const char *who, char out[KEY_SIZE])
{
    char hex[EA_SHA256_HEX];
    struct in6_addr address;
    size_t n = length_that_counts(kind, who, &address);
    if (n > 0)
        ea_sha256_hex(&address, n, hex);
    else
        ea_sha256_hex(who, strlen(who), hex);
    (void)snprintf(out, KEY_SIZE, "ea:fail:%s:%s", rules[kind].name, hex);
}

static struct entry *set_of(struct gateway_limits *l, const char *key)
{
    char digits[5];
    memcpy(digits, key + strlen(key) - 4, sizeof digits);
    return l->entries[strtoul(digits, NULL, 16) % SETS];
}

static struct entry *find(struct gateway_limits *l, const char *key, int64_t now)
{
    struct entry *set = set_of(l, key);
    for (int i = 0; i < WAYS; i++)
        if (set[i].until_ns > now && strcmp(set[i].key, key) == 0)
            return &set[i];
    return NULL;
}

static struct entry *make_room(struct gateway_limits *l, const char *key)
{
    struct entry *set = set_of(l, key), *first = set;
    for (int i = 1; i < WAYS; i++)
        if (set[i].until_ns < first->until_ns)
            first = &set[i];
    *first = (struct entry){ 0 };
    (void)snprintf(first->key, sizeof first->key, "%s", key);
    return first;
}

static void local_count(struct gateway_limits *l, const char *key, int64_t window_ms)
{
    int64_t now = ea_clock_mono_ns();
    pthread_mutex_lock(&l->lock);
    struct entry *e = find(l, key, now);
    if (!e) {
        e = make_room(l, key);
        e->until_ns = now + window_ms * EA_NS_PER_MS;
    }
    e->count++;
    pthread_mutex_unlock(&l->lock);
}

static void local_peek(struct gateway_limits *l, const char *key, int64_t *count, int64_t *left_ms)
{
    int64_t now = ea_clock_mono_ns();
    pthread_mutex_lock(&l->lock);
    const struct entry *e = find(l, key, now);
    *count = e ? e->count : 0;
    *left_ms = e ? (e->until_ns - now) / EA_NS_PER_MS : 0;
    pthread_mutex_unlock(&l->lock);
}

static void local_clear(struct gateway_limits *l, const char *key)
{
    pthread_mutex_lock(&l->lock);
    struct entry *e = find(l, key, ea_clock_mono_ns());
    if (e)
        *e = (struct entry){ 0 };
    pthread_mutex_unlock(&l->lock);
}

struct gateway_limits *gateway_limits_new(void)
{
    struct gateway_limits *l = ea_alloc(sizeof *l);
    if (l)
        pthread_mutex_init(&l->lock, NULL);
    return l;
}

void gateway_limits_free(struct gateway_limits *l)
{
    if (!l)
        return;
    pthread_mutex_destroy(&l->lock);
    free(l);
}

bool gateway_limit_reached(struct gateway_limits *l, struct ea_redis *redis, enum gateway_limit kind,
                           const char *who, int *wait_s)
{
    char key[KEY_SIZE];
    int64_t count = 0, left_ms = 0;
    key_of(kind, who, key);
    if (ea_redis_peek(redis, key, &count, &left_ms))
        local_peek(l, key, &count, &left_ms);
    *wait_s = (int)(left_ms / 1000) + 1;
    return count >= rules[kind].most;
}

void gateway_limit_count(struct gateway_limits *l, struct ea_redis *redis, enum gateway_limit kind,
                         const char *who)
{
    char key[KEY_SIZE];
    int64_t count, left_ms;
    key_of(kind, who, key);
    if (ea_redis_count(redis, key, rules[kind].window_ms, &count, &left_ms))
        local_count(l, key, rules[kind].window_ms);
}

void gateway_limit_clear(struct gateway_limits *l, struct ea_redis *redis, enum gateway_limit kind,
                         const char *who)
{
    char key[KEY_SIZE];
    key_of(kind, who, key);
    local_clear(l, key);
    if (ea_redis_del(redis, key))
        return; /* it forgets by itself when the window ends */
}
