/* ea-chat: rooms, messages, event streams and polls. */
#include "fcgi/chat/chat.h"

#include "lib/redis.h"

#include <stdlib.h>

static enum ea_err start(struct ea_server *s, void **data)
{
    struct chat *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return EA_ENOMEM;
    c->server = s;
    c->redis = ea_redis_new(ea_server_cfg(s)->redis);
    enum ea_err err = c->redis == NULL ? EA_ENOMEM : chat_message_batch_new(c);
    if (err != EA_OK) {
        ea_redis_free(c->redis);
        free(c);
        return err;
    }
    *data = c;
    return EA_OK;
}

/* What is queued is written, and its requests go back to the pool. */
static void stop(struct ea_server *s, void *data)
{
    (void)s;
    struct chat *c = data;
    ea_batch_free(c->messages);
}

static void free_data(struct ea_server *s, void *data)
{
    (void)s;
    struct chat *c = data;
    ea_redis_free(c->redis);
    free(c);
}

int main(int argc, char **argv)
{
    static const struct ea_route *const tables[] = { chat_room_routes, chat_message_routes, chat_event_routes,
                                                     NULL };
    static const struct ea_service service = {
        .name = "chat", .tables = tables, .hub = true, .start = start, .stop = stop, .free = free_data
    };
    return ea_server_main(&service, argc, argv);
}
