/* Who is there: POST /v1/presence says that the caller is, GET /v1/rooms/{id}/presence tells who of a room was seen lately, in any number; small rooms are told by the event `presence` as well
 * (fcgi/core/hub_presence.c). Nothing else that people do is a sign of presence: who never says it is never shown. */
#include "fcgi/chat/chat.h"

#include "fcgi/core/hub.h"
#include "fcgi/core/stamps.h"
#include "lib/clock.h"
#include "lib/pg.h"
#include "lib/redis.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN_MAX = 200 };

struct seen {
    const char *user;
    int64_t at_ms;
};

static enum ea_err presence_create(struct ea_req *r)
{
    ea_hub_seen(ea_server_hub(r->server), &r->caller.claims.user);
    return ea_resp_none(r);
}

/* ---- what is shown ---- */

static int newest_first(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    return x->at_ms != y->at_ms ? (y->at_ms > x->at_ms) - (y->at_ms < x->at_ms) : strcmp(x->user, y->user);
}

/* The people of a room who were seen, the newest first. */
static enum ea_err find_seen(struct ea_req *r, int64_t now_ms, struct seen **out, size_t *n,
                             int64_t *since_ms)
{
    PGresult *res;
    enum ea_err err = CHAT_READ(r, EA_OBJ_ROOM, EA_CAP_VIEW, NULL, &res, STMT_ROOM_HEARERS, r->vars[0]);
    if (err != EA_OK)
        return err;
    size_t people = (size_t)PQntuples(res);
    const char **users = ea_arena_array(r->arena, people + 1, sizeof(*users));
    int64_t *at_ms = ea_arena_array(r->arena, people + 1, sizeof(*at_ms));
    *out = ea_arena_array(r->arena, people + 1, sizeof(**out));
    *n = 0;
    if (users == NULL || at_ms == NULL || *out == NULL)
        return EA_ENOMEM;
    for (size_t i = 0; i < people; i++)
        users[i] = ea_pg_str(res, (int)i, 0);
    err = ea_stamps_get(r->redis, users, people, now_ms, at_ms, since_ms);
    for (size_t i = 0; err == EA_OK && i < people; i++)
        if (at_ms[i] != EA_STAMPS_NONE)
            (*out)[(*n)++] = (struct seen){ users[i], at_ms[i] };
    qsort(*out, *n, sizeof(**out), newest_first);
    return err;
}

static void put_time(struct ea_jw *w, const char *key, int64_t ms)
{
    ea_jw_key(w, key);
    ea_jw_time(w, ms * 1000);
}

static enum ea_err look(struct ea_req *r)
{
    struct ea_jw *w = &r->resp.json;
    struct seen *seen;
    size_t n;
    int64_t since_ms, now_ms = ea_clock_wall_us() / 1000;
    enum ea_err err = find_seen(r, now_ms, &seen, &n, &since_ms);
    if (err != EA_OK)
        return err;
    ea_jw_obj(w);
    ea_jw_key(w, "items");
    ea_jw_arr(w);
    for (size_t i = 0; i < n && i < SHOWN_MAX; i++) {
        ea_jw_obj(w);
        ea_jw_kstr(w, "user_id", seen[i].user);
        put_time(w, "last_seen_at", seen[i].at_ms);
        ea_jw_end(w);
    }
    ea_jw_end(w);
    ea_jw_kint(w, "seen", (int64_t)n);
    put_time(w, "known_since", since_ms);
    put_time(w, "server_time", now_ms);
    ea_jw_end(w);
    return EA_OK;
}

/* ---- many who ask ---- */

/* Everybody of a room is shown the same, so one answer is good for all of them for a moment: a lecture hall that asks costs one look at its people, not one for each. */
static enum ea_err look_for_all(struct ea_req *r, const char *key)
{
    enum ea_err err = look(r);
    if (err != EA_OK || r->resp.body.failed)
        return err;
    int64_t kept_ms = ea_server_cfg(r->server)->presence_s * 100;
    enum ea_err ignored = ea_redis_set(r->redis, key, r->resp.body.p, r->resp.body.len, kept_ms);
    (void)ignored; /* the next one looks, then */
    return EA_OK;
}

static enum ea_err presence_get(struct ea_req *r)
{
    const char *key = ea_arena_printf(r->arena, "ea:presence:%s", r->vars[0]);
    struct ea_buf kept = { 0 };
    enum ea_err err = key == NULL ? EA_ENOMEM : ea_redis_get(r->redis, key, &kept);
    if (err == EA_ENOTFOUND)
        err = look_for_all(r, key);
    else if (err == EA_OK) /* asked last, so that what is shown is no younger than the right to see it */
        err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ROOM, r->vars[0], EA_CAP_VIEW, NULL);
    if (err == EA_OK && kept.len > 0)
        err = ea_resp_json(r, kept.p);
    ea_buf_free(&kept);
    return err == EA_EUNAVAILABLE ? ea_fail(r, err, "Who is there is not known now.") : err;
}

const struct ea_route chat_presence_routes[] = {
    { .method = EA_POST,
      .pattern = "/v1/presence",
      .handler = presence_create,
      .who = EA_SIGNED_IN,
      .flags = EA_ROUTE_NO_KEY },
    { .method = EA_GET, .pattern = "/v1/rooms/{id}/presence", .handler = presence_get, .who = EA_SIGNED_IN },
    EA_ROUTES_END,
};
