/* Questions: GET /v1/rooms/{id}/questions, /v1/messages/{id}/answered, and what a teacher may know of them: how long answers take, and who asked without a name. */
#include "fcgi/chat/chat.h"

#include "lib/metrics.h"
#include "lib/pg.h"

#include <inttypes.h>

struct questions_query {
    struct ea_int answered, before, limit;
};

static const struct ea_field questions_fields[] = {
    { .name = "answered", .type = EA_T_BOOL, .offset = offsetof(struct questions_query, answered) },
    { .name = "before",
      .type = EA_T_INT,
      .offset = offsetof(struct questions_query, before),
      .min = 1,
      .max = INT64_MAX },
    { .name = "limit",
      .type = EA_T_INT,
      .offset = offsetof(struct questions_query, limit),
      .min = 1,
      .max = EA_PAGE_MAX },
};
static const struct ea_schema questions_schema = { "questions", sizeof(struct questions_query),
                                                   questions_fields,
                                                   sizeof(questions_fields) / sizeof(questions_fields[0]) };

static enum ea_err question_list(struct ea_req *r)
{
    const struct questions_query *q = r->query_input;
    int64_t limit = q->limit.given ? q->limit.v : EA_PAGE_DEFAULT;
    const char *before = ea_arena_printf(r->arena, "%" PRId64, q->before.given ? q->before.v : INT64_MAX);
    const char *fetch = ea_arena_printf(r->arena, "%" PRId64, limit + 1);
    const char *answered = q->answered.given ? q->answered.v ? "true" : "false" : NULL;
    PGresult *res;
    if (before == NULL || fetch == NULL)
        return EA_ENOMEM;
    enum ea_err err = CHAT_READ(r, EA_OBJ_ROOM, EA_CAP_VIEW, NULL, &res, STMT_QUESTION_LIST, r->vars[0],
                                answered, before, fetch, chat_me(r));
    return err == EA_OK ? chat_page(r, res, limit) : err;
}

struct answered_input {
    struct ea_str answer_id;
};
static const struct ea_field answered_fields[] = {
    { .name = "answer_id",
      .type = EA_T_UUID,
      .offset = offsetof(struct answered_input, answer_id),
      .flags = EA_NULLABLE },
};
static const struct ea_schema answered_schema = { "answered", sizeof(struct answered_input), answered_fields,
                                                  1 };

/* Whoever asked knows as well as a teacher whether it was answered. */
static enum ea_err open_question(struct ea_req *r, struct chat_message *m)
{
    enum ea_err err = chat_message_open(r, m);
    if (err != EA_OK)
        return err;
    if (!m->question)
        return ea_fail(r, EA_ECONFLICT, "The message is no question.");
    return m->mine || m->moderates ? EA_OK : EA_EFORBIDDEN;
}

struct wait {
    int64_t seconds;
};

static void count_answer(bool committed, void *arg)
{
    const struct wait *w = arg;
    if (!committed)
        return;
    ea_metric_add(ea_metric_counter("ea_chat_answers_total", "Questions that were marked as answered", ""),
                  1);
    ea_metric_add(
        ea_metric_counter("ea_chat_answer_wait_seconds_total", "Seconds these had waited for it", ""),
        w->seconds);
}

static enum ea_err answered_put(struct ea_req *r)
{
    const struct answered_input *in = r->input;
    struct wait *w = ea_arena_alloc(r->arena, sizeof(*w));
    struct chat_message m;
    PGresult *res;
    enum ea_err err = w == NULL ? EA_ENOMEM : open_question(r, &m);
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_QUESTION_ANSWERED, r->vars[0], chat_me(r), in->answer_id.v);
    if (err != EA_OK)
        return err;
    if (PQntuples(res) == 0) {
        ea_faults_add(&r->faults, r->arena, "/answer_id", "invalid",
                      "There is no such message in this room.");
        return EA_EINPUT;
    }
    w->seconds = ea_pg_i64(res, 0, 1);
    err = chat_room_event(r, m.room, "question.changed", ea_pg_str(res, 0, 0));
    if (err == EA_OK && ea_pg_bool(res, 0, 2))
        err = ea_req_after(r, count_answer, w);
    return err == EA_OK ? ea_resp_none(r) : err;
}

static enum ea_err answered_delete(struct ea_req *r)
{
    struct chat_message m;
    PGresult *res;
    enum ea_err err = open_question(r, &m);
    if (err == EA_OK)
        err = EA_PG(r->pg, r->arena, &res, STMT_QUESTION_REOPEN, r->vars[0]);
    if (err == EA_OK && PQntuples(res) > 0)
        err = chat_room_event(r, m.room, "question.changed", ea_pg_str(res, 0, 0));
    return err == EA_OK ? ea_resp_none(r) : err;
}

static enum ea_err summary_get(struct ea_req *r)
{
    PGresult *res;
    enum ea_err err =
        CHAT_READ(r, EA_OBJ_COURSE, EA_CAP_MARK, NULL, &res, STMT_QUESTION_SUMMARY, r->vars[0], chat_me(r));
    return err == EA_OK ? ea_resp_json(r, ea_pg_str(res, 0, 0)) : err;
}

/* Looking behind an anonymous question leaves a trace. */
static enum ea_err author_get(struct ea_req *r)
{
    struct chat_message m;
    PGresult *res;
    enum ea_err err = chat_message_open(r, &m);
    if (err != EA_OK)
        return err;
    if (!m.moderates)
        return EA_EFORBIDDEN;
    err = EA_PG(r->pg, r->arena, &res, STMT_MESSAGE_AUTHOR, r->vars[0], chat_me(r));
    return err == EA_OK ? ea_resp_json(r, ea_pg_str(res, 0, 0)) : err;
}

const struct ea_route chat_question_routes[] = {
    { .method = EA_GET,
      .pattern = "/v1/rooms/{id}/questions",
      .handler = question_list,
      .who = EA_SIGNED_IN,
      .query = &questions_schema },
    { .method = EA_PUT,
      .pattern = "/v1/messages/{id}/answered",
      .handler = answered_put,
      .who = EA_SIGNED_IN,
      .body = EA_BODY_JSON,
      .body_max = EA_KB(1),
      .input = &answered_schema,
      .flags = EA_ROUTE_BODY_OPTIONAL },
    { .method = EA_DELETE,
      .pattern = "/v1/messages/{id}/answered",
      .handler = answered_delete,
      .who = EA_SIGNED_IN },
    { .method = EA_GET,
      .pattern = "/v1/courses/{id}/questions",
      .handler = summary_get,
      .who = EA_SIGNED_IN },
    { .method = EA_GET, .pattern = "/v1/messages/{id}/author", .handler = author_get, .who = EA_SIGNED_IN },
    EA_ROUTES_END,
};
