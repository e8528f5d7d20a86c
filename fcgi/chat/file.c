/* POST /v1/rooms/{id}/files, GET /v1/messages/{id}/files/{file_id}: what comes with messages. A file is sent first, and is nobody's to read before a message names it. */
#include "fcgi/chat/chat.h"

#include "fcgi/core/download.h"
#include "fcgi/core/upload.h"
#include "lib/pg.h"

#include <inttypes.h>

#define UPLOAD_MAX EA_MB(64) /* a whole multipart body; nginx is told the same */
#define FILE_MAX   EA_MB(32)
enum { FILES_A_DAY = 200 };

/* One row per file, in the order they came; the reply. */
static enum ea_err insert(struct ea_req *r, const struct ea_upload *up, PGresult **res)
{
    enum { ID, NAME, SIZE, SHA256, MEDIA_TYPE, BLOB, COLUMNS };
    const char *values[COLUMNS][CHAT_FILES_MAX], *arrays[COLUMNS];
    for (size_t i = 0; i < up->files_n; i++) {
        const struct ea_upload_file *f = &up->files[i];
        values[ID][i] = f->id.s;
        values[NAME][i] = f->name;
        values[SIZE][i] = ea_arena_printf(r->arena, "%" PRId64, f->blob.size);
        values[SHA256][i] = f->blob.sha256;
        values[MEDIA_TYPE][i] = f->media_type;
        values[BLOB][i] = f->blob.key;
        if (values[SIZE][i] == NULL)
            return EA_ENOMEM;
    }
    for (size_t c = 0; c < COLUMNS; c++)
        if ((arrays[c] = ea_pg_array(r->arena, values[c], up->files_n)) == NULL)
            return EA_ENOMEM;
    return EA_PG(r->pg, r->arena, res, STMT_MESSAGE_FILES_INSERT, r->vars[0], chat_me(r), arrays[ID],
                 arrays[NAME], arrays[SIZE], arrays[SHA256], arrays[MEDIA_TYPE], arrays[BLOB]);
}

static enum ea_err file_create(struct ea_req *r)
{
    static const struct ea_upload_limits limits = { .file = true,
                                                    .max_files = CHAT_FILES_MAX,
                                                    .max_bytes = FILE_MAX };
    const struct chat *c = ea_server_data(r->server);
    struct ea_upload *up;
    PGresult *res;
    enum ea_err err =
        CHAT_READ(r, EA_OBJ_ROOM, EA_CAP_VIEW, NULL, &res, STMT_ROOM_WRITABLE, r->vars[0], chat_me(r));
    if (err != EA_OK)
        return err;
    if (!ea_pg_bool(res, 0, 0))
        return ea_fail(r, EA_EFORBIDDEN, "You cannot write in this room.");
    if (ea_pg_i64(res, 0, 1) >= FILES_A_DAY)
        return ea_fail(r, EA_ELIMIT, "You have sent %d files since yesterday.", FILES_A_DAY);
    err = ea_upload_read(r, c->blobs, &limits, &up);
    if (err == EA_OK && up->files_n == 0) {
        ea_faults_add(&r->faults, r->arena, "/file", "required", "There is no file.");
        err = EA_EINPUT;
    }
    if (err == EA_OK)
        err = chat_begin(r, EA_OBJ_ROOM, EA_CAP_VIEW, NULL); /* the upload may have taken minutes */
    if (err == EA_OK)
        err = insert(r, up, &res);
    if (err != EA_OK)
        return err;
    r->resp.status = 201;
    err = ea_resp_json(r, ea_pg_str(res, 0, 0));
    up->commits = err == EA_OK;
    return err;
}

static enum ea_err file_get(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err =
        CHAT_READ(r, EA_OBJ_MESSAGE, EA_CAP_VIEW, NULL, &res, STMT_MESSAGE_FILE, r->vars[0], r->vars[1]);
    if (err != EA_OK)
        return err;
    if (PQntuples(res) == 0)
        return EA_ENOTFOUND;
    return ea_download(r, ea_pg_str(res, 0, 0), ea_pg_str(res, 0, 1), ea_pg_str(res, 0, 2));
}

const struct ea_route chat_file_routes[] = {
    { .method = EA_POST,
      .pattern = "/v1/rooms/{id}/files",
      .handler = file_create,
      .who = EA_SIGNED_IN,
      .body = EA_BODY_STREAM,
      .body_max = UPLOAD_MAX,
      .media = "multipart/form-data" },
    { .method = EA_GET,
      .pattern = "/v1/messages/{id}/files/{file_id}",
      .handler = file_get,
      .who = EA_SIGNED_IN },
    EA_ROUTES_END,
};
