/* A responder's life. Main thread: settings, keys, the service's own start, then the reactor until SIGTERM; what started last ends first. */
#include "fcgi/core/server.h"

#include "fcgi/core/auth.h"
#include "fcgi/core/heap.h"
#include "fcgi/core/hub.h"
#include "fcgi/core/idle.h"
#include "fcgi/core/match.h"
#include "fcgi/core/pool.h"
#include "fcgi/core/reactor.h"
#include "fcgi/core/run.h"
#include "fcgi/core/server_private.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/pg.h"
#include "lib/redis.h"
#include "lib/schema_check.h"
#include "lib/token.h"

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_LOOK_MS 3000

/* --- what others ask a server ------------------------------------------------------------------------------------------------ */

const struct ea_cfg *ea_server_cfg(const struct ea_server *s)
{
    return s->cfg;
}

void *ea_server_data(const struct ea_server *s)
{
    return s->data;
}

struct ea_hub *ea_server_hub(const struct ea_server *s)
{
    return s->hub;
}

struct ea_follow *ea_server_follow(const struct ea_server *s)
{
    return s->follow;
}

const struct ea_key *ea_server_token_key(const struct ea_server *s)
{
    return s->token_key;
}

const struct ea_key *ea_server_receipt_key(const struct ea_server *s)
{
    return s->receipt_key;
}

bool ea_server_draining(const struct ea_server *s)
{
    return atomic_load_explicit(&s->draining, memory_order_relaxed);
}

bool ea_server_serving(const struct ea_server *s)
{
    return atomic_load(&s->serving) && !ea_server_draining(s);
}

void ea_server_revoke(struct ea_server *s, const char *session_id, int64_t until_s)
{
    ea_auth_revoke(s->auth, session_id, until_s);
}

bool ea_server_ready(struct ea_server *s, char *why, size_t why_size)
{
    why[0] = '\0';
    if (ea_server_draining(s)) {
        snprintf(why, why_size, "draining");
        return false;
    }
    if (ea_follow_age_ns(s->follow) > EA_FOLLOW_STALE_NS) {
        snprintf(why, why_size, "postgres: the event log cannot be read");
        return false;
    }
    pthread_mutex_lock(&s->probe_lock);
    bool redis = ea_redis_ping(s->probe) == EA_OK;
    pthread_mutex_unlock(&s->probe_lock);
    if (!redis)
        snprintf(why, why_size, "degraded: redis does not answer");
    return true;
}

static bool on_ready_probe(void *arg, char *why, size_t why_size)
{
    return ea_server_ready(arg, why, why_size);
}

/* --- the follower's callbacks --------------------------------------------------------------------------------------------------- */

static enum ea_err on_snapshot(struct ea_pg *pg, int64_t newest_id, void *arg)
{
    struct ea_server *s = arg;
    enum ea_err err = ea_schema_check(pg);
    if (err == EA_EPRECONDITION) { /* it has said why; the supervisor tries again */
        fflush(NULL);
        _exit(1);
    }
    if (err == EA_OK)
        err = ea_auth_snapshot(s->auth, pg);
    if (err == EA_OK && s->service->on_snapshot != NULL)
        err = s->service->on_snapshot(s, pg, newest_id, s->data);
    if (err == EA_OK && s->hub != NULL)
        err = ea_hub_snapshot(s->hub, pg, newest_id);
    return err;
}

static enum ea_err on_event(const struct ea_event *ev, void *arg)
{
    struct ea_server *s = arg;
    enum ea_err err = ea_auth_event(s->auth, ev);
    if (s->service->on_event != NULL)
        s->service->on_event(s, ev, s->data);
    if (s->hub != NULL)
        ea_hub_event(s->hub, ev);
    return err;
}

static void on_examined(int64_t newest_id, void *arg)
{
    struct ea_server *s = arg;
    if (s->hub != NULL)
        ea_hub_examined(s->hub, newest_id);
    ea_heap_tidy(ea_clock_mono_ns());
}

