#include "fcgi/gateway/membership.h"

#include "lib/events.h"
#include "lib/pg.h"

enum { JOINED, LEFT }; /* columns */

static enum ea_err topics_of(struct ea_req *r, const char *user, const char *course, int which,
                             const char **out)
{
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_COURSE_TOPICS, course, user);
    if (!err)
        *out = ea_pg_str(res, 0, which);
    return err;
}

enum ea_err gateway_membership_tell(struct ea_req *r, const char *user, const char *add, const char *remove)
{
    char topic[EA_TOPIC_SIZE];
    const char *payload = ea_arena_printf(r->arena, "{\"add\":%s,\"remove\":%s}", add, remove);
    if (!payload)
        return EA_ENOMEM;
    return ea_req_event(r, ea_topic(EA_TOPIC_USER, user, topic), "membership.changed", payload, NULL);
}

enum ea_err gateway_membership_joined(struct ea_req *r, const char *user, const char *course)
{
    const char *topics;
    enum ea_err err = topics_of(r, user, course, JOINED, &topics);
    return err ? err : gateway_membership_tell(r, user, topics, "[]");
}

enum ea_err gateway_membership_left(struct ea_req *r, const char *user, const char *course)
{
    const char *topics;
    enum ea_err err = topics_of(r, user, course, LEFT, &topics);
    return err ? err : gateway_membership_tell(r, user, "[]", topics);
}
