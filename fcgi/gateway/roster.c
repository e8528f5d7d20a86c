#include "fcgi/gateway/gateway.h"
#include "fcgi/gateway/membership.h"
#include "fcgi/gateway/roster_file.h"
#include "lib/pg.h"

#include <stdlib.h>
#include <string.h>

/* Rows of one statement: it must end well before the statement timeout. */
#define CHUNK 2000

/* Passwords are hashed one at a time between those of people signing in; more than this would keep the caller waiting too long. */
#define PASSWORDS_MAX 200

struct query {
    struct ea_int dry_run;
};
static const struct ea_field query_fields[] = {
    { .name = "dry_run", .type = EA_T_BOOL, .offset = offsetof(struct query, dry_run) },
};
const struct ea_schema gateway_roster_schema = { "roster import", sizeof(struct query), query_fields, 1 };

struct import { /* r->state */
    struct gateway_roster roster;
    bool dry_run;
    size_t next;     /* the row after the one whose password is being hashed */
    enum ea_err err; /* why the hashing stopped */
    int created, updated, enrolled;
};

/* A column of the rows, as a PostgreSQL array. */
static char *array_of(struct ea_arena *a, const struct gateway_roster *r, size_t member)
{
    const char **v = ea_arena_array(a, r->n + 1, sizeof *v);
    for (size_t i = 0; v && i < r->n; i++)
        memcpy(&v[i], (const char *)&r->rows[i] + member, sizeof v[i]);
    return v ? ea_pg_array(a, v, r->n) : NULL;
}
#define ARRAY_OF(a, r, member) array_of(a, r, offsetof(struct gateway_roster_row, member))

/* --- rows that the database knows better -------------------------------------------------------------------------------- */

struct known { /* sorted strings of a result's first column */
    const char **v;
    size_t n;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_known(const struct known *k, const char *s)
{
    return k->n > 0 && bsearch(&s, k->v, k->n, sizeof *k->v, by_text);
}

static enum ea_err read_known(struct ea_req *r, enum ea_stmt stmt, const char *names, struct known *out)
{
    PGresult *res;
    if (!names)
        return EA_ENOMEM;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, stmt, names);
    if (err)
        return err;
    out->n = (size_t)PQntuples(res);
    out->v = ea_arena_array(r->arena, out->n + 1, sizeof *out->v);
    if (!out->v)
        return EA_ENOMEM;
    for (size_t i = 0; i < out->n; i++)
        out->v[i] = ea_pg_str(res, (int)i, 0);
    qsort(out->v, out->n, sizeof *out->v, by_text);
    return EA_OK;
}

static bool names_no_course(struct gateway_roster *r, const struct gateway_roster_row *row, void *arg)
{
    if (!row->course || is_known(arg, row->course))
        return false;
    gateway_roster_error(r, row->line, "course code", "unknown", "there is no course with this code");
    return true;
}

static enum ea_err refuse_unknown_courses(struct ea_req *r, struct gateway_roster *roster)
{
    struct known courses = { 0 };
    enum ea_err err = read_known(r, STMT_ROSTER_COURSES, ARRAY_OF(r->arena, roster, course), &courses);
    if (!err)
        gateway_roster_filter(roster, names_no_course, &courses);
    return err;
}

/* Accounts that exist keep their passwords, and a person's later rows say nothing about it: those need no hashing. */
static enum ea_err settle_passwords(struct ea_req *r, struct gateway_roster *roster)
{
    struct known accounts = { 0 };
    size_t n = 0;
    enum ea_err err = read_known(r, STMT_ROSTER_ACCOUNTS, ARRAY_OF(r->arena, roster, email), &accounts);
    for (size_t i = 0; !err && i < roster->n; i++) {
        struct gateway_roster_row *row = &roster->rows[i];
        if (row->password && (!row->account || is_known(&accounts, row->email)))
            row->password = NULL;
        if (!row->password || ++n <= PASSWORDS_MAX)
            continue;
        row->password = NULL;
        gateway_roster_error(roster, row->line, "password", "out-of-range",
                             "a file may set 200 passwords; this account goes without");
    }
    return err;
}

/* --- the import ------------------------------------------------------------------------------------------------------------ */

