/* How far people have read: PUT /v1/rooms/{id}/read for oneself, GET /v1/messages/{id}/readers for how many have. What unread counts come from. */
#include "fcgi/chat/chat.h"

#include "lib/pg.h"

#include <inttypes.h>

static const struct ea_field read_fields[] = {
    { .name = "event_id", .type = EA_T_INT, .offset = 0, .flags = EA_REQUIRED, .min = 0, .max = INT64_MAX },
};
static const struct ea_schema read_schema = { "read", sizeof(struct ea_int), read_fields, 1 };

/* How far the caller has read; it only moves forward. */
static enum ea_err read_put(struct ea_req *r)
{
    const struct ea_int *event_id = r->input;
    const char *id = ea_arena_printf(r->arena, "%" PRId64, event_id->v);
    PGresult *res;
    enum ea_err err = id == NULL ? EA_ENOMEM : chat_begin(r, EA_OBJ_ROOM, EA_CAP_VIEW, NULL);
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_ROOM_READ_SET, r->vars[0], chat_me(r), id);
    if (err != EA_OK)
        return err;
    ea_jw_obj(&r->resp.json);
    ea_jw_kint(&r->resp.json, "event_id", ea_pg_i64(res, 0, 0));
    ea_jw_end(&r->resp.json);
    return EA_OK;
}

/* For who has said it and for who teaches. */
static enum ea_err readers_get(struct ea_req *r)
{
    struct ea_access access;
    PGresult *res;
    enum ea_err err = CHAT_READ(r, EA_OBJ_MESSAGE, EA_CAP_VIEW, &access, &res, STMT_MESSAGE_READERS,
                                r->vars[0], chat_me(r));
    if (err != EA_OK)
        return err;
    if (access.role < EA_COURSE_ASSISTANT && !ea_pg_bool(res, 0, 2))
        return EA_EFORBIDDEN;
    ea_jw_obj(&r->resp.json);
    ea_jw_kint(&r->resp.json, "read", ea_pg_i64(res, 0, 0));
    ea_jw_kint(&r->resp.json, "of", ea_pg_i64(res, 0, 1));
    ea_jw_end(&r->resp.json);
    return EA_OK;
}

const struct ea_route chat_read_routes[] = {
    { .method = EA_PUT,
      .pattern = "/v1/rooms/{id}/read",
      .handler = read_put,
      .who = EA_SIGNED_IN,
      .body = EA_BODY_JSON,
      .body_max = EA_KB(1),
      .input = &read_schema },
    { .method = EA_GET, .pattern = "/v1/messages/{id}/readers", .handler = readers_get, .who = EA_SIGNED_IN },
    EA_ROUTES_END,
};
