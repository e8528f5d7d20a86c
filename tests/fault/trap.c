/* Preloaded into a responder or worker: a signal at one exact moment of its talk with PostgreSQL, where no test from outside could aim.
 * A file in TRAP_DIR is a trap; its content is the signal's number, and who falls into it takes it away. Its name is a moment and a statement:
 *   commit.<statement>  the COMMIT of a transaction in which the statement ran is known to have succeeded; nobody has been told yet
 *   before.<statement>  the statement is about to leave for the server, in its transaction
 *   sent.<statement>    the statement has left for the server, with whatever libpq sent in the same call */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS 64
#define NAME        80

/* What a connection has yet to do before its trap closes. */
struct armed {
    PGconn *conn;
    int fd;
    char commit[NAME], sending[NAME]; /* statements */
};

static struct armed all[CONNECTIONS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static char *path_of(const char *moment, const char *statement, char path[300])
{
    const char *dir = getenv("TRAP_DIR");
    (void)snprintf(path, 300, "%s/%s.%s", dir ? dir : "/nonexistent", moment, statement);
    return path;
}

static int is_set(const char *moment, const char *statement)
{
    char path[300];
    return access(path_of(moment, statement, path), F_OK) == 0;
}

/* Only one falls in, whoever is first to take it away. */
static void spring(const char *moment, const char *statement)
{
    char path[300], text[8] = "";
    int fd = open(path_of(moment, statement, path), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0 || unlink(path) != 0)
        return;
    close(fd);
    raise(atoi(text)); /* to this thread, so that it gets no further */
}

static struct armed *find(const PGconn *conn, int fd)
{
    for (int i = 0; i < CONNECTIONS; i++)
        if ((conn && all[i].conn == conn) || (!conn && all[i].conn && all[i].fd == fd))
            return &all[i];
    return NULL;
}

static struct armed *arm(PGconn *conn)
{
    struct armed *a = find(conn, -1);
    for (int i = 0; i < CONNECTIONS && !a; i++)
        if (!all[i].conn)
            a = &all[i];
    if (a) {
        a->conn = conn;
        a->fd = PQsocket(conn);
    }
    return a;
}

static void notice(PGconn *conn, const char *statement)
{
    pthread_mutex_lock(&lock);
    int commit = is_set("commit", statement),
        sending = is_set("before", statement) || is_set("sent", statement);
    struct armed *a = commit || sending ? arm(conn) : NULL;
    if (a && commit)
        (void)snprintf(a->commit, NAME, "%s", statement);
    if (a && sending)
        (void)snprintf(a->sending, NAME, "%s", statement);
    pthread_mutex_unlock(&lock);
}

int PQsendQueryPrepared(PGconn *conn, const char *statement, int n, const char *const *values,
                        const int *lengths, const int *formats, int result_format)
{
    int (*real)(PGconn *, const char *, int, const char *const *, const int *, const int *, int) =
        dlsym(RTLD_NEXT, "PQsendQueryPrepared");
    notice(conn, statement);
    return real(conn, statement, n, values, lengths, formats, result_format);
}

PGresult *PQgetResult(PGconn *conn)
{
    PGresult *(*real)(PGconn *) = dlsym(RTLD_NEXT, "PQgetResult");
    char statement[NAME] = "";
    PGresult *res = real(conn);
    if (!res || strcmp(PQcmdStatus(res), "COMMIT") != 0)
        return res;
    pthread_mutex_lock(&lock);
    struct armed *a = find(conn, -1);
    if (a)
        memcpy(statement, a->commit, NAME);
    pthread_mutex_unlock(&lock);
    if (statement[0])
        spring("commit", statement);
    return res;
}

/* libpq's way to the server. A statement's name is in the message that binds it. */
ssize_t send(int fd, const void *p, size_t n, int flags)
{
    ssize_t (*real)(int, const void *, size_t, int) = dlsym(RTLD_NEXT, "send");
    char statement[NAME] = "";
    pthread_mutex_lock(&lock);
    struct armed *a = find(NULL, fd);
    if (a && a->sending[0] && memmem(p, n, a->sending, strlen(a->sending) + 1)) {
        memcpy(statement, a->sending, NAME);
        a->sending[0] = '\0';
    }
    pthread_mutex_unlock(&lock);
    if (statement[0])
        spring("before", statement);
    ssize_t sent = real(fd, p, n, flags);
    if (statement[0])
        spring("sent", statement);
    return sent;
}
