/* /v1/messages/{id}/reactions/{emoji}: one person, one message, one sign. */
#include "fcgi/chat/chat.h"

#include "lib/pg.h"

#include <string.h>

enum { EMOJI_MAX_BYTES = 32, KINDS_MAX = 20 };

/* The event carries the count after it; the message's lock puts counts and events in one order. */
static enum ea_err change(struct ea_req *r, enum ea_stmt stmt)
{
    const char *emoji = r->vars[1];
    struct chat_message m;
    PGresult *res, *told;
    if (strlen(emoji) > EMOJI_MAX_BYTES)
        return EA_ENOTFOUND;
    enum ea_err err = chat_message_write(r, &m);
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, stmt, r->vars[0], emoji, chat_me(r));
    if (err != EA_OK || PQntuples(res) == 0)
        return err == EA_OK ? ea_resp_none(r) : err; /* it is as it was */
    err = EA_PG(r->pg, r->arena, &told, STMT_REACTION_PAYLOAD, r->vars[0], emoji, chat_me(r));
    if (err == EA_OK && ea_pg_i64(told, 0, 1) > KINDS_MAX)
        return ea_fail(r, EA_ECONFLICT, "A message has at most %d kinds of reactions.", KINDS_MAX);
    if (err == EA_OK)
        err = chat_room_event(r, m.room, "reaction.changed", ea_pg_str(told, 0, 0));
    return err == EA_OK ? ea_resp_none(r) : err;
}

static enum ea_err reaction_put(struct ea_req *r)
{
    return change(r, STMT_REACTION_PUT);
}

static enum ea_err reaction_delete(struct ea_req *r)
{
    return change(r, STMT_REACTION_DELETE);
}

const struct ea_route chat_reaction_routes[] = {
    { .method = EA_PUT,
      .pattern = "/v1/messages/{id}/reactions/{emoji}",
      .handler = reaction_put,
      .who = EA_SIGNED_IN },
    { .method = EA_DELETE,
      .pattern = "/v1/messages/{id}/reactions/{emoji}",
      .handler = reaction_delete,
      .who = EA_SIGNED_IN },
    EA_ROUTES_END,
};
