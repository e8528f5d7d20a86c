/* GET /v1/courses/{id}/messages?q=: full text over the rooms that the caller hears. In q, from:, in:, before: and has:file narrow it; the rest are words, "phrases", -not and or. */
#include "fcgi/chat/chat.h"

#include "lib/pg.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { QUERY_MAX = 500, INDEX_AT_ONCE = 2000, INDEX_ROUNDS = 20 };

struct search_query {
    struct ea_str q;
    struct ea_int before, limit;
};

static const struct ea_field search_fields[] = {
    { .name = "q",
      .type = EA_T_STR,
      .offset = offsetof(struct search_query, q),
      .flags = EA_REQUIRED | EA_ONE_LINE,
      .min = 1,
      .max = QUERY_MAX },
    { .name = "before",
      .type = EA_T_INT,
      .offset = offsetof(struct search_query, before),
      .min = 1,
      .max = INT64_MAX },
    { .name = "limit",
      .type = EA_T_INT,
      .offset = offsetof(struct search_query, limit),
      .min = 1,
      .max = EA_PAGE_MAX },
};
static const struct ea_schema search_schema = { "search", sizeof(struct search_query), search_fields,
                                                sizeof(search_fields) / sizeof(search_fields[0]) };

/* What was asked, taken apart. */
struct terms {
    char *words; /* with what surrounds them */
    const char *from, *in, *before;
    bool has_file;
};

static const char *const operators[] = { "from:", "in:", "before:", "has:" };
enum { FROM, IN, BEFORE, HAS, OPERATORS };

static int operator_of(const char *p)
{
    int op = 0;
    while (op < OPERATORS && strncasecmp(p, operators[op], strlen(operators[op])) != 0)
        op++;
    return op;
}

/* A value is a word or stands in quotes. Leaves *p behind it. */
static char *value_of(struct ea_arena *a, const char **p)
{
    bool quoted = **p == '"';
    const char *from = *p + quoted;
    size_t n = strcspn(from, quoted ? "\"" : " \t");
    *p = from + n + (quoted && from[n] == '"');
    return ea_arena_ndup(a, from, n);
}

/* A day, as YYYY-MM-DD: up to its beginning in UTC. One that no month has is none. */
static bool is_day(const char *s)
{
    struct tm t = { .tm_isdst = 0 };
    const char *end = strptime(s, "%Y-%m-%d", &t);
    int day = t.tm_mday;
    return end != NULL && *end == '\0' && end - s == 10 && timegm(&t) > 0 && t.tm_mday == day;
}

static enum ea_err fault(struct ea_req *r, const char *words)
{
    ea_faults_add(&r->faults, r->arena, "/q", "invalid", "%s", words);
    return EA_EINPUT;
}

static enum ea_err take_value(struct ea_req *r, int op, const char *value, struct terms *t)
{
    switch (op) {
    case FROM:
        t->from = value;
        return EA_OK;
    case IN:
        t->in = value;
        return EA_OK;
    case BEFORE:
        t->before = value;
        return is_day(value) ? EA_OK : fault(r, "before: takes a day, as 2026-05-31.");
    default:
        t->has_file = true;
        return strcasecmp(value, "file") == 0 ? EA_OK : fault(r, "has: takes file.");
    }
}

/* What stands in quotes is a phrase and holds no operators. */
static enum ea_err take_apart(struct ea_req *r, const struct ea_str *q, struct terms *t)
{
    const char *p = q->v;
    size_t n = 0;
    bool quoted = false;
    enum ea_err err = EA_OK;
    *t = (struct terms){ .words = ea_arena_alloc(r->arena, q->len + 1), .from = "", .in = "" };
    if (t->words == NULL)
        return EA_ENOMEM;
    while (*p != '\0' && err == EA_OK) {
        bool starts = !quoted && (p == q->v || p[-1] == ' ');
        int op = starts ? operator_of(p) : OPERATORS;
        if (op == OPERATORS) {
            quoted ^= *p == '"';
            t->words[n++] = *p++;
            continue;
        }
        p += strlen(operators[op]);
        const char *value = value_of(r->arena, &p);
        err = value == NULL ? EA_ENOMEM : take_value(r, op, value, t);
    }
    t->words[n] = '\0';
    return err;
}

/* What was said since somebody searched last becomes searchable first. A room's whole past may be too much for one request: then the next goes on. */
static enum ea_err catch_up(struct ea_req *r)
{
    const char *most = ea_arena_printf(r->arena, "%d", INDEX_AT_ONCE);
    enum ea_err err = most == NULL ? EA_ENOMEM : EA_OK;
    bool more = true;
    for (int round = 0; err == EA_OK && more && round < INDEX_ROUNDS; round++) {
        PGresult *res;
        err = ea_pg_begin(r->pg);
        if (err == EA_OK)
            err = EA_PG(r->pg, r->arena, &res, STMT_COURSE_INDEX, r->vars[0], most);
        more = err == EA_OK && ea_pg_i64(res, 0, 0) > 0;
        if (err == EA_OK)
            err = ea_pg_commit(r->pg);
        else
            ea_pg_rollback(r->pg);
    }
    return err;
}

static enum ea_err search(struct ea_req *r)
{
    const struct search_query *q = r->query_input;
    int64_t limit = q->limit.given ? q->limit.v : EA_PAGE_DEFAULT;
    const char *before = ea_arena_printf(r->arena, "%" PRId64, q->before.given ? q->before.v : INT64_MAX);
    const char *fetch = ea_arena_printf(r->arena, "%" PRId64, limit + 1);
    struct terms t;
    PGresult *res;
    enum ea_err err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_COURSE, r->vars[0], EA_CAP_VIEW, NULL);
    if (err == EA_OK && (before == NULL || fetch == NULL))
        err = EA_ENOMEM;
    if (err == EA_OK)
        err = take_apart(r, &q->q, &t);
    if (err == EA_OK)
        err = catch_up(r);
    if (err == EA_OK)
        err =
            CHAT_READ(r, EA_OBJ_COURSE, EA_CAP_VIEW, NULL, &res, STMT_MESSAGE_SEARCH, r->vars[0], chat_me(r),
                      t.words, t.from, t.in, t.before, t.has_file ? "true" : "false", before, fetch);
    return err == EA_OK ? chat_page(r, res, limit) : err;
}

const struct ea_route chat_search_routes[] = {
    { .method = EA_GET,
      .pattern = "/v1/courses/{id}/messages",
      .handler = search,
      .who = EA_SIGNED_IN,
      .query = &search_schema },
    EA_ROUTES_END,
};
