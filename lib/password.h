/* argon2id (libsodium; 19 MiB, t=2) on one bounded thread of its own: a login rush must not starve those who work. */
#ifndef EA_PASSWORD_H
#define EA_PASSWORD_H

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>

#define EA_PASSWORD_HASH_SIZE 128
#define EA_PASSWORD_MIN       10
#define EA_PASSWORD_MAX       200

struct ea_password_pool;

/* queue_max jobs wait at most; one more is refused with EA_EOVERLOAD. */
enum ea_err ea_password_pool_new(size_t queue_max, struct ea_password_pool **out) EA_MUST;
void ea_password_pool_stop(struct ea_password_pool *p); /* finishes what is queued and refuses more */
void ea_password_pool_free(struct ea_password_pool *p); /* stops it before, if need be; accepts NULL */

/* Asynchronous; done is called on the pool's thread and must only hand the result on. hash NULL verifies against a dummy, taking as long, and is never ok.
 * The strings are copied and wiped. */
enum ea_err ea_password_verify(struct ea_password_pool *p, const char *hash, const char *password,
                               void (*done)(bool ok, void *arg), void *arg) EA_MUST;
/* new_hash is "" when it failed. */
enum ea_err ea_password_hash(struct ea_password_pool *p, const char *password,
                             void (*done)(const char *new_hash, void *arg), void *arg) EA_MUST;

#endif
