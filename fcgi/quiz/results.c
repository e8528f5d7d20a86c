/* GET /v1/quizzes/{id}/results: what teachers see of all attempts, as pages or as one table that is streamed row by row. */
#include "fcgi/quiz/quiz.h"
#include "lib/csv.h"
#include "lib/pg.h"

#include <string.h>

#define CHUNK EA_KB(16) /* sent at once */

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

/* ---- as a table ---- */

/* The columns of quiz_results_table. */
static const char *const head[] = { "user_id", "name", "email",      "state",       "attempts",
                                    "points",  "of",   "started_at", "submitted_at" };

static enum ea_err put_row(const PGresult *row, void *arg)
{
    struct ea_req *r = arg;
    const char *cells[QUIZ_COUNT(head)];

    for (size_t c = 0; c < QUIZ_COUNT(head); c++)
        cells[c] = ea_pg_str(row, 0, (int)c);
    ea_csv_line(&r->resp.body, cells, QUIZ_COUNT(head));
    return r->resp.body.len < CHUNK ? EA_OK : ea_resp_flush(r);
}

/* One statement of one snapshot. Its rows come as fast as the client takes them, and only one is in memory; the router ends the transaction. */
static enum ea_err send_table(struct ea_req *r)
{
    const char *const args[] = { r->vars[0] };
    enum ea_err err;

    r->resp.content_type = "text/csv; charset=utf-8; header=present";
    if ((err = ea_resp_header(r, "Content-Disposition", "attachment; filename=\"results.csv\"")) ||
        (err = ea_pg_begin_snapshot(r->pg)) ||
        (err = ea_pg_run(r->pg, STMT_QUIZ_RESULTS_PATIENCE, NULL, 0, NULL)))
        return err;
    ea_csv_line(&r->resp.body, head, QUIZ_COUNT(head));
    return ea_pg_each(r->pg, STMT_QUIZ_RESULTS_TABLE, args, 1, put_row, r);
}

static bool wants_table(const struct ea_req *r)
{
    const struct query *q = r->query_input;
    const char *accept = ea_req_header(r, "Accept");

    return q->format.given ? q->format.v == CSV : accept && strstr(accept, "text/csv");
}

/* ---- in pages ---- */

static enum ea_err results(struct ea_req *r)
{
    struct quiz_window page;
    PGresult *res;
    enum ea_err err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_QUIZ, r->vars[0], EA_CAP_MARK, NULL);

    if (err)
        return err;
    if (wants_table(r))
        return send_table(r);
    if ((err = quiz_page_read(r, &page)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_QUIZ_RESULTS, r->vars[0], page.after, page.fetch)))
        return err;
    return ea_resp_page(r, res, page.limit);
}

const struct ea_route quiz_results_routes[] = {
    { .method = EA_GET,
      .pattern = "/v1/quizzes/{id}/results",
      .handler = results,
      .who = EA_SIGNED_IN,
      .query = &query_schema,
      .flags = EA_ROUTE_STREAM },
    EA_ROUTES_END,
};
