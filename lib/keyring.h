/* Keys that signed receipts before the one that signs them now. What they signed is to be checked for ever, so their public parts stay: a directory of key files as lib/token.h
 * has them, <kid>.pub each. The private parts are gone. Thread-safe; nothing is kept. */
#ifndef EA_KEYRING_H
#define EA_KEYRING_H

#include "lib/buf.h"
#include "lib/err.h"

struct ea_key;

/* Puts the public part of the key of that file into the directory, then a new key in its place. Everything is on disk in this order before it returns: whatever was
 * signed can be checked, also when it is interrupted, and then it may be run again. Logs why it fails. */
enum ea_err ea_keyring_rotate(const char *path, const char *dir) EA_MUST;

/* Appends a comma and a JWK for each key of the directory but `current`. A file that holds no key is refused: what it signed could not be checked. Logs why it fails. */
enum ea_err ea_keyring_jwks(const char *dir, const struct ea_key *current, struct ea_buf *out) EA_MUST;

#endif
