/* /v1/courses/{id}/quizzes, /v1/quizzes/{id}: papers that are set. The table of members checks a body; the statements take the checked body as it is. */
#include "fcgi/quiz/quiz.h"
#include "fcgi/quiz/pulse.h"
#include "lib/pg.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define SECTIONS_MAX  50
#define SLOTS_MAX     500
#define TAGS_MAX      20
#define ADDRESSES_MAX 50
#define NETWORK_MAX   (INET6_ADDRSTRLEN + 4) /* an address, and /128 */

struct source {
    struct ea_int given;
    struct ea_list tags, kinds, difficulty;
};

struct section {
    struct ea_int given;
    struct ea_str title;
    struct ea_int points, draw;
    struct ea_list items;
    struct source from;
};

struct show {
    struct ea_int given, score, key, feedback;
};

struct credit {
    struct ea_int given, threshold_s, max_s, past_close;
};

struct input {
    struct ea_str title, access_code;
    struct ea_int opens_at, closes_at, time_limit_s, grace_s, attempts, delay_s, keep, shuffle, navigation;
    struct ea_list sections, addresses;
    struct show show;
    struct credit outage_credit;
};

#define SOURCE(member) offsetof(struct source, member)
static const struct ea_field source_fields[] = {
    { .name = "tags",
      .type = EA_T_LIST,
      .offset = SOURCE(tags),
      .flags = EA_ONE_LINE,
      .min = 1,
      .max = TAGS_MAX,
      .item = EA_T_STR,
      .item_min = 1,
      .item_max = QUIZ_TAG_MAX },
    { .name = "kinds",
      .type = EA_T_LIST,
      .offset = SOURCE(kinds),
      .min = 1,
      .max = EA_ITEM__MAX,
      .item = EA_T_ENUM,
      .values = ea_item_kinds },
    { .name = "difficulty",
      .type = EA_T_LIST,
      .offset = SOURCE(difficulty),
      .min = 2,
      .max = 2,
      .item = EA_T_MILLI,
      .item_min = 0,
      .item_max = 1000 },
};
static const struct ea_schema source_schema = { "from", sizeof(struct source), source_fields,
                                                QUIZ_COUNT(source_fields) };

#define SECTION(member) offsetof(struct section, member)
static const struct ea_field section_fields[] = {
    { .name = "title",
      .type = EA_T_STR,
      .offset = SECTION(title),
      .flags = EA_ONE_LINE,
      .max = QUIZ_TITLE_MAX },
    { .name = "points", .type = EA_T_MILLI, .offset = SECTION(points), .min = 0, .max = QUIZ_POINTS_MAX },
    { .name = "items",
      .type = EA_T_LIST,
      .offset = SECTION(items),
      .min = 1,
      .max = SLOTS_MAX,
      .item = EA_T_UUID },
    { .name = "draw", .type = EA_T_INT, .offset = SECTION(draw), .min = 1, .max = SLOTS_MAX },
    { .name = "from", .type = EA_T_OBJ, .offset = SECTION(from), .sub = &source_schema },
};
static const struct ea_schema section_schema = { "section", sizeof(struct section), section_fields,
                                                 QUIZ_COUNT(section_fields) };

static const char *const whens[] = { "on_submit", "after_close", "never", NULL };
#define SHOW(member) offsetof(struct show, member)
static const struct ea_field show_fields[] = {
    { .name = "score", .type = EA_T_ENUM, .offset = SHOW(score), .values = whens },
    { .name = "key", .type = EA_T_ENUM, .offset = SHOW(key), .values = whens },
    { .name = "feedback", .type = EA_T_ENUM, .offset = SHOW(feedback), .values = whens },
};
static const struct ea_schema show_schema = { "show", sizeof(struct show), show_fields,
                                              QUIZ_COUNT(show_fields) };

#define CREDIT(member) offsetof(struct credit, member)
static const struct ea_field credit_fields[] = {
    { .name = "threshold_s",
      .type = EA_T_INT,
      .offset = CREDIT(threshold_s),
      .min = QUIZ_OUTAGE_MIN_S,
      .max = 86400 },
    { .name = "max_s", .type = EA_T_INT, .offset = CREDIT(max_s), .min = 1, .max = 7 * 86400 },
    { .name = "past_close", .type = EA_T_BOOL, .offset = CREDIT(past_close) },
};
static const struct ea_schema credit_schema = { "outage_credit", sizeof(struct credit), credit_fields,
                                                QUIZ_COUNT(credit_fields) };

static const char *const keeps[] = { "highest", "latest", "first", "average", NULL };
static const char *const navigations[] = { "free", "sequential", NULL };

