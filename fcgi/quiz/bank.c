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
    struct ea_int format, skip;
};
static const struct ea_field export_fields[] = {
    { .name = "format",
      .type = EA_T_ENUM,
      .offset = offsetof(struct export_query, format),
      .values = formats },
    { .name = "skip", .type = EA_T_BOOL, .offset = offsetof(struct export_query, skip) },
};
static const struct ea_schema export_schema = { "export", sizeof(struct export_query), export_fields,
                                                QUIZ_COUNT(export_fields) };

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

/* A walk through the bank, page by page; `a` is emptied after each. */
struct walk {
    struct ea_req *r;
    struct ea_arena *a;
    const char *category; /* that the file is in; of the request's arena */
    enum ea_err (*visit)(struct walk *w, const char *id, const struct quiz_question *q);
    enum ea_err (*on_page)(struct walk *w);
};

/* *last becomes the id of the page's last, "" at the end. */
static enum ea_err walk_page(struct walk *w, struct ea_id *last)
{
    struct quiz_question q;
    PGresult *res;
    enum ea_err err = EA_PG(w->r->pg, w->a, &res, STMT_ITEM_EXPORT, w->r->vars[0], last->s, READ_ROWS);

    if (err)
        return err;
    int rows = PQntuples(res);
    for (int i = 0; !err && i < rows; i++) {
        err = quiz_question_of_row(res, i, 1, w->a, &q);
        if (!err)
            err = w->visit(w, ea_pg_str(res, i, 0), &q);
    }
    last->s[0] = '\0';
    if (rows > 0)
        memcpy(last->s, ea_pg_str(res, rows - 1, 0), sizeof last->s);
    return err ? err : w->on_page(w);
}

static enum ea_err walk(struct walk *w)
{
    struct ea_id last = { FIRST_ID };
    enum ea_err err = EA_OK;

    w->category = "";
    while (!err && *last.s) {
        err = walk_page(w, &last);
        ea_arena_reset(w->a);
    }
    return err;
}

/* First: what GIFT cannot say. */
static enum ea_err check_question(struct walk *w, const char *id, const struct quiz_question *q)
{
    const char *why, *pointer;
    enum ea_err err = quiz_gift_why_not(q, w->a, &why);

    if (err || !why)
        return err;
    pointer = ea_arena_printf(w->r->arena, "/items/%s", id);
    if (!pointer)
        return EA_ENOMEM;
    ea_faults_add(&w->r->faults, w->r->arena, pointer, "unsupported", "%s", why);
    return EA_OK;
}

static enum ea_err check_page(struct walk *w)
{
    (void)w;
    return EA_OK;
}

/* Then: the file. */
static enum ea_err send_question(struct walk *w, const char *id, const struct quiz_question *q)
{
    const char *before = w->category;

    (void)id;
    quiz_gift_write(q, &w->category, w->a, &w->r->resp.body);
    if (w->category != before)
        w->category = ea_arena_dup(w->r->arena, w->category);
    return w->category ? EA_OK : EA_ENOMEM;
}

static enum ea_err send_page(struct walk *w)
{
    return ea_resp_flush(w->r);
}

static enum ea_err send_bank(struct ea_req *r)
{
    const struct export_query *query = r->query_input;
    struct walk w = { .r = r, .a = ea_arena_new(), .visit = check_question, .on_page = check_page };
    enum ea_err err = w.a ? EA_OK : EA_ENOMEM;

    if (!err)
        err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_COURSE, r->vars[0], EA_CAP_MARK, NULL);
    if (!err && !query->skip.v)
        err = walk(&w);
    if (!err && r->faults.n)
        err = EA_EINPUT;
    if (!err)
        err = ea_resp_header(r, "Content-Disposition", "attachment; filename=\"items.gift\"");
    if (!err) {
        r->resp.content_type = "text/x-gift; charset=utf-8";
        w.visit = send_question;
        w.on_page = send_page;
        err = walk(&w);
    }
    ea_arena_free(w.a);
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
      .handler = send_bank,
      .who = EA_SIGNED_IN,
      .query = &export_schema,
      .flags = EA_ROUTE_STREAM },
    EA_ROUTES_END,
};
