/* Every role against every capability, on a course and on what a course shows to its members only in part; decided by the real statements. */
#include "tests/unit/unit.h"

#include "lib/authz.h"
#include "lib/pg.h"
#include "tests/unit/servers.h"

#include <string.h>

#define COURSE    "0190e6a0-0000-7000-8000-0000000000c0"
#define ADMIN     "0190e6a0-0000-7000-8000-000000000001"
#define TEACHER   "0190e6a0-0000-7000-8000-000000000002"
#define ASSISTANT "0190e6a0-0000-7000-8000-000000000003"
#define STUDENT   "0190e6a0-0000-7000-8000-000000000004"
#define STRANGER  "0190e6a0-0000-7000-8000-000000000005"
#define ADMIN_TOO "0190e6a0-0000-7000-8000-000000000006" /* an administrator who is a student of the course */
#define DRAFT     "0190e6a0-0000-7000-8000-0000000000d0"
#define PUBLISHED "0190e6a0-0000-7000-8000-0000000000d1"
#define NOWHERE   "0190e6a0-0000-7000-8000-0000000000ff"

static const char school[] =
    "INSERT INTO users (id, email, name, role) VALUES"
    " ('" ADMIN "', 'admin@x.example', 'A', 'admin'), ('" TEACHER "', 't@x.example', 'T', 'staff'),"
    " ('" ASSISTANT "', 'a@x.example', 'A', 'member'), ('" STUDENT "', 's@x.example', 'S', 'member'),"
    " ('" STRANGER "', 'x@x.example', 'X', 'staff'), ('" ADMIN_TOO "', 'b@x.example', 'B', 'admin');"
    "INSERT INTO courses (id, title, code, time_zone) VALUES ('" COURSE "', 'C', 'C', 'UTC');"
    "INSERT INTO enrolments (course_id, user_id, role) VALUES"
    " ('" COURSE "', '" TEACHER "', 'teacher'), ('" COURSE "', '" ASSISTANT "', 'assistant'),"
    " ('" COURSE "', '" STUDENT "', 'student'), ('" COURSE "', '" ADMIN_TOO "', 'student');"
    "INSERT INTO quizzes (id, course_id, title, state, time_zone, created_by) VALUES"
    " ('" DRAFT "', '" COURSE "', 'D', 'draft', 'UTC', '" TEACHER "'), ('" PUBLISHED "', '" COURSE
    "', 'P', 'published', 'UTC', '" TEACHER "')";

struct fixture {
    struct ea_pg *pg;
    struct ea_arena *arena;
};

static int setup(void **state)
{
    static struct fixture f;
    PGconn *conn = servers_pg_open();
    servers_pg_exec(conn, school);
    PQfinish(conn);
    f.pg = ea_pg_new(servers_pg(), "lib_authz");
    f.arena = ea_arena_new();
    *state = &f;
    return f.pg && f.arena ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    if (!f)
        return 0;
    ea_pg_free(f->pg);
    ea_arena_free(f->arena);
    return 0;
}

static struct ea_caller caller(const char *user, enum ea_role role)
{
    struct ea_caller c = { .claims = { .role = role } };
    strcpy(c.claims.user.s, user);
    return c;
}

struct row {
    const char *user;
    enum ea_role role;
    enum ea_err err[4]; /* VIEW, TAKE, MARK, TEACH */
};

#define OK  EA_OK
#define NO  EA_EFORBIDDEN
#define NIL EA_ENOTFOUND

static void judge(struct fixture *f, enum ea_object kind, const char *id, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (enum ea_cap cap = EA_CAP_VIEW; cap <= EA_CAP_TEACH; cap++) {
            struct ea_caller who = caller(rows[i].user, rows[i].role);
            assert_err(ea_authz(f->pg, f->arena, &who, kind, id, cap, NULL), rows[i].err[cap]);
        }
}

