/* The responder that the regress tests talk to: real core, and routes that show what a client cannot see otherwise. */
#include "fcgi/core/conn.h"
#include "fcgi/core/server.h"
#include "lib/metrics.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static atomic_int kept, dropped; /* transactions of POST /v1/flaky */
static atomic_int touched;       /* by POST /v1/touch: a request that must not have run shows here */
static _Atomic(struct ea_req *) parked;

/* --- what it got ---------------------------------------------------------------------------------------------------------------- */

static enum ea_err echo(struct ea_req *r)
{
    struct ea_jw *w = &r->resp.json;
    ea_jw_obj(w);
    ea_jw_kstr(w, "path", r->path);
    ea_jw_kstr(w, "query", r->query);
    ea_jw_kstr(w, "probe", ea_req_header(r, "X-Probe"));
    ea_jw_kstr(w, "request_id", r->request_id);
    ea_jw_kstr(w, "trace", r->traceparent);
    ea_jw_kstr(w, "var", r->vars[0]);
    ea_jw_kstr(w, "var2", r->vars[1]);
    ea_jw_kint(w, "touched", touched);
    ea_jw_kint(w, "kept", kept);
    ea_jw_kint(w, "dropped", dropped);
    ea_jw_kbool(w, "parked", atomic_load(&parked) != NULL);
    ea_jw_end(w);
    return EA_OK;
}

static enum ea_err touch(struct ea_req *r)
{
    touched++;
    return echo(r);
}

static enum ea_err text(struct ea_req *r)
{
    char hash[EA_SHA256_HEX];
    ea_sha256_hex(r->body, r->body_len, hash);
    ea_jw_obj(&r->resp.json);
    ea_jw_kint(&r->resp.json, "bytes", (int64_t)r->body_len);
    ea_jw_kstr(&r->resp.json, "sha256", hash);
    ea_jw_end(&r->resp.json);
    return EA_OK;
}

/* Answers without having looked at the body. */
static enum ea_err ignore(struct ea_req *r)
{
    touched++;
    return ea_resp_json(r, "{\"ignored\":true}");
}

static enum ea_err metrics(struct ea_req *r)
{
    r->resp.content_type = "text/plain";
    ea_metrics_print(&r->resp.body);
    return EA_OK;
}

/* --- replies -------------------------------------------------------------------------------------------------------------------- */

struct size_query {
    struct ea_int n;
};
static const struct ea_field size_fields[] = {
    { .name = "n",
      .type = EA_T_INT,
      .offset = offsetof(struct size_query, n),
      .flags = EA_REQUIRED,
      .max = 1 << 30 },
};
static const struct ea_schema size_schema = { "size", sizeof(struct size_query), size_fields, 1 };

static enum ea_err big(struct ea_req *r)
{
    size_t n = (size_t)((struct size_query *)r->query_input)->n.v;
    r->resp.content_type = "text/plain";
    char *p = ea_buf_room(&r->resp.body, n);
    if (p == NULL)
        return EA_ENOMEM;
    memset(p, 'x', n);
    r->resp.body.len += n;
    return EA_OK;
}

struct page_query {
    struct ea_int limit;
    struct ea_str cursor;
};
static const struct ea_field page_fields[] = {
    { .name = "limit",
      .type = EA_T_INT,
      .offset = offsetof(struct page_query, limit),
      .min = 1,
      .max = EA_PAGE_MAX },
    { .name = "cursor", .type = EA_T_STR, .offset = offsetof(struct page_query, cursor), .max = 400 },
};
static const struct ea_schema page_schema = { "page", sizeof(struct page_query), page_fields, 2 };

/* A list of the numbers 1 to 10, as rows of a statement with LIMIT limit + 1 would give them. */
static enum ea_err pages(struct ea_req *r)
{
    const struct page_query *q = r->query_input;
    const int64_t limit = q->limit.given ? q->limit.v : EA_PAGE_DEFAULT;
    const char *after;
    PGresAttDesc columns[2] = { { .name = (char *)"json" }, { .name = (char *)"cursor" } };
    enum ea_err err = ea_page_cursor(r, q->cursor.v, &after);
    if (err != EA_OK)
        return err;
    PGresult *res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    if (res == NULL || PQsetResultAttrs(res, 2, columns) == 0)
        return EA_ENOMEM;
    int row = 0;
    for (long i = strtol(after, NULL, 10) + 1; i <= 10 && row <= limit; i++, row++) {
        char text[12];
        const int n = snprintf(text, sizeof text, "%ld", i);
        if (PQsetvalue(res, row, 0, text, n) == 0 || PQsetvalue(res, row, 1, text, n) == 0)
            err = EA_ENOMEM;
    }
    if (err == EA_OK)
        err = ea_resp_page(r, res, limit);
    PQclear(res);
    return err;
}

