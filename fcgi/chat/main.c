/* ea-chat: rooms, messages, event streams and polls. */
#include "fcgi/chat/chat.h"

#include "lib/blob.h"
#include "lib/log.h"
#include "lib/redis.h"

#include <stdlib.h>

static void free_data(struct ea_server *s, void *data)
{
    (void)s;
    struct chat *c = data;
    ea_redis_free(c->redis);
    ea_blobs_close(c->blobs);
    free(c);
}

static enum ea_err start(struct ea_server *s, void **data)
{
    const struct ea_cfg *cfg = ea_server_cfg(s);
    if (cfg->blob_dir[0] == '\0') {
        ea_log0(EA_LOG_ERROR, "EA_BLOB_DIR is needed to take in files");
        return EA_EINPUT;
    }
    struct chat *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return EA_ENOMEM;
    c->server = s;
    c->redis = ea_redis_new(cfg->redis);
    enum ea_err err = c->redis == NULL ? EA_ENOMEM : ea_blobs_open(cfg->blob_dir, &c->blobs);
    if (err == EA_OK)
        err = chat_message_batch_new(c);
    if (err == EA_OK)
        *data = c;
    else
        free_data(s, c);
    return err;
}

/* What is queued is written, and its requests go back to the pool. */
static void stop(struct ea_server *s, void *data)
{
    (void)s;
    struct chat *c = data;
    ea_batch_free(c->messages);
}

int main(int argc, char **argv)
{
    static const struct ea_route *const tables[] = {
        chat_room_routes,
        chat_member_routes,
        chat_read_routes,
        chat_message_routes,
        chat_history_routes,
        chat_edit_routes,
        chat_reaction_routes,
        chat_pin_routes,
        chat_file_routes,
        chat_search_routes,
        chat_question_routes,
        chat_hide_routes,
        chat_mute_routes,
        chat_report_routes,
        chat_retention_routes,
        chat_export_routes,
        chat_presence_routes,
        chat_event_routes,
        NULL,
    };
    static const struct ea_service service = {
        .name = "chat", .tables = tables, .hub = true, .start = start, .stop = stop, .free = free_data
    };
    return ea_server_main(&service, argc, argv);
}