static void test_course(void **state)
{
    static const struct row rows[] = {
        { ADMIN, EA_ROLE_ADMIN, { OK, OK, OK, OK } },
        { ADMIN_TOO, EA_ROLE_ADMIN, { OK, OK, OK, OK } },
        { TEACHER, EA_ROLE_STAFF, { OK, NO, OK, OK } },
        { ASSISTANT, EA_ROLE_MEMBER, { OK, NO, OK, NO } },
        { STUDENT, EA_ROLE_MEMBER, { OK, OK, NO, NO } },
        { STRANGER, EA_ROLE_STAFF, { NIL, NIL, NIL, NIL } },
        { NOWHERE, EA_ROLE_MEMBER, { NIL, NIL, NIL, NIL } },
    };
    judge(*state, EA_OBJ_COURSE, COURSE, rows, sizeof rows / sizeof rows[0]);
}

static void test_what_is_published(void **state)
{
    static const struct row rows[] = {
        { ADMIN, EA_ROLE_ADMIN, { OK, OK, OK, OK } },
        { TEACHER, EA_ROLE_STAFF, { OK, NO, OK, OK } },
        { STUDENT, EA_ROLE_MEMBER, { OK, OK, NO, NO } },
        { STRANGER, EA_ROLE_STAFF, { NIL, NIL, NIL, NIL } },
    };
    judge(*state, EA_OBJ_QUIZ, PUBLISHED, rows, sizeof rows / sizeof rows[0]);
}

static void test_what_is_not(void **state)
{
    static const struct row rows[] = {
        { ADMIN, EA_ROLE_ADMIN, { OK, OK, OK, OK } },
        { TEACHER, EA_ROLE_STAFF, { OK, NO, OK, OK } },
        { ASSISTANT, EA_ROLE_MEMBER, { OK, NO, OK, NO } },
        { STUDENT, EA_ROLE_MEMBER, { NIL, NIL, NIL, NIL } },
        { STRANGER, EA_ROLE_STAFF, { NIL, NIL, NIL, NIL } },
    };
    judge(*state, EA_OBJ_QUIZ, DRAFT, rows, sizeof rows / sizeof rows[0]);
}

static void test_nothing_is_there_for_nobody(void **state)
{
    static const struct row rows[] = {
        { ADMIN, EA_ROLE_ADMIN, { NIL, NIL, NIL, NIL } },
        { TEACHER, EA_ROLE_STAFF, { NIL, NIL, NIL, NIL } },
    };
    for (enum ea_object kind = EA_OBJ_COURSE; kind < EA_OBJ__MAX; kind++)
        judge(*state, kind, NOWHERE, rows, sizeof rows / sizeof rows[0]);
}

static void test_access_says_where_and_as_what(void **state)
{
    static const struct {
        const char *user;
        enum ea_role role;
        enum ea_course_role as;
    } rows[] = {
        { ADMIN, EA_ROLE_ADMIN, EA_COURSE_TEACHER },    { ADMIN_TOO, EA_ROLE_ADMIN, EA_COURSE_STUDENT },
        { TEACHER, EA_ROLE_STAFF, EA_COURSE_TEACHER },  { ASSISTANT, EA_ROLE_MEMBER, EA_COURSE_ASSISTANT },
        { STUDENT, EA_ROLE_MEMBER, EA_COURSE_STUDENT },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ea_caller who = caller(rows[i].user, rows[i].role);
        struct ea_access access;
        assert_ok(ea_authz(f->pg, f->arena, &who, EA_OBJ_QUIZ, PUBLISHED, EA_CAP_VIEW, &access));
        assert_string_equal(access.course.s, COURSE);
        assert_int_equal(access.role, rows[i].as);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_course),
        cmocka_unit_test(test_what_is_published),
        cmocka_unit_test(test_what_is_not),
        cmocka_unit_test(test_nothing_is_there_for_nobody),
        cmocka_unit_test(test_access_says_where_and_as_what),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