static void on_live(const char *payload, size_t n, void *arg)
{
    struct ea_server *s = arg;
    ea_hub_told(s->hub, payload, n);
}

/* --- the reactor's callbacks ---------------------------------------------------------------------------------------------------- */

static void on_conn(struct ea_conn *c, void *arg)
{
    struct ea_server *s = arg;
    c->work.run = ea_run_conn;
    ea_pool_add(s->pool, &c->work);
}

/* The same for a thread of the pool that found the connection itself. */
static struct ea_work *begins(struct ea_conn *c)
{
    if (!ea_reactor_begins(c))
        return NULL;
    c->work.run = ea_run_conn;
    return &c->work;
}

/* On its own thread: ending thousands of streams takes a moment in which the reactor must go on. */
static void *end_streams(void *arg)
{
    struct ea_server *s = arg;
    ea_hub_drain(s->hub);
    atomic_store(&s->streams_ended, true);
    return NULL;
}

static void on_drain(void *arg)
{
    struct ea_server *s = arg;
    atomic_store(&s->draining, true);
    s->drainer_runs = s->hub != NULL && pthread_create(&s->drainer, NULL, end_streams, s) == 0;
}

static bool may_end(void *arg)
{
    const struct ea_server *s = arg;
    return !s->drainer_runs || atomic_load(&s->streams_ended);
}

static void on_signal(int signal, void *arg)
{
    struct ea_server *s = arg;
    ea_log(EA_LOG_INFO, "signal", EA_F_INT(SIGNAL, signal));
    ea_cfg_log(s->cfg, EA_FOR_RESPONDER);
}

static const struct ea_reactor_ops reactor_ops = { on_conn, on_drain, may_end, on_signal };

/* --- start and stop ----------------------------------------------------------------------------------------------------------- */

/* Signals are the reactor's, through its signalfd: blocked here, before the first thread, so that every thread inherits it. */
static enum ea_err block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    const int mine[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGPIPE };
    for (size_t i = 0; i < sizeof mine / sizeof *mine; i++)
        sigaddset(&set, mine[i]);
    return pthread_sigmask(SIG_BLOCK, &set, NULL) == 0 ? EA_OK : EA_EINTERNAL;
}

static enum ea_err load_keys(struct ea_server *s)
{
    bool issuer = s->service->issues_tokens;
    enum ea_err err = ea_key_load(s->cfg->token_key, issuer, &s->token_key);
    if (err == EA_OK && s->cfg->receipt_key[0] != '\0')
        err = ea_key_load(s->cfg->receipt_key, !issuer, &s->receipt_key);
    return err == EA_OK ? ea_auth_new(s->token_key, &s->auth) : err;
}

static enum ea_err start_probe(struct ea_server *s)
{
    s->probe = ea_redis_new(s->cfg->redis);
    return s->probe != NULL ? EA_OK : EA_ENOMEM;
}

static enum ea_err start_router(struct ea_server *s)
{
    s->requests_open = ea_metric_gauge("ea_http_requests_open",
                                       "Requests begun and not answered yet, parked ones included", "");
    return ea_router_new(s->service->tables, &s->router);
}

static enum ea_err start_hub(struct ea_server *s)
{
    return s->service->hub ? ea_hub_new(s, &s->hub) : EA_OK;
}

static enum ea_err start_idle(struct ea_server *s)
{
    return ea_idle_new(&s->idle);
}

static enum ea_err start_pool(struct ea_server *s)
{
    return ea_pool_start(s, s->cfg, s->idle, begins, &s->pool);
}

static enum ea_err start_service(struct ea_server *s)
{
    return s->service->start != NULL ? s->service->start(s, &s->data) : EA_OK;
}

static enum ea_err start_follow(struct ea_server *s)
{
    const struct ea_follow_ops ops = { on_snapshot, on_event, on_examined, s->hub != NULL ? on_live : NULL };
    return ea_follow_start(s->cfg, &ops, s, &s->follow);
}