#define INPUT(member) offsetof(struct input, member)
/* needed: of those that a new quiz must have. */
#define TITLE(needed)                                                                                        \
    {                                                                                                        \
        .name = "title", .type = EA_T_STR, .offset = INPUT(title), .flags = EA_ONE_LINE | (needed),          \
        .min = 1, .max = QUIZ_TITLE_MAX                                                                      \
    }
#define OTHERS                                                                                               \
    { .name = "opens_at", .type = EA_T_TIME, .offset = INPUT(opens_at), .flags = EA_NULLABLE },              \
        { .name = "closes_at", .type = EA_T_TIME, .offset = INPUT(closes_at), .flags = EA_NULLABLE },        \
        { .name = "time_limit_s",                                                                            \
          .type = EA_T_INT,                                                                                  \
          .offset = INPUT(time_limit_s),                                                                     \
          .flags = EA_NULLABLE,                                                                              \
          .min = 1,                                                                                          \
          .max = 30 * 86400 },                                                                               \
        { .name = "grace_s", .type = EA_T_INT, .offset = INPUT(grace_s), .min = 0, .max = 86400 },           \
        { .name = "attempts",                                                                                \
          .type = EA_T_INT,                                                                                  \
          .offset = INPUT(attempts),                                                                         \
          .flags = EA_NULLABLE,                                                                              \
          .min = 1,                                                                                          \
          .max = 1000 },                                                                                     \
        { .name = "delay_s", .type = EA_T_INT, .offset = INPUT(delay_s), .min = 0, .max = 30 * 86400 },      \
        { .name = "addresses",                                                                               \
          .type = EA_T_LIST,                                                                                 \
          .offset = INPUT(addresses),                                                                        \
          .flags = EA_NULLABLE | EA_ONE_LINE,                                                                \
          .min = 1,                                                                                          \
          .max = ADDRESSES_MAX,                                                                              \
          .item = EA_T_STR,                                                                                  \
          .item_min = 2,                                                                                     \
          .item_max = NETWORK_MAX },                                                                         \
        { .name = "keep", .type = EA_T_ENUM, .offset = INPUT(keep), .values = keeps },                       \
        { .name = "sections",                                                                                \
          .type = EA_T_LIST,                                                                                 \
          .offset = INPUT(sections),                                                                         \
          .max = SECTIONS_MAX,                                                                               \
          .sub = &section_schema },                                                                          \
        { .name = "shuffle", .type = EA_T_BOOL, .offset = INPUT(shuffle) },                                  \
        { .name = "navigation", .type = EA_T_ENUM, .offset = INPUT(navigation), .values = navigations },     \
        { .name = "show", .type = EA_T_OBJ, .offset = INPUT(show), .sub = &show_schema },                    \
        { .name = "outage_credit",                                                                           \
          .type = EA_T_OBJ,                                                                                  \
          .offset = INPUT(outage_credit),                                                                    \
          .flags = EA_NULLABLE,                                                                              \
          .sub = &credit_schema },                                                                           \
    {                                                                                                        \
        .name = "access_code", .type = EA_T_STR, .offset = INPUT(access_code),                               \
        .flags = EA_NULLABLE | EA_ONE_LINE, .max = 100                                                       \
    }
static const struct ea_field new_fields[] = { TITLE(EA_REQUIRED), OTHERS };
static const struct ea_field change_fields[] = { TITLE(0), OTHERS };
static const struct ea_schema new_schema = { "quiz", sizeof(struct input), new_fields,
                                             QUIZ_COUNT(new_fields) };
static const struct ea_schema change_schema = { "quiz change", sizeof(struct input), change_fields,
                                                QUIZ_COUNT(change_fields) };

/* ---- what the schema could not say ---- */

static void fault(struct ea_req *r, const char *pointer, const char *code, const char *detail)
{
    ea_faults_add(&r->faults, r->arena, pointer, code, "%s", detail);
}

static void section_fault(struct ea_req *r, size_t i, const char *member, const char *code,
                          const char *detail)
{
    fault(r, ea_arena_printf(r->arena, "/sections/%zu%s", i, member), code, detail);
}

static void judge_section(struct ea_req *r, const struct section *s, size_t i)
{
    const struct ea_int *range = s->from.difficulty.items;

    if (s->items.given == s->draw.given)
        section_fault(r, i, "", "invalid", "A section has either items, or draw and from.");
    if (s->draw.given != s->from.given.given)
        section_fault(r, i, s->draw.given ? "/from" : "/draw", "required", "draw and from go together.");
    if (s->draw.given && !s->points.given)
        section_fault(r, i, "/points", "required", "Items that are drawn all count the same: say how much.");
    if (s->from.difficulty.n == 2 && range[0].v > range[1].v)
        section_fault(r, i, "/from/difficulty", "out-of-range", "The range ends before it begins.");
}

