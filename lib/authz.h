/* Who may do what: the only place that decides. A caller has a role in the school and, per course, a role in that course. Every object belongs to a course;
 * one SQL statement per kind of object (authz_<object>) says whether the caller may see it and as what. Admins may do everything everywhere.
 * What may not be seen is EA_ENOTFOUND, what may be seen but not done EA_EFORBIDDEN. */
#ifndef EA_AUTHZ_H
#define EA_AUTHZ_H

#include "lib/arena.h"
#include "lib/err.h"
#include "lib/id.h"
#include "lib/stmt.h"
#include "lib/token.h"

#include <libpq-fe.h>
#include <stddef.h>

struct ea_pg;

struct ea_caller {
    struct ea_claims claims; /* claims.user.s, claims.role */
};

enum ea_course_role { EA_COURSE_NONE, EA_COURSE_STUDENT, EA_COURSE_ASSISTANT, EA_COURSE_TEACHER };

enum ea_cap {
    EA_CAP_VIEW,  /* any member, where the object is visible to them (published, own, room member …) */
    EA_CAP_TAKE,  /* students: submit, attempt */
    EA_CAP_MARK,  /* assistants and teachers: see everybody's work, grade */
    EA_CAP_TEACH, /* teachers: create, change, publish */
};

/* Each has a statement `authz_<name>` ($1 user id, $2 object id) -> rows (course_id, role text or NULL, visible bool); no row: there is no such object.
 * `visible` is about a plain member's view; assistants and teachers see all of their course. */
enum ea_object {
    EA_OBJ_COURSE,
    EA_OBJ_ASSIGNMENT,
    EA_OBJ_SUBMISSION,
    EA_OBJ_ITEM,
    EA_OBJ_QUIZ,
    EA_OBJ_ATTEMPT,
    EA_OBJ_ROOM,
    EA_OBJ_MESSAGE,
    EA_OBJ__MAX
};

struct ea_access {
    struct ea_id course;
    enum ea_course_role role; /* an admin who is no member counts as EA_COURSE_TEACHER */
};

enum ea_err ea_authz(struct ea_pg *pg, struct ea_arena *a, const struct ea_caller *who, enum ea_object kind,
                     const char *id, enum ea_cap cap, struct ea_access *out) EA_MUST; /* out may be NULL */

/* That is true of the moment in which it is asked. By the next statement the caller may have left, so what is read or written then is let in by one of these. */
struct ea_ask {
    const struct ea_caller *who;
    enum ea_object kind;
    const char *id;
    enum ea_cap cap;
};

/* The question and a statement that reads, in one snapshot and one round trip. No transaction is open, before and after. *res is of the arena, NULL on error. */
enum ea_err ea_authz_read(struct ea_pg *pg, struct ea_arena *a, const struct ea_ask *ask,
                          struct ea_access *out, PGresult **res, enum ea_stmt stmt, const char *const *args,
                          size_t n) EA_MUST;
/* The question in an open transaction that is going to write; one round trip. Until it ends the answer stays true: whoever takes the caller's right waits for it, so they are told of that after what is
 * written here. Of a room or a message the caller's own memberships are held, of a course all of its people (what course_people_lock says). Others have no such statement, and are EA_EINTERNAL.
 * EA_ERETRY: the caller came in just now. */
enum ea_err ea_authz_hold(struct ea_pg *pg, const struct ea_ask *ask, struct ea_access *out) EA_MUST;

#endif
