/* POST /v1/attempts/{id}/events, GET /v1/attempts/{id}/log: what a student's client reports of an attempt that runs, and the time line of all that is known of it.
 *
 * A client may report under the same rule as it may save: the attempt is its student's, and its time and grace are not over. What it says is kept as its word, with both
 * clocks. Its entries are bounded by kind, so a window that loses its focus all the time does not take the room of the flags. */
#include "fcgi/quiz/quiz.h"
#include "lib/clock.h"
#include "lib/pg.h"
#include "lib/redis.h"

#include <stdio.h>
#include <string.h>

#define BATCH_MAX  100
#define KEY_MAX    64
#define SLOT_MAX   100000
#define KIND_MAX   500 /* entries of one kind that an attempt may hold */
#define REPORTS    60  /* of one attempt, in … */
#define REPORTS_MS ((int64_t)60 * 1000)

/* Whether an entry names a slot, by the order of kinds. */
enum slot_rule { NO_SLOT, MAY_SLOT, MUST_SLOT };

static const char *const kinds[] = { "flagged",      "unflagged",       "viewed",
                                     "copied",       "pasted",          "focus_lost",
                                     "focus_gained", "fullscreen_left", "fullscreen_entered",
                                     "offline",      "online",          NULL };
static const enum slot_rule slot_rules[QUIZ_COUNT(kinds) - 1] = { MUST_SLOT, MUST_SLOT, MUST_SLOT, MAY_SLOT,
                                                                  MAY_SLOT /* the rest: none */ };

struct entry {
    struct ea_int given, kind, slot, at;
    struct ea_str key;
};
struct input {
    struct ea_list events;
};

#define ENTRY(member) offsetof(struct entry, member)
static const struct ea_field entry_fields[] = {
    { .name = "key",
      .type = EA_T_STR,
      .offset = ENTRY(key),
      .flags = EA_REQUIRED | EA_ONE_LINE,
      .min = 1,
      .max = KEY_MAX },
    { .name = "kind", .type = EA_T_ENUM, .offset = ENTRY(kind), .flags = EA_REQUIRED, .values = kinds },
    { .name = "slot",
      .type = EA_T_INT,
      .offset = ENTRY(slot),
      .flags = EA_NULLABLE,
      .min = 1,
      .max = SLOT_MAX },
    { .name = "at", .type = EA_T_TIME, .offset = ENTRY(at), .flags = EA_REQUIRED },
};
static const struct ea_schema entry_schema = { "event", sizeof(struct entry), entry_fields,
                                               QUIZ_COUNT(entry_fields) };
static const struct ea_field fields[] = {
    { .name = "events",
      .type = EA_T_LIST,
      .offset = offsetof(struct input, events),
      .flags = EA_REQUIRED,
      .min = 1,
      .max = BATCH_MAX,
      .sub = &entry_schema },
};
static const struct ea_schema schema = { "events", sizeof(struct input), fields, QUIZ_COUNT(fields) };

/* ---- report ---- */

/* last: the last slot that may be named. */
static void judge_slot(struct ea_req *r, const struct entry *e, size_t i, int64_t last)
{
    bool named = e->slot.given && !e->slot.null;
    enum slot_rule rule = slot_rules[e->kind.v];
    const char *at = ea_arena_printf(r->arena, "/events/%zu/slot", i);

    if (!named && rule == MUST_SLOT)
        ea_faults_add(&r->faults, r->arena, at, "required", "%s is said of a slot", kinds[e->kind.v]);
    else if (named && rule == NO_SLOT)
        ea_faults_add(&r->faults, r->arena, at, "invalid", "%s is not said of a slot", kinds[e->kind.v]);
    else if (named && e->slot.v > last)
        ea_faults_add(&r->faults, r->arena, at, "out-of-range", "there is no such slot, or not yet");
}

/* While Redis is away nobody counts; what an attempt may hold is bounded all the same. */
static enum ea_err judge_rate(struct ea_req *r)
{
    const char *key = ea_arena_printf(r->arena, "ea:attempt-events:%s", r->vars[0]);
    int64_t count, left_ms;

    if (!key)
        return EA_ENOMEM;
    if (ea_redis_count(r->redis, key, REPORTS_MS, &count, &left_ms) || count <= REPORTS)
        return EA_OK;
    r->resp.retry_after_s = (int)(left_ms / 1000) + 1;
    return ea_fail(r, EA_ELIMIT, "An attempt takes %d reports in a minute; gather more entries for each.",
                   REPORTS);
}

/* The attempt is held from here on: no submit, and no other report of it, comes between. */
static enum ea_err admit(struct ea_req *r, const struct ea_list *events, const char *age)
{
    PGresult *res;
    enum ea_err err =
        EA_PG(r->pg, r->arena, &res, STMT_ATTEMPT_EVENT_ADMIT, r->vars[0], r->caller.claims.user.s, age);

