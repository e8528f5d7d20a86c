/* GET /v1/submissions/{id}/files/{file_id}: what was handed in. */
#include "fcgi/assignment/assignment.h"

#include "fcgi/core/download.h"
#include "lib/pg.h"

static enum ea_err get(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err;

    if ((err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_SUBMISSION, r->vars[0], EA_CAP_VIEW, NULL)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_SUBMISSION_FILE, r->vars[0], r->vars[1])))
        return err;
    if (PQntuples(res) == 0)
        return EA_ENOTFOUND;
    return ea_download(r, ea_pg_str(res, 0, 0), ea_pg_str(res, 0, 1), ea_pg_str(res, 0, 2));
}

const struct ea_route assignment_file_routes[] = {
    { EA_GET, "/v1/submissions/{id}/files/{file_id}", get, EA_SIGNED_IN, .flags = 0 },
    EA_ROUTES_END,
};
