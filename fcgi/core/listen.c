#include "fcgi/core/listen.h"

#include "lib/log.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A burst of connections must wait in the kernel: nginx takes a full backlog for a dead responder. */
#define BACKLOG 4096

struct ea_listen {
    int fd;
    struct sockaddr_un unix_address; /* sun_path "" for TCP */
    dev_t dev;                       /* the socket file that is ours */
    ino_t ino;
};

static enum ea_err refuse(enum ea_err err, const char *what, const char *address, const char *why)
{
    ea_log(EA_LOG_ERROR, what, EA_F_STR(VALUE, address), EA_F_STR(ERROR, why));
    return err;
}

/* Is there someone behind the socket file? */
static bool answers(const struct sockaddr_un *a)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool yes = connect(fd, (const struct sockaddr *)a, sizeof *a) == 0 || errno == EAGAIN;
    close(fd);
    return yes;
}

static enum ea_err open_unix(struct ea_listen *l, const char *path)
{
    struct sockaddr_un *a = &l->unix_address;
    a->sun_family = AF_UNIX;
    if (path[0] != '/' || strlen(path) >= sizeof a->sun_path)
        return refuse(EA_EINPUT, "cannot listen", path, "not an absolute path of at most 107 bytes");
    stpcpy(a->sun_path, path);
    if (answers(a))
        return refuse(EA_ECONFLICT, "cannot listen", path, "another process answers there");
    if (unlink(path) < 0 && errno != ENOENT)
        return refuse(EA_EUNAVAILABLE, "cannot listen", path, strerror(errno));
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t mask = umask(0117); /* rule 12: only nginx, which shares our group, may connect */
    bool bound = l->fd >= 0 && bind(l->fd, (const struct sockaddr *)a, sizeof *a) == 0;
    int why = errno;
    umask(mask);
    struct stat st;
    if (!bound || stat(path, &st) < 0 || listen(l->fd, BACKLOG) < 0)
        return refuse(EA_EUNAVAILABLE, "cannot listen", path, strerror(bound ? errno : why));
    l->dev = st.st_dev;
    l->ino = st.st_ino;
    return EA_OK;
}

static int try_tcp(const struct addrinfo *ai)
{
    int on = 1, fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

static enum ea_err open_tcp(struct ea_listen *l, const char *address)
{
    char host[256];
    const char *colon = strrchr(address, ':');
    size_t n = colon == NULL ? 0 : (size_t)(colon - address);
    if (colon == NULL || colon[1] == '\0' || n >= sizeof host)
        return refuse(EA_EINPUT, "cannot listen", address, "neither unix:/path nor host:port");
    bool brackets = n >= 2 && address[0] == '[' && address[n - 1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(brackets ? n - 2 : n), brackets ? address + 1 : address);
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(host[0] == '\0' ? NULL : host, colon + 1, &hints, &found);
    if (rc != 0)
        return refuse(EA_EUNAVAILABLE, "cannot listen", address, gai_strerror(rc));
    for (const struct addrinfo *ai = found; ai != NULL && l->fd < 0; ai = ai->ai_next)
        l->fd = try_tcp(ai);
    int why = errno;
    freeaddrinfo(found);
    if (l->fd < 0)
        return refuse(why == EADDRINUSE ? EA_ECONFLICT : EA_EUNAVAILABLE, "cannot listen", address,
                      strerror(why));
    return EA_OK;
}

enum ea_err ea_listen_open(const char *address, struct ea_listen **out)
{
    *out = NULL;
    struct ea_listen *l = calloc(1, sizeof *l);
    if (l == NULL)
        return EA_ENOMEM;
    l->fd = -1;
    enum ea_err err = strncmp(address, "unix:", 5) == 0 ? open_unix(l, address + 5) : open_tcp(l, address);
    if (err == EA_OK)
        *out = l;
    else
        ea_listen_close(l);
    return err;
}

int ea_listen_fd(const struct ea_listen *l)
{
    return l->fd;
}

bool ea_listen_is_unix(const struct ea_listen *l)
{
    return l->unix_address.sun_path[0] != '\0';
}

void ea_listen_hide(struct ea_listen *l)
{
    struct stat st;
    if (!ea_listen_is_unix(l)) {
        if (l->fd >= 0)
            close(l->fd);
        l->fd = -1;
        return;
    }
    if (l->ino != 0 && stat(l->unix_address.sun_path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
        unlink(l->unix_address.sun_path);
    l->ino = 0;
}

void ea_listen_close(struct ea_listen *l)
{
    if (l == NULL)
        return;
    ea_listen_hide(l);
    if (l->fd >= 0)
        close(l->fd);
    free(l);
}
