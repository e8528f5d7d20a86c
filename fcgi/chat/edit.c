/* PATCH and DELETE /v1/messages/{id}, …/history: changing what one has said while the room allows it, and taking it back. What it said before is kept, for who looks after the room. */
#include "fcgi/chat/chat.h"

#include "lib/pg.h"

#include <string.h>

static const struct ea_field edit_fields[] = {
    { .name = "text", .type = EA_T_STR, .offset = 0, .flags = EA_REQUIRED, .min = 1, .max = CHAT_TEXT_MAX },
};
static const struct ea_schema edit_schema = { "message change", sizeof(struct ea_str), edit_fields, 1 };

/* Leaves in the settings of the transaction what the text mentions, as sending does. *resolved: there may be something. */
static enum ea_err resolve(struct ea_req *r, const struct chat_message *m, const struct ea_str *text,
                           const char **resolved)
{
    const char *words, *none = NULL, *author, *room, *names, *files;
    PGresult *res;
    enum ea_err err = chat_mention_words(r->arena, text->v, text->len, &words);
    *resolved = words != NULL ? "true" : "false";
    if (err != EA_OK || words == NULL)
        return err;
    author = ea_pg_array(r->arena, &m->author, 1);
    room = ea_pg_array(r->arena, &m->room, 1);
    names = ea_pg_array(r->arena, &words, 1);
    files = ea_pg_array(r->arena, &none, 1);
    if (author == NULL || room == NULL || names == NULL || files == NULL)
        return EA_ENOMEM;
    err = EA_PG(r->pg, r->arena, &res, STMT_MESSAGE_STAGE, author, room, "{}", "{}", "{}", "{}", "{}", "{}",
                "{}", "{}", "{}");
    return err == EA_OK ? EA_PG(r->pg, r->arena, &res, STMT_MESSAGE_RESOLVE, names, files) : err;
}

/* The event, and the message as the reply. */
static enum ea_err tell(struct ea_req *r, const struct chat_message *m, const char *kind,
                        const PGresult *changed)
{
    PGresult *res;
    enum ea_err err = chat_room_event(r, m->room, kind, ea_pg_str(changed, 0, 0));
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_MESSAGE_GET, r->vars[0], chat_me(r));
    return err == EA_OK ? ea_resp_json(r, ea_pg_str(res, 0, 0)) : err;
}

static enum ea_err message_patch(struct ea_req *r)
{
    const struct ea_str *text = r->input;
    struct chat_message m;
    const char *html, *resolved;
    PGresult *res;
    enum ea_err err = chat_message_write(r, &m);
    if (err != EA_OK)
        return err;
    if (!m.mine)
        return ea_fail(r, EA_EFORBIDDEN, "Only who has said it can change it.");
    if (m.hidden)
        return ea_fail(r, EA_EFORBIDDEN, "The message is hidden.");
    if (!m.editable)
        return ea_fail(r, EA_EGONE, "The time in which it could be changed is over.");
    err = chat_html(r, text->v, text->len, &html);
    if (err == EA_OK)
        err = resolve(r, &m, text, &resolved);
    if (err == EA_OK)
        err =
            EA_PG(r->pg, r->arena, &res, STMT_MESSAGE_EDIT, r->vars[0], chat_me(r), text->v, html, resolved);
    return err == EA_OK ? tell(r, &m, "message.updated", res) : err;
}

static enum ea_err message_delete(struct ea_req *r)
{
    struct chat_message m;
    PGresult *res;
    enum ea_err err = chat_message_open(r, &m);
    if (err != EA_OK)
        return err;
    if (!m.mine && !m.moderates)
        return ea_fail(r, EA_EFORBIDDEN,
                       "Only who has said it can take it back, or who looks after the room.");
    err = EA_PG(r->pg, r->arena, &res, STMT_MESSAGE_DELETE, r->vars[0], chat_me(r));
    if (err == EA_OK)
        err = chat_unsaid_event(r, ea_pg_str(res, 0, 1));
    if (err == EA_OK)
        err = chat_room_event(r, m.room, "message.deleted", ea_pg_str(res, 0, 0));
    return err == EA_OK ? ea_resp_none(r) : err;
}

/* Every version, the newest first, with what is hidden or was taken back. Of direct rooms only to who has said it. */
static enum ea_err history_get(struct ea_req *r)
{
    struct ea_access access;
    PGresult *res;
    enum ea_err err = CHAT_READ(r, EA_OBJ_MESSAGE, EA_CAP_VIEW, &access, &res, STMT_MESSAGE_VERSIONS,
                                r->vars[0], chat_me(r));
    if (err != EA_OK)
        return err;
    bool direct = ea_pg_bool(res, 0, 1), mine = ea_pg_bool(res, 0, 2);
    if (direct ? !mine : access.role < EA_COURSE_ASSISTANT)
        return EA_EFORBIDDEN;
    return ea_resp_json(r, ea_pg_str(res, 0, 0));
}

const struct ea_route chat_edit_routes[] = {
    { .method = EA_PATCH,
      .pattern = "/v1/messages/{id}",
      .handler = message_patch,
      .who = EA_SIGNED_IN,
      .body = EA_BODY_JSON,
      .body_max = EA_KB(128),
      .input = &edit_schema },
    { .method = EA_DELETE, .pattern = "/v1/messages/{id}", .handler = message_delete, .who = EA_SIGNED_IN },
    { .method = EA_GET, .pattern = "/v1/messages/{id}/history", .handler = history_get, .who = EA_SIGNED_IN },
    EA_ROUTES_END,
};
