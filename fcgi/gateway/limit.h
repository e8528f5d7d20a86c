/* Failed sign-ins, counted in Redis for all processes; in this process alone while Redis is away. Thread-safe.
 * An account is guarded tightly; an address generously, because a whole school sits behind one. */
#ifndef EA_GATEWAY_LIMIT_H
#define EA_GATEWAY_LIMIT_H

#include "lib/err.h"

#include <stdbool.h>

struct ea_redis;
struct gateway_limits;

enum gateway_limit { GATEWAY_LIMIT_ACCOUNT, GATEWAY_LIMIT_ADDRESS, GATEWAY_LIMIT__MAX };

struct gateway_limits *gateway_limits_new(void); /* NULL: no memory */
void gateway_limits_free(struct gateway_limits *l);

/* True when `who` failed too often; *wait_s: until it may try again. */
bool gateway_limit_reached(struct gateway_limits *l, struct ea_redis *redis, enum gateway_limit kind,
                           const char *who, int *wait_s);
void gateway_limit_count(struct gateway_limits *l, struct ea_redis *redis, enum gateway_limit kind,
                         const char *who);
void gateway_limit_clear(struct gateway_limits *l, struct ea_redis *redis, enum gateway_limit kind,
                         const char *who);

#endif
