/* A worker for tests: consumes `grade`; what its jobs do is told by their kind. Its effect is one event `test.effect` {"of": <event id>} per job done, so that tests can
 * count effects in the log. TEST_DIE_AFTER_COMMIT names a file: while it is there, the process removes it and kills itself between COMMIT and acknowledgement.
 * TEST_REPAIRED names one without which jobs of kind test.repairable fail. */
#include "lib/pg.h"
#include "workers/core/worker.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static enum ea_err effect(struct ea_work *w, const struct ea_job *job)
{
    char payload[64];

    snprintf(payload, sizeof(payload), "{\"of\": %" PRId64 ", \"attempt\": %d}", job->event_id, job->attempt);
    return ea_work_event(w, NULL, "test.effect", payload, NULL);
}

/* Leaves an effect before it fails: none of it may remain. */
static enum ea_err fail_always(struct ea_work *w, const struct ea_job *job)
{
    enum ea_err err = effect(w, job);

    snprintf(w->reason, sizeof(w->reason), "as asked");
    return err != EA_OK ? err : EA_EINTERNAL;
}

static enum ea_err fail_twice(struct ea_work *w, const struct ea_job *job)
{
    return job->attempt < 2 ? fail_always(w, job) : effect(w, job);
}

static enum ea_err fail_until_repaired(struct ea_work *w, const struct ea_job *job)
{
    const char *path = getenv("TEST_REPAIRED");

    return path != NULL && access(path, F_OK) == 0 ? effect(w, job) : fail_always(w, job);
}

static enum ea_err die(struct ea_work *w, const struct ea_job *job)
{
    (void)w;
    (void)job;
    return raise(SIGKILL) == 0 ? EA_OK : EA_EINTERNAL;
}

/* Longer than a session may idle in a transaction. */
static enum ea_err dawdle(struct ea_work *w, const struct ea_job *job)
{
    usleep(1500000);
    return effect(w, job);
}

static enum ea_err break_session(struct ea_work *w, const struct ea_job *job)
{
    PGresult *res = PQexec(ea_pg_conn(w->pg), "SELECT pg_terminate_backend(pg_backend_pid())");
    enum ea_err err;

    (void)job;
    PQclear(res);
    err = ea_pg_run(w->pg, STMT_PING, NULL, 0, &res);
    if (err == EA_OK)
        PQclear(res);
    return err;
}

static enum ea_err bad_statement(struct ea_work *w, const struct ea_job *job)
{
    PGresult *res = NULL;
    enum ea_err err;

    (void)job;
    err = ea_pg_run(w->pg, STMT_WORKER_PROCESSED, (const char *const[]){ NULL, "{1}" }, 2, &res);
    if (err == EA_OK)
        PQclear(res);
    return err;
}

static void after_commit(void *data)
{
    const char *path = getenv("TEST_DIE_AFTER_COMMIT");

    (void)data;
    if (path != NULL && unlink(path) == 0)
        raise(SIGKILL);
}

static const struct ea_worker_route routes[] = {
    { "test.done", effect },
    { "test.fail", fail_always },
    { "test.fail_twice", fail_twice },
    { "test.die", die },
    { "test.dawdle", dawdle },
    { "test.break_session", break_session },
    { "test.bad_statement", bad_statement },
    { "test.repairable", fail_until_repaired },
    { NULL, NULL },
};

int main(void)
{
    static const struct ea_worker_spec spec = { .name = "testworker",
                                                .queue = EA_QUEUE_GRADE,
                                                .prefetch = 100,
                                                .routes = routes,
                                                .after_commit = after_commit };

    return ea_worker_main(&spec);
}
