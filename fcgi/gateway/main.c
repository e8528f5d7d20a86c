/* ea-gateway: identity, people, courses, and whatever belongs to nobody else. */
#include "fcgi/gateway/gateway.h"
#include "fcgi/gateway/limit.h"
#include "fcgi/gateway/me_cache.h"
#include "lib/alloc.h"
#include "lib/events.h"

#include <stdlib.h>
#include <string.h>

static const struct ea_route identity[] = {
    { EA_POST, "/v1/auth/login", gateway_auth_login, EA_ANYONE, EA_BODY_JSON, EA_KB(4),
      .input = &gateway_login_schema, .flags = EA_ROUTE_NO_KEY | EA_ROUTE_NO_CSRF },
    { EA_POST, "/v1/auth/refresh", gateway_auth_refresh, EA_ANYONE, EA_BODY_JSON, EA_KB(4),
      .input = &gateway_refresh_schema, .flags = EA_ROUTE_NO_KEY | EA_ROUTE_NO_CSRF },
    { EA_POST, "/v1/auth/logout", gateway_auth_logout, EA_SIGNED_IN, .body = EA_BODY_NONE,
      .flags = EA_ROUTE_NO_KEY },
    { EA_GET, "/v1/me", gateway_me_read, EA_SIGNED_IN, .body = EA_BODY_NONE },
    EA_ROUTES_END,
};

static const struct ea_route people[] = {
    { EA_POST, "/v1/users", gateway_user_create, EA_ADMIN, EA_BODY_JSON, EA_KB(8),
      .input = &gateway_user_schema },
    { EA_GET, "/v1/users", gateway_user_list, EA_ADMIN, .body = EA_BODY_NONE,
      .query = &gateway_user_list_schema },
    { EA_GET, "/v1/users/{id}", gateway_user_read, EA_ADMIN, .body = EA_BODY_NONE },
    { EA_PATCH, "/v1/users/{id}", gateway_user_change, EA_ADMIN, EA_BODY_JSON, EA_KB(8),
      .input = &gateway_user_change_schema, .flags = EA_ROUTE_MATCH },
    { EA_POST, "/v1/roster/import", gateway_roster_import, EA_ADMIN, EA_BODY_TEXT, GATEWAY_ROSTER_BYTES,
      .query = &gateway_roster_schema, .media = "text/csv" },
    EA_ROUTES_END,
};

static const struct ea_route courses[] = {
    { EA_POST, "/v1/courses", gateway_course_create, EA_STAFF, EA_BODY_JSON, EA_KB(8),
      .input = &gateway_course_schema },
    { EA_GET, "/v1/courses", gateway_course_list, EA_SIGNED_IN, .body = EA_BODY_NONE,
      .query = &gateway_course_list_schema },
    { EA_GET, "/v1/courses/{id}", gateway_course_read, EA_SIGNED_IN, .body = EA_BODY_NONE },
    { EA_PATCH, "/v1/courses/{id}", gateway_course_change, EA_SIGNED_IN, EA_BODY_JSON, EA_KB(8),
      .input = &gateway_course_change_schema, .flags = EA_ROUTE_MATCH },
    { EA_POST, "/v1/courses/{id}/enrolments", gateway_enrolment_put, EA_SIGNED_IN, EA_BODY_JSON, EA_KB(4),
      .input = &gateway_enrolment_schema },
    { EA_GET, "/v1/courses/{id}/enrolments", gateway_enrolment_list, EA_SIGNED_IN,
      .query = &gateway_enrolment_list_schema },
    { EA_DELETE, "/v1/courses/{id}/enrolments/{user_id}", gateway_enrolment_delete, EA_SIGNED_IN,
      .body = EA_BODY_NONE },
    EA_ROUTES_END,
};

static const struct ea_route operations[] = {
    { EA_GET, "/healthz", gateway_ops_alive, EA_ANYONE, .body = EA_BODY_NONE },
    { EA_GET, "/readyz", gateway_ops_ready, EA_ANYONE, .body = EA_BODY_NONE },
    { EA_GET, "/version", gateway_ops_version, EA_ANYONE, .body = EA_BODY_NONE },
    { EA_GET, "/v1/openapi.json", gateway_ops_openapi, EA_ANYONE, .body = EA_BODY_NONE },
    { EA_GET, "/.well-known/jwks.json", gateway_keys_read, EA_ANYONE, .body = EA_BODY_NONE },
    EA_ROUTES_END,
};

static const struct ea_route *const tables[] = { identity, people, courses, operations, NULL };

static void stop(struct ea_server *s, void *data)
{
    struct gateway *g = data;
    (void)s;
    ea_password_pool_stop(g->passwords);
}

static void release(struct ea_server *s, void *data)
{
    struct gateway *g = data;
    (void)s;
    ea_password_pool_free(g->passwords);
    gateway_limits_free(g->limits);
    gateway_me_cache_free(g->me);
    gateway_openapi_free(g->openapi);
    ea_buf_free(&g->keys);
    free(g);
}

static enum ea_err start(struct ea_server *s, void **data)
{
    struct gateway *g = ea_alloc(sizeof *g);
    if (!g)
        return EA_ENOMEM;
    g->limits = gateway_limits_new();
    g->me = gateway_me_cache_new();
    enum ea_err err = g->limits && g->me ? EA_OK : EA_ENOMEM;
    if (!err)
        err = ea_password_pool_new(GATEWAY_PASSWORD_QUEUE, &g->passwords);
    if (!err)
        err = gateway_openapi_new(ea_server_cfg(s)->openapi, &g->openapi);
    if (!err)
        err = gateway_keys_new(s, &g->keys);
    if (err) {
        release(s, g);
        return err;
    }
    *data = g;
    return EA_OK;
}

static enum ea_err on_snapshot(struct ea_server *s, struct ea_pg *pg, int64_t newest_id, void *data)
{
    struct gateway *g = data;
    (void)s;
    (void)pg;
    (void)newest_id;
    gateway_me_cache_clear(g->me);
    return EA_OK;
}

static void on_event(struct ea_server *s, const struct ea_event *ev, void *data)
{
    struct gateway *g = data;
    (void)s;
    if (ev->topic && ev->topic[0] == EA_TOPIC_USER && ev->topic[1] == ':' &&
        (strcmp(ev->kind, "user.changed") == 0 || strcmp(ev->kind, "membership.changed") == 0))
        gateway_me_cache_drop(g->me, ev->topic + 2);
}

static const struct ea_service service = {
    .name = "gateway",
    .issues_tokens = true,
    .tables = tables,
    .start = start,
    .stop = stop,
    .free = release,
    .on_snapshot = on_snapshot,
    .on_event = on_event,
};

int main(int argc, char **argv)
{
    return ea_server_main(&service, argc, argv);
}
