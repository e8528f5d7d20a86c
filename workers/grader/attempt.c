/* attempt.submitted: every slot is scored, the sum is the attempt's, and its student hears of it; unless a slot waits for a person. */
#include "workers/grader/grader.h"

#include "lib/pg.h"
#include "workers/grader/score.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct payload {
    struct ea_str attempt_id;
};
static const struct ea_field payload_fields[] = {
    { .name = "attempt_id",
      .type = EA_T_UUID,
      .offset = offsetof(struct payload, attempt_id),
      .flags = EA_REQUIRED },
};
static const struct ea_schema payload_schema = { "attempt.submitted", sizeof(struct payload), payload_fields,
                                                 1 };

/* The statement's arguments, one array each. */
struct columns {
    const char **slots, **scores, **explanations;
};

static void write_steps(struct ea_jw *w, const struct grader_score *s)
{
    ea_jw_kstr(w, "rule", s->rule);
    if (s->policy)
        ea_jw_kstr(w, "policy", s->policy);
    if (s->reading)
        ea_jw_kstr(w, "read_as", s->reading);
    ea_jw_key(w, "steps");
    ea_jw_arr(w);
    for (size_t i = 0; i < s->steps_n; i++) {
        char share[32];
        int64_t v = s->steps[i].share, size = v < 0 ? -v : v;
        (void)snprintf(share, sizeof share, "%s%" PRId64 ".%07" PRId64, v < 0 ? "-" : "",
                       size / EA_FRACTION_ONE, size % EA_FRACTION_ONE);
        ea_jw_obj(w);
        ea_jw_kstr(w, "step", s->steps[i].name);
        ea_jw_kraw(w, "share", share);
        if (s->steps[i].why)
            ea_jw_kstr(w, "why", s->steps[i].why);
        ea_jw_end(w);
    }
    ea_jw_end(w);
}

static void write_matched(struct ea_jw *w, const char *key, const struct grader_score *s)
{
    ea_jw_key(w, key);
    ea_jw_arr(w);
    for (size_t i = 0; i < s->matched_n; i++)
        ea_jw_int(w, (int64_t)s->matched[i]);
    ea_jw_end(w);
}

static void write_parts(struct ea_jw *w, const struct grader_score *s)
{
    ea_jw_key(w, "gaps");
    ea_jw_obj(w);
    for (size_t i = 0; i < s->parts_n; i++) {
        ea_jw_key(w, s->parts[i].gap);
        ea_jw_obj(w);
        ea_jw_kint(w, "weight", s->parts[i].weight);
        write_steps(w, &s->parts[i].score);
        ea_jw_end(w);
    }
    ea_jw_end(w);
    ea_jw_key(w, "matched_gaps");
    ea_jw_obj(w);
    for (size_t i = 0; i < s->parts_n; i++)
        write_matched(w, s->parts[i].gap, &s->parts[i].score);
    ea_jw_end(w);
}

/* What only the key knows stands at the top: matched, matched_gaps, expected. Results leave it out while the key is not shown. */
static enum ea_err explain(const struct grader_score *s, int64_t of, struct ea_arena *a, const char **out)
{
    struct ea_buf b = { 0 };
    struct ea_jw w;

    ea_jw_init(&w, &b);
    ea_jw_obj(&w);
    write_steps(&w, s);
    if (s->waits) {
        ea_jw_kstr(&w, "waits_for", "person");
    } else {
        ea_jw_key(&w, "final");
        ea_jw_obj(&w);
        ea_jw_kmilli(&w, "points", s->points);
        ea_jw_kmilli(&w, "of", of);
        ea_jw_end(&w);
    }
    write_matched(&w, "matched", s);
    if (s->parts_n)
        write_parts(&w, s);
    if (s->expected)
        ea_jw_kraw(&w, "expected", s->expected);
    ea_jw_end(&w);
    *out = b.failed ? NULL : ea_arena_ndup(a, b.p, b.len);
    ea_buf_free(&b);
    return *out ? EA_OK : EA_ENOMEM;
}

/* One job; its memory goes with it. */
struct grading {
    struct ea_work *w;
    struct ea_arena *a;
    const char *attempt;
};

struct drawn {
    struct ea_list values;
};
static const struct ea_field drawn_fields[] = {
    { .name = "values", .type = EA_T_MAP, .offset = offsetof(struct drawn, values), .item = EA_T_STR },
};
static const struct ea_schema drawn_schema = { "draw", sizeof(struct drawn), drawn_fields, 1 };

static enum ea_err read_draw(struct grading *g, const char *json, struct ea_faults *faults,
                             struct grader_draw *out)
{
    void *p;
    enum ea_err err = ea_schema_text(&drawn_schema, json, strlen(json), g->a, &p, faults);

    if (err)
        return err;
    const struct ea_list *list = &((struct drawn *)p)->values;
    const struct ea_pair *v = list->items;
    struct ea_formula_variable *values = ea_arena_array(g->a, list->n + 1, sizeof *values);
    for (size_t i = 0; values && !err && i < list->n; i++) {
        values[i].name = v[i].name.v;
        err = ea_exact_read(v[i].v.v, v[i].v.len, &values[i].value);
    }
    *out = (struct grader_draw){ values, list->n };
    return values ? err : EA_ENOMEM;
}

