/* /v1/messages/{id}/pin, GET /v1/rooms/{id}/pins: what a room keeps at hand. Pinned by who looks after the room, in a direct one by anybody in it. */
#include "fcgi/chat/chat.h"

#include "lib/pg.h"

enum { PINS_MAX = 50 };

static enum ea_err change(struct ea_req *r, const char *pinned)
{
    struct chat_message m;
    PGresult *res;
    enum ea_err err = chat_message_open(r, &m);
    if (err != EA_OK)
        return err;
    if (!m.moderates && !m.direct)
        return EA_EFORBIDDEN;
    err = EA_PG(r->pg, r->arena, &res, STMT_MESSAGE_PIN, r->vars[0], chat_me(r), pinned);
    if (err != EA_OK || PQntuples(res) == 0)
        return err == EA_OK ? ea_resp_none(r) : err; /* it is as it was */
    err = chat_room_event(r, m.room, "pin.changed", ea_pg_str(res, 0, 0));
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_ROOM_PINS_COUNT, m.room);
    if (err == EA_OK && ea_pg_i64(res, 0, 0) > PINS_MAX)
        return ea_fail(r, EA_ECONFLICT, "A room has at most %d pinned messages.", PINS_MAX);
    return err == EA_OK ? ea_resp_none(r) : err;
}

static enum ea_err pin_put(struct ea_req *r)
{
    return change(r, "true");
}

static enum ea_err pin_delete(struct ea_req *r)
{
    return change(r, "false");
}

static enum ea_err pin_list(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err =
        CHAT_READ(r, EA_OBJ_ROOM, EA_CAP_VIEW, NULL, &res, STMT_ROOM_PINS, r->vars[0], chat_me(r));
    return err == EA_OK ? chat_page(r, res, INT32_MAX) : err;
}

const struct ea_route chat_pin_routes[] = {
    { .method = EA_PUT, .pattern = "/v1/messages/{id}/pin", .handler = pin_put, .who = EA_SIGNED_IN },
    { .method = EA_DELETE, .pattern = "/v1/messages/{id}/pin", .handler = pin_delete, .who = EA_SIGNED_IN },
    { .method = EA_GET, .pattern = "/v1/rooms/{id}/pins", .handler = pin_list, .who = EA_SIGNED_IN },
    EA_ROUTES_END,
};
