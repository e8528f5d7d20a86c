/* Who is calling. A verified token is remembered by its hash until it expires, so most requests cost no signature check; a closed session is known here within
 * a second of its `session.revoked` event. Nothing remembered is trusted by a process that cannot read the event log. Thread-safe. */
#ifndef EA_AUTH_H
#define EA_AUTH_H

#include "lib/err.h"
#include "lib/token.h"

#include <stdbool.h>
#include <stdint.h>

struct ea_auth;
struct ea_event;
struct ea_pg;
struct ea_req;

enum ea_err ea_auth_new(const struct ea_key *key, struct ea_auth **out) EA_MUST; /* key is borrowed */
void ea_auth_free(struct ea_auth *a);

/* Reads the request's credentials: Bearer token, session cookie (with X-CSRF-Token for unsafe methods), or the ticket of a route that takes one. Sets caller, signed_in, by_cookie.
 * EA_OK with signed_in false: there are none, or they are no good and the route is for anyone. EA_EUNAVAILABLE: this process does not know who is still good. */
enum ea_err ea_auth_request(struct ea_auth *a, struct ea_req *r) EA_MUST;
/* A token by itself, as ea_auth_request judges it. EA_EUNAUTHORIZED. */
enum ea_err ea_auth_token(struct ea_auth *a, const char *jwt, struct ea_claims *out) EA_MUST;

bool ea_auth_closed(const struct ea_auth *a, const char *session_id); /* as far as this process knows */
void ea_auth_revoke(struct ea_auth *a, const char *session_id, int64_t until_s);
/* Loads the revocations that still matter. */
enum ea_err ea_auth_snapshot(struct ea_auth *a, struct ea_pg *pg) EA_MUST;
/* For the follower. EA_ENOMEM: a session was closed and is not known to be; ea_auth_snapshot will know. */
enum ea_err ea_auth_event(struct ea_auth *a, const struct ea_event *ev) EA_MUST;

#endif
