/* One FastCGI connection from nginx and the request on it. conn.c is the only file that knows libfcgi; why it drives it so is said there, rule by rule.
 * A connection is nobody's while it is idle, and one pool thread's (or the owner's of the request it carries) from its first byte to
 * the last of the reply. Never moved or copied while it carries a request. */
#ifndef EA_CONN_H
#define EA_CONN_H

#include "fcgi/core/pool.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ea_req;
struct ea_server;
struct ea_reactor;

struct ea_conn {
    struct ea_work work;         /* first: a queued connection is its work */
    struct ea_conn *next, *prev; /* the reactor's list of all connections */
    struct ea_conn *later;       /* the reactor's list of those whose first record is not whole yet */
    struct ea_reactor *reactor;
    int64_t received_ns; /* when the first record of the request was seen */
    int fd;
    bool old; /* was there when the drain began; under the reactor's lock */
};

/* Before any thread, with TERM, INT, HUP and USR1 blocked (rule 10). */
enum ea_err ea_conn_library_init(void) EA_MUST;

struct ea_conn *ea_conn_new(int fd); /* fd is its own from here on; NULL: no memory (fd stays the caller's) */
void ea_conn_free(struct ea_conn *c);

/* What the first bytes on an idle connection are. EA_OK: a request begins. EA_PARKED: too few to tell. EA_ECLOSED: nothing that may reach libfcgi, or the end. */
enum ea_err ea_conn_peek(struct ea_conn *c) EA_MUST;

/* The request's records up to its body; EA_ECLOSED: nothing usable came, free the connection. */
enum ea_err ea_conn_begin(struct ea_conn *c) EA_MUST;
const char *ea_conn_param(const struct ea_conn *c, const char *name); /* lives until ea_conn_end; NULL */
ssize_t ea_conn_read(struct ea_conn *c, void *p, size_t n); /* > 0, 0 at the end, -1 when the peer failed */
/* Reads what is left of the body (rule 5). EA_ETOOLARGE: that is more than `most`. */
enum ea_err ea_conn_drain(struct ea_conn *c, size_t most) EA_MUST;
enum ea_err ea_conn_write(struct ea_conn *c, const void *p, size_t n) EA_MUST; /* buffered */
enum ea_err ea_conn_flush(struct ea_conn *c) EA_MUST;
bool ea_conn_gone(const struct ea_conn *c); /* nginx has hung up (rule 9) */

enum ea_conn_end {
    EA_END_KEEP, /* for the next request, as nginx wishes */
    EA_END_LAST, /* the same, but nginx is told in a way it understands not to use it again (see reactor.c, "Draining") */
    EA_END_ABORT, /* the reply is broken off: nginx must notice */
};
/* Ends the reply. True: the connection may go back to the reactor; false: free it. *sent: the reply went out whole (rule 8). */
bool ea_conn_end(struct ea_conn *c, enum ea_conn_end how, bool *sent) EA_MUST;

/* For the hub (rule 11). After the head and the first bytes went out through ea_resp_flush: on EA_OK the descriptor is the caller's, non-blocking and watched by
 * nobody, and frames on it are the caller's to write, with this request id. libfcgi has forgotten the request, so r's headers are gone; the rest of r is
 * the caller's until ea_req_release. EA_ECLOSED: the peer is gone; return it. Not for HEAD. */
enum ea_err ea_conn_detach(struct ea_req *r, int *fd, int *request_id, bool *keep) EA_MUST;
/* From any thread, after the empty STDOUT record and END_REQUEST were written: back to the reactor when keep, else closed. */
void ea_conn_give_back(struct ea_server *s, int fd, bool keep);
/* A detached request has no more use: its log line, its metrics, its memory. The handler still returns EA_PARKED. */
void ea_req_release(struct ea_req *r);

#endif
