#include "lib/log_syslog.h"

#include "lib/alloc.h"
#include "lib/buf.h"
#include "lib/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog-ng/evtlog.h>
#include <unistd.h>

#define FACILITY       EVT_FAC_LOCAL0
#define TEXT_MAX_BYTES 2048u /* libevtlog escapes on the stack */
#define QUEUE_WAIT_MS  20
#define APP_NAME_MAX   48 /* RFC 5424 */
#define HOST_MAX       255

struct ea_log_syslog {
    EVTCONTEXT *ctx;
    struct sockaddr_un address;
    int fd;
    bool stuck; /* the queue stayed full: don't wait for it again */
    char app[APP_NAME_MAX + 1];
    char host[HOST_MAX + 1];
};

static const int severities[] = { EVT_PRI_DEBUG, EVT_PRI_INFO, EVT_PRI_WARNING, EVT_PRI_ERR };

/* Header fields are visible ASCII, "-" when there is nothing to say. */
static void header_word(char *to, size_t size, const char *s)
{
    size_t n = 0;
    for (; s[n] && n < size - 1; n++)
        to[n] = s[n] > ' ' && s[n] <= '~' ? s[n] : '_';
    if (n == 0)
        to[n++] = '-';
    to[n] = '\0';
}

static void drop(struct ea_log_syslog *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

static bool connected(struct ea_log_syslog *s)
{
    if (s->fd >= 0)
        return true;
    s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->fd < 0)
        return false;
    if (connect(s->fd, (const struct sockaddr *)&s->address, sizeof s->address) == 0)
        return true;
    drop(s);
    return false;
}

static bool wait_for_queue(struct ea_log_syslog *s)
{
    struct pollfd p = { .fd = s->fd, .events = POLLOUT };
    if (s->stuck)
        return false;
    s->stuck = poll(&p, 1, QUEUE_WAIT_MS) != 1;
    return !s->stuck;
}

static bool send_once(struct ea_log_syslog *s, const struct ea_buf *b)
{
    ssize_t n;
    do
        n = sendto(s->fd, b->p, b->len, MSG_NOSIGNAL, NULL, 0);
    while (n < 0 && (errno == EINTR || (errno == EAGAIN && wait_for_queue(s))));
    if (n >= 0)
        s->stuck = false;
    return n >= 0;
}

/* A second try on a new socket: syslog-ng makes a new one when it starts again. A full queue is not a reason to leave. */
static bool deliver(struct ea_log_syslog *s, const struct ea_buf *b)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        if (!connected(s))
            return false;
        if (send_once(s, b))
            return true;
        if (errno == EAGAIN)
            return false;
        drop(s);
    }
    return false;
}

/* libevtlog escapes the quote but not the backslash: doubled here, so that a value cannot end its own quotes. */
static EVTTAG *text_tag(const char *name, const char *value)
{
    char text[2 * TEXT_MAX_BYTES + 1];
    size_t n = 0;
    for (size_t i = 0; value[i] && i < TEXT_MAX_BYTES; i++) {
        if (value[i] == '\\')
            text[n++] = '\\';
        text[n++] = value[i];
    }
    text[n] = '\0';
    return evt_tag_str(name, text);
}

static EVTTAG *tag_of(const struct ea_log_field *f)
{
    const char *name = ea_log_key_name(f->key);
    switch (f->type) {
    case EA_LF_INT:
        return evt_tag_long(name, f->i);
    case EA_LF_SECRET:
        return f->s ? evt_tag_str(name, "***") : NULL;
    default:
        return f->s ? text_tag(name, f->s) : NULL;
    }
}

static void add_tag(EVTREC *rec, EVTTAG *tag)
{
    if (tag)
        evt_rec_add_tag(rec, tag);
}

/* `message; log.level='info', user.id='…'`; free() it. */
static char *format(struct ea_log_syslog *s, const struct ea_log_event *e)
{
    EVTREC *rec = evt_rec_init(s->ctx, severities[e->level], e->message);
    if (!rec)
        return NULL;
    add_tag(rec, evt_tag_str("log.level", e->level_name));
    for (size_t i = 0; i < e->n; i++)
        add_tag(rec, tag_of(&e->fields[i]));
    char *message = evt_format(rec);
    evt_rec_free(rec);
    return message;
}

enum ea_err ea_log_syslog_new(const char *path, const char *service, struct ea_log_syslog **out)
{
    struct ea_log_syslog *s = ea_alloc(sizeof *s);
    *out = NULL;
    if (!s)
        return EA_ENOMEM;
    s->fd = -1;
    s->address.sun_family = AF_UNIX;
    int n = snprintf(s->address.sun_path, sizeof s->address.sun_path, "%s", path);
    if (n < 0 || (size_t)n >= sizeof s->address.sun_path) {
        free(s);
        return EA_EINPUT;
    }
    char host[HOST_MAX + 1] = "";
    (void)gethostname(host, sizeof host - 1);
    header_word(s->host, sizeof s->host, host);
    header_word(s->app, sizeof s->app, service);
    s->ctx = evt_ctx_init(s->app, FACILITY);
    if (!s->ctx) {
        free(s);
        return EA_ENOMEM;
    }
    *out = s;
    return EA_OK;
}

bool ea_log_syslog_send(struct ea_log_syslog *s, const struct ea_log_event *e)
{
    struct ea_buf b = { 0 };
    char at[EA_CLOCK_RFC3339_SIZE];
    char *message = format(s, e);
    ea_clock_rfc3339(e->wall_us, at);
    ea_buf_printf(&b, "<%d>1 %s %s %s %d - - ", FACILITY | severities[e->level], at, s->host, s->app,
                  (int)e->pid);
    if (message)
        ea_buf_str(&b, message);
    bool ok = message && !b.failed && deliver(s, &b);
    free(message);
    ea_buf_free(&b);
    return ok;
}