/* An address, or the first address of a network and the length of its prefix, as PostgreSQL's inet takes it. */
static bool is_network(const char *s)
{
    char address[NETWORK_MAX + 1];
    unsigned char bits[16];
    const char *slash = strchr(s, '/');
    size_t n = slash ? (size_t)(slash - s) : strlen(s);

    if (n >= sizeof address)
        return false;
    memcpy(address, s, n);
    address[n] = '\0';
    int most = inet_pton(AF_INET, address, bits) == 1    ? 32
               : inet_pton(AF_INET6, address, bits) == 1 ? 128
                                                         : 0;
    if (!slash)
        return most > 0;
    size_t digits = strspn(slash + 1, "0123456789");
    return digits > 0 && digits < 4 && slash[1 + digits] == '\0' && atoi(slash + 1) <= most;
}

static void judge_addresses(struct ea_req *r, const struct ea_list *addresses)
{
    const struct ea_str *v = addresses->items;

    for (size_t i = 0; i < addresses->n; i++)
        if (!is_network(v[i].v))
            fault(r, ea_arena_printf(r->arena, "/addresses/%zu", i), "format",
                  "An address, or a network like 10.0.0.0/8.");
}

static enum ea_err judge(struct ea_req *r, const struct input *in)
{
    const struct section *v = in->sections.items;
    size_t slots = 0;

    for (size_t i = 0; i < in->sections.n; i++) {
        judge_section(r, &v[i], i);
        slots += v[i].draw.given ? (size_t)v[i].draw.v : v[i].items.n;
    }
    if (slots > SLOTS_MAX)
        ea_faults_add(&r->faults, r->arena, "/sections", "too-long", "A quiz has at most %d items.",
                      SLOTS_MAX);
    judge_addresses(r, &in->addresses);
    return r->faults.n ? EA_EINPUT : EA_OK;
}

/* What only the database knows: whether the items are there, and enough of them. */
static enum ea_err judge_sections(struct ea_req *r, const char *course, const char *sections, bool publish)
{
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_QUIZ_FAULTS, course, sections, quiz_bool(publish));

    if (err)
        return err;
    for (int i = 0; i < PQntuples(res); i++)
        fault(r, ea_pg_str(res, i, 0), ea_pg_str(res, i, 1), ea_pg_str(res, i, 2));
    return r->faults.n ? EA_EINPUT : EA_OK;
}

/* The order of the times is the table's own constraint: it holds for what a PATCH leaves as well. */
static enum ea_err times_fault(struct ea_req *r, enum ea_err err)
{
    if (err == EA_EINPUT && strcmp(ea_pg_constraint(r->pg), "quizzes_opens_before_closes") == 0)
        fault(r, "/closes_at", "out-of-range", "It closes before it opens.");
    return err;
}

/* ---- handlers ---- */

static enum ea_err show(struct ea_req *r, const char *id, bool teaches)
{
    PGresult *res;
    enum ea_err err =
        EA_PG(r->pg, r->arena, &res, STMT_QUIZ_GET, id, r->caller.claims.user.s, quiz_bool(teaches));

    return err ? err : quiz_reply(r, res);
}

static enum ea_err authz(struct ea_req *r, enum ea_cap cap, struct ea_access *access)
{
    return ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_QUIZ, r->vars[0], cap, access);
}

static enum ea_err create(struct ea_req *r)
{
    const struct input *in = r->input;
    struct ea_id id;
    PGresult *res;
    enum ea_err err;

    err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_COURSE, r->vars[0], EA_CAP_TEACH, NULL);
    if (err)
        return err;
    if ((err = judge(r, in)) || (err = ea_req_begin(r)))
        return err;
    ea_id_new(&id);
    err = EA_PG(r->pg, r->arena, &res, STMT_QUIZ_INSERT, id.s, r->vars[0], r->caller.claims.user.s, r->body);
    if (err)
        return times_fault(r, err);
    if ((err = EA_PG(r->pg, r->arena, &res, STMT_QUIZ_LOCK, id.s)) ||
        (err = judge_sections(r, r->vars[0], ea_pg_str(res, 0, 4), false)) ||
        (err = ea_resp_created(r, "/v1/quizzes/%s", id.s)))
        return err;
    return show(r, id.s, true);
}

static enum ea_err list(struct ea_req *r)
{
    struct quiz_window page;
    struct ea_access access;
    PGresult *res;
    enum ea_err err;

    if ((err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_COURSE, r->vars[0], EA_CAP_VIEW, &access)) ||
        (err = quiz_page_read(r, &page)))
        return err;
    err = EA_PG(r->pg, r->arena, &res, STMT_QUIZ_LIST, r->vars[0], r->caller.claims.user.s,
                quiz_bool(quiz_marks(r, &access)), page.after, page.fetch);
    return err ? err : ea_resp_page(r, res, page.limit);
}

