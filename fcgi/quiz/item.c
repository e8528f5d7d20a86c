/* /v1/courses/{id}/items, /v1/items/{id}: the item bank. A change makes a new version; attempts keep the one they were drawn with. */
#include "fcgi/quiz/quiz.h"
#include "lib/answer.h"
#include "lib/pg.h"

#include <string.h>

struct input {
    struct ea_int kind, points, difficulty;
    struct ea_str title, category, stem, feedback, definition;
    struct ea_list tags;
};

#define INPUT(member) offsetof(struct input, member)
/* needed: of those that a new item must have. */
#define FIELDS(needed)                                                                                       \
    { .name = "kind", .type = EA_T_ENUM, .offset = INPUT(kind), .flags = needed, .values = ea_item_kinds },  \
        { .name = "title",                                                                                   \
          .type = EA_T_STR,                                                                                  \
          .offset = INPUT(title),                                                                            \
          .flags = EA_NULLABLE | EA_ONE_LINE,                                                                \
          .max = QUIZ_TITLE_MAX },                                                                           \
        { .name = "category",                                                                                \
          .type = EA_T_STR,                                                                                  \
          .offset = INPUT(category),                                                                         \
          .flags = EA_NULLABLE | EA_ONE_LINE,                                                                \
          .max = QUIZ_CATEGORY_MAX },                                                                        \
        { .name = "stem",                                                                                    \
          .type = EA_T_STR,                                                                                  \
          .offset = INPUT(stem),                                                                             \
          .flags = needed,                                                                                   \
          .min = 1,                                                                                          \
          .max = QUIZ_STEM_MAX },                                                                            \
        { .name = "feedback",                                                                                \
          .type = EA_T_STR,                                                                                  \
          .offset = INPUT(feedback),                                                                         \
          .flags = EA_NULLABLE,                                                                              \
          .max = QUIZ_FEEDBACK_MAX },                                                                        \
        { .name = "points", .type = EA_T_MILLI, .offset = INPUT(points), .min = 0, .max = QUIZ_POINTS_MAX }, \
        { .name = "tags",                                                                                    \
          .type = EA_T_LIST,                                                                                 \
          .offset = INPUT(tags),                                                                             \
          .flags = EA_ONE_LINE,                                                                              \
          .max = QUIZ_TAGS_MAX,                                                                              \
          .item = EA_T_STR,                                                                                  \
          .item_min = 1,                                                                                     \
          .item_max = QUIZ_TAG_MAX },                                                                        \
        { .name = "difficulty",                                                                              \
          .type = EA_T_MILLI,                                                                                \
          .offset = INPUT(difficulty),                                                                       \
          .flags = EA_NULLABLE,                                                                              \
          .min = 0,                                                                                          \
          .max = 1000 },                                                                                     \
    {                                                                                                        \
        .name = "definition", .type = EA_T_RAW, .offset = INPUT(definition), .flags = needed,                \
        .max = EA_ITEM_DEF_MAX                                                                               \
    }
static const struct ea_field new_fields[] = { FIELDS(EA_REQUIRED) };
static const struct ea_field change_fields[] = { FIELDS(0) };
static const struct ea_schema new_schema = { "item", sizeof(struct input), new_fields,
                                             QUIZ_COUNT(new_fields) };
static const struct ea_schema change_schema = { "item change", sizeof(struct input), change_fields,
                                                QUIZ_COUNT(change_fields) };

struct query {
    struct quiz_page page; /* first */
    struct ea_str tag, category, q;
    struct ea_int kind;
};
#define QUERY(member) offsetof(struct query, member)
static const struct ea_field query_fields[] = {
    QUIZ_PAGE_FIELDS,
    { .name = "tag", .type = EA_T_STR, .offset = QUERY(tag), .max = QUIZ_TAG_MAX },
    { .name = "kind", .type = EA_T_ENUM, .offset = QUERY(kind), .values = ea_item_kinds },
    { .name = "category", .type = EA_T_STR, .offset = QUERY(category), .max = QUIZ_CATEGORY_MAX },
    { .name = "q", .type = EA_T_STR, .offset = QUERY(q), .max = 200 },
};
static const struct ea_schema query_schema = { "items", sizeof(struct query), query_fields,
                                               QUIZ_COUNT(query_fields) };

/* ---- what comes in ---- */

static void fault(struct ea_req *r, const char *pointer, const char *code, const char *detail)
{
    ea_faults_add(&r->faults, r->arena, pointer, code, "%s", detail);
}

