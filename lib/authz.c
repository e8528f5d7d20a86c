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

enum ea_err ea_authz(struct ea_pg *pg, struct ea_arena *a, const struct ea_caller *who, enum ea_object kind,
                     const char *id, enum ea_cap cap, struct ea_access *out)
{
    PGresult *res;
    enum ea_err err = EA_PG(pg, a, &res, statements[kind], who->claims.user.s, id);
    if (err)
        return err;
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
