#include "workers/relay/feed.h"

#include "lib/pg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_MAX 1000

struct relay_feed {
    struct ea_pg *pg;
    uint64_t session; /* the one that holds the lock; 0: none */
    PGresult *jobs;
    int row;
};

/* ea_pg connects anew by itself; a new session has no lock. */
static enum ea_err still_ours(struct relay_feed *f, enum ea_err err)
{
    return relay_feed_locked(f) ? err : EA_EUNAVAILABLE;
}

struct relay_feed *relay_feed_new(struct ea_pg *pg)
{
    struct relay_feed *f = calloc(1, sizeof(*f));

    if (f != NULL)
        f->pg = pg;
    return f;
}

void relay_feed_free(struct relay_feed *f)
{
    if (f == NULL)
        return;
    relay_feed_forget(f);
    free(f);
}

enum ea_err relay_feed_lock(struct relay_feed *f, int64_t *cursor)
{
    PGresult *res = NULL;
    uint64_t session;
    enum ea_err err;
    bool got;

    err = ea_pg_run(f->pg, STMT_RELAY_LOCK, NULL, 0, &res);
    if (err != EA_OK)
        return err;
    got = ea_pg_bool(res, 0, 0);
    PQclear(res);
    if (!got)
        return EA_EINPROGRESS;
    session = ea_pg_connects(f->pg);
    err = ea_pg_run(f->pg, STMT_RELAY_CURSOR, NULL, 0, &res);
    if (err != EA_OK)
        return err;
    *cursor = ea_pg_i64(res, 0, 0);
    PQclear(res);
    f->session = session;
    return still_ours(f, EA_OK);
}

bool relay_feed_locked(const struct relay_feed *f)
{
    return f->session != 0 && ea_pg_conn(f->pg) != NULL && ea_pg_connects(f->pg) == f->session;
}

int relay_feed_fd(const struct relay_feed *f)
{
    PGconn *conn = ea_pg_conn(f->pg);

    return conn != NULL ? PQsocket(conn) : -1;
}

enum ea_err relay_feed_check(struct relay_feed *f)
{
    PGresult *res = NULL;
    enum ea_err err = ea_pg_run(f->pg, STMT_PING, NULL, 0, &res);

    PQclear(res);
    return still_ours(f, err);
}

enum ea_err relay_feed_read(struct relay_feed *f, int64_t after, int64_t *newest)
{
    char from[24], to[24], most[24];
    PGresult *res = NULL;
    enum ea_err err;
    int n;

    relay_feed_forget(f);
    *newest = after;
    err = ea_pg_run(f->pg, STMT_EVENTS_NEWEST, NULL, 0, &res);
    if (err == EA_OK)
        *newest = ea_pg_i64(res, 0, 0);
    PQclear(res);
    if (err != EA_OK || *newest <= after)
        return still_ours(f, err);
    snprintf(from, sizeof(from), "%" PRId64, after);
    snprintf(to, sizeof(to), "%" PRId64, *newest);
    snprintf(most, sizeof(most), "%d", READ_MAX);
    err = ea_pg_run(f->pg, STMT_RELAY_READ, (const char *const[]){ from, to, most }, 3, &f->jobs);
    if (err != EA_OK)
        return still_ours(f, err);
    f->row = 0;
    n = PQntuples(f->jobs);
    if (n == READ_MAX)
        *newest = ea_pg_i64(f->jobs, n - 1, 0);
    return still_ours(f, EA_OK);
}

bool relay_feed_has(const struct relay_feed *f)
{
    return f->jobs != NULL && f->row < PQntuples(f->jobs);
}

bool relay_feed_next(struct relay_feed *f, struct ea_mq_message *m)
{
    const PGresult *res = f->jobs;
    int row = f->row;

    if (!relay_feed_has(f))
        return false;
    memset(m, 0, sizeof(*m));
    m->event_id = ea_pg_i64(res, row, 0);
    m->kind = ea_pg_str(res, row, 1);
    m->body = ea_pg_str(res, row, 2);
    m->body_len = strlen(m->body);
    m->queue = ea_pg_str(res, row, 3);
    m->trace = ea_pg_str(res, row, 4);
    m->at = ea_pg_str(res, row, 5);
    m->reason = "";
    f->row++;
    return true;
}

void relay_feed_back(struct relay_feed *f)
{
    f->row--;
}

void relay_feed_forget(struct relay_feed *f)
{
    PQclear(f->jobs);
    f->jobs = NULL;
    f->row = 0;
}

enum ea_err relay_feed_save(struct relay_feed *f, int64_t cursor)
{
    char id[24];
    PGresult *res = NULL;
    enum ea_err err;

    snprintf(id, sizeof(id), "%" PRId64, cursor);
    err = ea_pg_run(f->pg, STMT_RELAY_SAVE, (const char *const[]){ id }, 1, &res);
    PQclear(res);
    return still_ours(f, err);
}
