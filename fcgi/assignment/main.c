/* ea-assignment: assignments, what is handed in, its files and grades. */
#include "fcgi/assignment/assignment.h"

#include "fcgi/core/server.h"
#include "lib/log.h"

#include <stdlib.h>

static enum ea_err start(struct ea_server *s, void **data)
{
    const struct ea_cfg *cfg = ea_server_cfg(s);
    struct assignment_service *service;
    enum ea_err err;

    if (!cfg->blob_dir[0] || !ea_server_receipt_key(s)) {
        ea_log0(EA_LOG_ERROR, "EA_BLOB_DIR and EA_RECEIPT_KEY are needed to take in submissions");
        return EA_EINPUT;
    }
    service = calloc(1, sizeof(*service));
    if (!service)
        return EA_ENOMEM;
    err = ea_blobs_open(cfg->blob_dir, &service->blobs);
    if (err) {
        free(service);
        return err;
    }
    *data = service;
    return EA_OK;
}

static void free_data(struct ea_server *s, void *data)
{
    struct assignment_service *service = data;

    (void)s;
    ea_blobs_close(service->blobs);
    free(service);
}

int main(int argc, char **argv)
{
    static const struct ea_route *const tables[] = { assignment_routes, assignment_submission_routes,
                                                     assignment_file_routes, assignment_grade_routes, NULL };
    static const struct ea_service service = {
        .name = "assignment", .tables = tables, .start = start, .free = free_data
    };

    return ea_server_main(&service, argc, argv);
}
