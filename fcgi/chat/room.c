/* /v1/courses/{id}/rooms, /v1/rooms/{id}: where a course talks. Discussions and announcements are everybody's in the course, a direct
 * room is its people's, a group its members' and the teachers'. */
#include "fcgi/chat/chat.h"

#include "lib/events.h"
#include "lib/id.h"
#include "lib/pg.h"

#include <inttypes.h>
#include <string.h>

enum {
    NAME_MAX_BYTES = 200,
    MEMBERS_MAX = 100,
    DIRECT_MIN = 2,
    DIRECT_MAX = 9,
    EDIT_MAX_S = 7 * 24 * 3600,
    SLOW_MAX_S = 3600
};

static const char *const kinds[] = { "discussion", "announcement", "direct", "group", NULL };
enum { DISCUSSION, ANNOUNCEMENT, DIRECT, GROUP };

/* What is shown to who joins later of what was said before. */
static const char *const histories[] = { "all", "joined", NULL };
enum { ALL, JOINED };

struct room_input {
    struct ea_str name;
    struct ea_int kind, history;
    struct ea_list members; /* struct ea_str */
};

static const struct ea_field room_fields[] = {
    { .name = "name",
      .type = EA_T_STR,
      .offset = offsetof(struct room_input, name),
      .flags = EA_ONE_LINE,
      .min = 1,
      .max = NAME_MAX_BYTES },
    { .name = "kind",
      .type = EA_T_ENUM,
      .offset = offsetof(struct room_input, kind),
      .flags = EA_REQUIRED,
      .values = kinds },
    { .name = "history",
      .type = EA_T_ENUM,
      .offset = offsetof(struct room_input, history),
      .values = histories },
    { .name = "members",
      .type = EA_T_LIST,
      .offset = offsetof(struct room_input, members),
      .max = MEMBERS_MAX,
      .item = EA_T_UUID },
};
static const struct ea_schema room_schema = { "room", sizeof(struct room_input), room_fields,
                                              sizeof(room_fields) / sizeof(room_fields[0]) };

struct room_change {
    struct ea_str name;
    struct ea_int edit_s, slow_s, anonymous, history;
};

static const struct ea_field patch_fields[] = {
    { .name = "name",
      .type = EA_T_STR,
      .offset = offsetof(struct room_change, name),
      .flags = EA_ONE_LINE,
      .min = 1,
      .max = NAME_MAX_BYTES },
    { .name = "edit_s",
      .type = EA_T_INT,
      .offset = offsetof(struct room_change, edit_s),
      .min = 0,
      .max = EDIT_MAX_S },
    { .name = "slow_s",
      .type = EA_T_INT,
      .offset = offsetof(struct room_change, slow_s),
      .min = 0,
      .max = SLOW_MAX_S },
    { .name = "anonymous", .type = EA_T_BOOL, .offset = offsetof(struct room_change, anonymous) },
    { .name = "history",
      .type = EA_T_ENUM,
      .offset = offsetof(struct room_change, history),
      .values = histories },
};
static const struct ea_schema patch_schema = { "room change", sizeof(struct room_change), patch_fields,
                                               sizeof(patch_fields) / sizeof(patch_fields[0]) };

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

enum { JSON, VERSION, KIND, HISTORY }; /* columns of room_get */

/* A room as the caller sees it, with its ETag. */
static enum ea_err put_room(struct ea_req *r, const PGresult *res)
{
    ea_resp_etag(r, ea_pg_str(res, 0, VERSION));
    return ea_resp_json(r, ea_pg_str(res, 0, JSON));
}

/* In the transaction that has made or changed it. */
static enum ea_err show(struct ea_req *r, const char *room)
{
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_ROOM_GET, room, chat_me(r));
    return err == EA_OK ? put_room(r, res) : err;
}

enum ea_err chat_room_tell(struct ea_req *r, char topic_kind, const char *topic_id, const char *room,
                           bool hears)
{
    char topic[EA_TOPIC_SIZE];
    const char *payload = ea_arena_printf(
        r->arena, hears ? "{\"add\": [\"%c:%s\"], \"remove\": []}" : "{\"add\": [], \"remove\": [\"%c:%s\"]}",
        EA_TOPIC_ROOM, room);
    if (payload == NULL)
        return EA_ENOMEM;
    return ea_req_event(r, ea_topic(topic_kind, topic_id, topic), "membership.changed", payload, NULL);
}