static enum ea_err get(struct ea_req *r)
{
    struct ea_access access;
    enum ea_err err = authz(r, EA_CAP_VIEW, &access);

    return err ? err : show(r, r->vars[0], quiz_marks(r, &access));
}

/* Begins, and holds the row until COMMIT if it is still what the caller has read. */
static enum ea_err begin_matched(struct ea_req *r, PGresult **row)
{
    enum ea_err err;

    if ((err = ea_req_begin(r)) || (err = EA_PG(r->pg, r->arena, row, STMT_QUIZ_LOCK, r->vars[0])))
        return err;
    return PQntuples(*row) == 0 ? EA_ENOTFOUND : ea_req_match(r, ea_pg_str(*row, 0, 0));
}

static enum ea_err patch(struct ea_req *r)
{
    const struct input *in = r->input;
    PGresult *row, *res;
    enum ea_err err;

    if ((err = authz(r, EA_CAP_TEACH, NULL)) || (err = judge(r, in)) || (err = begin_matched(r, &row)))
        return err;
    bool published = strcmp(ea_pg_str(row, 0, 1), "published") == 0;
    if (in->sections.given && ea_pg_bool(row, 0, 2))
        return ea_fail(r, EA_ECONFLICT, "Students have begun with these sections; make another quiz.");
    err = EA_PG(r->pg, r->arena, &res, STMT_QUIZ_UPDATE, r->vars[0], r->body);
    if (err)
        return times_fault(r, err);
    if (in->sections.given &&
        ((err = EA_PG(r->pg, r->arena, &res, STMT_QUIZ_LOCK, r->vars[0])) ||
         (err = judge_sections(r, ea_pg_str(res, 0, 3), ea_pg_str(res, 0, 4), published))))
        return err;
    if ((in->closes_at.given || in->time_limit_s.given || in->grace_s.given ||
         in->outage_credit.given.given) &&
        (err = quiz_retime(r, r->vars[0], "")))
        return err;
    return show(r, r->vars[0], true);
}

static enum ea_err delete_quiz(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err;

    if ((err = authz(r, EA_CAP_TEACH, NULL)) || (err = begin_matched(r, &res)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_QUIZ_DELETE, r->vars[0], r->caller.claims.user.s)))
        return err;
    return ea_resp_none(r);
}

static enum ea_err publish(struct ea_req *r)
{
    PGresult *row, *res;
    enum ea_err err;

    if ((err = authz(r, EA_CAP_TEACH, NULL)) || (err = begin_matched(r, &row)) ||
        (err = judge_sections(r, ea_pg_str(row, 0, 3), ea_pg_str(row, 0, 4), true)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_QUIZ_PUBLISH, r->vars[0])))
        return err;
    return show(r, r->vars[0], true);
}

static enum ea_err papers(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err = authz(r, EA_CAP_MARK, NULL);

    if (err || (err = EA_PG(r->pg, r->arena, &res, STMT_QUIZ_PAPERS, r->vars[0])))
        return err;
    return ea_resp_json(r, ea_pg_str(res, 0, 0));
}

#define BODY .body = EA_BODY_JSON, .body_max = EA_KB(256)

const struct ea_route quiz_routes[] = {
    { .method = EA_POST,
      .pattern = "/v1/courses/{id}/quizzes",
      .handler = create,
      .who = EA_SIGNED_IN,
      BODY,
      .input = &new_schema },
    { .method = EA_GET,
      .pattern = "/v1/courses/{id}/quizzes",
      .handler = list,
      .who = EA_SIGNED_IN,
      .query = &quiz_page_schema },
    { .method = EA_GET, .pattern = "/v1/quizzes/{id}", .handler = get, .who = EA_SIGNED_IN },
    { .method = EA_PATCH,
      .pattern = "/v1/quizzes/{id}",
      .handler = patch,
      .who = EA_SIGNED_IN,
      BODY,
      .input = &change_schema,
      .flags = EA_ROUTE_MATCH },
    { .method = EA_DELETE,
      .pattern = "/v1/quizzes/{id}",
      .handler = delete_quiz,
      .who = EA_SIGNED_IN,
      .flags = EA_ROUTE_MATCH },
    { .method = EA_GET, .pattern = "/v1/quizzes/{id}/papers", .handler = papers, .who = EA_SIGNED_IN },
    { .method = EA_POST, .pattern = "/v1/quizzes/{id}/publish", .handler = publish, .who = EA_SIGNED_IN },
    EA_ROUTES_END,
};
