/* The listening socket. Opened here and not by FCGX_OpenSocket, which ends the process on an error and knows only IPv4. One thread. */
#ifndef EA_LISTEN_H
#define EA_LISTEN_H

#include "lib/err.h"

#include <stdbool.h>

struct ea_listen;

/* "unix:/path" (mode 0660; a stale socket file is replaced, one that answers is not: EA_ECONFLICT) or "host:port", "[v6]:port". Logs why it fails. */
enum ea_err ea_listen_open(const char *address, struct ea_listen **out) EA_MUST;
int ea_listen_fd(const struct ea_listen *l); /* non-blocking; -1: closed */
bool ea_listen_is_unix(const struct ea_listen *l);
/* Nobody new comes. A unix socket's file goes, if it is still ours, and who waits is still accepted; a TCP socket is closed. */
void ea_listen_hide(struct ea_listen *l);
void ea_listen_close(struct ea_listen *l); /* hides it, too; accepts NULL */

#endif
