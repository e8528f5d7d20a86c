#include "lib/redis.h"

#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAIL_FAST_NS (500 * EA_NS_PER_MS)
#define LOG_EVERY_NS (10 * EA_NS_PER_S)

static const struct timeval timeout = { .tv_usec = 200000 };

struct ea_redis {
    char *host; /* or the socket's path */
    int port;   /* 0: unix socket */
    redisContext *c;
    int64_t next_try_ns, next_log_ns;
    char count_sha[41]; /* of the script, once this connection's server told it */
    bool subscribed;
};

/* KEYS[1] counter, ARGV[1] window in ms -> { count, ms left }. A counter without an end would never let anybody in again, so it is given one. */
static const char count_script[] = "local n = redis.call('INCR', KEYS[1])\n"
                                   "local left = redis.call('PTTL', KEYS[1])\n"
                                   "if left < 0 then\n"
                                   "  left = tonumber(ARGV[1])\n"
                                   "  redis.call('PEXPIRE', KEYS[1], left)\n"
                                   "end\n"
                                   "return { n, left }\n";

struct ea_redis *ea_redis_new(const char *address)
{
    struct ea_redis *r = ea_alloc(sizeof *r);
    bool is_path = strncmp(address, "unix:", 5) == 0;
    if (r)
        r->host = ea_alloc_dup(is_path ? address + 5 : address);
    if (!r || !r->host) {
        ea_redis_free(r);
        return NULL;
    }
    char *colon = is_path ? NULL : strrchr(r->host, ':');
    if (colon) {
        *colon = '\0';
        r->port = (int)strtol(colon + 1, NULL, 10);
    }
    return r;
}

static void close_connection(struct ea_redis *r)
{
    if (r->c)
        redisFree(r->c);
    r->c = NULL;
    r->subscribed = false;
    r->count_sha[0] = '\0';
}

void ea_redis_free(struct ea_redis *r)
{
    if (!r)
        return;
    close_connection(r);
    free(r->host);
    free(r);
}

static void log_failure(struct ea_redis *r, const char *what)
{
    int64_t now = ea_clock_mono_ns();
    if (now < r->next_log_ns)
        return;
    r->next_log_ns = now + LOG_EVERY_NS;
    ea_log(EA_LOG_WARN, "redis failed", EA_F_STR(DEPENDENCY, "redis"), EA_F_STR(ERROR, what));
}

static enum ea_err broken(struct ea_redis *r)
{
    log_failure(r, r->c ? r->c->errstr : "out of memory");
    close_connection(r);
    r->next_try_ns = ea_clock_mono_ns() + FAIL_FAST_NS;
    return EA_EUNAVAILABLE;
}

static enum ea_err connect_now(struct ea_redis *r)
{
    if (r->c)
        return EA_OK;
    if (ea_clock_mono_ns() < r->next_try_ns)
        return EA_EUNAVAILABLE;
    r->c = r->port ? redisConnectWithTimeout(r->host, r->port, timeout)
                   : redisConnectUnixWithTimeout(r->host, timeout);
    if (!r->c || r->c->err || redisSetTimeout(r->c, timeout) != REDIS_OK)
        return broken(r);
    if (r->port)
        (void)redisEnableKeepAlive(r->c); /* only helps: without it a dead peer is found by the timeout */
    return EA_OK;
}

/* The reply to one command. An error reply (no memory, loading, read-only replica) leaves the connection as it is. */
static enum ea_err command(struct ea_redis *r, redisReply **out, int argc, const char **argv,
                           const size_t *len)
{
    *out = NULL;
    enum ea_err err = connect_now(r);
    if (err)
        return err;
    redisReply *reply = redisCommandArgv(r->c, argc, argv, len);
    if (!reply)
        return broken(r);
    if (reply->type == REDIS_REPLY_ERROR) {
        bool no_script = strncmp(reply->str, "NOSCRIPT", 8) == 0;
        if (!no_script)
            log_failure(r, reply->str);
        freeReplyObject(reply);
        return no_script ? EA_ENOTFOUND : EA_EUNAVAILABLE;
    }
    r->next_log_ns = 0;
    *out = reply;
    return EA_OK;
}

#define ARGC_MAX 6

/* Words that end at their NUL. */
static enum ea_err words(struct ea_redis *r, redisReply **out, int argc, const char **argv)
{
    size_t len[ARGC_MAX];
    for (int i = 0; i < argc; i++)
        len[i] = strlen(argv[i]);
    return command(r, out, argc, argv, len);
}
#define WORDS(r, out, ...)                                                                                   \
    words(r, out, (int)(sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)),                           \
          (const char *[]){ __VA_ARGS__ })

