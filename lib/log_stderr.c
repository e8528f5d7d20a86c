#include "lib/log_stderr.h"

#include "lib/buf.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { GATHERED_MAX = 256 * 1024, GATHER_MS = 5, PATIENCE_MS = 200 };

static struct {
    pthread_mutex_t writing; /* one writer, so that poll() stays true; taken before `lock` */
    pthread_mutex_t lock;    /* of the next two */
    struct ea_buf gathered;
    bool sleeping; /* the thread waits for a first line */
    pthread_cond_t some;
    atomic_bool gathering;
    _Atomic int64_t dropped;
} state = { .writing = PTHREAD_MUTEX_INITIALIZER,
            .lock = PTHREAD_MUTEX_INITIALIZER,
            .some = PTHREAD_COND_INITIALIZER,
            .gathered = { .max = GATHERED_MAX } };

/* One write(2) of at most EA_LOG_LINE_MAX bytes, which must not block: whoever reads the pipe may have stopped. */
static bool put(const char *p, size_t n, int patience_ms)
{
    struct pollfd fd = { .fd = STDERR_FILENO, .events = POLLOUT };
    if (poll(&fd, 1, patience_ms) != 1 || !(fd.revents & POLLOUT))
        return false;
    ssize_t written;
    do
        written = write(STDERR_FILENO, p, n);
    while (written < 0 && errno == EINTR);
    return written == (ssize_t)n;
}

/* As many whole lines as one write takes. */
static size_t block_of(const char *p, size_t n)
{
    if (n <= EA_LOG_LINE_MAX)
        return n;
    const char *end = memrchr(p, '\n', EA_LOG_LINE_MAX);
    return end == NULL ? n : (size_t)(end - p) + 1;
}

static int64_t count_lines(const char *p, size_t n)
{
    int64_t lines = 0;
    for (const char *end; n > 0 && (end = memchr(p, '\n', n)) != NULL; lines++) {
        n -= (size_t)(end + 1 - p);
        p = end + 1;
    }
    return lines;
}

static void write_gathered(int patience_ms)
{
    pthread_mutex_lock(&state.lock);
    struct ea_buf b = state.gathered;
    state.gathered = (struct ea_buf){ .max = GATHERED_MAX };
    pthread_mutex_unlock(&state.lock);
    for (size_t at = 0, n; at < b.len; at += n) {
        n = block_of(b.p + at, b.len - at);
        if (put(b.p + at, n, patience_ms))
            continue;
        atomic_fetch_add(&state.dropped, count_lines(b.p + at, b.len - at));
        break;
    }
    ea_buf_free(&b);
}

void ea_log_stderr_flush(void)
{
    pthread_mutex_lock(&state.writing);
    write_gathered(0);
    pthread_mutex_unlock(&state.writing);
}

static bool put_now(const char *line, size_t n)
{
    pthread_mutex_lock(&state.writing);
    if (atomic_load(&state.gathering))
        write_gathered(0);
    bool ok = put(line, n, 0);
    pthread_mutex_unlock(&state.writing);
    return ok;
}

static bool gather(const char *line, size_t n)
{
    pthread_mutex_lock(&state.lock);
    bool ok = state.gathered.len + n <= GATHERED_MAX;
    if (ok)
        ea_buf_add(&state.gathered, line, n);
    ok = ok && !state.gathered.failed;
    bool wake = state.sleeping;
    state.sleeping = false;
    pthread_mutex_unlock(&state.lock);
    if (wake)
        pthread_cond_signal(&state.some);
    return ok;
}

bool ea_log_stderr_put(const char *line, size_t n, bool urgent)
{
    bool now = urgent || !atomic_load(&state.gathering);
    return (!now && gather(line, n)) ||
           put_now(line, n); /* too many for the thread: their writers write themselves */
}

static void *writer(void *arg)
{
    (void)arg;
    const struct timespec pause = { .tv_nsec = GATHER_MS * 1000000L };
    for (;;) {
        pthread_mutex_lock(&state.lock);
        while (state.gathered.len == 0) {
            state.sleeping = true;
            pthread_cond_wait(&state.some, &state.lock);
        }
        pthread_mutex_unlock(&state.lock);
        nanosleep(&pause, NULL);
        pthread_mutex_lock(&state.writing);
        write_gathered(PATIENCE_MS);
        pthread_mutex_unlock(&state.writing);
    }
    return NULL;
}

enum ea_err ea_log_stderr_gather(void)
{
    pthread_t thread;
    sigset_t all, before;
    if (atomic_load(&state.gathering))
        return EA_OK;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&thread, NULL, writer, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return EA_ENOMEM;
    pthread_detach(thread);
    atomic_store(&state.gathering, true);
    return atexit(ea_log_stderr_flush) == 0 ? EA_OK : EA_ENOMEM;
}

int64_t ea_log_stderr_dropped(void)
{
    return atomic_load(&state.dropped);
}
