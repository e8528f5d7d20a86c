/* Receipts: proof of what was received from whom and when, that anyone can check offline with the published keys (compact EdDSA JWS).
 * What was received is a list of named parts. `sha256` of the whole is that of the text which `sha256sum` prints for the parts in
 * their order ("<hex>  <name>\n" each), so a shell is enough to recompute it. Thread-safe; nothing is kept. */
#ifndef EA_RECEIPT_H
#define EA_RECEIPT_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/token.h"

#include <stddef.h>
#include <stdint.h>

#define EA_RECEIPT_TYP "ea-receipt+jws" /* of the JWS header */

struct ea_receipt_part {
    const char *name;   /* UTF-8, without control characters */
    const char *sha256; /* hex */
    int64_t size;       /* bytes */
};

struct ea_receipt {   /* all borrowed */
    const char *kind; /* "submission", "attempt": the payload's `kind`, and the prefix of its `<kind>_id` */
    const char *id;
    const char *of_kind; /* "assignment", "quiz": prefix of `<of_kind>_id` */
    const char *of_id;
    const char *user_id;
    const char *submitted_at; /* RFC 3339, by the database's clock */
    const struct ea_receipt_part *parts;
    size_t parts_n;
};

/* SHA-256 of the canonical list; EA_ENOMEM. */
enum ea_err ea_receipt_sha256(const struct ea_receipt_part *parts, size_t n, char out[EA_SHA256_HEX]) EA_MUST;

/* Appends {"sha256", "submitted_at", "key_id", "jws"}. The same receipt gives the same bytes for as long as the key is the same. */
enum ea_err ea_receipt_json(const struct ea_key *k, const struct ea_receipt *what,
                            struct ea_buf *out) EA_MUST;

#endif
