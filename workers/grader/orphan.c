#include "workers/grader/orphan.h"

#include "lib/arena.h"
#include "lib/blob.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/pg.h"

#include <string.h>

#define EVERY_NS     (3600 * EA_NS_PER_S)
#define DIRS_AT_ONCE 4096 /* most of them are not there in a small store */
#define KEYS_AT_ONCE 256  /* no further directory after so many */

struct found {
    struct ea_arena *arena;
    const char **keys;
    size_t n, cap;
};

static enum ea_err add(const char *key, void *arg)
{
    struct found *f = arg;

    if (f->n == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : KEYS_AT_ONCE;
        const char **more = ea_arena_array(f->arena, cap, sizeof *more);
        if (!more)
            return EA_ENOMEM;
        if (f->n > 0)
            memcpy(more, f->keys, f->n * sizeof *more);
        f->keys = more;
        f->cap = cap;
    }
    const char *copy = ea_arena_dup(f->arena, key);
    if (!copy)
        return EA_ENOMEM;
    f->keys[f->n++] = copy;
    return EA_OK;
}

/* What a failure leaves out is met by the next walk. */
static void find(struct grader_orphans *o, struct found *f)
{
    enum ea_err err = EA_OK;

    for (int dirs = 0; !err && dirs < DIRS_AT_ONCE && f->n < KEYS_AT_ONCE && o->dir < EA_BLOB_DIRS; dirs++)
        err = ea_blob_each(o->blobs, o->dir++, o->older_s, add, f);
}

static void remove_orphans(struct grader_orphans *o, struct ea_pg *pg, const struct found *f)
{
    PGresult *res;
    const char *keys = ea_pg_array(f->arena, f->keys, f->n);

    if (!keys || EA_PG(pg, f->arena, &res, STMT_ORPHANS_AMONG, keys))
        return;
    for (int i = 0; i < PQntuples(res); i++) {
        const char *key = ea_pg_str(res, i, 0);
        if (ea_blob_delete(o->blobs, key))
            continue;
        ea_metric_add(o->removed, 1);
        ea_log(EA_LOG_WARN, "a file that no submission names was removed", EA_F_STR(KEY, key));
    }
}

/* At the start of a walk. A store that is another database's has files that this one cannot know. */
static bool is_ours(const struct grader_orphans *o, struct ea_pg *pg, struct ea_arena *arena)
{
    PGresult *res;

    if (ea_pg_rows(pg, arena, &res, STMT_INSTALLATION_ID, NULL, 0) || PQntuples(res) != 1)
        return false;
    enum ea_err err = ea_blobs_claim(o->blobs, ea_pg_str(res, 0, 0));
    if (err == EA_ECONFLICT)
        ea_log0(EA_LOG_ERROR, "EA_BLOB_DIR is the store of another database; nothing is removed from it");
    return err == EA_OK;
}

void grader_orphans_step(struct grader_orphans *o, struct ea_pg *pg, struct ea_arena *arena)
{
    struct found f = { .arena = arena };

    if (ea_clock_mono_ns() < o->due_ns)
        return;
    bool ours = o->dir > 0 || is_ours(o, pg, arena);
    if (ours)
        find(o, &f);
    if (f.n > 0)
        remove_orphans(o, pg, &f);
    ea_arena_reset(arena);
    if (ours && o->dir < EA_BLOB_DIRS)
        return;
    ea_metric_add(ours ? o->walks : o->refused, 1);
    o->dir = 0;
    o->due_ns = ea_clock_mono_ns() + EVERY_NS;
}