/* One row of attempt_slots_for_grading. What is stored was checked when it came in: a fault here is ours. */
static enum ea_err score_row(struct grading *g, const PGresult *res, int row, struct grader_score *out)
{
    const char *kind = ea_pg_str(res, row, 1), *definition = ea_pg_str(res, row, 3),
               *given = ea_pg_str(res, row, 4);
    struct grader_draw draw;
    struct ea_faults faults = { 0 };
    struct ea_item item;
    struct ea_answer answer;
    enum ea_err err =
        ea_item_read(ea_item_kind_of(kind), definition, strlen(definition), g->a, "", &faults, &item);

    if (!err)
        err = ea_answer_read(given, strlen(given), g->a, "", &faults, &answer);
    if (!err)
        err = read_draw(g, ea_pg_str(res, row, 5), &faults, &draw);
    if (!err)
        err = grader_score(&item, ea_pg_i64(res, row, 2), &answer, &draw, g->a, out);
    if (err && err != EA_ENOMEM)
        (void)snprintf(g->w->reason, sizeof g->w->reason, "slot %s of the kind %s cannot be graded: %s",
                       ea_pg_str(res, row, 0), kind, faults.n ? faults.v[0].detail : "no rule");
    return err == EA_EINPUT || err == EA_ESYNTAX ? EA_EINTERNAL : err;
}

static enum ea_err score_slot(struct grading *g, const PGresult *res, int i, struct columns *out)
{
    struct grader_score score;
    enum ea_err err = score_row(g, res, i, &score);

    if (!err)
        err = explain(&score, ea_pg_i64(res, i, 2), g->a, &out->explanations[i]);
    if (err)
        return err;
    out->slots[i] = ea_pg_str(res, i, 0);
    if (score.waits) /* no score: NULL */
        return EA_OK;
    out->scores[i] = ea_arena_printf(g->a, "%" PRId64, score.points);
    return out->scores[i] ? EA_OK : EA_ENOMEM;
}

static enum ea_err score_slots(struct grading *g, const PGresult *res, struct columns *out)
{
    int n = PQntuples(res);
    enum ea_err err = EA_OK;

    out->slots = ea_arena_array(g->a, (size_t)n + 1, sizeof *out->slots);
    out->scores = ea_arena_array(g->a, (size_t)n + 1, sizeof *out->scores);
    out->explanations = ea_arena_array(g->a, (size_t)n + 1, sizeof *out->explanations);
    if (!out->slots || !out->scores || !out->explanations)
        return EA_ENOMEM;
    for (int i = 0; !err && i < n; i++)
        err = score_slot(g, res, i, out);
    return err;
}

static enum ea_err store(struct grading *g, const struct columns *c, size_t n)
{
    const char *slots = ea_pg_array(g->a, c->slots, n), *scores = ea_pg_array(g->a, c->scores, n);
    const char *explanations = ea_pg_array(g->a, c->explanations, n);
    char topic[EA_TOPIC_SIZE];
    PGresult *res;

    if (!slots || !scores || !explanations)
        return EA_ENOMEM;
    enum ea_err err = EA_PG(g->w->pg, g->a, &res, STMT_ATTEMPT_GRADE, g->attempt, slots, scores, explanations,
                            "{\"rule\":\"sum/1\"}");
    if (err)
        return err;
    if (PQntuples(res) == 0)
        return EA_EINTERNAL;
    if (ea_pg_bool(res, 0, 2)) /* waits for a person, who will tell (fcgi/quiz/grade.c) */
        return EA_OK;
    return ea_work_event(g->w, ea_topic(EA_TOPIC_USER, ea_pg_str(res, 0, 0), topic), "attempt.graded",
                         ea_pg_str(res, 0, 1), EA_QUEUE_NOTIFY);
}

static enum ea_err grade(struct grading *g)
{
    struct columns columns;
    PGresult *res;
    enum ea_err err = EA_PG(g->w->pg, g->a, &res, STMT_ATTEMPT_SLOTS_FOR_GRADING, g->attempt);

    if (!err)
        err = score_slots(g, res, &columns);
    return err ? err : store(g, &columns, (size_t)PQntuples(res));
}

/* Locks the attempt. *open: it waits for its grade; else somebody was faster. */
static enum ea_err load(struct grading *g, const struct ea_job *job, bool *open)
{
    struct ea_faults faults = { 0 };
    void *payload;
    PGresult *res;
    enum ea_err err = ea_schema_read(&payload_schema, job->payload, g->a, &payload, &faults);

    if (err)
        return err;
    g->attempt = ((const struct payload *)payload)->attempt_id.v;
    err = EA_PG(g->w->pg, g->a, &res, STMT_ATTEMPT_FOR_GRADING, g->attempt);
    if (err)
        return err;
    if (PQntuples(res) == 0) {
        (void)snprintf(g->w->reason, sizeof g->w->reason, "there is no such attempt");
        return EA_ENOTFOUND;
    }
    *open = strcmp(ea_pg_str(res, 0, 0), "submitted") == 0;
    return EA_OK;
}

enum ea_err grader_attempt(struct ea_work *w, const struct ea_job *job)
{
    struct grading g = { .w = w, .a = ea_arena_new() };
    bool open = false;
    enum ea_err err = g.a ? load(&g, job, &open) : EA_ENOMEM;

    if (!err && open)
        err = grade(&g);
    ea_arena_free(g.a);
    return err;
}
