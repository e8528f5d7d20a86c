#include "workers/notifier/mailer.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/pg.h"
#include "workers/core/process.h"
#include "workers/notifier/mail.h"
#include "workers/notifier/smtp.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLAIM_S     "30" /* longer than sending one may take */
#define LATER_MIN_S 30
#define LATER_MAX_S 3600
#define ATTEMPTS    30 /* about a day */
#define REFUSALS    3  /* of a mail server that says 5xx: it may be set up wrong for a while */
#define IDLE_MS     30000
#define RETRY_MS    1000
#define DOWN_MS     5000

struct notifier_mailer {
    const struct ea_cfg *cfg;
    struct ea_pg *pg;
    struct notifier_smtp *smtp;
    struct ea_metric *sent, *later, *failed, *seconds;
    pthread_t thread;
    pthread_mutex_t lock; /* of the two below */
    pthread_cond_t change;
    bool woken, stop;
};

/* Until woken or told to stop, at most so long. False: stop. */
static bool pause_for(struct notifier_mailer *m, int64_t ms)
{
    struct timespec until;
    bool go_on;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= EA_NS_PER_S) {
        until.tv_sec++;
        until.tv_nsec -= EA_NS_PER_S;
    }
    pthread_mutex_lock(&m->lock);
    while (!m->woken && !m->stop && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&m->change, &m->lock, &until);
    m->woken = false;
    go_on = !m->stop;
    pthread_mutex_unlock(&m->lock);
    return go_on;
}

static bool stopping(struct notifier_mailer *m)
{
    bool stop;

    pthread_mutex_lock(&m->lock);
    stop = m->stop;
    pthread_mutex_unlock(&m->lock);
    return stop;
}

static void run_quietly(struct notifier_mailer *m, enum ea_stmt stmt, const char *const *args, size_t n)
{
    PGresult *res = NULL;

    if (ea_pg_run(m->pg, stmt, args, n, &res) == EA_OK)
        PQclear(res); /* else the claim runs out and the mail is sent again */
}

/* Each time twice as long. That the server cannot be reached is not the mail's fault: it does not count. */
static void mark_later(struct notifier_mailer *m, const char *id, int attempts, bool server_is_away,
                       const char *why)
{
    int shift = attempts < 8 ? attempts - 1 : 7, s = LATER_MIN_S << (shift > 0 ? shift : 0);
    char wait[16];

    if (server_is_away)
        s = DOWN_MS / 1000;
    snprintf(wait, sizeof(wait), "%d", s < LATER_MAX_S ? s : LATER_MAX_S);
    ea_metric_add(m->later, 1);
    run_quietly(m, STMT_MAIL_LATER, (const char *const[]){ id, wait, why, server_is_away ? "1" : "0" }, 4);
}

static void mark_failed(struct notifier_mailer *m, const char *id, const char *why)
{
    ea_metric_add(m->failed, 1);
    ea_log(EA_LOG_ERROR, "e-mail given up", EA_F_STR(KEY, id), EA_F_STR(REASON, why));
    run_quietly(m, STMT_MAIL_FAILED, (const char *const[]){ id, why }, 2);
}

static struct notifier_mail mail_of(const PGresult *row)
{
    return (struct notifier_mail){
        .event_id = ea_pg_i64(row, 0, 1),
        .user_id = ea_pg_str(row, 0, 2),
        .to = ea_pg_str(row, 0, 3),
        .name = ea_pg_str(row, 0, 4),
        .kind = ea_pg_str(row, 0, 5),
        .title = PQgetvalue(row, 0, 7),
        .points = PQgetvalue(row, 0, 8),
        .of = PQgetvalue(row, 0, 9),
        .subject_id = PQgetvalue(row, 0, 10),
    };
}

/* EA_EUNAVAILABLE: the server cannot be reached, so the others need not be tried now. */
static enum ea_err send_one(struct notifier_mailer *m, const PGresult *row)
{
    struct notifier_mail mail = mail_of(row);
    const char *id = ea_pg_str(row, 0, 0);
    int attempts = (int)ea_pg_i64(row, 0, 6);
    struct ea_buf text = { .max = 262144 };
    int64_t begin = ea_clock_mono_ns();
    char why[300] = "it cannot be written: its kind or the address is not known";
    enum ea_err err;