static enum ea_err without_reply(enum ea_err err, redisReply *reply)
{
    if (reply)
        freeReplyObject(reply);
    return err;
}

static enum ea_err string_reply(enum ea_err err, redisReply *reply, struct ea_buf *out)
{
    if (!err && reply->type == REDIS_REPLY_STRING)
        ea_buf_add(out, reply->str, reply->len);
    else if (!err)
        err = EA_ENOTFOUND;
    if (!err && out->failed)
        err = EA_ENOMEM;
    return without_reply(err, reply);
}

enum ea_err ea_redis_get(struct ea_redis *r, const char *key, struct ea_buf *out)
{
    redisReply *reply;
    enum ea_err err = WORDS(r, &reply, "GET", key);
    return string_reply(err, reply, out);
}

enum ea_err ea_redis_getdel(struct ea_redis *r, const char *key, struct ea_buf *out)
{
    redisReply *reply;
    enum ea_err err = WORDS(r, &reply, "GETDEL", key);
    return string_reply(err, reply, out);
}

enum ea_err ea_redis_set(struct ea_redis *r, const char *key, const char *v, size_t n, int64_t ttl_ms)
{
    char ttl[24];
    (void)snprintf(ttl, sizeof ttl, "%" PRId64, ttl_ms);
    redisReply *reply;
    const char *argv[] = { "SET", key, v, "PX", ttl };
    const size_t len[] = { 3, strlen(key), n, 2, strlen(ttl) };
    enum ea_err err = command(r, &reply, 5, argv, len);
    return without_reply(err, reply);
}

enum ea_err ea_redis_del(struct ea_redis *r, const char *key)
{
    redisReply *reply;
    enum ea_err err = WORDS(r, &reply, "DEL", key);
    return without_reply(err, reply);
}

static enum ea_err load_count_script(struct ea_redis *r)
{
    if (r->count_sha[0])
        return EA_OK;
    redisReply *reply;
    enum ea_err err = WORDS(r, &reply, "SCRIPT", "LOAD", count_script);
    if (!err && reply->type == REDIS_REPLY_STRING && reply->len == sizeof r->count_sha - 1)
        memcpy(r->count_sha, reply->str, sizeof r->count_sha);
    else if (!err)
        err = EA_EUNAVAILABLE;
    return without_reply(err, reply);
}

enum ea_err ea_redis_count(struct ea_redis *r, const char *key, int64_t window_ms, int64_t *count,
                           int64_t *left_ms)
{
    char window[24];
    (void)snprintf(window, sizeof window, "%" PRId64, window_ms);
    *count = *left_ms = 0;
    redisReply *reply = NULL;
    enum ea_err err = connect_now(r);
    if (!err)
        err = load_count_script(r);
    if (!err)
        err = WORDS(r, &reply, "EVALSHA", r->count_sha, "1", key, window);
    if (err == EA_ENOTFOUND) /* the server was restarted or flushed its scripts */
        err = WORDS(r, &reply, "EVAL", count_script, "1", key, window);
    if (!err && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2) {
        *count = reply->element[0]->integer;
        *left_ms = reply->element[1]->integer;
    }
    return without_reply(err, reply);
}

enum ea_err ea_redis_peek(struct ea_redis *r, const char *key, int64_t *count, int64_t *left_ms)
{
    *count = *left_ms = 0;
    redisReply *reply;
    enum ea_err err = WORDS(r, &reply, "GET", key);
    bool there = !err && reply->type == REDIS_REPLY_STRING;
    int64_t n = there ? strtoll(reply->str, NULL, 10) : 0;
    err = without_reply(err, reply);
    if (err || !there)
        return err;
    err = WORDS(r, &reply, "PTTL", key);
    if (!err && reply->integer > 0) {
        *count = n;
        *left_ms = reply->integer;
    }
    return without_reply(err, reply);
}

enum ea_err ea_redis_publish(struct ea_redis *r, const char *channel, const char *payload)
{
    redisReply *reply;
    enum ea_err err = WORDS(r, &reply, "PUBLISH", channel, payload);
    return without_reply(err, reply);
}

enum ea_err ea_redis_ping(struct ea_redis *r)
{
    redisReply *reply;
    enum ea_err err = WORDS(r, &reply, "PING");
    return without_reply(err, reply);
}

/* ---- sorted sets ---- */

struct score {
    char text[24];
};

static struct score score_text(int64_t score)
{
    struct score s;
    (void)snprintf(s.text, sizeof s.text, "%" PRId64, score);
    return s;
}

