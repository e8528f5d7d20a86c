/* The one file that knows libfcgi (2.4.2). It was written for one thread per connection; driven from a reactor it needs the rules that are
 * numbered here. Line numbers are of libfcgi/fcgiapp.c and os_unix.c of 2.4.2. */
#include "fcgi/core/conn.h"

#include "fcgi/core/reactor.h"
#include "fcgi/core/req_private.h"
#include "fcgi/core/server_private.h"
#include "lib/clock.h"

#include <errno.h>
#include <fastcgi.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fcgi_conn {
    struct ea_conn base; /* first */
    FCGX_Request fcgi;
    bool body_read; /* its STDIN was read to the end */
};

static struct fcgi_conn *of(const struct ea_conn *c)
{
    return (struct fcgi_conn *)c;
}

/* Rule 10: FCGX_Init puts handlers on SIGPIPE, SIGUSR1 and SIGTERM (os_unix.c:132). They are taken off again: signals are the reactor's signalfd. */
enum ea_err ea_conn_library_init(void)
{
    if (FCGX_Init() != 0)
        return EA_EINTERNAL;
    const struct sigaction usual = { .sa_handler = SIG_DFL }, ignore = { .sa_handler = SIG_IGN };
    if (sigaction(SIGTERM, &usual, NULL) < 0 || sigaction(SIGUSR1, &usual, NULL) < 0 ||
        sigaction(SIGPIPE, &ignore, NULL) < 0)
        return EA_EINTERNAL;
    return EA_OK;
}

struct ea_conn *ea_conn_new(int fd)
{
    struct fcgi_conn *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->base.fd = fd;
    /* Rule 2: no listening socket, so an error comes back instead of leading into accept(). */
    FCGX_InitRequest(&c->fcgi, -1, 0);
    c->fcgi.ipcFd = fd;
    /* Rule 1: FCGX_Accept_r first finishes "the last request", and with 0 would close the connection. */
    c->fcgi.keepConnection = 1;
    /* Rule 3: where libfcgi closes, it does so without shutdown() and up to 2 s of waiting for the peer. */
    FCGX_Detach(&c->fcgi);
    return &c->base;
}

void ea_conn_free(struct ea_conn *c)
{
    if (c == NULL)
        return;
    struct fcgi_conn *f = of(c);
    if (f->fcgi.in != NULL)
        FCGX_Free(&f->fcgi, 0);
    if (c->fd >= 0)
        close(c->fd);
    free(f);
}

/* Rule 12: libfcgi's answer to FCGI_GET_VALUES overruns its buffer (fcgiapp.c:1474). The first record of a request is seen before libfcgi sees it, and is
 * a BEGIN_REQUEST or the end of this connection. */
