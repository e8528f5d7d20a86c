/* A job as an AMQP message and back: the body is the event's payload; kind, id and the rest are properties and headers. Used by mq.c. */
#ifndef EA_MQ_MESSAGE_H
#define EA_MQ_MESSAGE_H

#include "lib/arena.h"
#include "lib/err.h"
#include "lib/mq.h"

#include <amqp.h>

#define EA_MQ_HEADERS 5

struct ea_mq_properties { /* borrows from the message; valid as long as it */
    amqp_basic_properties_t basic;
    amqp_table_entry_t headers[EA_MQ_HEADERS];
    char id[24];
};
/* EA_EINPUT: a text is too long for its field. */
enum ea_err ea_mq_message_encode(const struct ea_mq_message *m, struct ea_mq_properties *out) EA_MUST;

/* Fills all but body, redelivered and tag; everything copied into the arena, "" or 0 where the message has none. */
enum ea_err ea_mq_message_decode(const amqp_basic_properties_t *p, struct ea_arena *a,
                                 struct ea_mq_message *out) EA_MUST;

#endif
