/* /v1/courses/{id}/retention: how long a course's messages are kept. What is older is removed by the relay's housekeeping, with its files. */
#include "fcgi/chat/chat.h"

#include "lib/pg.h"

#include <inttypes.h>

enum { DAYS_MAX = 3650 };

static const struct ea_field retention_fields[] = {
    { .name = "message_days",
      .type = EA_T_INT,
      .offset = 0,
      .flags = EA_REQUIRED | EA_NULLABLE,
      .min = 1,
      .max = DAYS_MAX },
};
static const struct ea_schema retention_schema = { "retention", sizeof(struct ea_int), retention_fields, 1 };

static enum ea_err retention_get(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err = CHAT_READ(r, EA_OBJ_COURSE, EA_CAP_VIEW, NULL, &res, STMT_RETENTION_GET, r->vars[0]);
    return err == EA_OK ? ea_resp_json(r, ea_pg_str(res, 0, 0)) : err;
}

static enum ea_err retention_put(struct ea_req *r)
{
    const struct ea_int *days = r->input;
    const char *value = days->null ? NULL : ea_arena_printf(r->arena, "%" PRId64, days->v);
    PGresult *res;
    enum ea_err err =
        value == NULL && !days->null ? EA_ENOMEM : chat_begin(r, EA_OBJ_COURSE, EA_CAP_TEACH, NULL);
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_RETENTION_PUT, r->vars[0], value, chat_me(r));
    return err == EA_OK ? ea_resp_json(r, ea_pg_str(res, 0, 0)) : err;
}

const struct ea_route chat_retention_routes[] = {
    { .method = EA_GET,
      .pattern = "/v1/courses/{id}/retention",
      .handler = retention_get,
      .who = EA_SIGNED_IN },
    { .method = EA_PUT,
      .pattern = "/v1/courses/{id}/retention",
      .handler = retention_put,
      .who = EA_SIGNED_IN,
      .body = EA_BODY_JSON,
      .body_max = EA_KB(1),
      .input = &retention_schema },
    EA_ROUTES_END,
};
