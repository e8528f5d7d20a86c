/* /v1/courses/{id}/rooms, /v1/rooms/{id}: where a course talks. Discussions and announcements are everybody's in the course, a direct room its members'. */
#include "fcgi/chat/chat.h"

#include "lib/events.h"
#include "lib/id.h"
#include "lib/pg.h"

#include <inttypes.h>
#include <string.h>

enum { NAME_MAX_BYTES = 200, MEMBERS_MAX = 100 };

static const char *const kinds[] = { "discussion", "announcement", "direct", NULL };
enum { DISCUSSION, ANNOUNCEMENT, DIRECT };

struct room_input {
    struct ea_str name;
    struct ea_int kind;
    struct ea_list members; /* struct ea_str */
};

static const struct ea_field room_fields[] = {
    { .name = "name",
      .type = EA_T_STR,
      .offset = offsetof(struct room_input, name),
      .flags = EA_REQUIRED,
      .min = 1,
      .max = NAME_MAX_BYTES },
    { .name = "kind",
      .type = EA_T_ENUM,
      .offset = offsetof(struct room_input, kind),
      .flags = EA_REQUIRED,
      .values = kinds },
    { .name = "members",
      .type = EA_T_LIST,
      .offset = offsetof(struct room_input, members),
      .max = MEMBERS_MAX,
      .item = EA_T_UUID },
};
static const struct ea_schema room_schema = { "room", sizeof(struct room_input), room_fields,
                                              sizeof(room_fields) / sizeof(room_fields[0]) };

static const struct ea_field patch_fields[] = {
    { .name = "name", .type = EA_T_STR, .offset = 0, .flags = EA_REQUIRED, .min = 1, .max = NAME_MAX_BYTES },
};
static const struct ea_schema patch_schema = { "room change", sizeof(struct ea_str), patch_fields, 1 };

struct list_query {
    struct ea_int limit;
    struct ea_str cursor;
};
static const struct ea_field list_fields[] = {
    { .name = "limit",
      .type = EA_T_INT,
      .offset = offsetof(struct list_query, limit),
      .min = 1,
      .max = EA_PAGE_MAX },
    { .name = "cursor", .type = EA_T_STR, .offset = offsetof(struct list_query, cursor), .max = 256 },
};
static const struct ea_schema list_schema = { "page", sizeof(struct list_query), list_fields,
                                              sizeof(list_fields) / sizeof(list_fields[0]) };

static const char *me(const struct ea_req *r)
{
    return r->caller.claims.user.s;
}

/* A room as the caller sees it, with its ETag. */
static enum ea_err show(struct ea_req *r, const char *room)
{
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_ROOM_GET, room, me(r));
    if (err != EA_OK)
        return err;
    if (PQntuples(res) == 0)
        return EA_ENOTFOUND;
    ea_resp_etag(r, ea_pg_str(res, 0, 1));
    return ea_resp_json(r, ea_pg_str(res, 0, 0));
}

/* Tells who follows `topic` to follow the room as well, or no more. */
static enum ea_err tell(struct ea_req *r, char topic_kind, const char *topic_id, const char *member,
                        const char *room)
{
    char topic[EA_TOPIC_SIZE];
    const char *payload = ea_arena_printf(r->arena, "{\"%s\": [\"%c:%s\"]}", member, EA_TOPIC_ROOM, room);
    if (payload == NULL)
        return EA_ENOMEM;
    return ea_req_event(r, ea_topic(topic_kind, topic_id, topic), "membership.changed", payload, NULL);
}

static enum ea_err add_members(struct ea_req *r, const char *room, const char *const *users, size_t n)
{
    PGresult *res;
    const char *list = ea_pg_array(r->arena, users, n);
    if (list == NULL)
        return EA_ENOMEM;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_ROOM_MEMBERS_INSERT, room, list);
    for (int i = 0; err == EA_OK && i < PQntuples(res); i++)
        err = tell(r, EA_TOPIC_USER, ea_pg_str(res, i, 0), "add", room);
    return err;
}

/* A direct room's members: those named and who makes it. */
static enum ea_err add_first_members(struct ea_req *r, const char *room, const struct room_input *in)
{
    const struct ea_str *named = in->members.items;
    const char **users = ea_arena_array(r->arena, in->members.n + 1, sizeof(*users));
    if (users == NULL)
        return EA_ENOMEM;
    for (size_t i = 0; i < in->members.n; i++)
        users[i] = named[i].v;
    users[in->members.n] = me(r);
    return add_members(r, room, users, in->members.n + 1);
}

static enum ea_err room_create(struct ea_req *r)
{
    const struct room_input *in = r->input;
    struct ea_id id;
    PGresult *res;
    if (in->members.n > 0 && in->kind.v != DIRECT) {
        ea_faults_add(&r->faults, r->arena, "/members", "invalid",
                      "Only direct rooms have members of their own.");
        return EA_EINPUT;
    }
    /* Anybody of a course may talk to somebody in it; rooms for all are the teachers' to make. */
    enum ea_cap cap = in->kind.v == DIRECT ? EA_CAP_VIEW : EA_CAP_TEACH;
    enum ea_err err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_COURSE, r->vars[0], cap, NULL);
    if (err == EA_OK)
        err = ea_req_begin(r);
    if (err != EA_OK)
        return err;
    ea_id_new(&id);
    err = EA_PG(r->pg, r->arena, &res, STMT_ROOM_INSERT, id.s, r->vars[0], in->name.v, kinds[in->kind.v],
                me(r));
    if (err == EA_OK)
        err = in->kind.v == DIRECT ? add_first_members(r, id.s, in)
                                   : tell(r, EA_TOPIC_COURSE, r->vars[0], "add", id.s);
    if (err == EA_OK)
        err = ea_resp_created(r, "/v1/rooms/%s", id.s);
    return err == EA_OK ? show(r, id.s) : err;
}

