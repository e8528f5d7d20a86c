#include "lib/cfg.h"

#include "lib/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct row {
    const char *env, *dflt; /* dflt NULL: required. Text also for numbers */
    int64_t min, max;
    size_t offset;
    unsigned who;
    bool secret, is_int;
};

static const struct row rows[] = {
#define EA_CFG_STR(member, env, who, dflt, secret, what)                                                     \
    { env, dflt, 0, 0, offsetof(struct ea_cfg, member), who, secret, false },
#define EA_CFG_INT(member, env, who, dflt, min, max, what)                                                   \
    { env, #dflt, min, max, offsetof(struct ea_cfg, member), who, false, true },
#include "lib/cfg.def"
#undef EA_CFG_STR
#undef EA_CFG_INT
};
#define ROWS (sizeof rows / sizeof *rows)

static const char *const logs[] = { "stderr", "syslog-ng", NULL };
static const char *const levels[] = { "debug", "info", "warn", "error", NULL };

static struct ea_cfg loaded;

EA_PRINTF(2, 3) static bool fault(const char *env, const char *fmt, ...)
{
    char reason[400];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(reason, sizeof reason, fmt, ap);
    va_end(ap);
    ea_log(EA_LOG_ERROR, "the configuration is wrong", EA_F_STR(KEY, env), EA_F_STR(REASON, reason));
    return false;
}

static const struct row *row_of(const char *env, size_t n)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strlen(rows[i].env) == n && memcmp(rows[i].env, env, n) == 0)
            return &rows[i];
    return NULL;
}

static const char *people(unsigned who)
{
    static const char *const names[] = {
        [EA_FOR_RESPONDER] = "responders",
        [EA_FOR_WORKER] = "workers",
        [EA_FOR_TOOL] = "tools",
        [EA_FOR_RESPONDER | EA_FOR_WORKER] = "responders and workers",
        [EA_FOR_RESPONDER | EA_FOR_TOOL] = "responders and tools",
        [EA_FOR_WORKER | EA_FOR_TOOL] = "workers and tools",
        [EA_FOR_PG] = "all processes that use the database",
        [EA_FOR_QUEUES] = "ea-queues",
        [EA_FOR_MQ] = "workers and ea-queues",
    };
    return names[who];
}

/* Every EA_* variable must be one that this kind of process reads. */
static bool check_names(unsigned who)
{
    bool ok = true;
    for (char **e = environ; *e; e++) {
        if (strncmp(*e, "EA_", 3) != 0)
            continue;
        size_t n = strcspn(*e, "=");
        const struct row *row = row_of(*e, n);
        char env[64];
        (void)snprintf(env, sizeof env, "%.*s", (int)(n < sizeof env ? n : sizeof env - 1), *e);
        if (!row)
            ok = fault(env, "there is no such setting");
        else if (!(row->who & who))
            ok =
                fault(env, "this is a setting of %s; %s must not be given it", people(row->who), people(who));
    }
    return ok;
}

static bool read_int(const struct row *row, const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (end == text || *end || errno || *out < row->min || *out > row->max)
        return fault(row->env, "\"%s\" is not a whole number from %" PRId64 " to %" PRId64, text, row->min,
                     row->max);
    return true;
}

static bool read_row(const struct row *row, unsigned who, struct ea_cfg *cfg)
{
    void *member = (char *)cfg + row->offset;
    bool ours = row->who & who;
    const char *text = ours ? getenv(row->env) : NULL;
    if (!text || (!*text && (row->is_int || !row->dflt)))
        text = row->dflt;
    if (ours && !text)
        return fault(row->env, "this setting is needed");
    if (row->is_int)
        return read_int(row, text, member);
    *(const char **)member = text ? text : "";
    return true;
}

static bool one_of(const char *env, const char *value, const char *const *words)
{
    for (size_t i = 0; words[i]; i++)
        if (strcmp(value, words[i]) == 0)
            return true;
    return fault(env, "\"%s\" is not one of the values it can have", value);
}

/* What no single row can say. */
static bool check_values(const struct ea_cfg *cfg)
{
    bool ok = one_of("EA_LOG", cfg->log, logs);
    ok &= one_of("EA_LOG_LEVEL", cfg->log_level, levels);
    if (strcmp(cfg->log, "syslog-ng") == 0 && !*cfg->log_socket)
        ok = fault("EA_LOG_SOCKET", "this setting is needed with EA_LOG=syslog-ng");
    return ok;
}

enum ea_err ea_cfg_load(unsigned who, const struct ea_cfg **out)
{
    bool ok = check_names(who);
    for (size_t i = 0; i < ROWS; i++)
        ok &= read_row(&rows[i], who, &loaded);
    ok &= check_values(&loaded);
    *out = ok ? &loaded : NULL;
    return ok ? EA_OK : EA_EINPUT;
}

static void log_row(const struct row *row, const struct ea_cfg *cfg)
{
    const void *member = (const char *)cfg + row->offset;
    if (row->is_int) {
        ea_log(EA_LOG_INFO, "setting", EA_F_STR(KEY, row->env), EA_F_INT(VALUE, *(const int64_t *)member));
        return;
    }
    const char *text = *(const char *const *)member;
    if (row->secret && *text)
        ea_log(EA_LOG_INFO, "setting", EA_F_STR(KEY, row->env), EA_F_SECRET(VALUE, text));
    else
        ea_log(EA_LOG_INFO, "setting", EA_F_STR(KEY, row->env), EA_F_STR(VALUE, text));
}

void ea_cfg_log(const struct ea_cfg *cfg, unsigned who)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].who & who)
            log_row(&rows[i], cfg);
}
