/* GET /v1/courses/{id}/students/{user_id}/performance: how a student did over time and per tag, and how that compares. A student sees their own, of what is shown to them
 * at this moment; so do the figures of the course that they see beside it, or unreleased marks would be told by their averages.
 *
 * The figures are the same for all who may see the same, and read every slot of the course. So they are kept in Redis for a hundred times as long as they took, and of
 * many who ask at once one works them out for its process (lib/flight.h). A course so large that they take longer than a statement may has none. What the student did
 * is read each time. */
#include "fcgi/core/server.h"
#include "fcgi/quiz/quiz.h"
#include "lib/clock.h"
#include "lib/flight.h"
#include "lib/pg.h"
#include "lib/redis.h"

#include <string.h>

#define KEPT_MIN_MS  ((int64_t)60 * 1000)
#define KEPT_TIMES   100
#define STUDENTS_MIN "10" /* of fewer there are no figures: quartiles of a few are somebody's marks */
#define MASTERY_OF   "10" /* the last items of a tag that say how well it is mastered now … */
#define MASTERY_MIN  "3"  /* … and how many there must be */

/* One request, across its parking. */
struct asked {
    struct ea_flight_seat seat; /* first */
    struct ea_req *r;
    const char *everything; /* whether the caller sees all of it */
    const char *key;
    const char *figures; /* of the course, as JSON */
    enum ea_err err;
};

/* *out NULL: not there, or no Redis. */
static enum ea_err look_up(struct asked *q)
{
    struct ea_buf found = { 0 };
    enum ea_err err = EA_OK;

    if (!ea_redis_get(q->r->redis, q->key, &found) && found.len > 0) {
        q->figures = ea_arena_ndup(q->r->arena, found.p, found.len);
        err = q->figures ? EA_OK : EA_ENOMEM;
    }
    ea_buf_free(&found);
    return err;
}

static enum ea_err work_out(struct asked *q)
{
    int64_t began = ea_clock_mono_ns();
    PGresult *res;
    enum ea_err err = EA_PG(q->r->pg, q->r->arena, &res, STMT_PERFORMANCE_FIGURES, q->r->vars[0],
                            q->everything, STUDENTS_MIN);

    if (err && err != EA_ERETRY)
        return err;
    q->figures = err ? "{}" : ea_pg_str(res, 0, 0);
    int64_t kept_ms = (ea_clock_mono_ns() - began) * KEPT_TIMES / EA_NS_PER_MS;
    if (ea_redis_set(q->r->redis, q->key, q->figures, strlen(q->figures),
                     kept_ms > KEPT_MIN_MS ? kept_ms : KEPT_MIN_MS))
        return EA_OK; /* the next one works them out again */
    return EA_OK;
}

static enum ea_err reply(struct ea_req *r)
{
    const struct asked *q = r->state;
    PGresult *res;
    enum ea_err err = q->err;

    if (err || (err = EA_PG(r->pg, r->arena, &res, STMT_PERFORMANCE, r->vars[0], r->vars[1], q->everything,
                            q->figures, MASTERY_OF, MASTERY_MIN)))
        return err;
    return PQntuples(res) == 0 ? EA_ENOTFOUND : ea_resp_json(r, ea_pg_str(res, 0, 0));
}

static void on_land(struct ea_flight_seat *seat, enum ea_err err, const char *v, size_t n)
{
    struct asked *q = (struct asked *)seat;

    q->err = err;
    if (!err && !(q->figures = ea_arena_ndup(q->r->arena, v, n)))
        q->err = EA_ENOMEM;
    ea_req_resume(q->r, reply);
}

static enum ea_err fetch_together(struct asked *q)
{
    struct ea_flight *flight = ((const struct quiz_service *)ea_server_data(q->r->server))->figures;
    bool leads;
    enum ea_err err = look_up(q);

    if (err || q->figures)
        return err;
    if ((err = ea_flight_board(flight, q->key, &q->seat, &leads)) || !leads)
        return err ? err : EA_PARKED;
    err = work_out(q);
    ea_flight_land(flight, q->key, err, q->figures, q->figures ? strlen(q->figures) : 0);
    return err;
}

static enum ea_err performance(struct ea_req *r)
{
    struct asked *q = ea_arena_alloc(r->arena, sizeof *q);
    struct ea_access access;
    enum ea_err err = q ? EA_OK : EA_ENOMEM;

    if (err || (err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_COURSE, r->vars[0], EA_CAP_VIEW, &access)))
        return err;
    bool marks = quiz_marks(r, &access);
    if (!marks && strcmp(r->vars[1], r->caller.claims.user.s) != 0)
        return EA_ENOTFOUND;
    *q = (struct asked){ .seat = { .on_land = on_land }, .r = r, .everything = quiz_bool(marks) };
    q->key = ea_arena_printf(r->arena, "ea:figures:%s:%s", r->vars[0], q->everything);
    r->state = q;
    err = q->key ? fetch_together(q) : EA_ENOMEM;
    return err ? err : reply(r);
}

const struct ea_route quiz_performance_routes[] = {
    { .method = EA_GET,
      .pattern = "/v1/courses/{id}/students/{user_id}/performance",
      .handler = performance,
      .who = EA_SIGNED_IN },
    EA_ROUTES_END,
};
