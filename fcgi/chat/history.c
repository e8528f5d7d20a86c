/* GET /v1/rooms/{id}/messages, /v1/messages/{id}, …/thread: what was said, page by page, in the order of its events. */
#include "fcgi/chat/chat.h"

#include "lib/pg.h"

#include <inttypes.h>

struct history_query {
    struct ea_int before, after, limit;
};

static const struct ea_field history_fields[] = {
    { .name = "before",
      .type = EA_T_INT,
      .offset = offsetof(struct history_query, before),
      .min = 1,
      .max = INT64_MAX },
    { .name = "after",
      .type = EA_T_INT,
      .offset = offsetof(struct history_query, after),
      .min = 0,
      .max = INT64_MAX },
    { .name = "limit",
      .type = EA_T_INT,
      .offset = offsetof(struct history_query, limit),
      .min = 1,
      .max = EA_PAGE_MAX },
};
static const struct ea_schema history_schema = { "history", sizeof(struct history_query), history_fields,
                                                 sizeof(history_fields) / sizeof(history_fields[0]) };
static const struct ea_schema thread_schema = { "thread", sizeof(struct history_query), history_fields + 1,
                                                sizeof(history_fields) / sizeof(history_fields[0]) - 1 };

struct window {
    const char *after, *before, *fetch;
    int64_t limit;
};

static enum ea_err read_window(struct ea_req *r, struct window *w)
{
    const struct history_query *q = r->query_input;
    w->limit = q->limit.given ? q->limit.v : EA_PAGE_DEFAULT;
    w->after = ea_arena_printf(r->arena, "%" PRId64, q->after.v);
    w->before = ea_arena_printf(r->arena, "%" PRId64, q->before.given ? q->before.v : INT64_MAX);
    w->fetch = ea_arena_printf(r->arena, "%" PRId64, w->limit + 1);
    return w->after == NULL || w->before == NULL || w->fetch == NULL ? EA_ENOMEM : EA_OK;
}

/* The newest first, or, with `after`, onwards from there. `next` is the `before` (or `after`) of the next page. */
static enum ea_err message_list(struct ea_req *r)
{
    const struct history_query *q = r->query_input;
    struct window w;
    PGresult *res;
    enum ea_err err = read_window(r, &w);
    if (err == EA_OK)
        err = CHAT_READ(r, EA_OBJ_ROOM, EA_CAP_VIEW, NULL, &res,
                        q->after.given ? STMT_MESSAGE_HISTORY_ON : STMT_MESSAGE_HISTORY, r->vars[0], w.after,
                        w.before, w.fetch, chat_me(r));
    return err == EA_OK ? chat_page(r, res, w.limit) : err;
}

static enum ea_err message_get(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err =
        CHAT_READ(r, EA_OBJ_MESSAGE, EA_CAP_VIEW, NULL, &res, STMT_MESSAGE_GET, r->vars[0], chat_me(r));
    if (err != EA_OK)
        return err;
    return PQntuples(res) == 0 ? EA_ENOTFOUND : ea_resp_json(r, ea_pg_str(res, 0, 0));
}

static enum ea_err thread_list(struct ea_req *r)
{
    struct window w;
    PGresult *res;
    enum ea_err err = read_window(r, &w);
    if (err == EA_OK)
        err = CHAT_READ(r, EA_OBJ_MESSAGE, EA_CAP_VIEW, NULL, &res, STMT_MESSAGE_THREAD, r->vars[0], w.after,
                        w.fetch, chat_me(r));
    return err == EA_OK ? chat_page(r, res, w.limit) : err;
}

const struct ea_route chat_history_routes[] = {
    { .method = EA_GET,
      .pattern = "/v1/rooms/{id}/messages",
      .handler = message_list,
      .who = EA_SIGNED_IN,
      .query = &history_schema },
    { .method = EA_GET, .pattern = "/v1/messages/{id}", .handler = message_get, .who = EA_SIGNED_IN },
    { .method = EA_GET,
      .pattern = "/v1/messages/{id}/thread",
      .handler = thread_list,
      .who = EA_SIGNED_IN,
      .query = &thread_schema },
    EA_ROUTES_END,
};
