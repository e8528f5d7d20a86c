/* The handlers' side of the hub: where a cursor stands, streams that are handed over, polls that are parked, and, for polls, what lies before the window. */
#include "fcgi/core/hub_private.h"

#include "fcgi/core/auth.h"
#include "fcgi/core/conn.h"
#include "fcgi/core/server_private.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/pg.h"

#include <inttypes.h>
#include <sodium.h>

/* ---- the log ---- */

static enum ea_err ask_number(const struct ea_hub *h, struct ea_pg *pg, enum ea_stmt stmt, int64_t *out)
{
    PGresult *res;
    enum ea_err err = ea_pg_run(pg, stmt, NULL, 0, &res);
    ea_metric_add(h->log_reads, 1);
    if (err == EA_OK)
        *out = ea_pg_i64(res, 0, 0);
    PQclear(res);
    return err;
}

static enum ea_err read_rows(struct ea_pg *pg, struct ea_arena *a, const struct ea_hub_stretch *of,
                             PGresult **res)
{
    const char *names = ea_pg_array(a, of->topics->v, of->topics->n);
    const char *from = ea_arena_printf(a, "%" PRId64, of->after),
               *to = ea_arena_printf(a, "%" PRId64, of->upto);
    const char *most = ea_arena_printf(a, "%" PRId64, of->limit);
    if (names == NULL || from == NULL || to == NULL || most == NULL)
        return EA_ENOMEM;
    return EA_PG(pg, a, res, STMT_EVENTS_OF_TOPICS, of->user->s, names, from, to, most);
}

enum ea_err ea_hub_read(const struct ea_hub *h, struct ea_pg *pg, struct ea_arena *a,
                        const struct ea_hub_stretch *of, PGresult **res, bool *whole)
{
    int64_t oldest = 0;
    enum ea_err err = read_rows(pg, a, of, res);
    ea_metric_add(h->log_reads, 1);
    if (err == EA_OK) /* asked afterwards: what goes between the two is missed by neither */
        err = ask_number(h, pg, STMT_EVENTS_OLDEST, &oldest);
    *whole = of->after + 1 >= oldest;
    return err;
}

/* ---- where to begin ---- */

enum asker { STREAM, POLL };

/* A cursor that is too old is found by who reads on from it. */
static enum ea_err find_cursor(struct ea_hub *h, struct ea_req *r, struct ea_hub_asking *a)
{
    int64_t newest = ea_hub_newest(h), end = 0;
    enum ea_err err = EA_OK;
    a->cursor = a->ask.after < 0 ? newest : a->ask.after;
    a->reset = a->ask.strange;
    if (a->cursor > newest) {
        /* Ahead of this process: another one has told the client more, or the cursor is not of this log. */
        err = ask_number(h, r->pg, STMT_EVENTS_NEWEST, &end);
        a->reset = a->cursor > end;
    }
    if (a->reset)
        a->cursor = newest;
    return err;
}

/* A session that was closed after the caller was let in, but before topics.at, is told of by no event after that. */
static enum ea_err check_session(const struct ea_req *r)
{
    return ea_auth_closed(r->server->auth, r->caller.claims.session.s) ? EA_EUNAUTHORIZED : EA_OK;
}

/* What is asked for the caller is known. */
static enum ea_err find_start(struct ea_hub *h, struct ea_req *r, struct ea_hub_asking *a)
{
    enum ea_err err = a->err;
    if (err == EA_OK)
        err = check_session(r);
    if (err == EA_OK)
        err = find_cursor(h, r, a);
    return err;
}

/* A place among those that one person may have. EA_ELIMIT. */
static enum ea_err take_seat(struct ea_hub *h, struct ea_req *r, struct ea_hub_asking *a)
{
    enum ea_err err = ea_seats_take(h->seats, &r->caller.claims.user);
    a->seated = err == EA_OK;
    if (err != EA_ELIMIT)
        return err;
    ea_metric_add(h->refused, 1);
    return ea_fail(r, err, "You have %u event streams open. Close one first.", ea_seats_most(h->seats));
}

/* Takes topics and seat. NULL: no memory, and they are still the asker's. */
static struct ea_sub *sub_of(struct ea_hub *h, struct ea_req *r, struct ea_hub_asking *a)
{
    struct ea_sub *s = ea_sub_new(h, r, &a->topics, a->cursor);
    if (s != NULL && a->seated) {
        s->seated = true;
        a->seated = false;
    }
    return s;
}

/* What no subscriber has taken. */
static void give_back(struct ea_hub *h, struct ea_req *r, struct ea_hub_asking *a)
{
    if (a->seated)
        ea_seats_leave(h->seats, &r->caller.claims.user);
    a->seated = false;
    ea_topic_list_clear(&a->topics);
}

