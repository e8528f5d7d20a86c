/* /v1/events: everything the caller may see, as a stream (SSE), a long poll, or a plain one; and what is not stored: typing. */
#include "fcgi/chat/chat.h"

#include "fcgi/core/hub.h"
#include "lib/json.h"
#include "lib/pg.h"
#include "lib/redis.h"
#include "lib/token.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TICKET_BYTES = 24, TICKET_TTL_S = 30, WAIT_MAX_S = 30, LIMIT_DEFAULT = 200, LIMIT_MAX = 1000 };

struct events_query {
    struct ea_int after, wait, limit;
    struct ea_str ticket; /* read by the router */
};

static const struct ea_field stream_fields[] = {
    { .name = "after",
      .type = EA_T_INT,
      .offset = offsetof(struct events_query, after),
      .min = 0,
      .max = INT64_MAX },
    { .name = "ticket", .type = EA_T_STR, .offset = offsetof(struct events_query, ticket), .max = 64 },
};
static const struct ea_schema stream_schema = { "events", sizeof(struct events_query), stream_fields,
                                                sizeof(stream_fields) / sizeof(stream_fields[0]) };

static const struct ea_field poll_fields[] = {
    { .name = "after",
      .type = EA_T_INT,
      .offset = offsetof(struct events_query, after),
      .min = 0,
      .max = INT64_MAX },
    { .name = "wait",
      .type = EA_T_INT,
      .offset = offsetof(struct events_query, wait),
      .min = 0,
      .max = WAIT_MAX_S },
    { .name = "limit",
      .type = EA_T_INT,
      .offset = offsetof(struct events_query, limit),
      .min = 1,
      .max = LIMIT_MAX },
};
static const struct ea_schema poll_schema = { "poll", sizeof(struct events_query), poll_fields,
                                              sizeof(poll_fields) / sizeof(poll_fields[0]) };

/* What a browser's EventSource sends when it returns. It cannot be told that this is no event id but by an event: a refusal would only end it. */
static void read_last_event_id(const char *s, struct ea_hub_ask *ask)
{
    char *end;
    errno = 0;
    long long id = strtoll(s, &end, 10);
    if (*s >= '0' && *s <= '9' && *end == '\0' && errno == 0)
        ask->after = id;
    else
        ask->strange = true;
}

static enum ea_err event_stream(struct ea_req *r)
{
    const struct events_query *q = r->query_input;
    const char *last = ea_req_header(r, "Last-Event-ID");
    struct ea_hub_ask ask = { .after = q->after.given ? q->after.v : -1 };
    if (last != NULL && last[0] != '\0')
        read_last_event_id(last, &ask);
    return ea_hub_stream(ea_server_hub(r->server), r, &ask);
}

static enum ea_err event_poll(struct ea_req *r)
{
    const struct events_query *q = r->query_input;
    struct ea_hub_ask ask = { .after = q->after.given ? q->after.v : -1,
                              .wait_ms = q->wait.v * 1000,
                              .limit = q->limit.given ? q->limit.v : LIMIT_DEFAULT };
    return ea_hub_poll(ea_server_hub(r->server), r, &ask);
}

/* A ticket stands for the caller's token once, for half a minute: EventSource cannot send headers. */
static enum ea_err ticket_create(struct ea_req *r)
{
    static const char bearer[] = "Bearer ";
    const char *auth = ea_req_header(r, "Authorization");
    if (auth == NULL || strncmp(auth, bearer, sizeof(bearer) - 1) != 0)
        return ea_fail(r, EA_EBADREQUEST,
                       "Tickets are for Bearer tokens; a cookie reaches the stream by itself.");
    struct ea_buf key = { 0 };
    ea_buf_str(&key, "ea:ticket:");
    size_t prefix = key.len;
    ea_random_token(&key, TICKET_BYTES);
    const char *token = auth + sizeof(bearer) - 1;
    enum ea_err err =
        key.failed ? EA_ENOMEM : ea_redis_set(r->redis, key.p, token, strlen(token), TICKET_TTL_S * 1000);
    if (err == EA_OK) {
        ea_jw_obj(&r->resp.json);
        ea_jw_kstr(&r->resp.json, "ticket", key.p + prefix);
        ea_jw_kint(&r->resp.json, "expires_in", TICKET_TTL_S);
        /* as the stream's `retry:`, which EventSource hides from the client that must come back with another ticket */
        ea_jw_kint(&r->resp.json, "retry_ms", ea_hub_retry_ms());
        ea_jw_end(&r->resp.json);
        r->resp.status = 201;
        err = ea_resp_header(r, "Cache-Control", "no-store");
    }
    ea_buf_free(&key);
    return err;
}

/* Told to the others in the room who are connected now, and forgotten. */
static enum ea_err typing_create(struct ea_req *r)
{
    const char *who = r->caller.claims.user.s, *room = r->vars[0];
    const char *topic = ea_arena_printf(r->arena, "r:%s", room);
    const char *data = ea_arena_printf(r->arena, "{\"room_id\": \"%s\", \"user_id\": \"%s\"}", room, who);
    enum ea_err err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ROOM, room, EA_CAP_VIEW, NULL);
    if (err == EA_OK && (topic == NULL || data == NULL))
        err = EA_ENOMEM;
    if (err != EA_OK)
        return err;
    ea_hub_transient(ea_server_hub(r->server), r->redis, topic, "typing", data, who);
    return ea_resp_none(r);
}

const struct ea_route chat_event_routes[] = {
    { .method = EA_GET,
      .pattern = "/v1/events",
      .handler = event_stream,
      .who = EA_SIGNED_IN,
      .query = &stream_schema,
      .flags = EA_ROUTE_STREAM | EA_ROUTE_TICKET },
    { .method = EA_GET,
      .pattern = "/v1/events/poll",
      .handler = event_poll,
      .who = EA_SIGNED_IN,
      .query = &poll_schema },
    { .method = EA_POST,
      .pattern = "/v1/events/ticket",
      .handler = ticket_create,
      .who = EA_SIGNED_IN,
      .flags = EA_ROUTE_NO_KEY },
    { .method = EA_POST,
      .pattern = "/v1/rooms/{id}/typing",
      .handler = typing_create,
      .who = EA_SIGNED_IN,
      .flags = EA_ROUTE_NO_KEY },
    EA_ROUTES_END,
};
