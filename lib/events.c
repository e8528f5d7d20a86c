#include "lib/events.h"

#include "lib/arena.h"
#include "lib/pg.h"
#include "lib/pg_internal.h"
#include "lib/redis.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What fits one segment to the server with the lock and the COMMIT; more is sent ahead of them. */
#define INLINE_MAX 4096

enum column { TOPIC, KIND, PAYLOAD, QUEUE, TRACE, COLUMN__MAX };

const char *ea_topic(char kind, const char *id, char out[EA_TOPIC_SIZE])
{
    (void)snprintf(out, EA_TOPIC_SIZE, "%c:%s", kind, id);
    return out;
}

static const char *cell(const struct ea_event_new *ev, enum column c)
{
    const char *const cells[COLUMN__MAX] = {
        [TOPIC] = ev->topic, [KIND] = ev->kind,   [PAYLOAD] = ev->payload,
        [QUEUE] = ev->queue, [TRACE] = ev->trace,
    };
    return cells[c];
}

/* The events as one array literal per column. */
static enum ea_err columns(struct ea_arena *a, const struct ea_event_new *ev, size_t n,
                           const char *out[COLUMN__MAX], size_t *bytes)
{
    const char **v = ea_arena_array(a, n, sizeof *v);
    if (!v)
        return EA_ENOMEM;
    *bytes = 0;
    for (int c = 0; c < COLUMN__MAX; c++) {
        for (size_t i = 0; i < n; i++)
            v[i] = cell(&ev[i], (enum column)c);
        out[c] = ea_pg_array(a, v, n);
        if (!out[c])
            return EA_ENOMEM;
        *bytes += strlen(out[c]);
    }
    return EA_OK;
}

/* Large events are there before the lock is asked for. */
static enum ea_err stage(struct ea_pg *pg, const char *const args[COLUMN__MAX])
{
    PGresult *res = NULL;
    enum ea_err err = ea_pg_run(pg, STMT_EVENTS_STAGE, args, COLUMN__MAX, &res);
    PQclear(res);
    return err;
}

/* The lock is held from the moment the server reads it to COMMIT: everything after it must be on the wire at once. */
static enum ea_err append(struct ea_pg *pg, const char *const args[COLUMN__MAX], bool staged,
                          int64_t *first_id)
{
    enum { APPEND = 1, COMMIT = 2, STMTS = 3 };
    PGresult *res[STMTS];
    enum ea_err err = ea_pg_pipe_begin(pg);
    if (err)
        return err;
    err = ea_pg_pipe_send(pg, STMT_EVENTS_LOCK, NULL, 0);
    if (!err)
        err = staged ? ea_pg_pipe_send(pg, STMT_EVENTS_APPEND_STAGED, NULL, 0)
                     : ea_pg_pipe_send(pg, STMT_EVENTS_APPEND, args, COLUMN__MAX);
    if (!err)
        err = ea_pg_pipe_send(pg, STMT_COMMIT, NULL, 0);
    (void)err; /* the end tells of it too */
    err = ea_pg_pipe_end(pg, res, STMTS, COMMIT);
    if (!err)
        *first_id = ea_pg_i64(res[APPEND], 0, 0);
    for (size_t i = 0; i < STMTS; i++)
        PQclear(res[i]);
    return err;
}

enum ea_err ea_events_commit(struct ea_pg *pg, const struct ea_event_new *ev, size_t n, int64_t *first_id)
{
    *first_id = 0;
    if (n == 0)
        return ea_pg_commit(pg);
    if (!ea_pg_in_tx(pg))
        return ea_pg_misuse(pg, STMT_EVENTS_APPEND, "no transaction is open");
    const char *args[COLUMN__MAX];
    size_t bytes;
    struct ea_arena *a = ea_arena_new();
    enum ea_err err = a ? columns(a, ev, n, args, &bytes) : EA_ENOMEM;
    if (!err && bytes > INLINE_MAX)
        err = stage(pg, args);
    if (!err)
        err = append(pg, args, bytes > INLINE_MAX, first_id);
    ea_arena_free(a);
    if (err)
        ea_pg_rollback(pg);
    return err;
}

void ea_events_wake(struct ea_redis *redis, int64_t last_id)
{
    char id[24];
    if (!redis)
        return;
    (void)snprintf(id, sizeof id, "%" PRId64, last_id);
    enum ea_err ignored = ea_redis_publish(redis, EA_CHANNEL_WAKE, id);
    (void)ignored;
}
