/* The handlers' side of the hub: where a cursor stands, and what lies before the window, from the database. */
#include "fcgi/core/hub_private.h"

#include "fcgi/core/conn.h"
#include "fcgi/core/window.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/pg.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

enum { PAGE = 500, AGE_MIN_S = 1800, AGE_SPREAD_S = 1800 };

static char *number(struct ea_req *r, int64_t n)
{
    return ea_arena_printf(r->arena, "%" PRId64, n);
}

static enum ea_err ask_number(struct ea_req *r, enum ea_stmt stmt, int64_t *out)
{
    PGresult *res;
    enum ea_err err = ea_pg_rows(r->pg, r->arena, &res, stmt, NULL, 0);
    if (err == EA_OK)
        *out = ea_pg_i64(res, 0, 0);
    return err;
}

struct start {
    int64_t cursor; /* to go on from */
    int64_t upto;   /* > cursor: read (cursor, upto] from the database first */
    bool reset;     /* the client's cursor means nothing here: it must fetch its state anew */
};

/* Inside the window, or in the log before it, or beyond what either reaches. */
static enum ea_err find_start(struct ea_hub *h, struct ea_req *r, const struct ea_hub_ask *ask,
                              struct start *out)
{
    int64_t newest = ea_hub_newest(h), edge = 0;
    enum ea_err err = EA_OK;
    *out = (struct start){ .cursor = ask->after < 0 ? newest : ask->after };
    if (out->cursor > newest) {
        /* Ahead of this process: another one has told the client more, or the cursor is not of this log. */
        err = ask_number(r, STMT_EVENTS_NEWEST, &edge);
        out->reset = out->cursor > edge;
    } else if (out->cursor < ea_hub_window_after(h)) {
        err = ask_number(r, STMT_EVENTS_OLDEST, &edge);
        out->reset = out->cursor + 1 < edge;
        out->upto = newest;
    }
    if (out->reset) {
        out->cursor = newest;
        out->upto = 0;
    }
    return err;
}

static enum ea_err read_page(struct ea_req *r, const struct ea_hub_ask *ask, const struct start *at,
                             int64_t limit, PGresult **res)
{
    const char *topics = ea_pg_array(r->arena, ask->topics, ask->topics_n);
    const char *after = number(r, at->cursor), *upto = number(r, at->upto), *most = number(r, limit);
    if (topics == NULL || after == NULL || upto == NULL || most == NULL)
        return EA_ENOMEM;
    return EA_PG(r->pg, r->arena, res, STMT_EVENTS_OF_TOPICS, topics, after, upto, most);
}

/* ---- streams ---- */

static void put_event(struct ea_buf *b, const PGresult *res, int row)
{
    if (ea_event_internal(ea_pg_str(res, row, 1)))
        return;
    /* jsonb as text has no line breaks */
    ea_buf_printf(b, "id: %s\nevent: %s\ndata: %s\n\n", ea_pg_str(res, row, 0), ea_pg_str(res, row, 1),
                  ea_pg_str(res, row, 3));
}

static enum ea_err replay(struct ea_req *r, const struct ea_hub_ask *ask, struct start *at)
{
    for (int rows = PAGE; at->cursor < at->upto && rows == PAGE;) {
        PGresult *res;
        enum ea_err err = read_page(r, ask, at, PAGE, &res);
        if (err != EA_OK)
            return err;
        rows = PQntuples(res);
        for (int i = 0; i < rows; i++)
            put_event(&r->resp.body, res, i);
        at->cursor = rows == PAGE ? ea_pg_i64(res, rows - 1, 0) : at->upto;
        err = ea_resp_flush(r);
        if (err != EA_OK)
            return err;
    }
    return EA_OK;
}

static enum ea_err send_head(struct ea_req *r, const struct start *at)
{
    enum ea_err err = ea_resp_header(r, "Cache-Control", "no-store");
    if (err == EA_OK)
        err = ea_resp_header(r, "X-Accel-Buffering", "no");
    if (err != EA_OK)
        return err;
    r->resp.content_type = "text/event-stream";
    ea_buf_printf(&r->resp.body, ":\nretry: %d\n\n", ea_hub_retry_ms());
    if (at->reset)
        ea_buf_printf(&r->resp.body, "id: %" PRId64 "\nevent: reset\ndata: {\"cursor\": %" PRId64 "}\n\n",
                      at->cursor, at->cursor);
    return ea_resp_flush(r);
}

