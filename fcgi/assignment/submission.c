/* /v1/assignments/{id}/submissions, /v1/submissions/{id}: what students hand in, and the receipt they get for it. */
#include "fcgi/assignment/assignment.h"

#include "fcgi/core/server.h"
#include "lib/events.h"
#include "lib/pg.h"
#include "lib/receipt.h"

#include <inttypes.h>
#include <string.h>

struct text_body {
    struct ea_str text;
};
static const struct ea_field text_fields[] = {
    { "text", EA_T_STR, offsetof(struct text_body, text), EA_REQUIRED, .min = 1, .max = ASSIGNMENT_TEXT_MAX },
};
static const struct ea_schema text_schema = { "submission", sizeof(struct text_body), text_fields, 1 };

static const char *const states[] = { "submitted", "grading", "graded", "failed", NULL };

struct query {
    struct ea_int limit, state;
    struct ea_str cursor, user_id;
};
static const struct ea_field query_fields[] = {
    { "limit", EA_T_INT, offsetof(struct query, limit), .min = 1, .max = EA_PAGE_MAX },
    { "cursor", EA_T_STR, offsetof(struct query, cursor), .max = 256 },
    { "state", EA_T_ENUM, offsetof(struct query, state), .values = states },
    { "user_id", EA_T_UUID, offsetof(struct query, user_id), .flags = 0 },
};
static const struct ea_schema query_schema = { "submissions", sizeof(struct query), query_fields,
                                               sizeof(query_fields) / sizeof(query_fields[0]) };

/* When it was received, as what attempt, and by which rules. */
struct admission {
    const char *attempt, *submitted_at, *rules, *due_at;
};

static enum ea_err authz_assignment(struct ea_req *r, enum ea_cap cap, struct ea_access *access)
{
    return ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ASSIGNMENT, r->vars[0], cap, access);
}

static enum ea_err limits_of(struct ea_req *r, struct ea_upload_limits *out)
{
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_SUBMISSION_LIMITS, r->vars[0]);

    if (err)
        return err;
    if (PQntuples(res) == 0)
        return EA_ENOTFOUND;
    *out = (struct ea_upload_limits){ .text_max = ASSIGNMENT_TEXT_MAX,
                                      .text = ea_pg_bool(res, 0, 0),
                                      .file = ea_pg_bool(res, 0, 1),
                                      .max_files = (size_t)ea_pg_i64(res, 0, 2),
                                      .max_bytes = ea_pg_i64(res, 0, 3),
                                      .extensions = ea_pg_str(res, 0, 4) };
    return EA_OK;
}

/* The body's parts, before the transaction: what takes long is done when it begins. */
static enum ea_err take_in(struct ea_req *r, struct ea_upload **out)
{
    const struct assignment_service *service = ea_server_data(r->server);
    const struct text_body *body = r->input;
    struct ea_upload_limits limits;
    struct ea_upload *up;
    enum ea_err err = limits_of(r, &limits);

    if (err)
        return err;
    if (body && !limits.text)
        ea_faults_add(&r->faults, r->arena, "/text", "invalid", "Only files are taken here.");
    err = body ? ea_upload_text(r, body->text.v, body->text.len, &up)
               : ea_upload_read(r, service->blobs, &limits, &up);
    if (err)
        return err;
    if (r->faults.n == 0 && up->text_len == 0 && up->files_n == 0)
        ea_faults_add(&r->faults, r->arena, "/", "required", "There is nothing to hand in.");
    if (r->faults.n > 0)
        return EA_EINPUT;
    *out = up;
    return up->text_len ? assignment_html(r, up->text, up->text_len, &up->html) : EA_OK;
}

/* Judged by the database's clock and the age of the request. */
static enum ea_err admit(struct ea_req *r, struct admission *out)
{
    const char *age = ea_arena_printf(r->arena, "%" PRId64, ea_req_age_us(r));
    PGresult *res;
    enum ea_err err =
        EA_PG(r->pg, r->arena, &res, STMT_SUBMISSION_ADMIT, r->vars[0], r->caller.claims.user.s, age);

    if (err)
        return err;
    if (PQntuples(res) == 0)
        return EA_ENOTFOUND;
    const char *verdict = ea_pg_str(res, 0, 0);
    if (strcmp(verdict, "early") == 0)
        return ea_fail(r, EA_ECONFLICT, "It opens at %s.", ea_pg_str(res, 0, 5));
    if (strcmp(verdict, "locked") == 0)
        return ea_fail(r, EA_EGONE, "It was locked at %s.", ea_pg_str(res, 0, 6));
    if (strcmp(verdict, "spent") == 0)
        return ea_fail(r, EA_ECONFLICT, "All attempts are used: %s.", ea_pg_str(res, 0, 7));
    *out = (struct admission){ .attempt = ea_pg_str(res, 0, 1),
                               .submitted_at = ea_pg_str(res, 0, 2),
                               .rules = ea_pg_str(res, 0, 3),
                               .due_at = ea_pg_str(res, 0, 4) };
    return EA_OK;
}

/* The parts in the order of the reply: the text, if any, then the files as they came. */
static enum ea_err receipt_of(struct ea_req *r, const char *id, const struct ea_upload *up,
                              const struct admission *adm, const char **out)
{
    struct ea_receipt_part parts[ASSIGNMENT_FILES_MAX + 1];
    char text_sha256[EA_SHA256_HEX];
    struct ea_buf json = { 0 };
    size_t n = 0;
    enum ea_err err;

    if (up->text_len > 0) {
        ea_sha256_hex(up->text, up->text_len, text_sha256);
        parts[n++] = (struct ea_receipt_part){ "text", text_sha256, (int64_t)up->text_len };
    }
    for (size_t i = 0; i < up->files_n; i++)
        parts[n++] =
            (struct ea_receipt_part){ up->files[i].name, up->files[i].blob.sha256, up->files[i].blob.size };
    err = ea_receipt_json(ea_server_receipt_key(r->server),
                          &(struct ea_receipt){ .kind = "submission",
                                                .id = id,
                                                .of_kind = "assignment",
                                                .of_id = r->vars[0],
                                                .user_id = r->caller.claims.user.s,
                                                .submitted_at = adm->submitted_at,
                                                .parts = parts,
                                                .parts_n = n },
                          &json);
    if (!err && !(*out = ea_arena_ndup(r->arena, json.p, json.len)))
        err = EA_ENOMEM;
    ea_buf_free(&json);
    return err;
}