    if (err)
        return err;
    const char *verdict = PQntuples(res) ? ea_pg_str(res, 0, 0) : NULL;
    if (!verdict)
        return EA_ENOTFOUND;
    if (strcmp(verdict, "other") == 0)
        return ea_fail(r, EA_EFORBIDDEN, "Only the attempt's student reports what happens in it.");
    if (strcmp(verdict, "submitted") == 0)
        return ea_fail(r, EA_ECONFLICT, "The attempt is submitted.");
    if (strcmp(verdict, "late") == 0)
        return ea_fail(r, EA_EGONE, "The attempt's time is over.");
    if (strcmp(verdict, "unsettled") == 0)
        return ea_fail(r, EA_ERETRY, QUIZ_UNSETTLED);
    for (size_t i = 0; i < events->n; i++)
        judge_slot(r, &((const struct entry *)events->items)[i], i, ea_pg_i64(res, 0, 1));
    return r->faults.n ? EA_EINPUT : EA_OK;
}

enum column { KEY, KIND, SLOT, AT, COLUMNS };

static const char *text_of(struct ea_req *r, const struct entry *e, enum column column)
{
    char *at;

    switch (column) {
    case KEY:
        return e->key.v;
    case KIND:
        return kinds[e->kind.v];
    case SLOT:
        return quiz_number(r, e->slot.v);
    default:
        if ((at = ea_arena_alloc(r->arena, EA_CLOCK_RFC3339_SIZE)))
            ea_clock_rfc3339(e->at.v, at);
        return at;
    }
}

/* The statement's argument: one array per column. NULL: no memory. */
static const char *array_of(struct ea_req *r, const struct ea_list *events, enum column column)
{
    const struct entry *v = events->items;
    const char **texts = ea_arena_array(r->arena, events->n, sizeof *texts);

    for (size_t i = 0; texts && i < events->n; i++) {
        bool absent = column == SLOT && (!v[i].slot.given || v[i].slot.null);
        if (!absent && !(texts[i] = text_of(r, &v[i], column)))
            return NULL;
    }
    return texts ? ea_pg_array(r->arena, texts, events->n) : NULL;
}

static enum ea_err add(struct ea_req *r, const struct ea_list *events, const char *age)
{
    const char *most = quiz_number(r, KIND_MAX), *arrays[COLUMNS];
    struct ea_jw *w = &r->resp.json;
    PGresult *res;
    enum ea_err err = most ? EA_OK : EA_ENOMEM;

    for (enum column c = 0; c < COLUMNS; c++)
        if (!(arrays[c] = array_of(r, events, c)))
            return EA_ENOMEM;
    if (err || (err = EA_PG(r->pg, r->arena, &res, STMT_ATTEMPT_EVENT_ADD, r->vars[0], age, most, arrays[KEY],
                            arrays[KIND], arrays[SLOT], arrays[AT])))
        return err;
    if (ea_pg_str(res, 0, 2))
        return ea_fail(r, EA_ECONFLICT,
                       "The attempt's log takes %d entries of the kind %s and would hold more.", KIND_MAX,
                       ea_pg_str(res, 0, 2));
    ea_jw_obj(w);
    ea_jw_kint(w, "added", ea_pg_i64(res, 0, 0));
    ea_jw_kint(w, "known", ea_pg_i64(res, 0, 1));
    ea_jw_end(w);
    return EA_OK;
}

static enum ea_err report(struct ea_req *r)
{
    const struct input *in = r->input;
    const char *age = quiz_number(r, ea_req_age_us(r));
    enum ea_err err =
        age ? ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ATTEMPT, r->vars[0], EA_CAP_TAKE, NULL)
            : EA_ENOMEM;

    if (err || (err = judge_rate(r)) || (err = ea_req_begin(r)) || (err = admit(r, &in->events, age)))
        return err;
    return add(r, &in->events, age);
}

/* ---- read ---- */

static enum ea_err read_log(struct ea_req *r)
{
    struct quiz_window page;
    struct ea_access access;
    PGresult *res;
    enum ea_err err;

    if ((err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ATTEMPT, r->vars[0], EA_CAP_VIEW, &access)) ||
        (err = quiz_attempt_touch(r, r->vars[0])) || (err = quiz_page_read(r, &page)) ||
        (err = EA_PG(r->pg, r->arena, &res, STMT_ATTEMPT_LOG, r->vars[0], quiz_bool(quiz_marks(r, &access)),
                     page.after, page.fetch)))
        return err;
    return ea_resp_page(r, res, page.limit);
}

const struct ea_route quiz_event_routes[] = {
    { .method = EA_POST,
      .pattern = "/v1/attempts/{id}/events",
      .handler = report,
      .who = EA_SIGNED_IN,
      .body = EA_BODY_JSON,
      .body_max = EA_KB(32),
      .input = &schema },
    { .method = EA_GET,
      .pattern = "/v1/attempts/{id}/log",
      .handler = read_log,
      .who = EA_SIGNED_IN,
      .query = &quiz_page_schema },
    EA_ROUTES_END,
};
