/* /v1/messages/{id}/reports, /v1/courses/{id}/reports, /v1/reports/{id}: what somebody thinks should not have been said. A report holds the text as it was then, and brings a message of a
 * direct room before who looks after the course: that one message, and nothing else of the room. */
#include "fcgi/chat/chat.h"

#include "lib/events.h"
#include "lib/id.h"
#include "lib/pg.h"

#include <inttypes.h>

enum { REASON_MAX = 1000 };

static const struct ea_field report_fields[] = {
    { .name = "reason", .type = EA_T_STR, .offset = 0, .flags = EA_REQUIRED, .min = 1, .max = REASON_MAX },
};
static const struct ea_schema report_schema = { "report", sizeof(struct ea_str), report_fields, 1 };

/* To all who decide, but not to whom it is about. */
static enum ea_err tell(struct ea_req *r, const char *id)
{
    char topic[EA_TOPIC_SIZE];
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_REPORT_TOLD, id);
    for (int i = 0; err == EA_OK && i < PQntuples(res); i++)
        err = ea_req_event(r, ea_topic(EA_TOPIC_USER, ea_pg_str(res, i, 0), topic), "report.created",
                           ea_pg_str(res, i, 1), NULL);
    return err;
}

/* Again by the same person is the first one, and 200. */
static enum ea_err report_create(struct ea_req *r)
{
    const struct ea_str *reason = r->input;
    struct chat_message m;
    struct ea_id id;
    PGresult *res;
    enum ea_err err = chat_message_open(r, &m);
    if (err != EA_OK)
        return err;
    if (m.mine)
        return ea_fail(r, EA_ECONFLICT, "It is your own; take it back.");
    ea_id_new(&id);
    err = EA_PG(r->pg, r->arena, &res, STMT_REPORT_INSERT, id.s, r->vars[0], chat_me(r), reason->v);
    if (err == EA_OK && ea_pg_bool(res, 0, 1)) {
        r->resp.status = 201;
        err = tell(r, id.s);
    }
    return err == EA_OK ? ea_resp_json(r, ea_pg_str(res, 0, 0)) : err;
}

static const char *const states[] = { "open", "dismissed", "upheld", NULL };

struct list_query {
    struct ea_int limit, state;
    struct ea_str cursor;
};
static const struct ea_field list_fields[] = {
    { .name = "limit",
      .type = EA_T_INT,
      .offset = offsetof(struct list_query, limit),
      .min = 1,
      .max = EA_PAGE_MAX },
    { .name = "cursor", .type = EA_T_STR, .offset = offsetof(struct list_query, cursor), .max = 256 },
    { .name = "state", .type = EA_T_ENUM, .offset = offsetof(struct list_query, state), .values = states },
};
static const struct ea_schema list_schema = { "reports", sizeof(struct list_query), list_fields,
                                              sizeof(list_fields) / sizeof(list_fields[0]) };

static enum ea_err report_list(struct ea_req *r)
{
    const struct list_query *q = r->query_input;
    int64_t limit = q->limit.given ? q->limit.v : EA_PAGE_DEFAULT;
    const char *from, *fetch = ea_arena_printf(r->arena, "%" PRId64, limit + 1);
    PGresult *res;
    enum ea_err err = fetch == NULL ? EA_ENOMEM : ea_page_cursor(r, q->cursor.v, &from);
    if (err == EA_OK)
        err = CHAT_READ(r, EA_OBJ_COURSE, EA_CAP_MARK, NULL, &res, STMT_REPORT_LIST, r->vars[0], chat_me(r),
                        q->state.given ? states[q->state.v] : "", from, fetch);
    return err == EA_OK ? ea_resp_page(r, res, limit) : err;
}

static const char *const verdicts[] = { "dismissed", "upheld", NULL };
enum { UPHELD = 1 };
static const struct ea_field verdict_fields[] = {
    { .name = "state", .type = EA_T_ENUM, .offset = 0, .flags = EA_REQUIRED, .values = verdicts },
};
static const struct ea_schema verdict_schema = { "verdict", sizeof(struct ea_int), verdict_fields, 1 };

/* Its row is held. To a student there are no reports, and none about oneself. */
static enum ea_err open_report(struct ea_req *r, const char **message)
{
    PGresult *res;
    enum ea_err err = ea_req_begin(r);
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_REPORT_LOCK, r->vars[0], chat_me(r));
    if (err != EA_OK)
        return err;
    if (PQntuples(res) == 0)
        return EA_ENOTFOUND;
    const struct ea_ask ask = { &r->caller, EA_OBJ_COURSE, ea_pg_str(res, 0, 0), EA_CAP_MARK };
    err = ea_authz_hold(r->pg, &ask, NULL);
    if (err == EA_OK && ea_pg_bool(res, 0, 2))
        err = ea_fail(r, EA_ECONFLICT, "It has been decided.");
    *message = ea_pg_str(res, 0, 1);
    return err == EA_EFORBIDDEN ? EA_ENOTFOUND : err;
}

static enum ea_err report_put(struct ea_req *r)
{
    const struct ea_int *verdict = r->input;
    const char *message;
    PGresult *res;
    enum ea_err err = open_report(r, &message);
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_REPORT_RESOLVE, r->vars[0], chat_me(r), verdicts[verdict->v]);
    if (err == EA_OK && verdict->v == UPHELD)
        err = chat_message_hide(r, message, true);
    return err == EA_OK ? ea_resp_json(r, ea_pg_str(res, 0, 0)) : err;
}

const struct ea_route chat_report_routes[] = {
    { .method = EA_POST,
      .pattern = "/v1/messages/{id}/reports",
      .handler = report_create,
      .who = EA_SIGNED_IN,
      .body = EA_BODY_JSON,
      .body_max = EA_KB(8),
      .input = &report_schema },
    { .method = EA_GET,
      .pattern = "/v1/courses/{id}/reports",
      .handler = report_list,
      .who = EA_SIGNED_IN,
      .query = &list_schema },
    { .method = EA_PUT,
      .pattern = "/v1/reports/{id}",
      .handler = report_put,
      .who = EA_SIGNED_IN,
      .body = EA_BODY_JSON,
      .body_max = EA_KB(1),
      .input = &verdict_schema },
    EA_ROUTES_END,
};
