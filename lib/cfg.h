/* Configuration: environment only, one table (cfg.def), validated at start, read-only afterwards (so any thread may read it).
 * An unknown EA_* variable, a missing required one or a bad value is refused with words for a person. */
#ifndef EA_CFG_H
#define EA_CFG_H

#include "lib/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Who reads a variable: it is refused elsewhere, so that no process holds a secret it has no use for. */
enum {
    EA_FOR_RESPONDER = 1,
    EA_FOR_WORKER = 2,
    EA_FOR_TOOL = 4,
    EA_FOR_QUEUES = 8, /* ea-queues, which needs RabbitMQ and no database */
    EA_FOR_PG = EA_FOR_RESPONDER | EA_FOR_WORKER | EA_FOR_TOOL,
    EA_FOR_MQ = EA_FOR_WORKER | EA_FOR_QUEUES,
};

struct ea_cfg {
#define EA_CFG_STR(member, env, who, dflt, secret, what)   const char *member;
#define EA_CFG_INT(member, env, who, dflt, min, max, what) int64_t member;
#include "lib/cfg.def"
#undef EA_CFG_STR
#undef EA_CFG_INT
};

/* Prints every fault to stderr (one JSON log line each). On EA_OK *out is static storage. Call once, before threads. */
enum ea_err ea_cfg_load(unsigned who, const struct ea_cfg **out) EA_MUST;
void ea_cfg_log(const struct ea_cfg *cfg, unsigned who); /* the effective configuration, secrets as *** */

#endif