enum ea_err ea_conn_peek(struct ea_conn *c)
{
    FCGI_Header h;
    ssize_t n = recv(c->fd, &h, sizeof h, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? EA_PARKED : EA_ECLOSED;
    if (n == 0 || h.version != FCGI_VERSION_1 || (n > 1 && h.type != FCGI_BEGIN_REQUEST))
        return EA_ECLOSED;
    if ((size_t)n < sizeof h)
        return EA_PARKED;
    bool sound = (h.requestIdB1 != 0 || h.requestIdB0 != 0) && h.contentLengthB1 == 0 &&
                 h.contentLengthB0 == sizeof(FCGI_BeginRequestBody);
    return sound ? EA_OK : EA_ECLOSED;
}

enum ea_err ea_conn_begin(struct ea_conn *c)
{
    struct fcgi_conn *f = of(c);
    f->body_read = false;
    int rc = FCGX_Accept_r(&f->fcgi);
    c->fd = f->fcgi.ipcFd; /* -1: libfcgi has closed it */
    if (rc != 0)
        return EA_ECLOSED;
    /* Rule 4: a read error between two parameters ends FCGX_Accept_r with success and half of the parameters (fcgiapp.c:1158 takes it for the end). */
    if (FCGX_GetError(f->fcgi.in) != 0 || f->fcgi.role != FCGI_RESPONDER)
        return EA_ECLOSED;
    return EA_OK;
}

const char *ea_conn_param(const struct ea_conn *c, const char *name)
{
    return FCGX_GetParam(name, of(c)->fcgi.envp);
}

ssize_t ea_conn_read(struct ea_conn *c, void *p, size_t n)
{
    struct fcgi_conn *f = of(c);
    if (f->body_read || n == 0)
        return 0;
    int want = n > 65536 ? 65536 : (int)n;
    int got = FCGX_GetStr(p, want, f->fcgi.in);
    if (got < want) {
        if (FCGX_GetError(f->fcgi.in) != 0)
            return -1;
        f->body_read = true;
    }
    return got;
}

/* Rule 5: to the end of the stream, not to CONTENT_LENGTH: the empty STDIN record that would stay behind spoils the next request of the connection. */
enum ea_err ea_conn_drain(struct ea_conn *c, size_t most)
{
    char waste[8192];
    size_t seen = 0;
    while (!of(c)->body_read) {
        ssize_t n = ea_conn_read(c, waste, sizeof waste);
        if (n < 0)
            return EA_ECLOSED;
        seen += (size_t)n;
        if (seen > most)
            return EA_ETOOLARGE;
    }
    return EA_OK;
}

/* Rule 8: FCGX_PutStr may report success after an error, so it is the stream's error that counts. */
enum ea_err ea_conn_write(struct ea_conn *c, const void *p, size_t n)
{
    FCGX_Stream *out = of(c)->fcgi.out;
    for (const char *at = p; n > 0;) {
        int part = n > 1 << 20 ? 1 << 20 : (int)n;
        if (FCGX_PutStr(at, part, out) != part || FCGX_GetError(out) != 0)
            return EA_ECLOSED;
        at += part;
        n -= (size_t)part;
    }
    return EA_OK;
}

enum ea_err ea_conn_flush(struct ea_conn *c)
{
    FCGX_Stream *out = of(c)->fcgi.out;
    return FCGX_FFlush(out) == 0 && FCGX_GetError(out) == 0 ? EA_OK : EA_ECLOSED;
}

/* Rule 9: libfcgi knows no FCGI_ABORT_REQUEST, and nginx sends none: it hangs up. */
bool ea_conn_gone(const struct ea_conn *c)
{
    struct pollfd p = { .fd = c->fd, .events = POLLRDHUP };
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* The records that end a reply, and one more: nginx keeps a connection only when nothing follows END_REQUEST, and an empty STDERR record is harmless
 * wherever it is read. So nginx itself closes the connection; if we did, a request might already be on its way. */
static bool write_last(int fd, int id)
{
    const unsigned char hi = (unsigned char)(id >> 8), lo = (unsigned char)id;
    const unsigned char end[] = { 1,  FCGI_STDOUT,
                                  hi, lo,
                                  0,  0,
                                  0,  0, /* empty: the end of the output */
                                  1,  FCGI_END_REQUEST,
                                  hi, lo,
                                  0,  8,
                                  0,  0, /* its body: status 0, complete */
                                  0,  0,
                                  0,  0,
                                  0,  0,
                                  0,  0, /* */
                                  1,  FCGI_STDERR,
                                  hi, lo,
                                  0,  0,
                                  0,  0 };
    return send(fd, end, sizeof end, MSG_NOSIGNAL) == (ssize_t)sizeof end;
}

static bool end_last(struct fcgi_conn *f)
{
    bool sent = ea_conn_flush(&f->base) == EA_OK && write_last(f->fcgi.ipcFd, f->fcgi.requestId);
    FCGX_Free(&f->fcgi, 0); /* not FCGX_Finish_r: it would write END_REQUEST again */
    return sent;
}

/* The rest of the output, its end and END_REQUEST in one write. */
static bool end_usual(struct fcgi_conn *f)
{
    FCGX_FClose(f->fcgi.err);
    bool sent = FCGX_FClose(f->fcgi.out) == 0 && FCGX_GetError(f->fcgi.out) == 0;
    FCGX_Finish_r(&f->fcgi); /* closes when nginx wants it so, or after an error */
    f->base.fd = f->fcgi.ipcFd;
    return sent;
}

bool ea_conn_end(struct ea_conn *c, enum ea_conn_end how, bool *sent)
{
    struct fcgi_conn *f = of(c);
    *sent = false;
    if (!f->body_read)
        f->fcgi.keepConnection = 0; /* rule 5: what is left would be taken for the next request */
    if (how == EA_END_ABORT) {
        FCGX_Free(&f->fcgi, 0);
        return false;
    }
    *sent = how == EA_END_LAST && f->fcgi.keepConnection ? end_last(f) : end_usual(f);
    return *sent && c->fd >= 0;
}

enum ea_err ea_conn_detach(struct ea_req *r, int *fd, int *request_id, bool *keep)
{
    struct ea_conn *c = r->conn;
    struct fcgi_conn *f = of(c);
    if (ea_conn_drain(c, 0) != EA_OK || ea_conn_flush(c) != EA_OK || ea_conn_gone(c))
        return EA_ECLOSED;
    int flags = fcntl(c->fd, F_GETFL);
    if (flags < 0 || fcntl(c->fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return EA_ECLOSED;
    *fd = c->fd;
    *request_id = f->fcgi.requestId;
    *keep = f->fcgi.keepConnection != 0;
    r->conn = NULL;
    FCGX_Free(&f->fcgi, 0); /* rule 11: frees the streams without a word to nginx */
    f->fcgi.ipcFd = -1;
    ea_reactor_forget(c);
    c->fd = -1;
    ea_conn_free(c);
    return EA_OK;
}

void ea_conn_give_back(struct ea_server *s, int fd, bool keep)
{
    if (!keep || ea_reactor_adopt(s->reactor, fd) != EA_OK)
        close(fd);
}
