/* The reader's side of lib/token.h, for whoever has only what is published: keys from a JWKS (RFC 7517), and a compact JWS (RFC 7515, alg EdDSA) checked with them.
 * Needs no server, no clock and no private key. Immutable once read; thread-safe. */
#ifndef EA_JWKS_H
#define EA_JWKS_H

#include "lib/buf.h"
#include "lib/err.h"

#include <stddef.h>

struct ea_jwks;

/* Keys that are not Ed25519, or have no kid, are passed over. EA_ESYNTAX: no JSON; EA_EINPUT: no JWKS, or no key in it that can be used. */
enum ea_err ea_jwks_read(const char *json, size_t n, struct ea_jwks **out) EA_MUST;
void ea_jwks_free(struct ea_jwks *keys); /* accepts NULL */

enum ea_jws_verdict {
    EA_JWS_GOOD,
    EA_JWS_MALFORMED, /* no compact JWS, another algorithm, or demands that are not understood (crit) */
    EA_JWS_OTHER_TYP, /* says that it is something else */
    EA_JWS_UNKNOWN_KEY,
    EA_JWS_BAD_SIGNATURE,
};

/* The payload is appended only to what is good. EA_ENOMEM; everything else is a verdict. */
enum ea_err ea_jws_verify(const struct ea_jwks *keys, const char *typ, const char *jws, size_t n,
                          struct ea_buf *payload, enum ea_jws_verdict *out) EA_MUST;

#endif
