/* submission.submitted: reads what was handed in, lets the checks judge it, and writes score and explanation; or leaves it to a person. */
#include "workers/grader/grader.h"

#include "lib/blob.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/pg.h"
#include "lib/schema.h"
#include "workers/grader/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* Of one submission, read as text: some eighty thousand words. What is beyond it a person must read; the transaction must not wait longer for the checks. */
#define TEXT_MAX (512 * 1024)

/* A file that cannot be read is tried again so often, then given up. */
#define READ_ATTEMPTS 3

struct payload {
    struct ea_str submission_id;
};
static const struct ea_field payload_fields[] = {
    { "submission_id", EA_T_UUID, offsetof(struct payload, submission_id), .flags = EA_REQUIRED },
};
static const struct ea_schema payload_schema = { "submission.submitted", sizeof(struct payload),
                                                 payload_fields, 1 };

struct grading { /* of one job */
    struct ea_work *w;
    const struct ea_job *job;
    struct ea_arena *arena; /* its own: a batch of long documents must not add up */
    const char *id;
    const PGresult *row; /* submission_for_grading */
    struct ea_md_facts *docs;
    const char **unread;
    size_t docs_n, unread_n;
    int64_t text_left;
};

enum { STATE, TEXT, SUBMITTED_US, DUE_US, POINTS, RULES_VERSION, RULES, RELEASE };

static bool is_text(const char *name)
{
    static const char *const extensions[] = { ".md", ".markdown", ".txt" };
    size_t n = strlen(name);

    for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
        size_t len = strlen(extensions[i]);
        if (n > len && strcasecmp(name + n - len, extensions[i]) == 0)
            return true;
    }
    return false;
}

static enum ea_err add_text(struct grading *g, const char *text, size_t n)
{
    enum ea_err err = ea_md_read(text, n, g->arena, &g->docs[g->docs_n]);

    if (!err)
        g->docs_n++;
    g->text_left -= (int64_t)n;
    return err;
}

static enum ea_err read_all(int fd, char *p, size_t n)
{
    while (n > 0) {
        ssize_t got = read(fd, p, n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return EA_EUNAVAILABLE;
        p += got;
        n -= (size_t)got;
    }
    return EA_OK;
}

static enum ea_err read_blob(struct grading *g, const char *key, int64_t expected, char **out)
{
    const struct grader *grader = g->w->data;
    int64_t size = 0;
    int fd = -1;
    enum ea_err err = ea_blob_read(grader->blobs, key, &fd, &size);

    if (err)
        goto out;
    err = EA_EUNAVAILABLE;
    if (size != expected)
        goto out;
    err = EA_ENOMEM;
    if (!(*out = ea_arena_alloc(g->arena, (size_t)size + 1)))
        goto out;
    err = read_all(fd, *out, (size_t)size);
out:
    if (fd >= 0)
        (void)close(fd);
    if (err)
        (void)snprintf(g->w->reason, sizeof(g->w->reason), "file %s: %s", key, ea_err_slug(err));
    return err;
}

static enum ea_err add_file(struct grading *g, const char *name, int64_t size, const char *key)
{
    char *text = NULL;
    enum ea_err err;

    if (!is_text(name) || size > g->text_left) {
        g->unread[g->unread_n++] = name;
        return EA_OK;
    }
    err = read_blob(g, key, size, &text);
    if (err)
        return err;
    if (ea_utf8_valid(text, (size_t)size))
        return add_text(g, text, (size_t)size);
    g->unread[g->unread_n++] = name;
    return EA_OK;
}

static enum ea_err read_documents(struct grading *g)
{
    const char *text = ea_pg_str(g->row, 0, TEXT);
    PGresult *files;
    enum ea_err err = EA_PG(g->w->pg, g->arena, &files, STMT_SUBMISSION_FILES_FOR_GRADING, g->id);

