/* GET /v1/attempts/{id}/result: what a student gets back. What is graded is kept in Redis under the version of what it was made from, so a regrade or a change of
 * `show` asks for another key and nothing has to be forgotten. Without Redis it is read each time.
 *
 * Of many who ask for one result at once, one fetches it for the others of its process (lib/flight.h). Between processes nothing is agreed: each fills at most
 * once more, which is one statement, while a lock would cost everybody who fills two more trips. */
#include "fcgi/core/server.h"
#include "fcgi/quiz/quiz.h"
#include "lib/flight.h"
#include "lib/metrics.h"
#include "lib/pg.h"
#include "lib/redis.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_MS ((int64_t)3600 * 1000)

struct quiz_results {
    struct ea_flight *flight;
    struct ea_metric *cached, *shared, *read; /* how replies were come by */
};

/* One request for a result that is graded, across its parking. */
struct asked {
    struct ea_flight_seat seat; /* first */
    struct ea_req *r;
    const char *everything; /* whether the caller sees all of it */
    const char *version;
    const char *kept; /* "<version>\n<body>", when somebody else fetched it */
};

struct quiz_results *quiz_results_new(void)
{
    struct quiz_results *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->flight = ea_flight_new();
    if (!s->flight) {
        free(s);
        return NULL;
    }
#define FROM(what)                                                                                           \
    ea_metric_counter("ea_attempt_results_total", "Graded results, by where they came from",                 \
                      "from=\"" what "\"")
    s->cached = FROM("cache");
    s->shared = FROM("flight");
    s->read = FROM("database");
    return s;
}

void quiz_results_free(struct quiz_results *s)
{
    if (!s)
        return;
    ea_flight_free(s->flight);
    free(s);
}

static struct quiz_results *service(const struct ea_req *r)
{
    return ((const struct quiz_service *)ea_server_data(r->server))->results;
}

/* ---- from the database ---- */

/* What still changes has no version, and then no ETag. */
static enum ea_err reply(struct ea_req *r, const char *version, const char *body)
{
    if (version)
        ea_resp_etag(r, version);
    return ea_resp_json(r, body);
}

static enum ea_err read_result(struct ea_req *r, const char *everything, PGresult **res)
{
    enum ea_err err = EA_PG(r->pg, r->arena, res, STMT_ATTEMPT_RESULT, r->vars[0], everything);

    return !err && PQntuples(*res) == 0 ? EA_ENOTFOUND : err;
}

static enum ea_err read_and_reply(struct ea_req *r, const char *everything)
{
    PGresult *res;
    enum ea_err err = read_result(r, everything, &res);

    return err ? err : reply(r, ea_pg_str(res, 0, 1), ea_pg_str(res, 0, 0));
}

/* ---- what is kept ---- */

static enum ea_err reply_kept(struct ea_req *r, const char *kept)
{
    const char *end = strchr(kept, '\n');
    const char *version = end ? ea_arena_ndup(r->arena, kept, (size_t)(end - kept)) : NULL;

    if (!end)
        return EA_EINTERNAL;
    return version ? reply(r, version, end + 1) : EA_ENOMEM;
}

static const char *key_of(struct ea_req *r, const char *version)
{
    return ea_arena_printf(r->arena, "ea:result:%s", version);
}

/* *out fits the version, or is NULL: not there, or no Redis. */
static enum ea_err look_up(struct ea_req *r, const char *version, const char **out)
{
    struct ea_buf found = { 0 };
    const char *key = key_of(r, version);
    size_t n = strlen(version);
    enum ea_err err = key ? EA_OK : EA_ENOMEM;

    *out = NULL;
    if (!err && !ea_redis_get(r->redis, key, &found) && found.len > n && found.p[n] == '\n' &&
        memcmp(found.p, version, n) == 0) {
        *out = ea_arena_ndup(r->arena, found.p, found.len);
        err = *out ? EA_OK : EA_ENOMEM;
    }
    ea_buf_free(&found);
    return err;
}

/* Kept under the version that this very statement saw, which may be newer than the one that was asked for. */
static enum ea_err fill(struct ea_req *r, const char *everything, const char **out)
{
    PGresult *res;
    enum ea_err err = read_result(r, everything, &res);

    if (err)
        return err;
    const char *version = ea_pg_str(res, 0, 1), *key = version ? key_of(r, version) : NULL;
    *out = key ? ea_arena_printf(r->arena, "%s\n%s", version, ea_pg_str(res, 0, 0)) : NULL;
    if (!*out)
        return version ? EA_ENOMEM : EA_ERETRY; /* graded never runs again */
    if (ea_redis_set(r->redis, key, *out, strlen(*out), KEPT_MS))
        return EA_OK; /* the next one reads it again */
    return EA_OK;
}

static enum ea_err fetch(struct asked *q, const char **out)
{
    struct quiz_results *s = service(q->r);
    enum ea_err err = look_up(q->r, q->version, out);

    if (!err && *out)
        ea_metric_add(s->cached, 1);
    else if (!err) {
        err = fill(q->r, q->everything, out);
        ea_metric_add(s->read, 1);
    }
    return err;
}

/* ---- together ---- */

static enum ea_err share(struct ea_req *r)
{
    const struct asked *q = r->state;

    if (!q->kept) /* who fetched it failed, or we have no memory: once more alone */
        return read_and_reply(r, q->everything);
    ea_metric_add(service(r)->shared, 1);
    return reply_kept(r, q->kept);
}

static void on_land(struct ea_flight_seat *seat, enum ea_err err, const char *v, size_t n)
{
    struct asked *q = (struct asked *)seat;

    q->kept = err ? NULL : ea_arena_ndup(q->r->arena, v, n);
    ea_req_resume(q->r, share);
}

static enum ea_err fetch_together(struct ea_req *r, const char *everything, const char *version)
{
    struct ea_flight *flight = service(r)->flight;
    struct asked *q = ea_arena_alloc(r->arena, sizeof *q);
    const char *kept = NULL;
    bool leads;

    if (!q)
        return EA_ENOMEM;
    *q = (struct asked){
        .seat = { .on_land = on_land }, .r = r, .everything = everything, .version = version
    };
    r->state = q;
    enum ea_err err = ea_flight_board(flight, version, &q->seat, &leads);
    if (err || !leads)
        return err ? err : EA_PARKED;
    err = fetch(q, &kept);
    ea_flight_land(flight, version, err, kept, kept ? strlen(kept) : 0);
    return err ? err : reply_kept(r, kept);
}

static enum ea_err result(struct ea_req *r)
{
    struct ea_access access;
    const char *age = quiz_number(r, ea_req_age_us(r));
    PGresult *res;
    enum ea_err err = age ? EA_OK : EA_ENOMEM;

    if (err ||
        (err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ATTEMPT, r->vars[0], EA_CAP_VIEW, &access)))
        return err;
    const char *everything = quiz_bool(quiz_marks(r, &access));
    if ((err = EA_PG(r->pg, r->arena, &res, STMT_ATTEMPT_RESULT_VERSION, r->vars[0], everything, age)))
        return err;
    if (PQntuples(res) == 0)
        return EA_ENOTFOUND;
    if (ea_pg_bool(res, 0, 1))
        return fetch_together(r, everything, ea_pg_str(res, 0, 0));
    if (ea_pg_bool(res, 0, 2) && (err = quiz_attempt_touch(r, r->vars[0])))
        return err;
    return read_and_reply(r, everything);
}

const struct ea_route quiz_result_routes[] = {
    { .method = EA_GET, .pattern = "/v1/attempts/{id}/result", .handler = result, .who = EA_SIGNED_IN },
    EA_ROUTES_END,
};
