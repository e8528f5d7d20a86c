/* Callers for the responder under test: tokens signed with its own key. */
#ifndef EA_REGRESS_PEOPLE_H
#define EA_REGRESS_PEOPLE_H

#include "tests/regress/client.h"

#include "lib/token.h"

struct person {
    struct ea_claims claims;
    char bearer[1024]; /* "Bearer …": the Authorization header */
    char cookie[1100]; /* the Cookie header */
};

/* A member with a session of their own; change claims and sign again for others. */
void person_new(const struct subject *s, struct person *p);
void person_sign(const struct subject *s, struct person *p);

/* Settings of a responder with the real servers of tests/unit/servers.h. */
const char *const *people_env(void);
/* Waits until the responder has read the event log: before, nobody is let in. */
void people_await(const struct subject *s);

#endif