/* A text that was given replaces what there was; one that is empty is none. */
static enum ea_err take_text(struct ea_req *r, const struct ea_str *given, const char **out)
{
    if (!given->given)
        return EA_OK;
    const char *text = given->v ? ea_text_tidy(r->arena, given->v) : "";
    *out = text && *text ? text : NULL;
    return text ? EA_OK : EA_ENOMEM;
}

static bool is_in(const char *const *v, size_t n, const char *s)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(v[i], s) == 0)
            return true;
    return false;
}

static enum ea_err take_tags(struct ea_req *r, const struct ea_list *given, struct quiz_question *q)
{
    const struct ea_str *v = given->items;
    const char **tags = ea_arena_array(r->arena, given->n ? given->n : 1, sizeof *tags);
    size_t n = 0;

    if (!given->given)
        return EA_OK;
    if (!tags)
        return EA_ENOMEM;
    for (size_t i = 0; i < given->n; i++) {
        const char *tag = ea_text_normal(r->arena, v[i].v);
        if (!tag)
            return EA_ENOMEM;
        if (*tag && !is_in(tags, n, tag))
            tags[n++] = tag;
    }
    q->tags = tags;
    q->tags_n = n;
    return EA_OK;
}

/* A kind goes with a definition; a definition alone is one of the kind there was. */
static enum ea_err take_definition(struct ea_req *r, const struct input *in, struct quiz_question *q)
{
    enum ea_item_kind kind = in->kind.given ? (enum ea_item_kind)in->kind.v : q->item.kind;

    if (!in->definition.given) {
        if (in->kind.given && kind != q->item.kind)
            fault(r, "/definition", "required", "Another kind needs another definition.");
        return EA_OK;
    }
    enum ea_err err = ea_item_read(kind, in->definition.v, in->definition.len, r->arena, "/definition",
                                   &r->faults, &q->item);
    return err == EA_EINPUT ? EA_OK : err;
}

static enum ea_err take(struct ea_req *r, struct quiz_question *q)
{
    const struct input *in = r->input;
    enum ea_err err;

    if ((err = take_text(r, &in->title, &q->title)) || (err = take_text(r, &in->category, &q->category)) ||
        (err = take_text(r, &in->stem, &q->stem)) || (err = take_text(r, &in->feedback, &q->feedback)) ||
        (err = take_tags(r, &in->tags, q)) || (err = take_definition(r, in, q)))
        return err;
    if (in->points.given)
        q->points = in->points.v;
    if (in->difficulty.given)
        q->difficulty = in->difficulty.null ? -1 : in->difficulty.v;
    if (in->stem.given && !q->stem)
        fault(r, "/stem", "too-short", "The text is empty.");
    return r->faults.n ? EA_EINPUT : EA_OK;
}

static enum ea_err write_json(struct ea_req *r, struct quiz_question *q, bool list, const char **out)
{
    struct ea_buf b = { 0 };
    struct ea_jw w;

    ea_jw_init(&w, &b);
    if (list)
        ea_jw_arr(&w);
    enum ea_err err = quiz_question_write(q, r->arena, &w);
    if (list)
        ea_jw_end(&w);
    *out = err || b.failed ? NULL : ea_arena_ndup(r->arena, b.p, b.len);
    ea_buf_free(&b);
    return err ? err : *out ? EA_OK : EA_ENOMEM;
}

/* ---- rows ---- */

static enum ea_err tags_of_json(const char *json, struct ea_arena *a, struct quiz_question *out)
{
    struct in {
        struct ea_list tags;
    };
    static const struct ea_field f[] = {
        { .name = "tags", .type = EA_T_LIST, .offset = offsetof(struct in, tags), .item = EA_T_STR }
    };
    static const struct ea_schema s = { "tags", sizeof(struct in), f, 1 };
    struct ea_faults faults = { 0 };
    void *in;
    const char *object = ea_arena_printf(a, "{\"tags\":%s}", json);
    enum ea_err err = object ? ea_schema_text(&s, object, strlen(object), a, &in, &faults) : EA_ENOMEM;

    if (err)
        return err;
    const struct ea_list *list = &((struct in *)in)->tags;
    const struct ea_str *v = list->items;
    const char **tags = ea_arena_array(a, list->n ? list->n : 1, sizeof *tags);
    if (!tags)
        return EA_ENOMEM;
    for (size_t i = 0; i < list->n; i++)
        tags[i] = v[i].v;
    out->tags = tags;
    out->tags_n = list->n;
    return EA_OK;
}

enum ea_err quiz_question_of_row(const PGresult *res, int row, int first, struct ea_arena *a,
                                 struct quiz_question *out)
{
    struct ea_faults faults = { 0 };
    const char *definition = ea_pg_str(res, row, first + 8);

