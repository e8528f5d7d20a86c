/* What the nouns share: lists, replies from a row, arguments of statements. */
#include "fcgi/quiz/quiz.h"
#include "lib/pg.h"

#include <inttypes.h>
#include <string.h>

static const struct ea_field page_fields[] = { QUIZ_PAGE_FIELDS };
const struct ea_schema quiz_page_schema = { "page", sizeof(struct quiz_page), page_fields,
                                            QUIZ_COUNT(page_fields) };

enum ea_err quiz_page_read(struct ea_req *r, struct quiz_window *out)
{
    const struct quiz_page *page = r->query_input;

    out->limit = page && page->limit.given ? page->limit.v : EA_PAGE_DEFAULT;
    out->fetch = quiz_number(r, out->limit + 1);
    if (!out->fetch)
        return EA_ENOMEM;
    return ea_page_cursor(r, page ? page->cursor.v : NULL, &out->after);
}

enum ea_err quiz_reply(struct ea_req *r, const PGresult *res)
{
    if (PQntuples(res) == 0)
        return EA_ENOTFOUND;
    ea_resp_etag(r, ea_pg_str(res, 0, 1));
    return ea_resp_json(r, ea_pg_str(res, 0, 0));
}

bool quiz_marks(const struct ea_req *r, const struct ea_access *access)
{
    return access->role >= EA_COURSE_ASSISTANT || r->caller.claims.role == EA_ROLE_ADMIN;
}

const char *quiz_bool(bool v)
{
    return v ? "true" : "false";
}

const char *quiz_number(struct ea_req *r, int64_t v)
{
    return ea_arena_printf(r->arena, "%" PRId64, v);
}

bool quiz_is_slot(const char *s)
{
    size_t n = strspn(s, "0123456789");

    return n > 0 && n < 6 && s[n] == '\0' && s[0] != '0';
}