    err = notifier_mail_write(&mail, m->cfg->mail_from, m->cfg->public_url, ea_clock_wall_us(), &text);
    if (err == EA_EINPUT)
        attempts = ATTEMPTS;
    if (err == EA_OK)
        err = notifier_smtp_send(m->smtp, mail.to, text.p, text.len, why, sizeof(why));
    ea_buf_free(&text);
    if (err == EA_OK) {
        ea_metric_add(m->sent, 1);
        ea_metric_observe_ns(m->seconds, ea_clock_mono_ns() - begin);
        run_quietly(m, STMT_MAIL_SENT, (const char *const[]){ id }, 1);
    } else if (err != EA_EUNAVAILABLE && attempts >= (err == EA_EINPUT ? REFUSALS : ATTEMPTS)) {
        mark_failed(m, id, why);
    } else {
        ea_log(EA_LOG_WARN, "e-mail is sent later", EA_F_STR(KEY, id), EA_F_INT(COUNT, attempts),
               EA_F_STR(REASON, why));
        mark_later(m, id, attempts, err == EA_EUNAVAILABLE, why);
    }
    return err;
}

/* How long until there may be something to do. */
static int64_t next_due_ms(struct notifier_mailer *m)
{
    PGresult *res;
    int64_t ms = IDLE_MS;

    if (ea_pg_run(m->pg, STMT_MAIL_NEXT, NULL, 0, &res) != EA_OK)
        return RETRY_MS;
    if (PQntuples(res) > 0 && ea_pg_i64(res, 0, 0) < ms)
        ms = ea_pg_i64(res, 0, 0);
    PQclear(res);
    return ms;
}

/* One mail, or one look at the table. Returns how long to wait before the next. */
static int64_t step(struct notifier_mailer *m)
{
    PGresult *res;
    enum ea_err err;
    bool none;

    if (ea_pg_run(m->pg, STMT_MAIL_CLAIM, (const char *const[]){ "1", CLAIM_S }, 2, &res) != EA_OK)
        return RETRY_MS;
    none = PQntuples(res) == 0;
    err = none ? EA_OK : send_one(m, res);
    PQclear(res);
    if (none)
        return next_due_ms(m);
    return err == EA_EUNAVAILABLE ? DOWN_MS : 0;
}

static void *run(void *arg)
{
    struct notifier_mailer *m = arg;

    while (!stopping(m)) {
        int64_t wait = step(m);

        if (wait > 0 && !pause_for(m, wait))
            break;
    }
    return NULL;
}

static enum ea_err prepare(struct notifier_mailer *m)
{
    m->sent =
        ea_metric_counter("ea_mails_total", "E-mails, by what became of the attempt", "outcome=\"sent\"");
    m->later =
        ea_metric_counter("ea_mails_total", "E-mails, by what became of the attempt", "outcome=\"later\"");
    m->failed =
        ea_metric_counter("ea_mails_total", "E-mails, by what became of the attempt", "outcome=\"failed\"");
    m->seconds = ea_metric_histogram("ea_mail_seconds", "Handing one e-mail to the server", "");
    m->pg = ea_pg_new(m->cfg->pg, "mailer");
    m->smtp = notifier_smtp_new(m->cfg->smtp, m->cfg->mail_from, ea_process_hurried);
    return m->pg != NULL && m->smtp != NULL ? EA_OK : EA_ENOMEM;
}

static enum ea_err start_thread(struct notifier_mailer *m)
{
    pthread_condattr_t attr;
    enum ea_err err = EA_EINTERNAL;

    pthread_mutex_init(&m->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&m->change, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&m->thread, NULL, run, m) == 0)
        err = EA_OK;
    return err;
}

static void release(struct notifier_mailer *m)
{
    notifier_smtp_free(m->smtp);
    ea_pg_free(m->pg);
    free(m);
    curl_global_cleanup();
}

enum ea_err notifier_mailer_start(const struct ea_cfg *cfg, struct notifier_mailer **out)
{
    struct notifier_mailer *m;
    enum ea_err err;

    *out = NULL;
    if (!notifier_mail_address(cfg->mail_from)) {
        ea_log(EA_LOG_ERROR, "EA_MAIL_FROM must be a plain address like school@example.org",
               EA_F_STR(VALUE, cfg->mail_from));
        return EA_EINPUT;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return EA_ENOMEM;
    m = calloc(1, sizeof(*m));
    if (m == NULL)
        return EA_ENOMEM;
    m->cfg = cfg;
    err = prepare(m);
    if (err == EA_OK)
        err = start_thread(m);
    if (err == EA_OK)
        *out = m;
    else
        release(m);
    return err;
}

void notifier_mailer_wake(struct notifier_mailer *m)
{
    pthread_mutex_lock(&m->lock);
    m->woken = true;
    pthread_cond_signal(&m->change);
    pthread_mutex_unlock(&m->lock);
}

void notifier_mailer_stop(struct notifier_mailer *m)
{
    if (m == NULL)
        return;
    pthread_mutex_lock(&m->lock);
    m->stop = true;
    pthread_cond_signal(&m->change);
    pthread_mutex_unlock(&m->lock);
    pthread_join(m->thread, NULL);
    pthread_cond_destroy(&m->change);
    pthread_mutex_destroy(&m->lock);
    release(m);
}
