/* Time. Monotonic nanoseconds measure ages and deadlines; wall-clock microseconds are for display and ids only. Thread-safe. */
#ifndef EA_CLOCK_H
#define EA_CLOCK_H

#include "lib/err.h"

#include <stdint.h>

#define EA_NS_PER_S  1000000000LL
#define EA_NS_PER_MS 1000000LL

int64_t ea_clock_mono_ns(void);
int64_t ea_clock_wall_us(void);

#define EA_CLOCK_RFC3339_SIZE 25 /* "2026-11-23T09:00:00.123Z" and NUL */
void ea_clock_rfc3339(int64_t wall_us, char out[EA_CLOCK_RFC3339_SIZE]);

/* RFC 3339 date-time with any offset and up to 9 decimals -> microseconds since 1970 UTC; EA_EINPUT when it is not one. */
enum ea_err ea_clock_parse(const char *s, int64_t *wall_us) EA_MUST;

#endif
