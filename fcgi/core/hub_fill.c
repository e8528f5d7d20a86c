/* The window as a process begins: what was told of late is read once, in one range of the log, so that those who come back after a restart cost no query each. The same when events
 * were missed. On the follower's thread, in its snapshot; the hub's thread takes the window over whole. */
#include "fcgi/core/hub_private.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/pg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { ID, TOPIC, KIND, PAYLOAD, AT }; /* columns of events_recent */

struct filling {
    struct ea_hub *hub;
    struct ea_window *window;
    int64_t after; /* where it begins */
};

static enum ea_err take_row(const PGresult *row, void *arg)
{
    const struct filling *f = arg;
    struct ea_recent r;
    const struct ea_event ev = {
        .id = ea_pg_i64(row, 0, ID),
        .topic = ea_pg_str(row, 0, TOPIC),
        .kind = ea_pg_str(row, 0, KIND),
        .payload = ea_pg_str(row, 0, PAYLOAD),
        .at = ea_pg_str(row, 0, AT),
    };
    enum ea_err err = ea_recent_make(&r, &ev);
    ea_hub_mark_change(f->hub, &ev);
    if (err == EA_OK)
        (void)ea_window_add(f->window, &r);
    return err;
}

/* As far back as the window holds events, or as the log goes. */
static enum ea_err find_edge(struct ea_pg *pg, const struct ea_window *w, int64_t newest, int64_t *after)
{
    PGresult *res;
    enum ea_err err = ea_pg_run(pg, STMT_EVENTS_OLDEST, NULL, 0, &res);
    if (err != EA_OK)
        return err;
    int64_t before_oldest = ea_pg_i64(res, 0, 0) - 1, reach = newest - (int64_t)w->size;
    PQclear(res);
    *after = before_oldest > reach ? before_oldest : reach;
    if (*after < 0)
        *after = 0;
    return EA_OK;
}

static enum ea_err fill(struct filling *f, struct ea_pg *pg, int64_t newest)
{
    char from[24], to[24];
    int64_t began = ea_clock_mono_ns();
    enum ea_err err = find_edge(pg, f->window, newest, &f->after);
    if (err != EA_OK)
        return err;
    ea_window_start(f->window, f->after);
    snprintf(from, sizeof(from), "%" PRId64, f->after);
    snprintf(to, sizeof(to), "%" PRId64, newest);
    err = ea_pg_each(pg, STMT_EVENTS_RECENT, (const char *const[]){ from, to }, 2, take_row, f);
    if (err == EA_OK)
        ea_log(EA_LOG_INFO, "recent events read", EA_F_INT(COUNT, f->window->count), EA_F_INT(CURSOR, newest),
               EA_F_INT(DURATION_US, (ea_clock_mono_ns() - began) / 1000));
    return err;
}

static struct ea_window *window_new(void)
{
    struct ea_window *w = calloc(1, sizeof(*w));
    if (w != NULL && ea_window_init(w, EA_HUB_WINDOW_EVENTS, EA_HUB_WINDOW_BYTES) == EA_OK)
        return w;
    free(w);
    return NULL;
}

enum ea_err ea_hub_snapshot(struct ea_hub *h, struct ea_pg *pg, int64_t newest_id)
{
    struct ea_hub_command *c = ea_hub_command_new(EA_HUB_SNAPSHOT);
    struct ea_window *w = c != NULL ? window_new() : NULL;
    struct filling f = { .hub = h, .window = w };
    uint64_t era = ea_kept_close(h->kept);
    enum ea_err err = w != NULL ? fill(&f, pg, newest_id) : EA_ENOMEM;
    if (err != EA_OK) {
        if (w != NULL)
            ea_window_free(w);
        free(w);
        free(c);
        return err;
    }
    c->id = newest_id;
    c->window = w;
    c->era = era;
    ea_hub_put(h, c);
    atomic_store(&h->newest, newest_id);
    ea_kept_open(h->kept, f.after); /* who has its era knows no place of before */
    h->looked_ns = ea_clock_mono_ns();
    return EA_OK;
}
