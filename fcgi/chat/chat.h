/* The chat responder: rooms, messages, everybody's stream of events. What its files share. */
#ifndef EA_CHAT_H
#define EA_CHAT_H

#include "fcgi/core/route.h"
#include "fcgi/core/server.h"
#include "lib/batch.h"

struct ea_redis;

struct chat { /* the service's data: made at start, read-only afterwards */
    struct ea_server *server;
    struct ea_batch *messages; /* writes what is said */
    struct ea_redis *redis;    /* the batcher's thread's own */
};

extern const struct ea_route chat_room_routes[];
extern const struct ea_route chat_message_routes[];
extern const struct ea_route chat_event_routes[];

/* The batcher behind POST …/messages. */
enum ea_err chat_message_batch_new(struct chat *c) EA_MUST;

#endif