/* A copy of the rows that are not dropped; im keeps them all, should the transaction have to run again. */
static enum ea_err rows_without(struct ea_req *r, const struct import *im,
                                bool (*drop)(struct gateway_roster *, const struct gateway_roster_row *,
                                             void *),
                                struct gateway_roster *out)
{
    *out = (struct gateway_roster){ .n = im->roster.n };
    out->rows = ea_arena_array(r->arena, out->n + 1, sizeof *out->rows);
    if (!out->rows)
        return EA_ENOMEM;
    memcpy(out->rows, im->roster.rows, out->n * sizeof *out->rows);
    gateway_roster_filter(out, drop, NULL);
    return EA_OK;
}

/* Calls write with a few rows at a time. */
static enum ea_err in_chunks(struct ea_req *r, struct import *im, const struct gateway_roster *rows,
                             enum ea_err (*write)(struct ea_req *, struct import *,
                                                  const struct gateway_roster *))
{
    enum ea_err err = EA_OK;
    for (size_t at = 0; !err && at < rows->n; at += CHUNK) {
        struct gateway_roster chunk = { .rows = rows->rows + at,
                                        .n = rows->n - at < CHUNK ? rows->n - at : CHUNK };
        err = write(r, im, &chunk);
    }
    return err;
}

static char *new_ids(struct ea_req *r, size_t n)
{
    const char **v = ea_arena_array(r->arena, n + 1, sizeof *v);
    struct ea_id *ids = ea_arena_array(r->arena, n + 1, sizeof *ids);
    for (size_t i = 0; v && ids && i < n; i++) {
        ea_id_new(&ids[i]);
        v[i] = ids[i].s;
    }
    return v && ids ? ea_pg_array(r->arena, v, n) : NULL;
}

static enum ea_err write_users(struct ea_req *r, struct import *im, const struct gateway_roster *rows)
{
    PGresult *res;
    const char *const args[] = { new_ids(r, rows->n), ARRAY_OF(r->arena, rows, email),
                                 ARRAY_OF(r->arena, rows, name), ARRAY_OF(r->arena, rows, school_role),
                                 ARRAY_OF(r->arena, rows, hash) };
    const size_t n = sizeof args / sizeof args[0];
    for (size_t i = 0; i < n; i++)
        if (!args[i])
            return EA_ENOMEM;
    enum ea_err err = ea_pg_rows(r->pg, r->arena, &res, STMT_ROSTER_USERS, args, n);
    for (int i = 0; !err && i < PQntuples(res); i++) {
        bool created = ea_pg_bool(res, i, 1);
        im->created += created;
        im->updated += !created;
        if (!created && !im->dry_run)
            err = gateway_user_tell(r, ea_pg_str(res, i, 0));
    }
    return err;
}

static enum ea_err write_enrolments(struct ea_req *r, struct import *im, const struct gateway_roster *rows)
{
    PGresult *res;
    const char *emails = ARRAY_OF(r->arena, rows, email), *codes = ARRAY_OF(r->arena, rows, course),
               *roles = ARRAY_OF(r->arena, rows, course_role);
    if (!emails || !codes || !roles)
        return EA_ENOMEM;
    enum ea_err err = EA_PG(r->pg, r->arena, &res, STMT_ROSTER_ENROL, emails, codes, roles);
    if (err)
        return err;
    im->enrolled += PQntuples(res);
    for (int i = 0; !err && !im->dry_run && i < PQntuples(res); i++)
        err = gateway_membership_tell(r, ea_pg_str(res, i, 0), ea_pg_str(res, i, 1), ea_pg_str(res, i, 2));
    return err;
}

/* All at once and in one order, so that two imports do not wait for each other. */
static enum ea_err lock_courses(struct ea_req *r, const struct gateway_roster *rows)
{
    PGresult *res;
    const char *codes = ARRAY_OF(r->arena, rows, course);
    return codes ? EA_PG(r->pg, r->arena, &res, STMT_ROSTER_PEOPLE_LOCK, codes) : EA_ENOMEM;
}

static bool is_no_account(struct gateway_roster *r, const struct gateway_roster_row *row, void *arg)
{
    (void)r;
    (void)arg;
    return !row->account;
}

static bool has_no_course(struct gateway_roster *r, const struct gateway_roster_row *row, void *arg)
{
    (void)r;
    (void)arg;
    return !row->course;
}

static enum ea_err write_all(struct ea_req *r, struct import *im)
{
    struct gateway_roster accounts, enrolments;
    enum ea_err err = rows_without(r, im, is_no_account, &accounts);
    if (!err)
        err = rows_without(r, im, has_no_course, &enrolments);
    if (!err)
        err = in_chunks(r, im, &accounts, write_users);
    if (!err)
        err = lock_courses(r, &enrolments);
    if (!err)
        err = in_chunks(r, im, &enrolments, write_enrolments);
    return err;
}

