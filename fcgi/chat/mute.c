/* /v1/rooms/{id}/mutes: students who may say nothing in a room for a time. */
#include "fcgi/chat/chat.h"

#include "lib/clock.h"
#include "lib/events.h"
#include "lib/pg.h"

#include <inttypes.h>
#include <string.h>

static const struct ea_field mute_fields[] = {
    { .name = "until", .type = EA_T_TIME, .offset = 0, .flags = EA_REQUIRED },
};
static const struct ea_schema mute_schema = { "mute", sizeof(struct ea_int), mute_fields, 1 };

/* Only who looks after the room; nobody does after a direct one. */
static enum ea_err judge(const struct ea_access *access, bool direct)
{
    return access->role >= EA_COURSE_ASSISTANT && !direct ? EA_OK : EA_EFORBIDDEN;
}

static enum ea_err begin(struct ea_req *r)
{
    struct ea_access access;
    const char *kind;
    enum ea_err err = chat_begin_people(r, &kind, &access);
    return err == EA_OK ? judge(&access, strcmp(kind, "direct") == 0) : err;
}

static enum ea_err tell(struct ea_req *r, const PGresult *res)
{
    char topic[EA_TOPIC_SIZE];
    return ea_req_event(r, ea_topic(EA_TOPIC_USER, r->vars[1], topic), "room.muted", ea_pg_str(res, 0, 0),
                        NULL);
}

static enum ea_err mute_put(struct ea_req *r)
{
    const struct ea_int *until = r->input;
    const char *us = ea_arena_printf(r->arena, "%" PRId64, until->v);
    PGresult *res;
    enum ea_err err = us == NULL ? EA_ENOMEM : begin(r);
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_MUTE_PUT, r->vars[0], r->vars[1], us, chat_me(r));
    if (err == EA_OK && PQntuples(res) == 0)
        return ea_fail(r, EA_ENOTFOUND, "There is no such student in this room.");
    if (err == EA_OK)
        err = tell(r, res);
    return err == EA_OK ? ea_resp_none(r) : err;
}

static enum ea_err mute_delete(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err = begin(r);
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_MUTE_DELETE, r->vars[0], r->vars[1], chat_me(r));
    if (err == EA_OK && PQntuples(res) == 0)
        err = EA_ENOTFOUND;
    if (err == EA_OK)
        err = tell(r, res);
    return err == EA_OK ? ea_resp_none(r) : err;
}

static enum ea_err mute_list(struct ea_req *r)
{
    struct ea_access access;
    PGresult *res, *direct;
    enum ea_err err = CHAT_READ(r, EA_OBJ_ROOM, EA_CAP_VIEW, &access, &res, STMT_MUTE_LIST, r->vars[0]);
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &direct, STMT_ROOM_IS_DIRECT, r->vars[0]); /* which never changes */
    if (err == EA_OK)
        err = judge(&access, ea_pg_bool(direct, 0, 0));
    return err == EA_OK ? chat_page(r, res, INT32_MAX) : err;
}

const struct ea_route chat_mute_routes[] = {
    { .method = EA_GET, .pattern = "/v1/rooms/{id}/mutes", .handler = mute_list, .who = EA_SIGNED_IN },
    { .method = EA_PUT,
      .pattern = "/v1/rooms/{id}/mutes/{user_id}",
      .handler = mute_put,
      .who = EA_SIGNED_IN,
      .body = EA_BODY_JSON,
      .body_max = EA_KB(1),
      .input = &mute_schema },
    { .method = EA_DELETE,
      .pattern = "/v1/rooms/{id}/mutes/{user_id}",
      .handler = mute_delete,
      .who = EA_SIGNED_IN },
    EA_ROUTES_END,
};
