/* Errors are values. EA_ERR_LIST is the one list: C name, HTTP status, slug of `/problems/<slug>`, title for people.
 * Slugs are part of the API and never change. A function that can fail is marked EA_MUST. */
#ifndef EA_ERR_H
#define EA_ERR_H

#define EA_MUST               __attribute__((warn_unused_result))
#define EA_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* The first three are outcomes, not failures, and never become a problem document. */
#define EA_ERR_LIST(X)                                                                                       \
    X(EA_OK, 200, "ok", "OK")                                                                                \
    X(EA_PARKED, 200, "parked", "The request is answered later by someone who now owns it")                  \
    X(EA_REPLAY, 200, "replay", "The stored reply of an earlier request was loaded")                         \
    X(EA_EBADREQUEST, 400, "bad-request", "The request is malformed")                                        \
    X(EA_ESYNTAX, 400, "malformed-json", "The body is not well-formed JSON")                                 \
    X(EA_EUNAUTHORIZED, 401, "unauthorized", "Sign in to do this")                                           \
    X(EA_ECREDENTIALS, 401, "invalid-credentials", "E-mail or password is wrong")                            \
    X(EA_ETOKENREUSED, 401, "token-reused", "This refresh token was used before; the session is closed")     \
    X(EA_EFORBIDDEN, 403, "forbidden", "You may see this but not do that")                                   \
    X(EA_ECSRF, 403, "csrf", "The X-CSRF-Token header is missing or wrong")                                  \
    X(EA_ENOTFOUND, 404, "not-found", "There is nothing here that you may see")                              \
    X(EA_EMETHOD, 405, "method-not-allowed", "This resource has no such method")                             \
    X(EA_ETIMEOUT, 408, "timeout", "The request took too long to arrive")                                    \
    X(EA_ECONFLICT, 409, "conflict", "The request conflicts with the state of the resource")                 \
    X(EA_ESTALE, 409, "stale-revision", "A newer revision is stored")                                        \
    X(EA_EINPROGRESS, 409, "in-progress", "The same request is still being worked on")                       \
    X(EA_EGONE, 410, "gone", "The time for this is over")                                                    \
    X(EA_EPRECONDITION, 412, "precondition-failed", "The resource has changed since you read it")            \
    X(EA_ETOOLARGE, 413, "too-large", "The body is larger than allowed here")                                \
    X(EA_EMEDIA, 415, "unsupported-media-type", "The body is of a type that is not accepted here")           \
    X(EA_EINPUT, 422, "invalid-input", "The input has faults")                                               \
    X(EA_EKEYREUSE, 422, "idempotency-key-reused", "The Idempotency-Key was used with another body")         \
    X(EA_ENEEDMATCH, 428, "precondition-required", "Send If-Match with the ETag that you have read")         \
    X(EA_ELIMIT, 429, "too-many-requests", "Too many requests; wait before the next")                        \
    X(EA_EINTERNAL, 500, "internal", "Something went wrong on our side")                                     \
    X(EA_ENOMEM, 500, "out-of-memory", "Something went wrong on our side")                                   \
    X(EA_EUNAVAILABLE, 503, "unavailable", "A part of the system is not reachable; try again")               \
    X(EA_ERETRY, 503, "try-again", "The data was busy; try again")                                           \
    X(EA_EUNKNOWN, 503, "outcome-unknown", "The connection was lost while saving; read, then try again")     \
    X(EA_EOVERLOAD, 503, "overloaded", "The system is busy; try again")                                      \
    X(EA_ENOSPACE, 507, "insufficient-storage", "There is no room to store this now")                        \
    X(EA_ECLOSED, 499, "closed", "The peer went away")

enum ea_err {
#define X(name, status, slug, title) name,
    EA_ERR_LIST(X)
#undef X
        EA_ERR__MAX
};

int ea_err_status(enum ea_err err);       /* HTTP status */
const char *ea_err_slug(enum ea_err err); /* never NULL, also for values out of range */
const char *ea_err_title(enum ea_err err);

#endif