struct note {
    struct ea_str text;
};
static const struct ea_field note_fields[] = {
    { .name = "text",
      .type = EA_T_STR,
      .offset = offsetof(struct note, text),
      .flags = EA_REQUIRED,
      .min = 1,
      .max = 100 },
};
static const struct ea_schema note_schema = { "note", sizeof(struct note), note_fields, 1 };

/* Goes on until the client is gone. */
static enum ea_err endless(struct ea_req *r)
{
    static const char line[1024] = "data\n";
    enum ea_err err = EA_OK;
    r->resp.content_type = "text/plain";
    while (err == EA_OK) {
        ea_buf_add(&r->resp.body, line, sizeof line);
        err = ea_resp_flush(r);
    }
    return err;
}

static enum ea_err tagged(struct ea_req *r)
{
    ea_resp_etag(r, "7");
    enum ea_err err = ea_req_match(r, "7");
    return err == EA_OK ? ea_resp_json(r, "{\"version\":7}") : err;
}

/* --- parking and the hand-off ---------------------------------------------------------------------------------------------------- */

static enum ea_err park(struct ea_req *r)
{
    atomic_store(&parked, r);
    return EA_PARKED;
}

static enum ea_err unparked(struct ea_req *r)
{
    return ea_resp_json(r, "{\"unparked\":true}");
}

static enum ea_err unpark(struct ea_req *r)
{
    struct ea_req *other = atomic_exchange(&parked, NULL);
    if (other == NULL)
        return EA_ENOTFOUND;
    ea_req_resume(other, unparked);
    return ea_resp_none(r);
}

static void put_frame(int fd, int type, int id, const char *p, size_t n)
{
    unsigned char frame[8 + 64] = { 1, (unsigned char)type, (unsigned char)(id >> 8), (unsigned char)id,
                                    0, (unsigned char)n };
    memcpy(frame + 8, p, n);
    if (send(fd, frame, 8 + n, MSG_NOSIGNAL) != (ssize_t)(8 + n))
        abort();
}

/* Rule 11 as the hub does it, but at once: head and first bytes through libfcgi, the rest by hand, then the connection back. */
static enum ea_err handoff(struct ea_req *r)
{
    static const char end[8] = { 0 };
    struct ea_server *s = r->server;
    int fd, id;
    bool keep;
    r->resp.content_type = "text/event-stream";
    ea_buf_str(&r->resp.body, ": first\n\n");
    enum ea_err err = ea_resp_flush(r);
    if (err == EA_OK)
        err = ea_conn_detach(r, &fd, &id, &keep);
    if (err != EA_OK)
        return err;
    ea_req_release(r);
    put_frame(fd, 6, id, "data: second\n\n", 14);
    put_frame(fd, 6, id, "", 0);
    put_frame(fd, 3, id, end, sizeof end);
    ea_conn_give_back(s, fd, keep);
    return EA_PARKED;
}

/* Rule 10: what FCGX_Init left of the signals. */
static enum ea_err signals(struct ea_req *r)
{
    static const struct {
        const char *name;
        int signal;
    } asked[] = { { "term", SIGTERM }, { "usr1", SIGUSR1 }, { "pipe", SIGPIPE } };
    ea_jw_obj(&r->resp.json);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        struct sigaction now;
        sigset_t blocked;
        if (sigaction(asked[i].signal, NULL, &now) < 0 || pthread_sigmask(SIG_BLOCK, NULL, &blocked) != 0)
            return EA_EINTERNAL;
        const char *how = now.sa_handler == SIG_DFL   ? "default"
                          : now.sa_handler == SIG_IGN ? "ignored"
                                                      : "handled";
        ea_jw_key(&r->resp.json, asked[i].name);
        ea_jw_arr(&r->resp.json);
        ea_jw_str(&r->resp.json, how);
        ea_jw_bool(&r->resp.json, sigismember(&blocked, asked[i].signal) == 1);
        ea_jw_end(&r->resp.json);
    }
    ea_jw_end(&r->resp.json);
    return EA_OK;
}

/* --- writes ---------------------------------------------------------------------------------------------------------------------- */

/* One event per effect: how often it happened is the number of events. */
static enum ea_err note(struct ea_req *r)
{
    const struct note *in = r->input;
    struct ea_id id;
    enum ea_err err = ea_req_begin(r);
    if (err == EA_OK)
        err = ea_req_event(r, "sys", "note", "{}", NULL);
    if (err != EA_OK)
        return err;
    if (strcmp(in->text.v, "refused") == 0)
        return ea_fail(r, EA_ECONFLICT, "It is refused.");
    ea_id_new(&id);
    ea_jw_obj(&r->resp.json);
    ea_jw_kstr(&r->resp.json, "id", id.s);
    ea_jw_kstr(&r->resp.json, "text", in->text.v);
    ea_jw_end(&r->resp.json);
    return ea_resp_created(r, "/v1/notes/%s", id.s);
}