/* Finds out what the caller may follow, then runs `then`: here, or as the handler of a parked request. */
static enum ea_err begin(struct ea_hub *h, struct ea_req *r, const struct ea_hub_ask *ask, enum asker kind,
                         ea_handler *then)
{
    struct ea_hub_asking *a = ea_arena_alloc(r->arena, sizeof(*a));
    if (a == NULL)
        return EA_ENOMEM;
    *a = (struct ea_hub_asking){ .r = r, .ask = *ask, .keep = kind == POLL, .era = ea_kept_era(h->kept) };
    a->topics.at = ea_hub_newest(h); /* after the era */
    if (ask->after >= 0 && ask->after < a->topics.at)
        a->topics.at = ask->after;
    r->state = a;
    bool stays = kind == STREAM || ask->wait_ms > 0;
    enum ea_err err = stays ? take_seat(h, r, a) : EA_OK;
    if (err == EA_OK)
        err = ea_hub_topics_ask(h, a, then);
    return err == EA_OK ? then(r) : err;
}

/* ---- streams ---- */

void ea_hub_put_reset(struct ea_buf *b, int64_t cursor)
{
    ea_buf_printf(b, "id: %" PRId64 "\nevent: reset\ndata: {\"cursor\": %" PRId64 "}\n\n", cursor, cursor);
}

static enum ea_err send_head(struct ea_req *r, const struct ea_hub_asking *a)
{
    enum ea_err err = ea_resp_header(r, "Cache-Control", "no-store");
    if (err == EA_OK)
        err = ea_resp_header(r, "X-Accel-Buffering", "no");
    if (err != EA_OK)
        return err;
    r->cursor = a->cursor;
    r->resp.content_type = "text/event-stream";
    ea_buf_printf(&r->resp.body, ":\nretry: %d\nid: %" PRId64 "\n\n", ea_hub_retry_ms(), a->cursor);
    if (a->reset)
        ea_hub_put_reset(&r->resp.body, a->cursor);
    return ea_resp_flush(r);
}

/* At its age, at a moment of its own in the second half of it, or with its token. */
static int64_t stream_end_ns(const struct ea_req *r)
{
    int64_t half_ms = ea_server_cfg(r->server)->stream_age_s * 500;
    int64_t age_ms = half_ms + (int64_t)randombytes_uniform((uint32_t)half_ms);
    int64_t token_ms = r->caller.claims.expires_s * 1000 - ea_clock_wall_us() / 1000;
    return ea_clock_mono_ns() + (token_ms < age_ms ? token_ms : age_ms) * EA_NS_PER_MS;
}

/* Takes the subscriber when EA_PARKED. */
static enum ea_err hand_over(struct ea_hub *h, struct ea_req *r, struct ea_sub *s)
{
    int request_id;
    s->end_ns = stream_end_ns(r);
    enum ea_err err = ea_conn_detach(r, &s->fd, &request_id, &s->keep);
    if (err != EA_OK)
        return err;
    /* From here on the connection is the hub's, or closed. Frames are made for the one request id that nginx uses. */
    if (request_id != EA_FCGI_REQUEST_ID || ea_hub_subscribe(h, s) != EA_OK) {
        ea_conn_give_back(r->server, s->fd, false);
        ea_sub_free(h, s);
    }
    ea_req_release(r);
    return EA_PARKED;
}

static enum ea_err stream_from(struct ea_hub *h, struct ea_req *r, struct ea_hub_asking *a)
{
    struct ea_sub *s = NULL;
    enum ea_err err = find_start(h, r, a);
    if (err == EA_OK && (s = sub_of(h, r, a)) == NULL)
        err = EA_ENOMEM;
    if (err == EA_OK)
        err = send_head(r, a);
    /* While draining the head is the whole stream: the client comes back, with the same cursor, to the next process. */
    if (err == EA_OK && r->method != EA_HEAD && !ea_hub_closed(h))
        err = hand_over(h, r, s);
    if (err != EA_PARKED)
        ea_sub_free(h, s);
    return err;
}

static enum ea_err go_on_streaming(struct ea_req *r)
{
    struct ea_hub *h = ea_server_hub(r->server);
    struct ea_hub_asking *a = r->state;
    enum ea_err err = stream_from(h, r, a);
    if (err != EA_PARKED) /* else all was taken, and r is gone */
        give_back(h, r, a);
    return err;
}

enum ea_err ea_hub_stream(struct ea_hub *h, struct ea_req *r, const struct ea_hub_ask *ask)
{
    return begin(h, r, ask, STREAM, go_on_streaming);
}

/* ---- polls ---- */

