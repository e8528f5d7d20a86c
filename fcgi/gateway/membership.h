/* Telling every process that someone belongs to a course now, in another role, or no longer: event `membership.changed` on u:<user> with the topics that come and go.
 * To be called in r's transaction, after the change, and with STMT_COURSE_PEOPLE_LOCK from before looking. A topic that is said to come was not followed before, and one that goes was: who asks what somebody followed earlier relies on it. */
#ifndef EA_GATEWAY_MEMBERSHIP_H
#define EA_GATEWAY_MEMBERSHIP_H

#include "fcgi/core/req.h"

/* Roles in the course, before and now; NULL: none. */
enum ea_err gateway_membership_turned(struct ea_req *r, const char *user, const char *course, const char *was,
                                      const char *now) EA_MUST;
/* The same with the topics at hand, as JSON arrays. */
enum ea_err gateway_membership_tell(struct ea_req *r, const char *user, const char *add,
                                    const char *remove) EA_MUST;

#endif