/* A command that begins with `before` and goes on with members, each behind the score if there is one. */
static enum ea_err long_command(struct ea_redis *r, redisReply **out, const char *const *before,
                                const char *score, const char *const *members, size_t n)
{
    size_t head = 0, words_n = 0;
    while (before[head])
        head++;
    *out = NULL;
    if (n > INT_MAX / 4)
        return EA_EINPUT;
    const char **argv = ea_alloc((head + 2 * n) * sizeof *argv);
    size_t *len = ea_alloc((head + 2 * n) * sizeof *len);
    if (!argv || !len) {
        free(argv);
        free(len);
        return EA_ENOMEM;
    }
    for (size_t i = 0; i < head; i++)
        argv[words_n++] = before[i];
    for (size_t i = 0; i < n; i++) {
        if (score)
            argv[words_n++] = score;
        argv[words_n++] = members[i];
    }
    for (size_t i = 0; i < words_n; i++)
        len[i] = strlen(argv[i]);
    enum ea_err err = command(r, out, (int)words_n, argv, len);
    free(argv);
    free(len);
    return err;
}

enum ea_err ea_redis_zadd(struct ea_redis *r, const char *key, const char *only, int64_t score,
                          const char *const *members, size_t n)
{
    redisReply *reply;
    struct score s = score_text(score);
    enum ea_err err =
        long_command(r, &reply, (const char *const[]){ "ZADD", key, only, NULL }, s.text, members, n);
    return without_reply(err, reply);
}

enum ea_err ea_redis_zscores(struct ea_redis *r, const char *key, const char *const *members, size_t n,
                             int64_t *scores)
{
    redisReply *reply;
    enum ea_err err =
        long_command(r, &reply, (const char *const[]){ "ZMSCORE", key, NULL }, NULL, members, n);
    if (!err && (reply->type != REDIS_REPLY_ARRAY || reply->elements != n))
        err = EA_EUNAVAILABLE;
    for (size_t i = 0; !err && i < n; i++)
        scores[i] = reply->element[i]->type == REDIS_REPLY_STRING ? strtoll(reply->element[i]->str, NULL, 10)
                                                                  : EA_REDIS_NO_SCORE;
    return without_reply(err, reply);
}

enum ea_err ea_redis_zcut(struct ea_redis *r, const char *key, int64_t from, int64_t below)
{
    redisReply *reply;
    struct score begin = score_text(from);
    char end[26]; /* the bracket: not with it */
    (void)snprintf(end, sizeof end, "(%" PRId64, below);
    enum ea_err err = WORDS(r, &reply, "ZREMRANGEBYSCORE", key, begin.text, end);
    return without_reply(err, reply);
}

/* One more channel on a subscribed connection: its confirmation comes with the messages. */
static enum ea_err subscribe_too(struct ea_redis *r, const char *channel)
{
    int done = 0;
    if (redisAppendCommand(r->c, "SUBSCRIBE %s", channel) != REDIS_OK)
        return broken(r);
    while (!done)
        if (redisBufferWrite(r->c, &done) != REDIS_OK)
            return broken(r);
    return EA_OK;
}

enum ea_err ea_redis_subscribe(struct ea_redis *r, const char *channel)
{
    if (r->subscribed)
        return subscribe_too(r, channel);
    redisReply *reply;
    enum ea_err err = WORDS(r, &reply, "SUBSCRIBE", channel);
    if (err)
        return err;
    freeReplyObject(reply);
    int flags = fcntl(r->c->fd, F_GETFL);
    if (flags < 0 || fcntl(r->c->fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return broken(r);
    r->c->flags &= ~REDIS_BLOCK; /* from here on a read without data is no error */
    r->subscribed = true;
    return EA_OK;
}

int ea_redis_fd(const struct ea_redis *r)
{
    return r->c && r->subscribed ? r->c->fd : -1;
}

static void hand_on(const redisReply *m,
                    void (*on_message)(const char *channel, const char *payload, size_t n, void *arg),
                    void *arg)
{
    if (m->type == REDIS_REPLY_ARRAY && m->elements == 3 && m->element[2]->type == REDIS_REPLY_STRING)
        on_message(m->element[1]->str, m->element[2]->str, m->element[2]->len, arg);
}

enum ea_err ea_redis_drain(struct ea_redis *r,
                           void (*on_message)(const char *channel, const char *payload, size_t n, void *arg),
                           void *arg)
{
    if (ea_redis_fd(r) < 0)
        return EA_EUNAVAILABLE;
    if (redisBufferRead(r->c) != REDIS_OK)
        return broken(r);
    void *reply;
    for (;;) {
        if (redisGetReplyFromReader(r->c, &reply) != REDIS_OK)
            return broken(r);
        if (!reply)
            return EA_OK;
        hand_on(reply, on_message, arg);
        freeReplyObject(reply);
    }
}