static void write_reset(struct ea_req *r, int64_t cursor)
{
    ea_poll_event(&r->resp.json, cursor, "reset", NULL,
                  ea_arena_printf(r->arena, "{\"cursor\": %" PRId64 "}", cursor));
}

/* Returns the cursor to go on from. */
static int64_t write_rows(struct ea_req *r, const PGresult *res, int64_t limit, int64_t upto,
                          struct ea_poll_shown *shown)
{
    int row = 0, rows = PQntuples(res);
    for (; row < rows && r->resp.body.len <= EA_HUB_POLL_BYTES; row++) {
        if (ea_event_internal(ea_pg_str(res, row, 1)))
            continue;
        shown->n++;
        ea_poll_event(&r->resp.json, ea_pg_i64(res, row, 0), ea_pg_str(res, row, 1), ea_pg_str(res, row, 2),
                      ea_pg_str(res, row, 3));
    }
    return row < rows || rows == limit ? ea_pg_i64(res, row - 1, 0) : upto;
}

/* res NULL, or rows up to `upto`. */
static enum ea_err answer(struct ea_req *r, const struct ea_hub_asking *a, const PGresult *res, int64_t upto)
{
    struct ea_poll_shown shown = { .asked = a->ask.after };
    int64_t cursor = a->cursor;
    ea_poll_begin(&r->resp.json);
    if (a->reset)
        write_reset(r, cursor);
    else if (res != NULL)
        cursor = write_rows(r, res, a->ask.limit, upto, &shown);
    ea_poll_end(r, a->reset ? NULL : &shown, cursor);
    return EA_OK;
}

static enum ea_err park(struct ea_hub *h, struct ea_req *r, struct ea_hub_asking *a)
{
    struct ea_sub *s = sub_of(h, r, a);
    if (s == NULL)
        return EA_ENOMEM;
    s->poll = r;
    s->fd = r->conn->fd;
    s->asked = a->ask.after;
    s->limit = a->ask.limit;
    s->end_ns = a->ask.wait_ms > 0 ? ea_clock_mono_ns() + a->ask.wait_ms * EA_NS_PER_MS : 0;
    enum ea_err err = ea_hub_subscribe(h, s);
    if (err == EA_OK)
        return EA_PARKED;
    ea_sub_free(h, s);
    return err == EA_EOVERLOAD ? answer(r, a, NULL, 0) : err; /* draining: it asks the next process */
}

/* What the caller might follow right after the cursor, which may have moved on since they were asked for. */
static enum ea_err find_topics(struct ea_hub *h, struct ea_req *r, struct ea_hub_asking *a)
{
    if (a->topics.at == a->cursor)
        return EA_OK;
    ea_topic_list_clear(&a->topics);
    return ea_hub_topics_load(h, r->pg, &r->caller.claims.user, a->cursor, &a->topics);
}

/* What lies before the window. Without any of it for the caller the poll goes on from where the window was. */
static enum ea_err poll_log(struct ea_hub *h, struct ea_req *r, struct ea_hub_asking *a)
{
    PGresult *res;
    bool whole;
    const struct ea_id *user = &r->caller.claims.user;
    const struct ea_hub_stretch of = { user, &a->topics, a->cursor, ea_hub_newest(h), a->ask.limit };
    enum ea_err err = find_topics(h, r, a);
    if (err == EA_OK)
        err = ea_hub_read(h, r->pg, r->arena, &of, &res, &whole);
    if (err != EA_OK)
        return err;
    if (!whole) {
        a->reset = true;
        a->cursor = of.upto;
    }
    if (a->reset || PQntuples(res) > 0)
        return answer(r, a, res, of.upto);
    a->cursor = of.upto;
    err = find_topics(h, r, a);
    return err == EA_OK ? park(h, r, a) : err;
}

static enum ea_err poll_from(struct ea_hub *h, struct ea_req *r, struct ea_hub_asking *a)
{
    enum ea_err err = find_start(h, r, a);
    if (err != EA_OK)
        return err;
    if (a->reset)
        return answer(r, a, NULL, 0);
    return a->cursor < ea_hub_window_after(h) ? poll_log(h, r, a) : park(h, r, a);
}

static enum ea_err go_on_polling(struct ea_req *r)
{
    struct ea_hub *h = ea_server_hub(r->server);
    struct ea_hub_asking *a = r->state;
    enum ea_err err = poll_from(h, r, a);
    if (err != EA_PARKED)
        give_back(h, r, a);
    return err;
}

enum ea_err ea_hub_poll(struct ea_hub *h, struct ea_req *r, const struct ea_hub_ask *ask)
{
    return begin(h, r, ask, POLL, go_on_polling);
}
