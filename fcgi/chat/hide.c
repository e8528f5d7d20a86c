/* /v1/messages/{id}/hidden: what nobody in the room is to read, until it is shown again. Its text stays, for who looks after the room. */
#include "fcgi/chat/chat.h"

#include "lib/pg.h"

enum ea_err chat_message_hide(struct ea_req *r, const char *id, bool hidden)
{
    PGresult *res;
    enum ea_err err =
        EA_PG(r->pg, r->arena, &res, STMT_MESSAGE_HIDE, id, chat_me(r), hidden ? "true" : "false");
    if (err != EA_OK || PQntuples(res) == 0)
        return err;
    if (hidden)
        err = chat_unsaid_event(r, ea_pg_str(res, 0, 2));
    return err == EA_OK ? chat_room_event(r, ea_pg_str(res, 0, 0), "message.updated", ea_pg_str(res, 0, 1))
                        : err;
}

static enum ea_err change(struct ea_req *r, bool hidden)
{
    struct chat_message m;
    enum ea_err err = chat_message_open(r, &m);
    if (err == EA_OK && !m.moderates)
        err = EA_EFORBIDDEN;
    if (err == EA_OK)
        err = chat_message_hide(r, r->vars[0], hidden);
    return err == EA_OK ? ea_resp_none(r) : err;
}

static enum ea_err hidden_put(struct ea_req *r)
{
    return change(r, true);
}

static enum ea_err hidden_delete(struct ea_req *r)
{
    return change(r, false);
}

const struct ea_route chat_hide_routes[] = {
    { .method = EA_PUT, .pattern = "/v1/messages/{id}/hidden", .handler = hidden_put, .who = EA_SIGNED_IN },
    { .method = EA_DELETE,
      .pattern = "/v1/messages/{id}/hidden",
      .handler = hidden_delete,
      .who = EA_SIGNED_IN },
    EA_ROUTES_END,
};