    if (err)
        return err;
    size_t most = (size_t)PQntuples(files) + 1;
    g->docs = ea_arena_array(g->arena, most, sizeof(*g->docs));
    g->unread = ea_arena_array(g->arena, most, sizeof(*g->unread));
    if (!g->docs || !g->unread)
        return EA_ENOMEM;
    if (text)
        err = add_text(g, text, strlen(text));
    for (int i = 0; i < PQntuples(files) && !err; i++)
        err = add_file(g, ea_pg_str(files, i, 0), ea_pg_i64(files, i, 1), ea_pg_str(files, i, 2));
    return err;
}

static enum ea_err judge(struct grading *g, struct grader_verdict *out)
{
    const char *json = ea_pg_str(g->row, 0, RULES);
    bool has_due = !PQgetisnull(g->row, 0, DUE_US);
    struct grader_work work = {
        .rules_version = ea_pg_i64(g->row, 0, RULES_VERSION),
        .points = ea_pg_i64(g->row, 0, POINTS),
        .docs = g->docs,
        .docs_n = g->docs_n,
        .unread = g->unread,
        .unread_n = g->unread_n,
        .late_us = has_due ? ea_pg_i64(g->row, 0, SUBMITTED_US) - ea_pg_i64(g->row, 0, DUE_US) : 0
    };
    enum ea_err err = ea_rules_read(json, strlen(json), g->arena, &work.rules);

    if (err) {
        (void)snprintf(g->w->reason, sizeof(g->w->reason), "the stored rules cannot be read");
        return err;
    }
    return grader_check(&work, g->arena, out);
}

static enum ea_err write_grade(struct grading *g, const struct grader_verdict *v)
{
    const char *score = ea_arena_printf(g->arena, "%" PRId64, v->score);
    bool release = ea_pg_bool(g->row, 0, RELEASE);
    char topic[EA_TOPIC_SIZE];
    PGresult *res;
    enum ea_err err;

    if (!score)
        return EA_ENOMEM;
    err = EA_PG(g->w->pg, g->arena, &res, STMT_SUBMISSION_GRADE, g->id, score, v->explanation, NULL, NULL,
                NULL, NULL, release ? "true" : "false");
    if (err || !release) /* held back: the student hears of it when a teacher releases it */
        return err;
    return ea_work_event(g->w, ea_topic(EA_TOPIC_USER, ea_pg_str(res, 0, 0), topic), "submission.graded",
                         ea_pg_str(res, 0, 1), EA_QUEUE_NOTIFY);
}

static enum ea_err leave(struct grading *g, const char *state, const char *explanation)
{
    PGresult *res;

    return EA_PG(g->w->pg, g->arena, &res, STMT_SUBMISSION_LEAVE, g->id, state, explanation);
}

/* A file that stays unreadable to the last attempt: told to the teacher, who can still mark it. */
static enum ea_err give_up(struct grading *g)
{
    ea_log(EA_LOG_ERROR, "a submission could not be read; a person must mark it", EA_F_STR(KEY, g->id),
           EA_F_STR(REASON, g->w->reason));
    return leave(g, "failed",
                 "{\"method\":\"person\",\"rule\":\"" GRADER_CHECK_RULE
                 "\",\"reason\":\"A file could not be read: it is to be marked by a person.\"}");
}

static enum ea_err grade(struct grading *g)
{
    struct grader_verdict verdict;
    enum ea_err err = read_documents(g);

    if ((err == EA_ENOTFOUND || err == EA_EUNAVAILABLE) && ea_pg_in_tx(g->w->pg) &&
        g->job->attempt >= READ_ATTEMPTS)
        return give_up(g);
    if (err || (err = judge(g, &verdict)))
        return err;
    return verdict.decided ? write_grade(g, &verdict) : leave(g, "submitted", verdict.explanation);
}

/* Locks the submission. EA_OK with row NULL: somebody was faster, there is nothing to do. */
static enum ea_err load(struct grading *g)
{
    struct ea_faults faults = { 0 };
    void *payload;
    PGresult *res;
    enum ea_err err = ea_schema_read(&payload_schema, g->job->payload, g->arena, &payload, &faults);

    if (err)
        return err;
    g->id = ((const struct payload *)payload)->submission_id.v;
    err = EA_PG(g->w->pg, g->arena, &res, STMT_SUBMISSION_FOR_GRADING, g->id);
    if (err)
        return err;
    if (PQntuples(res) == 0) {
        (void)snprintf(g->w->reason, sizeof(g->w->reason), "there is no such submission");
        return EA_ENOTFOUND;
    }
    g->row = strcmp(ea_pg_str(res, 0, STATE), "submitted") == 0 ? res : NULL;
    return EA_OK;
}

enum ea_err grader_submission(struct ea_work *w, const struct ea_job *job)
{
    struct grading g = { .w = w, .job = job, .arena = ea_arena_new(), .text_left = TEXT_MAX };
    enum ea_err err = EA_ENOMEM;

    if (!g.arena)
        return EA_ENOMEM;
    err = load(&g);
    if (!err && g.row)
        err = grade(&g);
    ea_arena_free(g.arena);
    return err;
}