static int64_t stream_end_ns(const struct ea_req *r)
{
    int64_t age_s = AGE_MIN_S + (int64_t)randombytes_uniform(AGE_SPREAD_S);
    int64_t token_s = r->caller.claims.expires_s - ea_clock_wall_us() / 1000000;
    return ea_clock_mono_ns() + (token_s < age_s ? token_s : age_s) * EA_NS_PER_S;
}

enum ea_err ea_hub_stream(struct ea_hub *h, struct ea_req *r, const struct ea_hub_ask *ask)
{
    struct start at;
    enum ea_err err = find_start(h, r, ask, &at);
    if (err == EA_OK)
        err = send_head(r, &at);
    if (err == EA_OK)
        err = replay(r, ask, &at);
    if (err != EA_OK)
        return err;
    struct ea_sub *s = ea_sub_new(r, ask, at.cursor);
    if (s == NULL)
        return EA_ENOMEM;
    s->end_ns = stream_end_ns(r);
    int request_id;
    err = ea_conn_detach(r, &s->fd, &request_id, &s->keep);
    if (err != EA_OK) {
        ea_sub_free(s);
        return err;
    }
    /* From here on the connection is the hub's, or closed. Frames are made for the one request id that nginx uses. */
    if (request_id != EA_FCGI_REQUEST_ID || ea_hub_subscribe(h, s) != EA_OK) {
        ea_conn_give_back(r->server, s->fd, false);
        ea_sub_free(s);
    }
    ea_req_release(r);
    return EA_PARKED;
}

/* ---- polls ---- */

static enum ea_err answer(struct ea_req *r, const struct start *at, const PGresult *res, int64_t limit)
{
    struct ea_jw *w = &r->resp.json;
    int rows = res == NULL ? 0 : PQntuples(res);
    ea_jw_obj(w);
    ea_jw_key(w, "events");
    ea_jw_arr(w);
    if (at->reset)
        ea_poll_event(w, at->cursor, "reset", NULL,
                      ea_arena_printf(r->arena, "{\"cursor\": %" PRId64 "}", at->cursor));
    for (int i = 0; i < rows; i++)
        if (!ea_event_internal(ea_pg_str(res, i, 1)))
            ea_poll_event(w, ea_pg_i64(res, i, 0), ea_pg_str(res, i, 1), ea_pg_str(res, i, 2),
                          ea_pg_str(res, i, 3));
    ea_jw_end(w);
    ea_jw_kint(w, "cursor",
               rows > 0 && rows == limit ? ea_pg_i64(res, rows - 1, 0)
               : at->upto > 0            ? at->upto
                                         : at->cursor);
    ea_jw_end(w);
    return EA_OK;
}

static enum ea_err park(struct ea_hub *h, struct ea_req *r, const struct ea_hub_ask *ask, int64_t cursor)
{
    struct ea_sub *s = ea_sub_new(r, ask, cursor);
    if (s == NULL)
        return EA_ENOMEM;
    s->poll = r;
    s->end_ns = ea_clock_mono_ns() + ask->wait_ms * EA_NS_PER_MS;
    enum ea_err err = ea_hub_subscribe(h, s);
    if (err == EA_OK)
        return EA_PARKED;
    ea_sub_free(s);
    return err;
}

enum ea_err ea_hub_poll(struct ea_hub *h, struct ea_req *r, const struct ea_hub_ask *ask)
{
    struct start at;
    PGresult *res = NULL;
    enum ea_err err = find_start(h, r, ask, &at);
    if (err == EA_OK && at.upto > at.cursor)
        err = read_page(r, ask, &at, ask->limit, &res);
    if (err != EA_OK)
        return err;
    if (at.reset || (res != NULL && PQntuples(res) > 0))
        return answer(r, &at, res, ask->limit);
    return park(h, r, ask, res == NULL ? at.cursor : at.upto);
}