static void on_note(bool committed, void *arg)
{
    (void)arg;
    atomic_fetch_add(committed ? &kept : &dropped, 1);
}

/* Its transaction loses as often as ?n= says. */
static enum ea_err flaky(struct ea_req *r)
{
    int64_t *left = r->state;
    if (left == NULL) {
        r->state = left = ea_arena_alloc(r->arena, sizeof *left);
        if (left == NULL)
            return EA_ENOMEM;
        *left = ((struct size_query *)r->query_input)->n.v;
    }
    enum ea_err err = ea_req_begin(r);
    if (err == EA_OK)
        err = ea_req_event(r, "sys", "flaky", "{}", NULL);
    if (err == EA_OK)
        err = ea_req_after(r, on_note, NULL);
    if (err == EA_OK && (*left)-- > 0)
        return ea_fail(r, EA_ERETRY, "It lost.");
    return err == EA_OK ? ea_resp_none(r) : err;
}

static enum ea_err me(struct ea_req *r)
{
    ea_jw_obj(&r->resp.json);
    ea_jw_kstr(&r->resp.json, "id", r->caller.claims.user.s);
    ea_jw_kbool(&r->resp.json, "cookie", r->by_cookie);
    ea_jw_end(&r->resp.json);
    return EA_OK;
}

static const struct ea_route routes[] = {
    { EA_GET, "/v1/echo", echo, EA_ANYONE, .body = EA_BODY_NONE },
    { EA_GET, "/v1/things/{id}", echo, EA_ANYONE, .body = EA_BODY_NONE },
    { EA_GET, "/v1/things/{id}/words/{word}", echo, EA_ANYONE, .body = EA_BODY_NONE },
    { EA_POST, "/v1/touch", touch, EA_ANYONE, EA_BODY_TEXT, EA_MB(1), .media = "text/plain" },
    { EA_POST, "/v1/text", text, EA_ANYONE, EA_BODY_TEXT, EA_MB(1), .media = "text/plain text/csv" },
    { EA_POST, "/v1/small", text, EA_ANYONE, EA_BODY_TEXT, 16, .media = "text/plain" },
    { EA_POST, "/v1/ignore", ignore, EA_ANYONE, EA_BODY_STREAM, EA_MB(1),
      .media = "application/octet-stream" },
    { EA_GET, "/v1/metrics", metrics, EA_ANYONE, .body = EA_BODY_NONE },
    { EA_GET, "/v1/big", big, EA_ANYONE, .query = &size_schema },
    { EA_GET, "/v1/pages", pages, EA_ANYONE, .query = &page_schema },
    { EA_GET, "/v1/more-pages", pages, EA_ANYONE, .query = &page_schema },
    { EA_POST, "/v1/checked", echo, EA_ANYONE, EA_BODY_JSON, EA_KB(1), .input = &note_schema,
      .query = &size_schema },
    { EA_GET, "/v1/endless", endless, EA_ANYONE, .flags = EA_ROUTE_STREAM },
    { EA_GET, "/v1/tagged", tagged, EA_ANYONE, .body = EA_BODY_NONE },
    { EA_PUT, "/v1/tagged", tagged, EA_ANYONE, EA_BODY_JSON, EA_KB(1), .input = &note_schema,
      .flags = EA_ROUTE_MATCH },
    { EA_GET, "/v1/park", park, EA_ANYONE, .body = EA_BODY_NONE },
    { EA_GET, "/v1/unpark", unpark, EA_ANYONE, .body = EA_BODY_NONE },
    { EA_GET, "/v1/handoff", handoff, EA_ANYONE, .flags = EA_ROUTE_STREAM },
    { EA_GET, "/v1/signals", signals, EA_ANYONE, .body = EA_BODY_NONE },
    { EA_POST, "/v1/notes", note, EA_SIGNED_IN, EA_BODY_JSON, EA_KB(4), .input = &note_schema },
    { EA_POST, "/v1/flaky", flaky, EA_SIGNED_IN, .body = EA_BODY_NONE, .query = &size_schema },
    { EA_GET, "/v1/me", me, EA_SIGNED_IN, .flags = EA_ROUTE_TICKET },
    { EA_POST, "/v1/me", me, EA_SIGNED_IN, .body = EA_BODY_NONE },
    { EA_GET, "/v1/staff", me, EA_STAFF, .body = EA_BODY_NONE },
    EA_ROUTES_END,
};
static const struct ea_route *const tables[] = { routes, NULL };
static const struct ea_service service = { .name = "subject", .tables = tables };

int main(int argc, char **argv)
{
    return ea_server_main(&service, argc, argv);
}
