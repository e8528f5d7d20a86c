/* Sessions: a family of refresh tokens under one id. Opened by a login, carried on by refreshes, closed by logout, theft or an administrator. Pool threads only. */
#ifndef EA_GATEWAY_SESSION_H
#define EA_GATEWAY_SESSION_H

#include "fcgi/core/req.h"

#define GATEWAY_ACCESS_S       900 /* life of an access token: how long a closed session must be remembered */
#define GATEWAY_REFRESH_S      (30 * 24 * 3600) /* of a refresh token */

#define GATEWAY_COOKIE_SESSION "__Host-ea_session"
#define GATEWAY_COOKIE_REFRESH "__Secure-ea_refresh"

struct gateway_session { /* strings are the request's arena's */
    struct ea_id id;
    const char *user, *email, *name;
    enum ea_role role;
    const char *refresh; /* the token in clear, only here and at its owner's */
    const char *csrf;    /* NULL: not a session of cookies */
};

/* A new session of `user` in r's transaction. EA_ECREDENTIALS: not an active account any more. */
enum ea_err gateway_session_open(struct ea_req *r, const char *user, bool cookie,
                                 struct gateway_session *out) EA_MUST;

/* Exchanges a refresh token, in a transaction of its own. EA_EUNAUTHORIZED: unknown or over. EA_ETOKENREUSED: used before; the session is closed now, committed and told. */
enum ea_err gateway_session_refresh(struct ea_req *r, const char *token, bool cookie,
                                    struct gateway_session *out) EA_MUST;

/* Closes one session, or all of a user, in r's transaction, with the events that tell every process; effective here as soon as that commits. */
enum ea_err gateway_session_close(struct ea_req *r, const char *session, const char *reason) EA_MUST;
enum ea_err gateway_session_close_all(struct ea_req *r, const char *user, const char *reason) EA_MUST;

/* Writes the reply of login and refresh: tokens in the body, or in cookies. */
enum ea_err gateway_session_reply(struct ea_req *r, const struct gateway_session *s, bool cookie) EA_MUST;

#endif
