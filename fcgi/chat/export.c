/* GET /v1/rooms/{id}/export: everything that a room holds, one JSON object per line, in the order in which it was said. Streamed: memory is that of one message and one chunk. */
#include "fcgi/chat/chat.h"

#include "lib/pg.h"

#define CHUNK EA_KB(16) /* sent at once */

/* Of a direct room anybody who is in it, of others who looks after them. */
static enum ea_err judge(const struct ea_access *access, bool direct)
{
    return direct || access->role >= EA_COURSE_ASSISTANT ? EA_OK : EA_EFORBIDDEN;
}

/* Lets in and leaves a trace, which is to stay even if the reader hangs up: a transaction of its own. */
static enum ea_err note(struct ea_req *r, bool *direct)
{
    struct ea_access access;
    PGresult *res;
    enum ea_err err = CHAT_READ(r, EA_OBJ_ROOM, EA_CAP_VIEW, &access, &res, STMT_ROOM_IS_DIRECT, r->vars[0]);
    if (err != EA_OK)
        return err;
    *direct = ea_pg_bool(res, 0, 0);
    err = judge(&access, *direct);
    return err == EA_OK ? EA_PG(r->pg, r->arena, &res, STMT_ROOM_EXPORT_NOTE, r->vars[0], chat_me(r)) : err;
}

/* The snapshot that is taken along, and whether they still may in it. */
static enum ea_err begin(struct ea_req *r, bool direct)
{
    struct ea_access access;
    enum ea_err err = ea_pg_begin_snapshot(r->pg);
    if (err == EA_OK)
        err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ROOM, r->vars[0], EA_CAP_VIEW, &access);
    if (err == EA_OK)
        err = judge(&access, direct);
    return err == EA_OK ? ea_pg_run(r->pg, STMT_ROOM_EXPORT_PATIENCE, NULL, 0, NULL) : err;
}

static enum ea_err put_row(const PGresult *row, void *arg)
{
    struct ea_req *r = arg;
    ea_buf_str(&r->resp.body, ea_pg_str(row, 0, 0));
    ea_buf_char(&r->resp.body, '\n');
    return r->resp.body.len < CHUNK ? EA_OK : ea_resp_flush(r);
}

static enum ea_err export_get(struct ea_req *r)
{
    const char *const args[] = { r->vars[0], chat_me(r) };
    bool direct;
    enum ea_err err = note(r, &direct);
    r->resp.content_type = "application/x-ndjson";
    if (err == EA_OK)
        err = ea_resp_header(r, "Content-Disposition", "attachment; filename=\"room.ndjson\"");
    if (err == EA_OK)
        err = begin(r, direct);
    if (err == EA_OK)
        err = ea_pg_each(r->pg, STMT_ROOM_EXPORT, args, 2, put_row, r);
    return err == EA_OK ? ea_resp_flush(r) : err; /* of an empty room too, which has the type all the same */
}

const struct ea_route chat_export_routes[] = {
    { .method = EA_GET,
      .pattern = "/v1/rooms/{id}/export",
      .handler = export_get,
      .who = EA_SIGNED_IN,
      .flags = EA_ROUTE_STREAM },
    EA_ROUTES_END,
};
