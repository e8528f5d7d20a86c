/* /v1/quizzes/{id}/outages: what was measured (pulse.h) while somebody was at the quiz, the time that was given back for it, and taking that back. */
#include "fcgi/quiz/quiz.h"
#include "lib/events.h"
#include "lib/pg.h"

static enum ea_err list(struct ea_req *r)
{
    struct quiz_window page;
    PGresult *res;
    enum ea_err err;

    if ((err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_QUIZ, r->vars[0], EA_CAP_MARK, NULL)) ||
        (err = quiz_page_read(r, &page)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_OUTAGE_LIST, r->vars[0], page.after, page.fetch)))
        return err;
    return ea_resp_page(r, res, page.limit);
}

/* Students whose attempts end earlier now are told. A second time there is nothing left to take back. */
static enum ea_err undo(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err;

    /* the quiz's row is held: of two who undo at once, the second finds it done */
    if ((err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_QUIZ, r->vars[0], EA_CAP_TEACH, NULL)) ||
        (err = ea_req_begin(r)) || (err = EA_PG(r->pg, r->arena, &res, STMT_QUIZ_LOCK, r->vars[0])) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_OUTAGE_KNOWN, r->vars[1])))
        return err;
    if (PQntuples(res) == 0)
        return EA_ENOTFOUND;
    err = EA_PG(r->pg, r->arena, &res, STMT_OUTAGE_UNDO, r->vars[0], r->vars[1], r->caller.claims.user.s);
    for (int i = 0; !err && i < PQntuples(res); i++) {
        char topic[EA_TOPIC_SIZE];
        err = ea_req_event(r, ea_topic(EA_TOPIC_USER, ea_pg_str(res, i, 0), topic), "attempt.changed",
                           ea_pg_str(res, i, 1), NULL);
    }
    return err ? err : ea_resp_none(r);
}

const struct ea_route quiz_outage_routes[] = {
    { .method = EA_GET,
      .pattern = "/v1/quizzes/{id}/outages",
      .handler = list,
      .who = EA_SIGNED_IN,
      .query = &quiz_page_schema },
    { .method = EA_DELETE,
      .pattern = "/v1/quizzes/{id}/outages/{outage_id}",
      .handler = undo,
      .who = EA_SIGNED_IN },
    EA_ROUTES_END,
};
