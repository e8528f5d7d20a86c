#include "workers/core/process.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/schema_check.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define FDS_MAX        4
#define SCHEMA_WAIT_MS 500

/* What the signal handlers touch. */
static atomic_bool stopping;
static int wake_fd = -1;
static unsigned drain_s;
static _Atomic int64_t stopped_ns;

static void on_stop(int sig)
{
    int saved = errno;
    uint64_t one = 1;

    (void)sig;
    if (!atomic_exchange(&stopping, true)) {
        atomic_store(&stopped_ns, ea_clock_mono_ns());
        alarm(drain_s);
        if (write(wake_fd, &one, sizeof(one)) < 0)
            errno = saved; /* the next look at the flag finds it */
    }
    errno = saved;
}

/* Ending here loses nothing: what is not committed is rolled back, what is not acknowledged is delivered again. */
static void on_deadline(int sig)
{
    (void)sig;
    _exit(1);
}

static enum ea_err catch_signals(const struct ea_cfg *cfg)
{
    struct sigaction stop = { .sa_handler = on_stop, .sa_flags = SA_RESTART };
    struct sigaction deadline = { .sa_handler = on_deadline };
    struct sigaction ignore = { .sa_handler = SIG_IGN };

    drain_s = (unsigned)cfg->drain_s;
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0 || sigaction(SIGTERM, &stop, NULL) != 0 || sigaction(SIGINT, &stop, NULL) != 0 ||
        sigaction(SIGALRM, &deadline, NULL) != 0 || sigaction(SIGPIPE, &ignore, NULL) != 0) {
        ea_log(EA_LOG_ERROR, "signals cannot be set up", EA_F_STR(ERROR, strerror(errno)));
        return EA_EINTERNAL;
    }
    return EA_OK;
}

static bool ready(void *arg, char *why, size_t size)
{
    struct ea_process *p = arg;

    if (!atomic_load(&p->pg_ready))
        snprintf(why, size, "postgres: not connected");
    else if (!atomic_load(&p->amqp_ready))
        snprintf(why, size, "rabbitmq: not connected");
    else
        return true;
    return false;
}

enum ea_err ea_process_start(struct ea_process *p)
{
    enum ea_err err;

    memset(p, 0, sizeof(*p));
    err = ea_cfg_load(EA_FOR_WORKER, &p->cfg);
    if (err == EA_OK)
        err = ea_log_start(p->cfg);
    if (err == EA_OK)
        err = catch_signals(p->cfg);
    if (err == EA_OK)
        err = ea_metrics_start(p->cfg, ready, p);
    if (err == EA_OK)
        ea_cfg_log(p->cfg, EA_FOR_WORKER);
    return err;
}

void ea_process_end(struct ea_process *p)
{
    (void)p;
    ea_metrics_stop();
    ea_log(EA_LOG_INFO, "stopped",
           EA_F_INT(DURATION_US, (ea_clock_mono_ns() - atomic_load(&stopped_ns)) / 1000));
}

bool ea_process_stopping(void)
{
    return atomic_load(&stopping);
}

bool ea_process_hurried(void)
{
    return atomic_load(&stopping) &&
           ea_clock_mono_ns() - atomic_load(&stopped_ns) > (int64_t)drain_s * EA_NS_PER_S / 2;
}

void ea_process_wait(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    struct pollfd all[FDS_MAX + 1];
    nfds_t i;

    all[0] = (struct pollfd){ .fd = ea_process_stopping() ? -1 : wake_fd, .events = POLLIN };
    for (i = 0; i < n; i++)
        all[i + 1] = fds[i];
    if (poll(all, n + 1, timeout_ms) < 0)
        return;
    for (i = 0; i < n; i++)
        fds[i].revents = all[i + 1].revents;
}

enum ea_err ea_process_await_schema(struct ea_process *p, struct ea_pg *pg)
{
    while (!ea_process_stopping()) {
        enum ea_err err = ea_schema_check(pg);

        if (err == EA_OK)
            atomic_store(&p->pg_ready, true);
        if (err != EA_EUNAVAILABLE)
            return err;
        ea_process_wait(NULL, 0, SCHEMA_WAIT_MS);
    }
    return EA_ECLOSED;
}
