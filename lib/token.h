/* Ed25519 (libsodium): access tokens as JWT (RFC 7519, alg EdDSA per RFC 8037), receipts as compact JWS (RFC 7515), JWKS (RFC 7517).
 * A key file holds the 32-byte seed as one line of base64url, mode 0600; `<file>.pub` the public key. kid = first 16 base64url characters of the RFC 7638 thumbprint.
 * Keys are read at start and immutable; all calls are thread-safe. */
#ifndef EA_TOKEN_H
#define EA_TOKEN_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/id.h"

#include <stdbool.h>
#include <stdint.h>

struct ea_key;

enum ea_err ea_key_create(const char *path) EA_MUST; /* EA_ECONFLICT when the file exists */
enum ea_err ea_key_publish(const struct ea_key *k,
                           const char *path) EA_MUST; /* its public part alone; EA_ECONFLICT as above */
enum ea_err ea_key_load(const char *path, bool need_private, struct ea_key **out)
    EA_MUST; /* falls back to path.pub when the private part is not needed or readable; logs why it fails */
void ea_key_free(struct ea_key *k);
const char *ea_key_id(const struct ea_key *k);
void ea_key_jwk(const struct ea_key *k, struct ea_buf *out); /* appends one public JWK object with use=sig */

enum ea_role { EA_ROLE_MEMBER, EA_ROLE_STAFF, EA_ROLE_ADMIN }; /* of a user in the school, ascending */
const char *ea_role_name(enum ea_role r);
enum ea_role ea_role_of(const char *name); /* EA_ROLE_MEMBER for anything else, NULL too */

#define EA_SHA256_HEX 65 /* digits and NUL */

struct ea_claims {
    struct ea_id user, session, jti; /* sub, sid, jti */
    enum ea_role role;
    int64_t issued_s, expires_s; /* Unix seconds */
    char csrf[EA_SHA256_HEX]; /* hex SHA-256 of the session's CSRF token; "" for a session without cookies */
};

/* Compact JWT appended to out. */
enum ea_err ea_token_sign(const struct ea_key *k, const struct ea_claims *c, struct ea_buf *out) EA_MUST;
/* Signature, alg, kid, shape and expiry (against now_s, no leeway). EA_EUNAUTHORIZED for anything wrong. */
enum ea_err ea_token_verify(const struct ea_key *k, const char *jwt, int64_t now_s,
                            struct ea_claims *out) EA_MUST;
/* Any payload as a compact JWS with typ; appended to out. */
enum ea_err ea_jws_sign(const struct ea_key *k, const char *typ, const char *payload, size_t n,
                        struct ea_buf *out) EA_MUST;

/* base64url without padding */
void ea_b64url(struct ea_buf *out, const void *p, size_t n);
/* hex SHA-256 */
void ea_sha256_hex(const void *p, size_t n, char out[EA_SHA256_HEX]);
/* n random bytes as base64url, for refresh tokens, tickets, CSRF tokens */
void ea_random_token(struct ea_buf *out, size_t n);

#endif
