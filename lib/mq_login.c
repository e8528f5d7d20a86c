#include "lib/mq_login.h"

#include <amqp_tcp_socket.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define CHANNELS       1
#define HEARTBEAT_S    20
#define CONNECT_S      3
#define SILENT_PEER_MS 15000 /* what the peer's TCP has not acknowledged for so long ends the connection */
#define SEND_BUFFER    (256 * 1024)

static enum ea_err open_socket(const struct amqp_connection_info *info, amqp_connection_state_t conn,
                               char *why, size_t size)
{
    struct timeval wait = { .tv_sec = CONNECT_S };
    unsigned silent_ms = SILENT_PEER_MS;
    int buffer = SEND_BUFFER, status, fd;
    amqp_socket_t *socket = amqp_tcp_socket_new(conn); /* conn's from here */

    if (socket == NULL)
        return EA_ENOMEM;
    status = amqp_socket_open_noblock(socket, info->host, info->port, &wait);
    if (status != AMQP_STATUS_OK) {
        snprintf(why, size, "connect: %s", amqp_error_string2(status));
        return EA_EUNAVAILABLE;
    }
    fd = amqp_get_sockfd(conn);
    if (setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_ms, sizeof(silent_ms)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer)) != 0) {
        snprintf(why, size, "connect: %s", strerror(errno));
        return EA_EUNAVAILABLE;
    }
    return EA_OK;
}

static amqp_table_entry_t capability(const char *name)
{
    amqp_table_entry_t e;

    memset(&e, 0, sizeof(e));
    e.key = amqp_cstring_bytes(name);
    e.value.kind = AMQP_FIELD_KIND_BOOLEAN;
    e.value.value.boolean = 1;
    return e;
}

/* The library announces none of these capabilities by itself; without the first the broker tells nobody of its alarms. */
static enum ea_err shake_hands(const struct amqp_connection_info *info, amqp_connection_state_t conn,
                               char *why, size_t size)
{
    amqp_table_entry_t can[] = { capability("connection.blocked"), capability("consumer_cancel_notify"),
                                 capability("publisher_confirms"), capability("basic.nack") };
    amqp_table_entry_t properties[2];
    amqp_table_t table = { .num_entries = 2, .entries = properties };
    struct timeval wait = { .tv_sec = EA_MQ_RPC_S };
    amqp_rpc_reply_t reply;
    char text[200];

    memset(properties, 0, sizeof(properties));
    properties[0].key = amqp_cstring_bytes("capabilities");
    properties[0].value.kind = AMQP_FIELD_KIND_TABLE;
    properties[0].value.value.table.num_entries = sizeof(can) / sizeof(can[0]);
    properties[0].value.value.table.entries = can;
    properties[1].key = amqp_cstring_bytes("connection_name");
    properties[1].value.kind = AMQP_FIELD_KIND_UTF8;
    properties[1].value.value.bytes = amqp_cstring_bytes(program_invocation_short_name);
    if (amqp_set_handshake_timeout(conn, &wait) != AMQP_STATUS_OK ||
        amqp_set_rpc_timeout(conn, &wait) != AMQP_STATUS_OK)
        return EA_EINTERNAL;
    reply = amqp_login_with_properties(conn, info->vhost, CHANNELS, EA_MQ_FRAME_MAX, HEARTBEAT_S, &table,
                                       AMQP_SASL_METHOD_PLAIN, info->user, info->password);
    if (reply.reply_type == AMQP_RESPONSE_NORMAL)
        return EA_OK;
    ea_mq_login_reply(reply, text, sizeof(text));
    snprintf(why, size, "log in: %s", text);
    return EA_EUNAVAILABLE;
}

enum ea_err ea_mq_login(const struct amqp_connection_info *info, amqp_connection_state_t *out, char *why,
                        size_t size)
{
    amqp_connection_state_t conn = amqp_new_connection();
    enum ea_err err;

    *out = NULL;
    snprintf(why, size, "out of memory");
    if (conn == NULL)
        return EA_ENOMEM;
    err = open_socket(info, conn, why, size);
    if (err == EA_OK)
        err = shake_hands(info, conn, why, size);
    if (err == EA_OK)
        *out = conn;
    else
        amqp_destroy_connection(conn);
    return err;
}

void ea_mq_login_closed(const amqp_method_t *method, char *why, size_t size)
{
    amqp_bytes_t text = amqp_empty_bytes;
    int code = 0;

    if (method->id == AMQP_CHANNEL_CLOSE_METHOD) {
        const amqp_channel_close_t *m = method->decoded;
        code = m->reply_code;
        text = m->reply_text;
    } else if (method->id == AMQP_CONNECTION_CLOSE_METHOD) {
        const amqp_connection_close_t *m = method->decoded;
        code = m->reply_code;
        text = m->reply_text;
    }
    snprintf(why, size, "the broker closed it: %d %.*s", code, (int)text.len,
             text.bytes != NULL ? (const char *)text.bytes : "");
}

void ea_mq_login_reply(amqp_rpc_reply_t reply, char *why, size_t size)
{
    if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION)
        ea_mq_login_closed(&reply.reply, why, size);
    else if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION)
        snprintf(why, size, "%s", amqp_error_string2(reply.library_error));
    else
        snprintf(why, size, "no reply");
}
