#include "lib/log.h"

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log_stderr.h"
#include "lib/log_syslog.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX_BYTES 2048u

static const char *const level_names[] = { "debug", "info", "warn", "error" };

static const char *const keys[EA_K__MAX] = {
#define EA_LOG_FIELD(id, ecs_name) [EA_K_##id] = ecs_name,
#include "lib/fields.def"
#undef EA_LOG_FIELD
};

static struct {
    enum ea_log_level level; /* this and the next three are set before there are threads */
    const char *service;
    pid_t pid;                    /* a system call less per line */
    struct ea_log_syslog *syslog; /* NULL: stderr */
    pthread_mutex_t lock;         /* of the syslog: one event at a time */
    _Atomic int64_t dropped;
} state = { .level = EA_LOG_INFO, .lock = PTHREAD_MUTEX_INITIALIZER };

static void write_text(struct ea_jw *w, const char *s, size_t max)
{
    ea_jw_strn(w, s, strnlen(s, max));
}

static void write_field(struct ea_jw *w, const struct ea_log_field *f, size_t text_max)
{
    if (f->type != EA_LF_INT && !f->s)
        return;
    ea_jw_key(w, keys[f->key]);
    if (f->type == EA_LF_INT)
        ea_jw_int(w, f->i);
    else
        write_text(w, f->type == EA_LF_SECRET ? "***" : f->s, text_max);
}

static void write_event(struct ea_buf *line, const struct ea_log_event *e, size_t text_max)
{
    struct ea_jw w;
    ea_jw_init(&w, line);
    ea_jw_obj(&w);
    ea_jw_key(&w, "@timestamp");
    ea_jw_time(&w, e->wall_us);
    ea_jw_kstr(&w, "log.level", e->level_name);
    ea_jw_key(&w, "message");
    write_text(&w, e->message, text_max);
    ea_jw_kstr(&w, "ecs.version", "8.11");
    ea_jw_kstr(&w, "service.name", e->service);
    ea_jw_kint(&w, "process.pid", e->pid);
    for (size_t i = 0; i < e->n; i++)
        write_field(&w, &e->fields[i], text_max);
    ea_jw_end(&w);
    ea_buf_char(line, '\n');
}

static bool to_stderr(const struct ea_log_event *e)
{
    struct ea_buf line = { 0 };
    for (size_t max = TEXT_MAX_BYTES; max >= 32; max /= 4) {
        ea_buf_reset(&line);
        write_event(&line, e, max);
        if (line.len <= EA_LOG_LINE_MAX)
            break;
    }
    bool ok = !line.failed && ea_log_stderr_put(line.p, line.len, e->level >= EA_LOG_WARN);
    ea_buf_free(&line);
    return ok;
}

static bool to_syslog(const struct ea_log_event *e)
{
    pthread_mutex_lock(&state.lock);
    bool ok = ea_log_syslog_send(state.syslog, e);
    pthread_mutex_unlock(&state.lock);
    return ok;
}

static enum ea_log_level level_of(const char *name)
{
    for (int i = EA_LOG_DEBUG; i <= EA_LOG_ERROR; i++)
        if (strcmp(name, level_names[i]) == 0)
            return (enum ea_log_level)i;
    return EA_LOG_INFO; /* ea_cfg_load has refused others */
}

static const char *service_name(void)
{
    return state.service && *state.service ? state.service : program_invocation_short_name;
}

const char *ea_log_key_name(enum ea_log_key key)
{
    return keys[key];
}

enum ea_err ea_log_start(const struct ea_cfg *cfg)
{
    state.level = level_of(cfg->log_level);
    state.service = cfg->service_name;
    state.pid = getpid();
    if (strcmp(cfg->log, "syslog-ng") != 0)
        return EA_OK;
    return ea_log_syslog_new(cfg->log_socket, service_name(), &state.syslog);
}

enum ea_err ea_log_gather(void)
{
    return ea_log_stderr_gather();
}

void ea_log_write(enum ea_log_level level, const char *message, const struct ea_log_field *fields, size_t n)
{
    if (level < state.level)
        return;
    struct ea_log_event e = { .level = level,
                              .level_name = level_names[level],
                              .service = service_name(),
                              .message = message,
                              .pid = state.pid != 0 ? state.pid : getpid(),
                              .wall_us = ea_clock_wall_us(),
                              .fields = fields,
                              .n = n };
    int saved = errno;
    bool ok = state.syslog ? to_syslog(&e) : to_stderr(&e);
    if (!ok && state.syslog)
        (void)to_stderr(&e);
    if (!ok)
        atomic_fetch_add_explicit(&state.dropped, 1, memory_order_relaxed);
    errno = saved;
}

int64_t ea_log_dropped(void)
{
    return atomic_load_explicit(&state.dropped, memory_order_relaxed) + ea_log_stderr_dropped();
}
