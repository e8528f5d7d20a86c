/* /v1/rooms/{id}/members/{user_id}: who is in a group. A direct room is one of exactly its people, so nobody comes or goes there. */
#include "fcgi/chat/chat.h"

#include "lib/events.h"
#include "lib/pg.h"

#include <string.h>

/* In the transaction that begins here, and whose course nobody else changes from there on: a group, and the caller teaches in its course. */
static enum ea_err open_group(struct ea_req *r)
{
    struct ea_access access;
    const char *kind;
    enum ea_err err = chat_begin_people(r, &kind, &access);
    if (err != EA_OK)
        return err;
    if (strcmp(kind, "direct") == 0)
        return ea_fail(r, EA_ECONFLICT, "A direct room is one of exactly its people; make another one.");
    if (strcmp(kind, "group") != 0)
        return ea_fail(r, EA_ECONFLICT, "Everybody of the course is in this room; only groups have members.");
    return access.role >= EA_COURSE_ASSISTANT ? EA_OK : EA_EFORBIDDEN;
}

/* Who teaches hears the group anyway, so their streams change nothing. But what was said before they became a member is not for them once they no longer teach, so the log is to hold when
 * that was. */
static enum ea_err tell_hearer(struct ea_req *r)
{
    char topic[EA_TOPIC_SIZE];
    return ea_req_event(r, ea_topic(EA_TOPIC_USER, r->vars[1], topic), "membership.changed",
                        "{\"add\": [], \"remove\": []}", NULL);
}

static enum ea_err member_put(struct ea_req *r)
{
    const char *list = ea_pg_array(r->arena, &r->vars[1], 1);
    PGresult *res;
    enum ea_err err = list == NULL ? EA_ENOMEM : open_group(r);
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_ROOM_MEMBERS_INSERT, r->vars[0], list);
    bool is_new = err == EA_OK && PQntuples(res) > 0;
    if (is_new)
        err = ea_pg_bool(res, 0, 1) ? tell_hearer(r)
                                    : chat_room_tell(r, EA_TOPIC_USER, r->vars[1], r->vars[0], true);
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_ROOM_MEMBER, r->vars[0], r->vars[1]);
    if (err == EA_OK && PQntuples(res) == 0)
        return ea_fail(r, EA_ENOTFOUND, "There is nobody like that in the course.");
    return err == EA_OK ? ea_resp_none(r) : err;
}

static enum ea_err member_delete(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err = open_group(r);
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_ROOM_MEMBER_DELETE, r->vars[0], r->vars[1]);
    if (err == EA_OK && PQntuples(res) == 0)
        err = EA_ENOTFOUND;
    bool is_news = err == EA_OK && ea_pg_bool(res, 0, 1);
    if (is_news)
        err = chat_room_tell(r, EA_TOPIC_USER, r->vars[1], r->vars[0], false);
    return err == EA_OK ? ea_resp_none(r) : err;
}

const struct ea_route chat_member_routes[] = {
    { .method = EA_PUT,
      .pattern = "/v1/rooms/{id}/members/{user_id}",
      .handler = member_put,
      .who = EA_SIGNED_IN },
    { .method = EA_DELETE,
      .pattern = "/v1/rooms/{id}/members/{user_id}",
      .handler = member_delete,
      .who = EA_SIGNED_IN },
    EA_ROUTES_END,
};