static enum ea_err room_list(struct ea_req *r)
{
    const struct list_query *q = r->query_input;
    int64_t limit = q->limit.given ? q->limit.v : EA_PAGE_DEFAULT;
    const char *from, *most = ea_arena_printf(r->arena, "%" PRId64, limit + 1);
    PGresult *res;
    enum ea_err err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_COURSE, r->vars[0], EA_CAP_VIEW, NULL);
    if (err == EA_OK)
        err = ea_page_cursor(r, q->cursor.v, &from);
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_ROOM_LIST, r->vars[0], me(r), from, most);
    return err == EA_OK ? ea_resp_page(r, res, limit) : err;
}

static enum ea_err room_get(struct ea_req *r)
{
    enum ea_err err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ROOM, r->vars[0], EA_CAP_VIEW, NULL);
    return err == EA_OK ? show(r, r->vars[0]) : err;
}

static enum ea_err room_patch(struct ea_req *r)
{
    const struct ea_str *name = r->input;
    PGresult *res;
    enum ea_err err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ROOM, r->vars[0], EA_CAP_TEACH, NULL);
    if (err == EA_OK)
        err = ea_req_begin(r);
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_ROOM_GET, r->vars[0], me(r));
    if (err != EA_OK)
        return err;
    const char *version = ea_pg_str(res, 0, 1);
    err = ea_req_match(r, version);
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_ROOM_UPDATE, r->vars[0], version, name->v);
    if (err != EA_OK)
        return err;
    return PQntuples(res) == 0 ? EA_EPRECONDITION : show(r, r->vars[0]);
}

/* The room must be a direct one that the caller is in (teachers too: a direct room is private). */
static enum ea_err direct_room(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ROOM, r->vars[0], EA_CAP_VIEW, NULL);
    if (err == EA_OK)
        err = ea_req_begin(r);
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_ROOM_GET, r->vars[0], me(r));
    if (err == EA_OK && strcmp(ea_pg_str(res, 0, 2), kinds[DIRECT]) != 0)
        err =
            ea_fail(r, EA_ECONFLICT,
                    "Everybody of the course is in this room; only direct rooms have members of their own.");
    return err;
}

static enum ea_err member_put(struct ea_req *r)
{
    enum ea_err err = direct_room(r);
    if (err == EA_OK)
        err = add_members(r, r->vars[0], &r->vars[1], 1);
    return err == EA_OK ? ea_resp_none(r) : err;
}

static enum ea_err member_delete(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err = direct_room(r);
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_ROOM_MEMBER_DELETE, r->vars[0], r->vars[1]);
    if (err == EA_OK && PQntuples(res) == 0)
        err = EA_ENOTFOUND;
    if (err == EA_OK)
        err = tell(r, EA_TOPIC_USER, r->vars[1], "remove", r->vars[0]);
    return err == EA_OK ? ea_resp_none(r) : err;
}

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
    enum ea_err err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ROOM, r->vars[0], EA_CAP_VIEW, NULL);
    if (err == EA_OK && id == NULL)
        err = EA_ENOMEM;
    if (err == EA_OK)
        err = ea_req_begin(r);
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_ROOM_READ_SET, r->vars[0], me(r), id);
    if (err != EA_OK)
        return err;
    ea_jw_obj(&r->resp.json);
    ea_jw_kint(&r->resp.json, "event_id", ea_pg_i64(res, 0, 0));
    ea_jw_end(&r->resp.json);
    return EA_OK;
}

const struct ea_route chat_room_routes[] = {
    { .method = EA_POST,
      .pattern = "/v1/courses/{id}/rooms",
      .handler = room_create,
      .who = EA_SIGNED_IN,
      .body = EA_BODY_JSON,
      .body_max = EA_KB(64),
      .input = &room_schema },
    { .method = EA_GET,
      .pattern = "/v1/courses/{id}/rooms",
      .handler = room_list,
      .who = EA_SIGNED_IN,
      .query = &list_schema },
    { .method = EA_GET, .pattern = "/v1/rooms/{id}", .handler = room_get, .who = EA_SIGNED_IN },
    { .method = EA_PATCH,
      .pattern = "/v1/rooms/{id}",
      .handler = room_patch,
      .who = EA_SIGNED_IN,
      .body = EA_BODY_JSON,
      .body_max = EA_KB(16),
      .input = &patch_schema,
      .flags = EA_ROUTE_MATCH },
    { .method = EA_PUT,
      .pattern = "/v1/rooms/{id}/members/{user_id}",
      .handler = member_put,
      .who = EA_SIGNED_IN },
    { .method = EA_DELETE,
      .pattern = "/v1/rooms/{id}/members/{user_id}",
      .handler = member_delete,
      .who = EA_SIGNED_IN },
    { .method = EA_PUT,
      .pattern = "/v1/rooms/{id}/read",
      .handler = read_put,
      .who = EA_SIGNED_IN,
      .body = EA_BODY_JSON,
      .body_max = EA_KB(1),
      .input = &read_schema },
    EA_ROUTES_END,
};
