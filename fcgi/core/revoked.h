/* The set of closed sessions whose access tokens have not expired by themselves yet. Thread-safe; many read, few write. */
#ifndef EA_REVOKED_H
#define EA_REVOKED_H

#include "lib/err.h"

#include <stdbool.h>
#include <stdint.h>

struct ea_revoked;

struct ea_revoked *ea_revoked_new(void);
void ea_revoked_free(struct ea_revoked *r);
/* EA_ENOMEM: the session is not in the set. Entries past now_s make room. */
enum ea_err ea_revoked_add(struct ea_revoked *r, const char *session_id, int64_t until_s,
                           int64_t now_s) EA_MUST;
bool ea_revoked_has(struct ea_revoked *r, const char *session_id);

#endif