static enum ea_err insert_files(struct ea_req *r, const char *id, const struct ea_upload *up)
{
    enum { ID, NAME, SIZE, SHA256, MEDIA_TYPE, BLOB, COLUMNS };
    const char *values[COLUMNS][ASSIGNMENT_FILES_MAX], *arrays[COLUMNS];
    PGresult *res;

    if (up->files_n == 0)
        return EA_OK;
    for (size_t i = 0; i < up->files_n; i++) {
        const struct ea_upload_file *f = &up->files[i];
        values[ID][i] = f->id.s;
        values[NAME][i] = f->name;
        values[SIZE][i] = ea_arena_printf(r->arena, "%" PRId64, f->blob.size);
        values[SHA256][i] = f->blob.sha256;
        values[MEDIA_TYPE][i] = f->media_type;
        values[BLOB][i] = f->blob.key;
        if (!values[SIZE][i])
            return EA_ENOMEM;
    }
    for (size_t c = 0; c < COLUMNS; c++)
        if (!(arrays[c] = ea_pg_array(r->arena, values[c], up->files_n)))
            return EA_ENOMEM;
    return EA_PG(r->pg, r->arena, &res, STMT_SUBMISSION_FILES_INSERT, id, arrays[ID], arrays[NAME],
                 arrays[SIZE], arrays[SHA256], arrays[MEDIA_TYPE], arrays[BLOB]);
}

static enum ea_err insert(struct ea_req *r, const char *id, const struct ea_upload *up,
                          const struct admission *adm)
{
    const char *receipt, *text = up->text_len ? up->text : NULL;
    PGresult *res;
    enum ea_err err;

    if ((err = receipt_of(r, id, up, adm, &receipt)))
        return err;
    err = EA_PG(r->pg, r->arena, &res, STMT_SUBMISSION_INSERT, id, r->vars[0], r->caller.claims.user.s,
                adm->attempt, adm->submitted_at, adm->rules, adm->due_at, text, up->html, receipt);
    return err ? err : insert_files(r, id, up);
}

static enum ea_err job(struct ea_req *r, const char *id)
{
    const char *payload = ea_arena_printf(r->arena, "{\"submission_id\":\"%s\"}", id);

    return payload ? ea_req_event(r, NULL, "submission.submitted", payload, EA_QUEUE_GRADE) : EA_ENOMEM;
}

static enum ea_err create(struct ea_req *r)
{
    struct ea_upload *up = NULL;
    struct admission adm = { 0 };
    struct ea_id id;
    PGresult *res;
    enum ea_err err;

    if ((err = authz_assignment(r, EA_CAP_TAKE, NULL)) || (err = take_in(r, &up)) ||
        (err = ea_req_begin(r)) || (err = admit(r, &adm)))
        return err;
    ea_id_new(&id);
    if ((err = insert(r, id.s, up, &adm)) || (err = job(r, id.s)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_SUBMISSION_CREATED, id.s)) ||
        (err = assignment_reply(r, res)) || (err = ea_resp_created(r, "/v1/submissions/%s", id.s)))
        return err;
    up->commits = true;
    return EA_OK;
}

static enum ea_err list(struct ea_req *r)
{
    const struct query *q = r->query_input;
    int64_t limit = q->limit.given ? q->limit.v : EA_PAGE_DEFAULT;
    const char *from, *most = ea_arena_printf(r->arena, "%" PRId64, limit + 1);
    struct ea_access access;
    PGresult *res;
    enum ea_err err;

    if ((err = authz_assignment(r, EA_CAP_VIEW, &access)) || (err = ea_page_cursor(r, q->cursor.v, &from)))
        return err;
    bool marks = assignment_marks(r, &access);
    err = EA_PG(r->pg, r->arena, &res, STMT_SUBMISSION_LIST, r->vars[0],
                marks ? q->user_id.v : r->caller.claims.user.s, marks ? "true" : "false",
                q->state.given ? states[q->state.v] : "", from, most);
    return err ? err : ea_resp_page(r, res, limit);
}

enum ea_err assignment_submission_show(struct ea_req *r, const char *id, bool marks)
{
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_SUBMISSION_GET, id, marks ? "true" : "false");

    return err ? err : assignment_reply(r, res);
}

static enum ea_err get(struct ea_req *r)
{
    struct ea_access access;
    enum ea_err err =
        ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_SUBMISSION, r->vars[0], EA_CAP_VIEW, &access);

    return err ? err : assignment_submission_show(r, r->vars[0], assignment_marks(r, &access));
}

const struct ea_route assignment_submission_routes[] = {
    { EA_POST, "/v1/assignments/{id}/submissions", create, EA_SIGNED_IN, EA_BODY_STREAM,
      ASSIGNMENT_UPLOAD_MAX, &text_schema, .media = "multipart/form-data application/json" },
    { EA_GET, "/v1/assignments/{id}/submissions", list, EA_SIGNED_IN, .query = &query_schema },
    { EA_GET, "/v1/submissions/{id}", get, EA_SIGNED_IN, .flags = 0 },
    EA_ROUTES_END,
};
