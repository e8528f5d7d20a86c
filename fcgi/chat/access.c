/* Between the files of the responder: what the caller may do and for how long that is true, a message, events of a room, pages by event id. */
#include "fcgi/chat/chat.h"

#include "lib/events.h"
#include "lib/pg.h"

#include <string.h>

enum ea_err chat_read(struct ea_req *r, enum ea_object kind, enum ea_cap cap, struct ea_access *out,
                      PGresult **res, enum ea_stmt stmt, const char *const *args, size_t n)
{
    const struct ea_ask ask = { &r->caller, kind, r->vars[0], cap };
    return ea_authz_read(r->pg, r->arena, &ask, out, res, stmt, args, n);
}

enum ea_err chat_begin(struct ea_req *r, enum ea_object kind, enum ea_cap cap, struct ea_access *out)
{
    const struct ea_ask ask = { &r->caller, kind, r->vars[0], cap };
    enum ea_err err = ea_req_begin(r);
    return err == EA_OK ? ea_authz_hold(r->pg, &ask, out) : err;
}

enum ea_err chat_begin_people(struct ea_req *r, const char **kind, struct ea_access *out)
{
    PGresult *res;
    enum ea_err err = ea_req_begin(r);
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_ROOM_PEOPLE_LOCK, r->vars[0]);
    if (err == EA_OK && PQntuples(res) == 0)
        err = EA_ENOTFOUND;
    if (err != EA_OK)
        return err;
    *kind = ea_pg_str(res, 0, 0);
    return ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ROOM, r->vars[0], EA_CAP_VIEW, out);
}

enum { ROOM, AUTHOR, KIND, MINE, DELETED, HIDDEN, QUESTION, EDITABLE, MUTED }; /* columns of message_lock */

static void read_row(const PGresult *res, enum ea_course_role role, struct chat_message *m)
{
    *m = (struct chat_message){ .room = ea_pg_str(res, 0, ROOM),
                                .author = ea_pg_str(res, 0, AUTHOR),
                                .role = role,
                                .direct = strcmp(ea_pg_str(res, 0, KIND), "direct") == 0,
                                .mine = ea_pg_bool(res, 0, MINE),
                                .deleted = ea_pg_bool(res, 0, DELETED),
                                .hidden = ea_pg_bool(res, 0, HIDDEN),
                                .question = ea_pg_bool(res, 0, QUESTION),
                                .editable = ea_pg_bool(res, 0, EDITABLE),
                                .muted = role == EA_COURSE_STUDENT && ea_pg_bool(res, 0, MUTED) };
    m->moderates = role >= EA_COURSE_ASSISTANT && !m->direct;
}

enum ea_err chat_message_open(struct ea_req *r, struct chat_message *out)
{
    struct ea_access access;
    PGresult *res;
    enum ea_err err = chat_begin(r, EA_OBJ_MESSAGE, EA_CAP_VIEW, &access);
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_MESSAGE_LOCK, r->vars[0], chat_me(r));
    if (err != EA_OK)
        return err;
    if (PQntuples(res) == 0)
        return EA_ENOTFOUND;
    read_row(res, access.role, out);
    if (out->deleted)
        return ea_fail(r, EA_EGONE, "The message was taken back.");
    return EA_OK;
}

enum ea_err chat_message_write(struct ea_req *r, struct chat_message *out)
{
    enum ea_err err = chat_message_open(r, out);
    if (err != EA_OK || !out->muted)
        return err;
    return ea_fail(r, EA_EFORBIDDEN, "You cannot write in this room for a time.");
}

enum ea_err chat_room_event(struct ea_req *r, const char *room, const char *kind, const char *payload)
{
    char topic[EA_TOPIC_SIZE];
    return ea_req_event(r, ea_topic(EA_TOPIC_ROOM, room, topic), kind, payload, NULL);
}

enum ea_err chat_unsaid_event(struct ea_req *r, const char *payload)
{
    return ea_req_event(r, EA_TOPIC_SYS, EA_EVENTS_UNSAID, payload, NULL);
}

enum ea_err chat_page(struct ea_req *r, const PGresult *res, int64_t limit)
{
    struct ea_jw *w = &r->resp.json;
    int rows = PQntuples(res), shown = rows > limit ? (int)limit : rows;
    ea_jw_obj(w);
    ea_jw_key(w, "items");
    ea_jw_arr(w);
    for (int i = 0; i < shown; i++)
        ea_jw_raw(w, ea_pg_str(res, i, 0));
    ea_jw_end(w);
    ea_jw_kstr(w, "next", rows > shown ? ea_pg_str(res, shown - 1, 1) : NULL);
    ea_jw_end(w);
    return EA_OK;
}