    *out = (struct quiz_question){ .title = ea_pg_str(res, row, first + 1),
                                   .category = ea_pg_str(res, row, first + 2),
                                   .stem = ea_pg_str(res, row, first + 3),
                                   .feedback = ea_pg_str(res, row, first + 4),
                                   .points = ea_pg_i64(res, row, first + 5),
                                   .difficulty =
                                       ea_pg_str(res, row, first + 7) ? ea_pg_i64(res, row, first + 7) : -1 };
    enum ea_err err = tags_of_json(ea_pg_str(res, row, first + 6), a, out);
    if (!err)
        err = ea_item_read(ea_item_kind_of(ea_pg_str(res, row, first)), definition, strlen(definition), a, "",
                           &faults, &out->item);
    return err == EA_EINPUT ? EA_EINTERNAL : err; /* what we have written we can read */
}

/* ---- handlers ---- */

static enum ea_err show(struct ea_req *r, const char *id)
{
    PGresult *res;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_ITEM_GET, id);

    return err ? err : quiz_reply(r, res);
}

static enum ea_err authz(struct ea_req *r, enum ea_cap cap)
{
    return ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ITEM, r->vars[0], cap, NULL);
}

static enum ea_err create(struct ea_req *r)
{
    struct quiz_question q = { .points = 1000, .difficulty = -1, .item.kind = EA_ITEM_CHOICE };
    struct ea_id id;
    const char *json;
    PGresult *res;
    enum ea_err err;

    err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_COURSE, r->vars[0], EA_CAP_TEACH, NULL);
    if (err)
        return err;
    ea_id_new(&id);
    q.id = id.s;
    if ((err = take(r, &q)) || (err = write_json(r, &q, true, &json)) || (err = ea_req_begin(r)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_ITEM_INSERT, r->vars[0], r->caller.claims.user.s, json)) ||
        (err = ea_resp_created(r, "/v1/items/%s", id.s)))
        return err;
    return show(r, id.s);
}

static enum ea_err list(struct ea_req *r)
{
    const struct query *q = r->query_input;
    struct quiz_window page;
    PGresult *res;
    enum ea_err err;

    if ((err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_COURSE, r->vars[0], EA_CAP_MARK, NULL)) ||
        (err = quiz_page_read(r, &page)))
        return err;
    err = EA_PG(r->pg, r->arena, &res, STMT_ITEM_LIST, r->vars[0], q->tag.v ? q->tag.v : "",
                q->kind.given ? ea_item_kinds[q->kind.v] : "", q->category.v ? q->category.v : "",
                q->q.v ? q->q.v : "", page.after, page.fetch);
    return err ? err : ea_resp_page(r, res, page.limit);
}

static enum ea_err get(struct ea_req *r)
{
    enum ea_err err = authz(r, EA_CAP_MARK);

    return err ? err : show(r, r->vars[0]);
}

static enum ea_err patch(struct ea_req *r)
{
    struct quiz_question q;
    const char *json;
    PGresult *res;
    enum ea_err err;

    if ((err = authz(r, EA_CAP_TEACH)) || (err = ea_req_begin(r)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_ITEM_LOCK, r->vars[0])))
        return err;
    if (PQntuples(res) == 0)
        return EA_ENOTFOUND;
    if ((err = ea_req_match(r, ea_pg_str(res, 0, 0))) ||
        (err = quiz_question_of_row(res, 0, 1, r->arena, &q)) || (err = take(r, &q)) ||
        (err = write_json(r, &q, false, &json)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_ITEM_REVISE, r->vars[0], r->caller.claims.user.s, json)))
        return err;
    return show(r, r->vars[0]);
}

#define BODY .body = EA_BODY_JSON, .body_max = EA_KB(512)

const struct ea_route quiz_item_routes[] = {
    { .method = EA_POST,
      .pattern = "/v1/courses/{id}/items",
      .handler = create,
      .who = EA_SIGNED_IN,
      BODY,
      .input = &new_schema },
    { .method = EA_GET,
      .pattern = "/v1/courses/{id}/items",
      .handler = list,
      .who = EA_SIGNED_IN,
      .query = &query_schema },
    { .method = EA_GET, .pattern = "/v1/items/{id}", .handler = get, .who = EA_SIGNED_IN },
    { .method = EA_PATCH,
      .pattern = "/v1/items/{id}",
      .handler = patch,
      .who = EA_SIGNED_IN,
      BODY,
      .input = &change_schema,
      .flags = EA_ROUTE_MATCH },
    EA_ROUTES_END,
};
