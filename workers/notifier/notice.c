#include "workers/notifier/notice.h"

#include "lib/id.h"
#include "lib/pg.h"

#include <inttypes.h>
#include <stdio.h>

enum ea_err notifier_notice_add(struct ea_work *w, const struct ea_job *job)
{
    const char *mail = w->cfg->smtp[0] != '\0' ? "true" : "false";
    char event[24], topic[EA_TOPIC_SIZE];
    struct ea_id id;
    PGresult *res;
    enum ea_err err;

    ea_id_new(&id);
    snprintf(event, sizeof(event), "%" PRId64, job->event_id);
    err = EA_PG(w->pg, w->arena, &res, STMT_NOTIFIER_ADD, id.s, job->kind, event, job->body, mail);
    if (err != EA_OK || PQntuples(res) == 0)
        return err;
    return ea_work_event(w, ea_topic(EA_TOPIC_USER, ea_pg_str(res, 0, 0), topic), "notification",
                         ea_pg_str(res, 0, 1), NULL);
}
