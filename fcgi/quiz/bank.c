/* /v1/courses/{id}/items/import and …/export: the bank as a file. */
#include "fcgi/quiz/gift.h"
#include "fcgi/quiz/quiz.h"
#include "lib/pg.h"

#include <string.h>

#define FILE_MAX   EA_MB(8)
#define WRITE_ROWS 200 /* questions to a statement */
#define READ_ROWS  "200"
#define FIRST_ID   "00000000-0000-0000-0000-000000000000"

struct import_query {
    struct ea_int dry_run;
};
static const struct ea_field import_fields[] = {
    { .name = "dry_run", .type = EA_T_BOOL, .offset = offsetof(struct import_query, dry_run) },
};
static const struct ea_schema import_schema = { "import", sizeof(struct import_query), import_fields, 1 };

static const char *const formats[] = { "gift", NULL };
struct export_query {
    struct ea_int format;
};
static const struct ea_field export_fields[] = {
    { .name = "format",
      .type = EA_T_ENUM,
      .offset = offsetof(struct export_query, format),
      .values = formats },
};
static const struct ea_schema export_schema = { "export", sizeof(struct export_query), export_fields, 1 };

/* ---- in ---- */

static enum ea_err insert(struct ea_req *r, struct quiz_question *v, size_t n)
{
    struct ea_buf b = { 0 };
    struct ea_jw w;
    PGresult *res;
    enum ea_err err = EA_OK;

    ea_jw_init(&w, &b);
    ea_jw_arr(&w);
    for (size_t i = 0; !err && i < n; i++) {
        struct ea_id *id = ea_arena_alloc(r->arena, sizeof *id);
        if (!id) {
            err = EA_ENOMEM;
            break;
        }
        ea_id_new(id);
        v[i].id = id->s;
        err = quiz_question_write(&v[i], r->arena, &w);
    }
    ea_jw_end(&w);
    if (!err && b.failed)
        err = EA_ENOMEM;
    if (!err)
        err = EA_PG(r->pg, r->arena, &res, STMT_ITEM_INSERT, r->vars[0], r->caller.claims.user.s, b.p);
    ea_buf_free(&b);
    return err;
}

static void write_report(struct ea_jw *w, const struct quiz_gift *file, bool dry_run)
{
    ea_jw_obj(w);
    ea_jw_kbool(w, "dry_run", dry_run);
    ea_jw_kint(w, "imported", (int64_t)file->n);
    ea_jw_key(w, "items");
    ea_jw_arr(w);
    for (size_t i = 0; i < file->n; i++) {
        const struct quiz_question *q = &file->questions[i];
        ea_jw_obj(w);
        ea_jw_kstr(w, "id", q->id);
        ea_jw_kint(w, "line", (int64_t)file->lines[i]);
        ea_jw_kstr(w, "kind", ea_item_kinds[q->item.kind]);
        ea_jw_kstr(w, "title", q->title);
        ea_jw_kstr(w, "category", q->category);
        ea_jw_kstr(w, "stem", q->stem);
        ea_jw_kmilli(w, "points", q->points);
        ea_jw_end(w);
    }
    ea_jw_end(w);
    ea_jw_key(w, "errors");
    ea_jw_arr(w);
    for (size_t i = 0; i < file->errors_n; i++) {
        ea_jw_obj(w);
        ea_jw_kint(w, "line", (int64_t)file->errors[i].line);
        ea_jw_kint(w, "column", (int64_t)file->errors[i].column);
        ea_jw_kstr(w, "code", file->errors[i].code);
        ea_jw_kstr(w, "detail", file->errors[i].detail);
        ea_jw_end(w);
    }
    ea_jw_end(w);
    if (file->errors_more)
        ea_jw_kint(w, "errors_not_shown", (int64_t)file->errors_more);
    ea_jw_end(w);
}

static enum ea_err import(struct ea_req *r)
{
    const struct import_query *query = r->query_input;
    bool dry_run = query->dry_run.v;
    struct quiz_gift file;
    enum ea_err err;

    err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_COURSE, r->vars[0], EA_CAP_TEACH, NULL);
    if (err)
        return err;
    err = quiz_gift_read(r->body ? r->body : "", r->body_len, r->arena, &file);
    if (err == EA_EMEDIA) {
        ea_faults_add(&r->faults, r->arena, "", file.errors[0].code, "%s", file.errors[0].detail);
        return EA_EINPUT;
    }
    if (!err && !dry_run)
        err = ea_req_begin(r);
    for (size_t i = 0; !err && !dry_run && i < file.n; i += WRITE_ROWS)
        err = insert(r, &file.questions[i], file.n - i < WRITE_ROWS ? file.n - i : WRITE_ROWS);
    if (!err)
        write_report(&r->resp.json, &file, dry_run);
    return err;
}

/* ---- out ---- */

/* One page of rows; *last becomes the id of its last, "" at the end. */
static enum ea_err export_page(struct ea_req *r, struct ea_arena *a, struct ea_id *last,
                               const char **category)
{
    struct quiz_question q;
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, a, &res, STMT_ITEM_EXPORT, r->vars[0], last->s, READ_ROWS);

    if (err)
        return err;
    int rows = PQntuples(res);
    for (int i = 0; !err && i < rows; i++) {
        err = quiz_question_of_row(res, i, 1, a, &q);
        if (!err)
            quiz_gift_write(&q, category, a, &r->resp.body);
    }
    last->s[0] = '\0';
    if (rows > 0)
        memcpy(last->s, ea_pg_str(res, rows - 1, 0), sizeof last->s);
    return err;
}

/* The category outlives the arena of its page. */
static enum ea_err keep_category(struct ea_req *r, const char **category)
{
    *category = ea_arena_dup(r->arena, *category);
    return *category ? EA_OK : EA_ENOMEM;
}

static enum ea_err export(struct ea_req *r) {
    struct ea_arena *a = ea_arena_new(); struct ea_id last = { FIRST_ID };
    const char *category = "", *before = category; enum ea_err err = a ? EA_OK : EA_ENOMEM;

    if (!err) err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_COURSE, r->vars[0], EA_CAP_MARK, NULL);
    r->resp.content_type = "text/x-gift; charset=utf-8";
    if (!err) err = ea_resp_header(r, "Content-Disposition", "attachment; filename=\"items.gift\"");
    while (!err && *last.s){ err = export_page(r, a, &last, &category);
                             if (!err && category != before) err = keep_category(r, &category);
                             before = category; if (!err) err = ea_resp_flush(r); ea_arena_reset(a); }
ea_arena_free(a);
return err;
}

const struct ea_route quiz_bank_routes[] = {
    { .method = EA_POST,
      .pattern = "/v1/courses/{id}/items/import",
      .handler = import,
      .who = EA_SIGNED_IN,
      .body = EA_BODY_TEXT,
      .body_max = FILE_MAX,
      .query = &import_schema,
      .media = "text/x-gift" },
    { .method = EA_GET,
      .pattern = "/v1/courses/{id}/items/export",
      .handler = export,
      .who = EA_SIGNED_IN,
      .query = &export_schema,
      .flags = EA_ROUTE_STREAM },
    EA_ROUTES_END,
};
