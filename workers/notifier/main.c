/* ea-notifier: tells people what concerns them. Jobs of the queue `notify` become notifications, live events and e-mails. */
#include "workers/core/worker.h"
#include "workers/notifier/mailer.h"
#include "workers/notifier/notice.h"

static const struct ea_worker_route routes[] = {
    { "submission.graded", notifier_notice_add },
    { "attempt.graded", notifier_notice_add },
    { NULL, NULL },
};

static enum ea_err start(const struct ea_cfg *cfg, void **data)
{
    struct notifier_mailer *mailer = NULL;
    enum ea_err err = EA_OK;

    if (cfg->smtp[0] != '\0')
        err = notifier_mailer_start(cfg, &mailer);
    *data = mailer;
    return err;
}

static void stop(void *mailer)
{
    notifier_mailer_stop(mailer);
}

static void wake(void *mailer)
{
    if (mailer != NULL)
        notifier_mailer_wake(mailer);
}

int main(void)
{
    static const struct ea_worker_spec spec = { .name = "notifier",
                                                .queue = EA_QUEUE_NOTIFY,
                                                .prefetch = 200,
                                                .routes = routes,
                                                .start = start,
                                                .stop = stop,
                                                .after_commit = wake };

    return ea_worker_main(&spec);
}
