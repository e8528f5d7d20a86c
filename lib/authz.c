#include "lib/authz.h"

#include "lib/pg.h"

#include <string.h>

static const enum ea_stmt statements[EA_OBJ__MAX] = {
    [EA_OBJ_COURSE] = STMT_AUTHZ_COURSE,
    [EA_OBJ_ASSIGNMENT] = STMT_AUTHZ_ASSIGNMENT,
    [EA_OBJ_SUBMISSION] = STMT_AUTHZ_SUBMISSION,
    [EA_OBJ_ITEM] = STMT_AUTHZ_ITEM,
    [EA_OBJ_QUIZ] = STMT_AUTHZ_QUIZ,
    [EA_OBJ_ATTEMPT] = STMT_AUTHZ_ATTEMPT,
    [EA_OBJ_ROOM] = STMT_AUTHZ_ROOM,
    [EA_OBJ_MESSAGE] = STMT_AUTHZ_MESSAGE,
};

static enum ea_course_role role_of(const char *name)
{
    static const char *const names[] = {
        [EA_COURSE_STUDENT] = "student", [EA_COURSE_ASSISTANT] = "assistant", [EA_COURSE_TEACHER] = "teacher"
    };
    for (enum ea_course_role r = EA_COURSE_STUDENT; name && r <= EA_COURSE_TEACHER; r++)
        if (strcmp(names[r], name) == 0)
            return r;
    return EA_COURSE_NONE;
}

/* A member's right, decided from the role in the course and what the object shows to plain members. */
static enum ea_err judge(enum ea_course_role role, bool visible, enum ea_cap cap)
{
    if (role == EA_COURSE_NONE || (role == EA_COURSE_STUDENT && !visible))
        return EA_ENOTFOUND;
    bool may = false;
    switch (cap) {
    case EA_CAP_VIEW:
        may = true;
        break;
    case EA_CAP_TAKE:
        may = role == EA_COURSE_STUDENT;
        break;
    case EA_CAP_MARK:
        may = role >= EA_COURSE_ASSISTANT;
        break;
    case EA_CAP_TEACH:
        may = role == EA_COURSE_TEACHER;
        break;
    }
    return may ? EA_OK : EA_EFORBIDDEN;
}

/* Of the rows of authz_<object>. */
static enum ea_err decide(const PGresult *res, const struct ea_caller *who, enum ea_cap cap,
                          struct ea_access *out)
{
    enum ea_err err = EA_OK;
    if (PQntuples(res) == 0)
        return EA_ENOTFOUND;
    enum ea_course_role role = role_of(ea_pg_str(res, 0, 1));
    bool admin = who->claims.role == EA_ROLE_ADMIN;
    if (!admin && (err = judge(role, ea_pg_bool(res, 0, 2), cap)))
        return err;
    if (out) {
        const char *course = ea_pg_str(res, 0, 0);
        if (!course || strlen(course) != EA_ID_LEN)
            return EA_EINTERNAL;
        memcpy(out->course.s, course, sizeof out->course.s);
        out->role = admin && role == EA_COURSE_NONE ? EA_COURSE_TEACHER : role;
    }
    return EA_OK;
}

enum ea_err ea_authz(struct ea_pg *pg, struct ea_arena *a, const struct ea_caller *who, enum ea_object kind,
                     const char *id, enum ea_cap cap, struct ea_access *out)
{
    PGresult *res;
    enum ea_err err = EA_PG(pg, a, &res, statements[kind], who->claims.user.s, id);
    return err ? err : decide(res, who, cap, out);
}

static void clear(PGresult **res, size_t n)
{
    for (size_t i = 0; i < n; i++)
        PQclear(res[i]);
}

enum ea_err ea_authz_read(struct ea_pg *pg, struct ea_arena *a, const struct ea_ask *ask,
                          struct ea_access *out, PGresult **res, enum ea_stmt stmt, const char *const *args,
                          size_t n)
{
    enum { ASKED = 1, ROWS = 2, STMTS = 4 };
    const char *const asked[] = { ask->who->claims.user.s, ask->id };
    PGresult *got[STMTS] = { NULL };
    *res = NULL;
    enum ea_err err = ea_pg_pipe_begin(pg);
    if (err)
        return err;
    err = ea_pg_pipe_send(pg, STMT_BEGIN_SNAPSHOT, NULL, 0);
    if (!err)
        err = ea_pg_pipe_send(pg, statements[ask->kind], asked, 2);
    if (!err)
        err = ea_pg_pipe_send(pg, stmt, args, n);
    if (!err)
        err = ea_pg_pipe_send(pg, STMT_COMMIT, NULL, 0);
    (void)err; /* the end tells of it too */
    err = ea_pg_pipe_end(pg, got, STMTS, -1);
    if (ea_pg_in_tx(pg)) /* a statement failed */
        ea_pg_rollback(pg);
    enum ea_err refused = got[ASKED] ? decide(got[ASKED], ask->who, ask->cap, out) : EA_OK;
    if (refused) /* whatever has become of a statement that they had no right to */
        err = refused;
    else if (err == EA_EUNKNOWN) /* nothing was written */
        err = EA_EUNAVAILABLE;
    if (!err) {
        err = ea_pg_keep(a, got[ROWS], res);
        got[ROWS] = NULL;
    }
    clear(got, STMTS);
    return err;
}

static const struct { /* the first `args` of: id, who */
    enum ea_stmt stmt;
    size_t args;
} holds[EA_OBJ__MAX] = {
    [EA_OBJ_COURSE] = { STMT_COURSE_PEOPLE_LOCK, 1 },
    [EA_OBJ_ROOM] = { STMT_ROOM_HOLD, 2 },
    [EA_OBJ_MESSAGE] = { STMT_ROOM_HOLD, 2 },
};

/* The rows are locked first: the statement after that has a snapshot in which they are what they stay. */
enum ea_err ea_authz_hold(struct ea_pg *pg, const struct ea_ask *ask, struct ea_access *out)
{
    enum { HELD, ASKED, STMTS };
    const char *who = ask->who->claims.user.s;
    const char *const held[] = { ask->id, who }, *const asked[] = { who, ask->id };
    PGresult *got[STMTS] = { NULL };
    if (holds[ask->kind].args == 0 || !ea_pg_in_tx(pg))
        return EA_EINTERNAL;
    enum ea_err err = ea_pg_pipe_begin(pg);
    if (err)
        return err;
    err = ea_pg_pipe_send(pg, holds[ask->kind].stmt, held, holds[ask->kind].args);
    if (!err)
        err = ea_pg_pipe_send(pg, statements[ask->kind], asked, 2);
    (void)err; /* the end tells of it too */
    err = ea_pg_pipe_end(pg, got, STMTS, -1);
    if (!err)
        err = decide(got[ASKED], ask->who, ask->cap, out);
    if (!err && PQntuples(got[HELD]) == 0 && role_of(ea_pg_str(got[ASKED], 0, 1)) != EA_COURSE_NONE)
        err = EA_ERETRY;
    clear(got, STMTS);
    return err;
}
