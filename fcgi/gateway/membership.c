#include "fcgi/gateway/membership.h"

#include "lib/events.h"
#include "lib/pg.h"

enum { COME, GO }; /* columns */

enum ea_err gateway_membership_tell(struct ea_req *r, const char *user, const char *add, const char *remove)
{
    char topic[EA_TOPIC_SIZE];
    const char *payload = ea_arena_printf(r->arena, "{\"add\":%s,\"remove\":%s}", add, remove);
    if (!payload)
        return EA_ENOMEM;
    return ea_req_event(r, ea_topic(EA_TOPIC_USER, user, topic), "membership.changed", payload, NULL);
}

enum ea_err gateway_membership_turned(struct ea_req *r, const char *user, const char *course, const char *was,
                                      const char *now)
{
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_COURSE_TOPICS, course, user, was, now);
    return err ? err : gateway_membership_tell(r, user, ea_pg_str(res, 0, COME), ea_pg_str(res, 0, GO));
}
