/* /v1/quizzes/{id}/announcements, /v1/announcements/{id}: what is told to all who are taking a quiz. It is stored, reaches everybody whose attempt is running by an event of their own, and
 * each of them says when it was seen. To who has not begun there is nothing: an announcement may tell of the paper. */
#include "fcgi/quiz/quiz.h"

#include "lib/events.h"
#include "lib/id.h"
#include "lib/md.h"
#include "lib/pg.h"

enum { TEXT_MAX = 4000 };

static const struct ea_field fields[] = {
    { .name = "text", .type = EA_T_STR, .offset = 0, .flags = EA_REQUIRED, .min = 1, .max = TEXT_MAX },
};
static const struct ea_schema schema = { "announcement", sizeof(struct ea_str), fields, QUIZ_COUNT(fields) };

static enum ea_err html_of(struct ea_req *r, const struct ea_str *text, const char **out)
{
    struct ea_buf b = { 0 };
    enum ea_err err = ea_md_html(text->v, text->len, &b);

    *out = err ? NULL : ea_arena_ndup(r->arena, b.p ? b.p : "", b.len);
    ea_buf_free(&b);
    return !err && !*out ? EA_ENOMEM : err;
}

static enum ea_err tell(struct ea_req *r, const PGresult *rows)
{
    char topic[EA_TOPIC_SIZE];
    enum ea_err err = EA_OK;

    for (int i = 0; !err && i < PQntuples(rows); i++)
        err = ea_req_event(r, ea_topic(EA_TOPIC_USER, ea_pg_str(rows, i, 0), topic), "announcement.created",
                           ea_pg_str(rows, i, 1), NULL);
    return err;
}

static enum ea_err create(struct ea_req *r)
{
    const struct ea_str *text = r->input;
    const char *html;
    struct ea_id id;
    PGresult *res;
    enum ea_err err;

    if ((err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_QUIZ, r->vars[0], EA_CAP_MARK, NULL)) ||
        (err = html_of(r, text, &html)) || (err = ea_req_begin(r)))
        return err;
    ea_id_new(&id);
    if ((err = EA_PG(r->pg, r->arena, &res, STMT_ANNOUNCEMENT_INSERT, id.s, r->vars[0],
                     r->caller.claims.user.s, text->v, html)) ||
        (err = tell(r, res)) || (err = EA_PG(r->pg, r->arena, &res, STMT_ANNOUNCEMENT_GET, id.s)))
        return err;
    r->resp.status = 201;
    return ea_resp_json(r, ea_pg_str(res, 0, 0));
}

static enum ea_err list(struct ea_req *r)
{
    struct ea_access access;
    struct quiz_window page;
    PGresult *res;
    enum ea_err err;

    if ((err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_QUIZ, r->vars[0], EA_CAP_VIEW, &access)) ||
        (err = quiz_page_read(r, &page)))
        return err;
    err = quiz_marks(r, &access)
              ? EA_PG(r->pg, r->arena, &res, STMT_ANNOUNCEMENT_LIST, r->vars[0], page.after, page.fetch)
              : EA_PG(r->pg, r->arena, &res, STMT_ANNOUNCEMENT_LIST_MINE, r->vars[0], page.after, page.fetch,
                      r->caller.claims.user.s);
    return err ? err : ea_resp_page(r, res, page.limit);
}

static enum ea_err authz(struct ea_req *r, enum ea_cap cap)
{
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_ANNOUNCEMENT_QUIZ, r->vars[0]);

    if (err)
        return err;
    if (PQntuples(res) == 0)
        return EA_ENOTFOUND;
    return ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_QUIZ, ea_pg_str(res, 0, 0), cap, NULL);
}

static enum ea_err seen(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err;

    if ((err = authz(r, EA_CAP_TAKE)) || (err = ea_req_begin(r)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_ANNOUNCEMENT_SEEN, r->vars[0], r->caller.claims.user.s)))
        return err;
    return PQntuples(res) == 0 ? EA_ENOTFOUND : ea_resp_json(r, ea_pg_str(res, 0, 0));
}

/* A student who may see the announcement may not see who has read it; another may not know of it at all. */
static enum ea_err readers(struct ea_req *r)
{
    struct quiz_window page;
    PGresult *res;
    enum ea_err err = authz(r, EA_CAP_MARK);

    if (err == EA_EFORBIDDEN)
        return EA_ENOTFOUND;
    if (err || (err = quiz_page_read(r, &page)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_ANNOUNCEMENT_READERS, r->vars[0], page.after, page.fetch)))
        return err;
    return ea_resp_page(r, res, page.limit);
}

const struct ea_route quiz_announcement_routes[] = {
    { .method = EA_POST,
      .pattern = "/v1/quizzes/{id}/announcements",
      .handler = create,
      .who = EA_SIGNED_IN,
      .body = EA_BODY_JSON,
      .body_max = EA_KB(32),
      .input = &schema },
    { .method = EA_GET,
      .pattern = "/v1/quizzes/{id}/announcements",
      .handler = list,
      .who = EA_SIGNED_IN,
      .query = &quiz_page_schema },
    { .method = EA_PUT, .pattern = "/v1/announcements/{id}/seen", .handler = seen, .who = EA_SIGNED_IN },
    { .method = EA_GET,
      .pattern = "/v1/announcements/{id}/readers",
      .handler = readers,
      .who = EA_SIGNED_IN,
      .query = &quiz_page_schema },
    EA_ROUTES_END,
};
