/* Every role against every capability, on a course and on what a course shows to its members only in part; decided by the real statements. */
#include "tests/unit/unit.h"

#include "lib/authz.h"
#include "lib/pg.h"
#include "tests/unit/servers.h"

#include <stdio.h>
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
#define GROUP     "0190e6a0-0000-7000-8000-0000000000e0"
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
    "', 'P', 'published', 'UTC', '" TEACHER "');"
    "INSERT INTO rooms (id, course_id, name, kind) VALUES ('" GROUP "', '" COURSE "', 'G', 'group');"
    "INSERT INTO room_members (room_id, user_id) VALUES ('" GROUP "', '" STUDENT "')";

struct fixture {
    struct ea_pg *pg;
    struct ea_arena *arena;
    PGconn *other;
};

static int setup(void **state)
{
    static struct fixture f;
    f.other = servers_pg_open();
    servers_pg_exec(f.other, school);
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
    PQfinish(f->other);
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

/* ---- reading ---- */

/* The role that somebody has in a course, for who may see that. */
static enum ea_err read_role(struct fixture *f, const struct ea_caller *who, const char *course,
                             PGresult **res)
{
    const struct ea_ask ask = { who, EA_OBJ_COURSE, COURSE, EA_CAP_MARK };
    const char *const args[] = { course, STUDENT };
    struct ea_access access;
    enum ea_err err = ea_authz_read(f->pg, f->arena, &ask, &access, res, STMT_ENROLMENT_ROLE, args, 2);
    assert_false(ea_pg_in_tx(f->pg));
    assert_true((*res != NULL) == (err == EA_OK));
    if (err == EA_OK)
        assert_int_equal(access.role, EA_COURSE_TEACHER);
    return err;
}

static void test_who_may_reads(void **state)
{
    struct fixture *f = *state;
    const struct ea_caller teacher = caller(TEACHER, EA_ROLE_STAFF), admin = caller(ADMIN, EA_ROLE_ADMIN);
    PGresult *res;
    assert_ok(read_role(f, &teacher, COURSE, &res));
    assert_string_equal(ea_pg_str(res, 0, 0), "student");
    assert_ok(read_role(f, &admin, NOWHERE, &res));
    assert_int_equal(PQntuples(res), 0);
}

static void test_who_may_not_reads_nothing(void **state)
{
    const struct ea_caller student = caller(STUDENT, EA_ROLE_MEMBER),
                           stranger = caller(STRANGER, EA_ROLE_STAFF);
    PGresult *res;
    assert_err(read_role(*state, &student, COURSE, &res), EA_EFORBIDDEN);
    assert_err(read_role(*state, &stranger, COURSE, &res), EA_ENOTFOUND);
}

/* What is wrong with a statement is told to those only who might have run it. */
static void test_a_statement_that_fails(void **state)
{
    const struct ea_caller teacher = caller(TEACHER, EA_ROLE_STAFF),
                           stranger = caller(STRANGER, EA_ROLE_STAFF);
    PGresult *res;
    assert_err(read_role(*state, &teacher, "no id", &res), EA_EINPUT);
    assert_err(read_role(*state, &stranger, "no id", &res), EA_ENOTFOUND);
    assert_ok(read_role(*state, &teacher, COURSE, &res));
}

/* ---- holding ---- */

/* Whether another session may have a row as one would that changes it. */
static bool is_free(struct fixture *f, const char *row)
{
    char sql[256];
    snprintf(sql, sizeof sql, "SELECT FROM %s FOR NO KEY UPDATE NOWAIT", row);
    PGresult *res = PQexec(f->other, sql);
    bool got = PQresultStatus(res) == PGRES_TUPLES_OK;
    assert_true(got || strcmp(PQresultErrorField(res, PG_DIAG_SQLSTATE), "55P03") == 0);
    PQclear(res);
    return got;
}

#define ENROLMENT(user) "enrolments WHERE course_id = '" COURSE "' AND user_id = '" user "'"
#define MEMBER(user)    "room_members WHERE room_id = '" GROUP "' AND user_id = '" user "'"
#define THE_COURSE      "courses WHERE id = '" COURSE "'"

static enum ea_err hold(struct fixture *f, const char *user, enum ea_role role, enum ea_object kind,
                        const char *id)
{
    const struct ea_caller who = caller(user, role);
    const struct ea_ask ask = { &who, kind, id, EA_CAP_VIEW };
    return ea_authz_hold(f->pg, &ask, NULL);
}

static void test_of_a_room_ones_own_memberships_are_held(void **state)
{
    struct fixture *f = *state;
    assert_ok(ea_pg_begin(f->pg));
    assert_ok(hold(f, STUDENT, EA_ROLE_MEMBER, EA_OBJ_ROOM, GROUP));
    assert_false(is_free(f, ENROLMENT(STUDENT)));
    assert_false(is_free(f, MEMBER(STUDENT)));
    assert_true(is_free(f, ENROLMENT(TEACHER)));
    assert_true(is_free(f, THE_COURSE));
    ea_pg_rollback(f->pg);
    assert_true(is_free(f, ENROLMENT(STUDENT)));
    assert_true(is_free(f, MEMBER(STUDENT)));
}

static void test_of_a_course_its_people_are_held(void **state)
{
    struct fixture *f = *state;
    assert_ok(ea_pg_begin(f->pg));
    assert_ok(hold(f, STUDENT, EA_ROLE_MEMBER, EA_OBJ_COURSE, COURSE));
    assert_false(is_free(f, THE_COURSE));
    ea_pg_rollback(f->pg);
}

static void test_who_holds_nothing(void **state)
{
    struct fixture *f = *state;
    assert_err(hold(f, STUDENT, EA_ROLE_MEMBER, EA_OBJ_ROOM, GROUP),
               EA_EINTERNAL); /* outside of a transaction */
    assert_ok(ea_pg_begin(f->pg));
    assert_ok(hold(f, ADMIN, EA_ROLE_ADMIN, EA_OBJ_ROOM, GROUP));
    assert_err(hold(f, STRANGER, EA_ROLE_STAFF, EA_OBJ_ROOM, GROUP), EA_ENOTFOUND);
    assert_err(hold(f, STUDENT, EA_ROLE_MEMBER, EA_OBJ_MESSAGE, NOWHERE), EA_ENOTFOUND);
    assert_err(hold(f, TEACHER, EA_ROLE_STAFF, EA_OBJ_QUIZ, PUBLISHED), EA_EINTERNAL);
    ea_pg_rollback(f->pg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_course),
        cmocka_unit_test(test_what_is_published),
        cmocka_unit_test(test_what_is_not),
        cmocka_unit_test(test_nothing_is_there_for_nobody),
        cmocka_unit_test(test_access_says_where_and_as_what),
        cmocka_unit_test(test_who_may_reads),
        cmocka_unit_test(test_who_may_not_reads_nothing),
        cmocka_unit_test(test_a_statement_that_fails),
        cmocka_unit_test(test_of_a_room_ones_own_memberships_are_held),
        cmocka_unit_test(test_of_a_course_its_people_are_held),
        cmocka_unit_test(test_who_holds_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
