/* UUIDv7 (RFC 9562, 5.7): millisecond time, then random bits with a per-process counter so that ids of one process sort as made. Thread-safe. */
#ifndef EA_ID_H
#define EA_ID_H

#include <stdbool.h>

#define EA_ID_LEN 36

struct ea_id {
    char s[EA_ID_LEN + 1]; /* lower-case canonical text */
};

void ea_id_new(struct ea_id *id);
bool ea_id_valid(const char *s); /* any RFC 9562 UUID in canonical form, either case */

#endif
