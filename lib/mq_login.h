/* The way in to RabbitMQ: socket, handshake, and what the broker says when it closes something. Used by mq.c. */
#ifndef EA_MQ_LOGIN_H
#define EA_MQ_LOGIN_H

#include "lib/err.h"

#include <amqp.h>
#include <stddef.h>

#define EA_MQ_FRAME_MAX 131072
#define EA_MQ_RPC_S     5 /* the broker's time for an answer */

/* On EA_OK *out is the caller's to amqp_destroy_connection; else why says what failed. */
enum ea_err ea_mq_login(const struct amqp_connection_info *info, amqp_connection_state_t *out, char *why,
                        size_t size) EA_MUST;

void ea_mq_login_closed(const amqp_method_t *method, char *why,
                        size_t size); /* words of a connection.close or channel.close */
void ea_mq_login_reply(amqp_rpc_reply_t reply, char *why,
                       size_t size); /* ... or of an RPC that failed in any way */

#endif
