/* Log events to syslog-ng's private datagram socket; for log.c only. The fields are kept in an EVTREC of libevtlog and evt_format() gives the
 * message; the RFC 5424 header before it and the sending are ours, since evt_log() reaches nothing but syslog(3).
 * libevtlog counts its context's references and picks its formatter without locks: one thread at a time, all of it. */
#ifndef EA_LOG_SYSLOG_H
#define EA_LOG_SYSLOG_H

#include "lib/log.h"

#include <stdbool.h>
#include <sys/types.h>

struct ea_log_syslog; /* lives as long as the process */

struct ea_log_event {
    enum ea_log_level level;
    const char *level_name, *service, *message;
    int64_t wall_us;
    pid_t pid;
    const struct ea_log_field *fields;
    size_t n;
};

const char *ea_log_key_name(enum ea_log_key key);

/* EA_OK also when nobody listens yet: each event tries again. EA_EINPUT: path is too long for a socket. */
enum ea_err ea_log_syslog_new(const char *path, const char *service, struct ea_log_syslog **out) EA_MUST;
/* False: it was not handed over. Waits at most a moment for a full queue, and not again before one event has gone through. */
bool ea_log_syslog_send(struct ea_log_syslog *s, const struct ea_log_event *e);

#endif
