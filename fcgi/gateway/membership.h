/* Telling every process that someone now belongs to a course, or no longer does: event `membership.changed` on u:<user> with the topics that come or go.
 * To be called in r's transaction, after the change. */
#ifndef EA_GATEWAY_MEMBERSHIP_H
#define EA_GATEWAY_MEMBERSHIP_H

#include "fcgi/core/req.h"

enum ea_err gateway_membership_joined(struct ea_req *r, const char *user, const char *course) EA_MUST;
enum ea_err gateway_membership_left(struct ea_req *r, const char *user, const char *course) EA_MUST;
/* The same with the topics at hand, as a JSON array. */
enum ea_err gateway_membership_tell(struct ea_req *r, const char *user, const char *add,
                                    const char *remove) EA_MUST;

#endif