static enum ea_err note(struct ea_req *r, const struct import *im)
{
    PGresult *res;
    const char *created = ea_arena_printf(r->arena, "%d", im->created),
               *updated = ea_arena_printf(r->arena, "%d", im->updated),
               *enrolled = ea_arena_printf(r->arena, "%d", im->enrolled);
    if (!created || !updated || !enrolled)
        return EA_ENOMEM;
    return EA_PG(r->pg, r->arena, &res, STMT_ROSTER_AUDIT, r->caller.claims.user.s, created, updated,
                 enrolled);
}

static void report(struct ea_req *r, const struct import *im)
{
    const struct gateway_roster *roster = &im->roster;
    struct ea_jw *w = &r->resp.json;
    ea_jw_obj(w);
    ea_jw_kbool(w, "dry_run", im->dry_run);
    ea_jw_kint(w, "created", im->created);
    ea_jw_kint(w, "updated", im->updated);
    ea_jw_kint(w, "enrolled", im->enrolled);
    ea_jw_key(w, "errors");
    ea_jw_arr(w);
    for (size_t i = 0; i < roster->errors_n; i++) {
        ea_jw_obj(w);
        ea_jw_kint(w, "line", (int64_t)roster->errors[i].line);
        ea_jw_kstr(w, "column", roster->errors[i].column);
        ea_jw_kstr(w, "code", roster->errors[i].code);
        ea_jw_kstr(w, "detail", roster->errors[i].detail);
        ea_jw_end(w);
    }
    ea_jw_end(w);
    ea_jw_kint(w, "more_errors", (int64_t)roster->more_errors);
    ea_jw_end(w);
}

/* A dry run does everything and takes it back: what it reports is what would happen. */
static enum ea_err apply(struct ea_req *r, struct import *im)
{
    im->created = im->updated = im->enrolled = 0;
    enum ea_err err = ea_req_begin(r);
    if (!err && im->dry_run)
        err = ea_pg_savepoint(r->pg);
    if (!err)
        err = write_all(r, im);
    if (!err)
        err = note(r, im);
    if (!err && im->dry_run)
        err = ea_pg_rollback_to(r->pg);
    return err;
}

static enum ea_err finish(struct ea_req *r)
{
    struct import *im = r->state;
    enum ea_err err = im->err ? im->err : apply(r, im);
    if (err)
        return err;
    gateway_roster_sort_errors(&im->roster);
    report(r, im);
    return EA_OK;
}

/* --- passwords, one after the other ------------------------------------------------------------------------------------------- */

static enum ea_err hash_next(struct ea_req *r);

/* On the pool's thread: the request is parked, so its arena is nobody else's. */
static void on_hashed(const char *new_hash, void *arg)
{
    struct ea_req *r = arg;
    struct import *im = r->state;
    struct gateway_roster_row *row = &im->roster.rows[im->next - 1];
    row->hash = new_hash[0] ? ea_arena_dup(r->arena, new_hash) : NULL;
    enum ea_err err = row->hash ? hash_next(r) : EA_ENOMEM;
    if (err == EA_PARKED)
        return;
    im->err = err;
    ea_req_resume(r, finish);
}

/* EA_PARKED: one is being hashed. EA_OK: there is none left. */
static enum ea_err hash_next(struct ea_req *r)
{
    struct import *im = r->state;
    while (im->next < im->roster.n) {
        const char *password = im->roster.rows[im->next++].password;
        if (!password)
            continue;
        enum ea_err err = ea_password_hash(gateway_of(r)->passwords, password, on_hashed, r);
        return err ? err : EA_PARKED;
    }
    return EA_OK;
}

enum ea_err gateway_roster_import(struct ea_req *r)
{
    const struct query *in = r->query_input;
    struct import *im = ea_arena_alloc(r->arena, sizeof *im);
    if (!im)
        return EA_ENOMEM;
    r->state = im;
    im->dry_run = in->dry_run.v != 0;
    enum ea_err err = gateway_roster_parse(r->body, r->body_len, r->arena, &im->roster);
    if (im->roster.unusable)
        return ea_fail(r, EA_EINPUT, "%s", im->roster.unusable);
    if (!err)
        err = refuse_unknown_courses(r, &im->roster);
    if (!err)
        err = gateway_roster_mark_accounts(&im->roster, r->arena);
    if (!err)
        err = settle_passwords(r, &im->roster);
    if (!err && !im->dry_run)
        err = hash_next(r);
    return err ? err : finish(r);
}