/* Requests that come before the follower knows what is revoked would all be refused. Without a database the process listens all the same, and says so. */
static enum ea_err await_first_look(struct ea_server *s)
{
    if (!ea_follow_wait_first(s->follow, FIRST_LOOK_MS))
        ea_log0(EA_LOG_WARN, "serving before the event log could be read");
    return EA_OK;
}

static enum ea_err start_metrics(struct ea_server *s)
{
    return ea_metrics_start(s->cfg, on_ready_probe, s);
}

static enum ea_err start_reactor(struct ea_server *s)
{
    return ea_reactor_open(s->cfg, s->idle, &reactor_ops, s, &s->reactor);
}

static enum ea_err start(struct ea_server *s)
{
    static const struct {
        const char *what;
        enum ea_err (*fn)(struct ea_server *s);
    } steps[] = {
        { "keys", load_keys },         { "probe", start_probe },
        { "routes", start_router },    { "hub", start_hub },
        { "connections", start_idle }, { "pool", start_pool },
        { "service", start_service },  { "follower", start_follow },
        { "metrics", start_metrics },  { "first look", await_first_look },
        { "listener", start_reactor },
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        enum ea_err err = steps[i].fn(s);
        if (err != EA_OK) {
            ea_log(EA_LOG_ERROR, "cannot start", EA_F_STR(REASON, steps[i].what),
                   EA_F_STR(ERROR, ea_err_title(err)));
            return err;
        }
    }
    return EA_OK;
}

static void stop(struct ea_server *s)
{
    if (s->drainer_runs)
        pthread_join(s->drainer, NULL);
    ea_follow_halt(s->follow); /* it hands events to the hub */
    ea_hub_free(s->hub);
    if (s->service->stop != NULL && s->data != NULL)
        s->service->stop(s, s->data); /* batchers hand what they held to the pool */
    ea_pool_stop(s->pool);
    ea_metrics_stop();
    ea_follow_stop(s->follow);
    if (s->service->free != NULL && s->data != NULL)
        s->service->free(s, s->data);
    ea_reactor_free(s->reactor);
    ea_idle_free(s->idle);
    ea_router_free(s->router);
    ea_auth_free(s->auth);
    ea_redis_free(s->probe);
    ea_key_free(s->receipt_key);
    ea_key_free(s->token_key);
}

static int serve(struct ea_server *s)
{
    int64_t began = ea_clock_mono_ns();
    enum ea_err err = start(s);
    if (err == EA_OK) {
        ea_log(EA_LOG_INFO, "serving", EA_F_STR(VALUE, s->cfg->listen),
               EA_F_INT(DURATION_US, (ea_clock_mono_ns() - began) / 1000));
        atomic_store(&s->serving, true);
        if (ea_reactor_run(s->reactor) == EA_ETIMEOUT) {
            ea_log0(EA_LOG_WARN, "drained only in part: time is up");
            _exit(0);
        }
    }
    stop(s);
    ea_log0(EA_LOG_INFO, "ended");
    return err == EA_OK ? 0 : 1;
}

static int print_routes(const struct ea_service *service)
{
    struct ea_buf out = { 0 };
    ea_router_print(service->tables, &out);
    bool ok = !out.failed && fwrite(out.p, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
    ea_buf_free(&out);
    return ok ? 0 : 1;
}

int ea_server_main(const struct ea_service *service, int argc, char **argv)
{
    struct ea_server s = { .service = service, .probe_lock = PTHREAD_MUTEX_INITIALIZER };
    if (argc == 2 && strcmp(argv[1], "--routes") == 0)
        return print_routes(service);
    if (argc > 1) {
        fprintf(stderr, "%s takes its settings from the environment; `%s --routes` prints its routes\n",
                argv[0], argv[0]);
        return 2;
    }
    if (ea_cfg_load(EA_FOR_RESPONDER, &s.cfg) != EA_OK || ea_log_start(s.cfg) != EA_OK)
        return 1;
    if (sodium_init() < 0 || block_signals() != EA_OK || ea_conn_library_init() != EA_OK ||
        ea_log_gather() != EA_OK)
        return 1;
    ea_cfg_log(s.cfg, EA_FOR_RESPONDER);
    return serve(&s);
}
