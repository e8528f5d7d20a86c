/* GET /v1/attempts/{id}/result and /v1/quizzes/{id}/results: what students get back, and what teachers see of all of them. */
#include "fcgi/quiz/quiz.h"
#include "lib/pg.h"

#include <string.h>

#define CSV_ROWS "500"

static const char *const formats[] = { "json", "csv", NULL };
enum { JSON, CSV };

struct query {
    struct quiz_page page; /* first */
    struct ea_int format;
};
static const struct ea_field query_fields[] = {
    QUIZ_PAGE_FIELDS,
    { .name = "format", .type = EA_T_ENUM, .offset = offsetof(struct query, format), .values = formats },
};
static const struct ea_schema query_schema = { "results", sizeof(struct query), query_fields,
                                               QUIZ_COUNT(query_fields) };

static enum ea_err result(struct ea_req *r)
{
    struct ea_access access;
    PGresult *res;
    enum ea_err err;

    if ((err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ATTEMPT, r->vars[0], EA_CAP_VIEW, &access)) ||
        (err = quiz_attempt_touch(r, r->vars[0])) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_ATTEMPT_RESULT, r->vars[0],
                     quiz_bool(quiz_marks(r, &access)))))
        return err;
    return quiz_reply(r, res);
}

/* ---- all of them ---- */

/* A cell that a spreadsheet would take for a formula gets an apostrophe in front; quotes are doubled (RFC 4180). */
static void put_cell(struct ea_buf *out, const char *s)
{
    bool formula = s && *s && strchr("=+-@\t\r", *s);

    if (!s)
        return;
    if (!formula && !strpbrk(s, ",\"\r\n")) {
        ea_buf_str(out, s);
        return;
    }
    ea_buf_str(out, formula ? "\"'" : "\"");
    for (; *s; s++) {
        if (*s == '"')
            ea_buf_char(out, '"');
        ea_buf_char(out, *s);
    }
    ea_buf_char(out, '"');
}

/* The columns after the JSON, the first of which is the cursor. */
static const char *const csv_head[] = { "user_id", "name", "email",      "state",       "attempts",
                                        "points",  "of",   "started_at", "submitted_at" };

static void put_rows(struct ea_buf *out, const PGresult *res)
{
    for (int i = 0; i < PQntuples(res); i++)
        for (size_t c = 0; c < QUIZ_COUNT(csv_head); c++) {
            put_cell(out, ea_pg_str(res, i, (int)c + 1));
            ea_buf_str(out, c + 1 < QUIZ_COUNT(csv_head) ? "," : "\r\n");
        }
}

static void put_head(struct ea_buf *out)
{
    for (size_t c = 0; c < QUIZ_COUNT(csv_head); c++) {
        ea_buf_str(out, csv_head[c]);
        ea_buf_str(out, c + 1 < QUIZ_COUNT(csv_head) ? "," : "\r\n");
    }
}

/* Page by page: memory is that of one page however many there are. */
static enum ea_err send_csv(struct ea_req *r)
{
    struct ea_arena *a = ea_arena_new();
    struct ea_id last = { "" };
    bool more = true;
    enum ea_err err = a ? EA_OK : EA_ENOMEM;

    r->resp.content_type = "text/csv; charset=utf-8; header=present";
    if (!err)
        err = ea_resp_header(r, "Content-Disposition", "attachment; filename=\"results.csv\"");
    put_head(&r->resp.body);
    while (!err && more) {
        PGresult *res;
        err = EA_PG(r->pg, a, &res, STMT_QUIZ_RESULTS, r->vars[0], last.s, CSV_ROWS);
        if (err)
            break;
        put_rows(&r->resp.body, res);
        more = PQntuples(res) > 0;
        if (more)
            memcpy(last.s, ea_pg_str(res, PQntuples(res) - 1, 1), sizeof last.s);
        err = ea_resp_flush(r);
        ea_arena_reset(a);
    }
    ea_arena_free(a);
    return err;
}

static bool wants_csv(const struct ea_req *r)
{
    const struct query *q = r->query_input;
    const char *accept = ea_req_header(r, "Accept");

    return q->format.given ? q->format.v == CSV : accept && strstr(accept, "text/csv");
}

static enum ea_err results(struct ea_req *r)
{
    struct quiz_window page;
    PGresult *res;
    enum ea_err err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_QUIZ, r->vars[0], EA_CAP_MARK, NULL);

    if (err)
        return err;
    if (wants_csv(r))
        return send_csv(r);
    if ((err = quiz_page_read(r, &page)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_QUIZ_RESULTS, r->vars[0], page.after, page.fetch)))
        return err;
    return ea_resp_page(r, res, page.limit);
}

const struct ea_route quiz_result_routes[] = {
    { .method = EA_GET, .pattern = "/v1/attempts/{id}/result", .handler = result, .who = EA_SIGNED_IN },
    { .method = EA_GET,
      .pattern = "/v1/quizzes/{id}/results",
      .handler = results,
      .who = EA_SIGNED_IN,
      .query = &query_schema,
      .flags = EA_ROUTE_STREAM },
    EA_ROUTES_END,
};