/* Everybody who hears a room that is made for some: by name, or by role. */
static enum ea_err tell_hearers(struct ea_req *r, const char *room)
{
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_ROOM_HEARERS, room);
    for (int i = 0; err == EA_OK && i < PQntuples(res); i++)
        err = chat_room_tell(r, EA_TOPIC_USER, ea_pg_str(res, i, 0), room, true);
    return err;
}

/* Those named, each once, and who asks; of ids in the arena. */
static enum ea_err people_of(struct ea_req *r, const struct room_input *in, const char **out)
{
    const struct ea_str *named = in->members.items;
    const char **users = ea_arena_array(r->arena, in->members.n + 1, sizeof(*users));
    size_t n = 0;
    if (users == NULL)
        return EA_ENOMEM;
    users[n++] = chat_me(r);
    for (size_t i = 0; i < in->members.n; i++) {
        size_t k = 0;
        while (k < n && strcmp(users[k], named[i].v) != 0)
            k++;
        if (k == n)
            users[n++] = named[i].v;
    }
    if (in->kind.v == DIRECT && (n < DIRECT_MIN || n > DIRECT_MAX)) {
        ea_faults_add(&r->faults, r->arena, "/members", n < DIRECT_MIN ? "too-short" : "too-long",
                      "A direct room has from %d to %d people, who makes it included.", DIRECT_MIN,
                      DIRECT_MAX);
        return EA_EINPUT;
    }
    *out = ea_pg_array(r->arena, users, n);
    return *out == NULL ? EA_ENOMEM : EA_OK;
}

static enum ea_err not_of_the_course(struct ea_req *r)
{
    ea_faults_add(&r->faults, r->arena, "/members", "invalid", "Not all of them are in this course.");
    return EA_EINPUT;
}

/* The same people again is the same room, and 200. */
static enum ea_err create_direct(struct ea_req *r, const char *id, const struct room_input *in)
{
    const char *people;
    PGresult *res, *members;
    enum ea_err err = people_of(r, in, &people);
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_ROOM_DIRECT, id, r->vars[0], in->name.v, chat_me(r), people);
    if (err != EA_OK)
        return err;
    if (PQntuples(res) == 0)
        return not_of_the_course(r);
    const char *room = ea_pg_str(res, 0, 0);
    if (!ea_pg_bool(res, 0, 1))
        return show(r, room);
    err = EA_PG(r->pg, r->arena, &members, STMT_ROOM_MEMBERS_INSERT, room, people);
    if (err == EA_OK)
        err = tell_hearers(r, room);
    if (err == EA_OK)
        err = ea_resp_created(r, "/v1/rooms/%s", room);
    return err == EA_OK ? show(r, room) : err;
}

/* Its members are those named; who teaches hears it without being one. */
static enum ea_err add_group(struct ea_req *r, const char *id, const struct room_input *in)
{
    const struct ea_str *named = in->members.items;
    const char **users = ea_arena_array(r->arena, in->members.n + 1, sizeof(*users));
    PGresult *res;
    for (size_t i = 0; users != NULL && i < in->members.n; i++)
        users[i] = named[i].v;
    const char *list = users == NULL ? NULL : ea_pg_array(r->arena, users, in->members.n);
    if (list == NULL)
        return EA_ENOMEM;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_ROOM_MEMBERS_INSERT, id, list);
    if (err == EA_OK && (size_t)PQntuples(res) != in->members.n)
        return not_of_the_course(r); /* or named twice */
    return err == EA_OK ? tell_hearers(r, id) : err;
}

static enum ea_err create_for_many(struct ea_req *r, const char *id, const struct room_input *in)
{
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_ROOM_INSERT, id, r->vars[0], in->name.v,
                            kinds[in->kind.v], chat_me(r), histories[in->history.v]);
    if (err == EA_OK)
        err = in->kind.v == GROUP ? add_group(r, id, in)
                                  : chat_room_tell(r, EA_TOPIC_COURSE, r->vars[0], id, true);
    if (err == EA_OK)
        err = ea_resp_created(r, "/v1/rooms/%s", id);
    return err == EA_OK ? show(r, id) : err;
}

static enum ea_err check_input(struct ea_req *r, const struct room_input *in)
{
    if (in->kind.v != DIRECT && !in->name.given)
        ea_faults_add(&r->faults, r->arena, "/name", "required", "A room for many has a name.");
    if (in->members.n > 0 && in->kind.v != DIRECT && in->kind.v != GROUP)
        ea_faults_add(&r->faults, r->arena, "/members", "invalid",
                      "Only groups and direct rooms have members of their own.");
    if (in->kind.v == DIRECT && in->history.v == JOINED)
        ea_faults_add(&r->faults, r->arena, "/history", "invalid",
                      "A direct room is one of exactly its people; nobody joins it.");
    return r->faults.n > 0 ? EA_EINPUT : EA_OK;
}

