/* Structured logs: one event = one line of ECS JSON on stderr, or one RFC 5424 message to syslog-ng's private socket with the fields kept in
 * an EVTREC of libevtlog (EA_LOG=syslog-ng). Thread-safe. A log that cannot be written never stops the service: lines are dropped and counted.
 * What syslog-ng does not take goes to stderr as a line and is counted as well. Long values are cut. A string that is NULL is left out.
 * fields.def is the only list of keys. */
#ifndef EA_LOG_H
#define EA_LOG_H

#include "lib/cfg.h"

#include <stddef.h>
#include <stdint.h>

enum ea_log_level { EA_LOG_DEBUG, EA_LOG_INFO, EA_LOG_WARN, EA_LOG_ERROR };

enum ea_log_key {
#define EA_LOG_FIELD(id, ecs_name) EA_K_##id,
#include "lib/fields.def"
#undef EA_LOG_FIELD
    EA_K__MAX
};

struct ea_log_field {
    enum ea_log_key key;
    enum { EA_LF_STR, EA_LF_INT, EA_LF_SECRET } type;
    const char *s;
    int64_t i;
};

#define EA_F_STR(k, v)                                                                                       \
    {                                                                                                        \
        .key = EA_K_##k, .type = EA_LF_STR, .s = (v)                                                         \
    }
#define EA_F_INT(k, v)                                                                                       \
    {                                                                                                        \
        .key = EA_K_##k, .type = EA_LF_INT, .i = (int64_t)(v)                                                \
    }
#define EA_F_SECRET(k, v)                                                                                    \
    {                                                                                                        \
        .key = EA_K_##k, .type = EA_LF_SECRET, .s = (v)                                                      \
    } /* printed as *** */

enum ea_err ea_log_start(const struct ea_cfg *cfg) EA_MUST; /* before it, lines go to stderr at level info */
void ea_log_write(enum ea_log_level level, const char *message, const struct ea_log_field *fields, size_t n);
/* From now on lines below EA_LOG_WARN reach stderr some milliseconds later, many at a time, by a thread of their own; those that wait are lost when the process is killed. */
enum ea_err ea_log_gather(void) EA_MUST;
int64_t ea_log_dropped(void); /* lines that did not get where EA_LOG says */

/* ea_log(EA_LOG_INFO, "attempt started", EA_F_STR(USER_ID, uid), EA_F_INT(SLOTS, n)); at least one field */
#define ea_log(level, message, ...)                                                                          \
    ea_log_write(level, message, (const struct ea_log_field[]){ __VA_ARGS__ },                               \
                 sizeof((const struct ea_log_field[]){ __VA_ARGS__ }) / sizeof(struct ea_log_field))
#define ea_log0(level, message) ea_log_write(level, message, NULL, 0)

#endif
