/* The endpoint of metrics.h: one polling thread of libmicrohttpd. */
#include "lib/log.h"
#include "lib/metrics.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 16u
#define IDLE_S          10u
#define WHY_SIZE        256

static struct {
    struct MHD_Daemon *daemon;
    int fd; /* the daemon's */
    ea_ready_fn *ready;
    void *arg;
} server;

static unsigned serve_metrics(struct ea_buf *body)
{
    ea_metrics_print(body);
    return MHD_HTTP_OK;
}

static unsigned serve_health(struct ea_buf *body)
{
    ea_buf_str(body, "ok\n");
    return MHD_HTTP_OK;
}

static unsigned serve_ready(struct ea_buf *body)
{
    char why[WHY_SIZE] = "";
    bool ready = !server.ready || server.ready(server.arg, why, sizeof why);
    ea_buf_printf(body, "%s\n", ready ? "ready" : why);
    return ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}

static const struct {
    const char *path, *content_type;
    unsigned (*serve)(struct ea_buf *body); /* returns the status */
} pages[] = {
    { "/healthz", "text/plain; charset=utf-8", serve_health },
    { "/metrics", "text/plain; version=0.0.4; charset=utf-8", serve_metrics },
    { "/readyz", "text/plain; charset=utf-8", serve_ready },
};

static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, const char *content_type,
                              struct ea_buf *body)
{
    struct MHD_Response *r =
        body->failed ? NULL : MHD_create_response_from_buffer(body->len, body->p, MHD_RESPMEM_MUST_COPY);
    ea_buf_free(body);
    if (!r)
        return MHD_NO;
    enum MHD_Result ok = MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    if (ok == MHD_YES && status == MHD_HTTP_METHOD_NOT_ALLOWED)
        ok = MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    if (ok == MHD_YES)
        ok = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return ok;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_n, void **state)
{
    struct ea_buf body = { 0 };
    (void)arg, (void)version, (void)upload;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        ea_buf_str(&body, "only GET and HEAD\n");
        return answer(c, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain; charset=utf-8", &body);
    }
    if (!*state) { /* the head only: an answer at this point would end the connection */
        *state = &server;
        return MHD_YES;
    }
    if (*upload_n > 0) { /* the body of a GET means nothing */
        *upload_n = 0;
        return MHD_YES;
    }
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (strcmp(url, pages[i].path) == 0) {
            unsigned status = pages[i].serve(&body);
            return answer(c, status, pages[i].content_type, &body);
        }
    ea_buf_str(&body, "there is nothing here\n");
    return answer(c, MHD_HTTP_NOT_FOUND, "text/plain; charset=utf-8", &body);
}

static enum ea_err refuse(enum ea_err err, const char *listen, const char *why)
{
    ea_log(EA_LOG_ERROR, "cannot serve metrics", EA_F_STR(KEY, "EA_METRICS_LISTEN"), EA_F_STR(VALUE, listen),
           EA_F_STR(REASON, why));
    return err;
}

/* host:port or [v6]:port -> a listening socket. */
static enum ea_err listen_on(const char *text, int *fd)
{
    char host[256];
    struct addrinfo want = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM }, *found;
    const char *colon = strrchr(text, ':');
    bool bracket = *text == '[' && colon && colon > text && colon[-1] == ']';
    size_t n = colon ? (size_t)(colon - text) - (bracket ? 2 : 0) : 0;
    if (!colon || n == 0 || n >= sizeof host)
        return refuse(EA_EINPUT, text, "host:port is expected");
    memcpy(host, text + (bracket ? 1 : 0), n);
    host[n] = '\0';
    int why = getaddrinfo(host, colon + 1, &want, &found);
    if (why)
        return refuse(EA_EINPUT, text, gai_strerror(why));
    *fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok = *fd >= 0 && setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) == 0 &&
              bind(*fd, found->ai_addr, found->ai_addrlen) == 0 && listen(*fd, CONNECTIONS_MAX) == 0;
    freeaddrinfo(found);
    if (ok)
        return EA_OK;
    enum ea_err err = refuse(EA_EUNAVAILABLE, text, strerrordesc_np(errno));
    if (*fd >= 0)
        close(*fd);
    return err;
}

enum ea_err ea_metrics_start(const struct ea_cfg *cfg, ea_ready_fn *ready, void *arg)
{
    int fd = -1;
    enum ea_err err = listen_on(cfg->metrics_listen, &fd);
    if (err)
        return err;
    server.fd = fd;
    server.ready = ready;
    server.arg = arg;
    /* the process's signals are for its own threads */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    server.daemon =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO, 0, NULL, NULL, on_request, NULL,
                         MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
                         MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (server.daemon)
        return EA_OK;
    close(fd);
    return refuse(EA_EUNAVAILABLE, cfg->metrics_listen, "the HTTP thread does not start");
}

int ea_metrics_port(void)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = { 0 };
    socklen_t n = sizeof address;
    if (!server.daemon || getsockname(server.fd, &address.any, &n))
        return 0;
    return ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
}

void ea_metrics_stop(void)
{
    if (server.daemon)
        MHD_stop_daemon(server.daemon);
    server.daemon = NULL;
}
