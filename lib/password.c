#include "lib/password.h"

#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/metrics.h"

#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* OWASP's second profile for argon2id: strong enough, and small enough to run beside people who are working. */
#define OPS 2ULL
#define MEM ((size_t)19 * 1024 * 1024)

_Static_assert(EA_PASSWORD_HASH_SIZE >= crypto_pwhash_argon2id_STRBYTES, "room for an encoded hash");

struct job {
    struct job *next;
    bool verify, known; /* known: hash is a person's, not the dummy */
    char hash[EA_PASSWORD_HASH_SIZE];
    size_t password_len;
    char password[EA_PASSWORD_MAX];
    void (*on_verified)(bool ok, void *arg);
    void (*on_hashed)(const char *new_hash, void *arg);
    void *arg;
};

struct ea_password_pool {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct job *first, **last;
    size_t queued, queue_max;
    bool stopping;
    char dummy[EA_PASSWORD_HASH_SIZE];
    struct ea_metric *waiting, *refused, *took;
};

static bool make_hash(char out[EA_PASSWORD_HASH_SIZE], const char *password, size_t n)
{
    return crypto_pwhash_argon2id_str(out, password, n, OPS, MEM) == 0;
}

static void run(struct job *j)
{
    if (j->verify) {
        bool ok = crypto_pwhash_argon2id_str_verify(j->hash, j->password, j->password_len) == 0;
        j->on_verified(ok && j->known, j->arg);
    } else {
        if (!make_hash(j->hash, j->password, j->password_len))
            j->hash[0] = '\0';
        j->on_hashed(j->hash, j->arg);
    }
}

static void job_free(struct job *j)
{
    sodium_memzero(j, sizeof *j);
    free(j);
}

static struct job *take(struct ea_password_pool *p)
{
    pthread_mutex_lock(&p->lock);
    while (!p->first && !p->stopping)
        pthread_cond_wait(&p->more, &p->lock);
    struct job *j = p->first;
    if (j) {
        p->first = j->next;
        if (!p->first)
            p->last = &p->first;
        ea_metric_set(p->waiting, (int64_t)--p->queued);
    }
    pthread_mutex_unlock(&p->lock);
    return j;
}

/* The one thread: first come, first served, until told to stop and nothing waits. */
static void *work(void *arg)
{
    struct ea_password_pool *p = arg;
    struct job *j;
    while ((j = take(p))) {
        int64_t begin = ea_clock_mono_ns();
        run(j);
        ea_metric_observe_ns(p->took, ea_clock_mono_ns() - begin);
        job_free(j);
    }
    return NULL;
}

static enum ea_err add(struct ea_password_pool *p, struct job *j)
{
    pthread_mutex_lock(&p->lock);
    bool full = p->stopping || p->queued >= p->queue_max;
    if (!full) {
        *p->last = j;
        p->last = &j->next;
        ea_metric_set(p->waiting, (int64_t)++p->queued);
        pthread_cond_signal(&p->more);
    }
    pthread_mutex_unlock(&p->lock);
    if (!full)
        return EA_OK;
    ea_metric_add(p->refused, 1);
    job_free(j);
    return EA_EOVERLOAD;
}

static enum ea_err job_new(const char *password, void *arg, struct job **out)
{
    size_t n = strnlen(password, EA_PASSWORD_MAX + 1);
    if (n > EA_PASSWORD_MAX)
        return EA_EINPUT;
    struct job *j = ea_alloc(sizeof *j);
    if (!j)
        return EA_ENOMEM;
    memcpy(j->password, password, n);
    j->password_len = n;
    j->arg = arg;
    *out = j;
    return EA_OK;
}

static bool make_dummy(struct ea_password_pool *p)
{
    char random[32];
    randombytes_buf(random, sizeof random);
    return make_hash(p->dummy, random, sizeof random);
}

enum ea_err ea_password_pool_new(size_t queue_max, struct ea_password_pool **out)
{
    sigset_t all, old;
    *out = NULL;
    if (sodium_init() < 0)
        return EA_EINTERNAL;
    struct ea_password_pool *p = ea_alloc(sizeof *p);
    if (!p)
        return EA_ENOMEM;
    p->last = &p->first;
    p->queue_max = queue_max;
    p->waiting = ea_metric_gauge("ea_password_queue", "Passwords waiting to be hashed", "");
    p->refused =
        ea_metric_counter("ea_password_refused_total", "Passwords refused because the queue was full", "");
    p->took = ea_metric_histogram("ea_password_seconds", "Time to hash one password", "");
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->more, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are the main thread's */
    bool started = make_dummy(p) && pthread_create(&p->thread, NULL, work, p) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!started) {
        pthread_cond_destroy(&p->more);
        pthread_mutex_destroy(&p->lock);
        free(p);
        return EA_ENOMEM;
    }
    *out = p;
    return EA_OK;
}

void ea_password_pool_stop(struct ea_password_pool *p)
{
    pthread_mutex_lock(&p->lock);
    bool first = !p->stopping;
    p->stopping = true;
    pthread_cond_signal(&p->more);
    pthread_mutex_unlock(&p->lock);
    if (first)
        pthread_join(p->thread, NULL);
}

void ea_password_pool_free(struct ea_password_pool *p)
{
    if (!p)
        return;
    ea_password_pool_stop(p);
    pthread_cond_destroy(&p->more);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

enum ea_err ea_password_verify(struct ea_password_pool *p, const char *hash, const char *password,
                               void (*done)(bool ok, void *arg), void *arg)
{
    struct job *j = NULL;
    enum ea_err err = job_new(password, arg, &j);
    if (err)
        return err;
    j->verify = true;
    j->on_verified = done;
    j->known = hash && strlen(hash) < sizeof j->hash;
    (void)snprintf(j->hash, sizeof j->hash, "%s", j->known ? hash : p->dummy);
    return add(p, j);
}

enum ea_err ea_password_hash(struct ea_password_pool *p, const char *password,
                             void (*done)(const char *new_hash, void *arg), void *arg)
{
    struct job *j = NULL;
    enum ea_err err = job_new(password, arg, &j);
    if (err)
        return err;
    j->on_hashed = done;
    return add(p, j);
}
