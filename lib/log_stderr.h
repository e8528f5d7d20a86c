/* Lines on their way to stderr; for log.c only. A line is written at once, or, once gathering has begun, with those of the next few milliseconds by a thread that
 * does nothing else: a request's log line then costs it no system call. What is urgent takes everything before it along, at once.
 * Never blocks a caller: what a full pipe or a full buffer does not take is dropped. Thread-safe. */
#ifndef EA_LOG_STDERR_H
#define EA_LOG_STDERR_H

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EA_LOG_LINE_MAX                                                                                      \
    4096u /* a pipe takes this much whole or, when poll() says that it cannot, not at all */

/* One whole line, at most EA_LOG_LINE_MAX bytes. False: it was dropped. */
bool ea_log_stderr_put(const char *line, size_t n, bool urgent);
enum ea_err ea_log_stderr_gather(void) EA_MUST; /* starts the thread; what is left is written at exit() */
void ea_log_stderr_flush(void);
int64_t ea_log_stderr_dropped(void); /* lines that were gathered and then not taken */

#endif