static enum ea_err room_create(struct ea_req *r)
{
    const struct room_input *in = r->input;
    struct ea_id id;
    /* Anybody of a course may talk to somebody in it; other rooms are the teachers' to make. */
    enum ea_cap cap = in->kind.v == DIRECT ? EA_CAP_VIEW : EA_CAP_TEACH;
    enum ea_err err = chat_begin(r, EA_OBJ_COURSE, cap, NULL);
    if (err == EA_OK)
        err = check_input(r, in);
    if (err != EA_OK)
        return err;
    ea_id_new(&id);
    return in->kind.v == DIRECT ? create_direct(r, id.s, in) : create_for_many(r, id.s, in);
}

static enum ea_err room_list(struct ea_req *r)
{
    const struct list_query *q = r->query_input;
    int64_t limit = q->limit.given ? q->limit.v : EA_PAGE_DEFAULT;
    const char *from, *most = ea_arena_printf(r->arena, "%" PRId64, limit + 1);
    PGresult *res;
    enum ea_err err = most == NULL ? EA_ENOMEM : ea_page_cursor(r, q->cursor.v, &from);
    if (err == EA_OK)
        err = CHAT_READ(r, EA_OBJ_COURSE, EA_CAP_VIEW, NULL, &res, STMT_ROOM_LIST, r->vars[0], chat_me(r),
                        from, most, r->caller.claims.role == EA_ROLE_ADMIN ? "true" : "false");
    return err == EA_OK ? ea_resp_page(r, res, limit) : err;
}

static enum ea_err room_get(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err =
        CHAT_READ(r, EA_OBJ_ROOM, EA_CAP_VIEW, NULL, &res, STMT_ROOM_GET, r->vars[0], chat_me(r));
    return err == EA_OK ? put_room(r, res) : err;
}

/* NULL: it was not given, and stays. */
static const char *number(struct ea_req *r, const struct ea_int *v, bool *ok)
{
    const char *s = v->given ? ea_arena_printf(r->arena, "%" PRId64, v->v) : NULL;
    *ok = *ok && (s != NULL || !v->given);
    return s;
}

/* Whoever writes is to know who will read it. The event is also what gives the change its place in the log. */
static enum ea_err tell_history(struct ea_req *r, const char *history)
{
    const char *payload =
        ea_arena_printf(r->arena, "{\"room_id\": \"%s\", \"history\": \"%s\", \"user_id\": \"%s\"}",
                        r->vars[0], history, chat_me(r));
    return payload == NULL ? EA_ENOMEM : chat_room_event(r, r->vars[0], "history.changed", payload);
}

/* A direct room is nobody's to teach in, but whose it is may name it. */
static enum ea_err room_patch(struct ea_req *r)
{
    const struct room_change *in = r->input;
    struct ea_access access;
    PGresult *res;
    bool ok = true;
    const char *edit = number(r, &in->edit_s, &ok), *slow = number(r, &in->slow_s, &ok),
               *anonymous = number(r, &in->anonymous, &ok),
               *history = in->history.given ? histories[in->history.v] : NULL;
    enum ea_err err = ok ? chat_begin(r, EA_OBJ_ROOM, EA_CAP_VIEW, &access) : EA_ENOMEM;
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_ROOM_GET, r->vars[0], chat_me(r));
    if (err != EA_OK)
        return err;
    const char *version = ea_pg_str(res, 0, VERSION);
    bool direct = strcmp(ea_pg_str(res, 0, KIND), kinds[DIRECT]) == 0;
    bool turns = history != NULL && strcmp(ea_pg_str(res, 0, HISTORY), history) != 0;
    if (direct ? edit != NULL || slow != NULL || anonymous != NULL || history != NULL
               : access.role != EA_COURSE_TEACHER)
        return EA_EFORBIDDEN;
    err = ea_req_match(r, version);
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_ROOM_UPDATE, r->vars[0], version, in->name.v, edit, slow,
                    anonymous, history);
    if (err == EA_OK && PQntuples(res) == 0)
        err = EA_EPRECONDITION;
    if (err == EA_OK && turns)
        err = tell_history(r, history);
    return err == EA_OK ? show(r, r->vars[0]) : err;
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
    EA_ROUTES_END,
};
