/* What the gateway's files share: the service's data, and each file's handlers as main.c's tables name them. Handlers run on pool threads. */
#ifndef EA_GATEWAY_GATEWAY_H
#define EA_GATEWAY_GATEWAY_H

#include "fcgi/core/req.h"
#include "fcgi/core/route.h"
#include "fcgi/core/server.h"
#include "lib/password.h"

struct gateway { /* made at start, freed at stop; each member is thread-safe */
    struct ea_password_pool *passwords;
    struct gateway_limits *limits;
    struct gateway_me_cache *me;
    struct gateway_openapi *openapi;
    struct ea_buf keys; /* the JWKS, as it is served: constant */
};

static inline struct gateway *gateway_of(const struct ea_req *r)
{
    return ea_server_data(r->server);
}

#define GATEWAY_PASSWORD_QUEUE 128 /* waiting at most: some seconds of work */

/* auth.c */
ea_handler gateway_auth_login, gateway_auth_refresh, gateway_auth_logout;
extern const struct ea_schema gateway_login_schema, gateway_refresh_schema;
/* me.c */
ea_handler gateway_me_read;
/* user.c */
ea_handler gateway_user_create, gateway_user_list, gateway_user_read, gateway_user_change;
extern const struct ea_schema gateway_user_schema, gateway_user_change_schema, gateway_user_list_schema;
enum ea_err gateway_user_tell(struct ea_req *r,
                              const char *user) EA_MUST; /* event user.changed, in r's transaction */
/* roster.c */
ea_handler gateway_roster_import;
extern const struct ea_schema gateway_roster_schema;
#define GATEWAY_ROSTER_BYTES EA_MB(4)
/* course.c */
ea_handler gateway_course_create, gateway_course_list, gateway_course_read, gateway_course_change;
extern const struct ea_schema gateway_course_schema, gateway_course_change_schema, gateway_course_list_schema;
/* enrolment.c */
ea_handler gateway_enrolment_put, gateway_enrolment_list, gateway_enrolment_delete;
extern const struct ea_schema gateway_enrolment_schema, gateway_enrolment_list_schema;
/* keys.c */
ea_handler gateway_keys_read;
enum ea_err gateway_keys_new(const struct ea_server *s, struct ea_buf *out) EA_MUST; /* appends the JWKS */
/* ops.c */
ea_handler gateway_ops_alive, gateway_ops_ready, gateway_ops_version, gateway_ops_openapi;
enum ea_err gateway_openapi_new(const char *path, struct gateway_openapi **out) EA_MUST; /* "" serves none */
void gateway_openapi_free(struct gateway_openapi *o);

#endif
