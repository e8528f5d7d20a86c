/* ea-grader: works out scores of what was handed in. */
#include "workers/grader/grader.h"

#include "lib/blob.h"
#include "lib/log.h"
#include "workers/grader/sweep.h"

#include <stdlib.h>

#define PREFETCH 100

static enum ea_err start(const struct ea_cfg *cfg, void **data)
{
    struct grader *grader;
    enum ea_err err;

    if (!cfg->blob_dir[0]) {
        ea_log0(EA_LOG_ERROR, "EA_BLOB_DIR is needed to read what was handed in");
        return EA_EINPUT;
    }
    grader = calloc(1, sizeof(*grader));
    if (!grader)
        return EA_ENOMEM;
    err = ea_blobs_open(cfg->blob_dir, &grader->blobs);
    if (!err)
        err = grader_sweep_start(cfg, grader->blobs, &grader->sweep);
    if (err) {
        ea_blobs_close(grader->blobs);
        free(grader);
        return err;
    }
    *data = grader;
    return EA_OK;
}

static void stop(void *data)
{
    struct grader *grader = data;

    grader_sweep_stop(grader->sweep);
    ea_blobs_close(grader->blobs);
    free(grader);
}

int main(void)
{
    static const struct ea_worker_route routes[] = {
        { "attempt.submitted", grader_attempt },
        { "submission.submitted", grader_submission },
        { NULL, NULL },
    };
    static const struct ea_worker_spec spec = { .name = "grader",
                                                .queue = EA_QUEUE_GRADE,
                                                .prefetch = PREFETCH,
                                                .routes = routes,
                                                .start = start,
                                                .stop = stop };

    return ea_worker_main(&spec);
}
