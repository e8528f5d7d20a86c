/* ea-migrate and what responders ask at their start. Each test migrates a PostgreSQL schema of its own (search_path) in the program's database. */
#include "tests/unit/unit.h"

#include "lib/pg.h"
#include "lib/schema_check.h"
#include "tests/unit/servers.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DONE, FAILED, BAD_CONFIG, REFUSED }; /* exit statuses */

static char dir[64], said[4096], info[2300];
static PGconn *hand;

static int setup(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/ea-migrate-XXXXXX");
    (void)snprintf(info, sizeof info, "%s options='-c search_path=mine'", servers_pg());
    hand = servers_pg_open();
    servers_pg_exec(hand, "SET client_min_messages = warning");
    servers_pg_exec(hand, "DROP SCHEMA IF EXISTS mine CASCADE");
    servers_pg_exec(hand, "CREATE SCHEMA mine");
    servers_pg_exec(hand, "SET search_path = mine");
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    PQfinish(hand);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

static void put(const char *name, const char *sql)
{
    char path[200];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_true(f && fputs(sql, f) >= 0 && fclose(f) == 0);
}

static pid_t start(int out)
{
    char pg[2400], migrations[100];
    (void)snprintf(pg, sizeof pg, "EA_PG=%s", info);
    (void)snprintf(migrations, sizeof migrations, "EA_MIGRATIONS=%s", dir);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (dup2(out, 1) >= 0 && dup2(out, 2) >= 0)
            execle("./ea-migrate", "ea-migrate", (char *)NULL, (char *const[]){ pg, migrations, NULL });
        _exit(127);
    }
    return pid;
}

static int finish(pid_t pid)
{
    int status = -1;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Its exit status; what it said is in `said`. */
static int migrate(void)
{
    int out[2];
    size_t n = 0;
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    pid_t pid = start(out[1]);
    close(out[1]);
    for (ssize_t got; (got = read(out[0], said + n, sizeof said - 1 - n)) > 0;)
        n += (size_t)got;
    said[n] = '\0';
    close(out[0]);
    return finish(pid);
}

static void assert_said(const char *words)
{
    if (!strstr(said, words))
        fail_msg("'%s' is not in: %s", words, said);
}

static void test_applies_in_order_and_once(void **state)
{
    (void)state;
    put("0002_two.sql", "INSERT INTO t VALUES (2);\n");
    put("0001_one.sql", "CREATE TABLE t (n int); INSERT INTO t VALUES (1);\n");
    assert_int_equal(migrate(), DONE);
    assert_said("0001_one applied");
    assert_said("0002_two applied");
    assert_said("the schema is at version 2");
    assert_int_equal(migrate(), DONE);
    assert_null(strstr(said, "applied"));
    put("0003_three.sql", "INSERT INTO t VALUES (3);\n");
    assert_int_equal(migrate(), DONE);
    assert_int_equal(servers_pg_number(hand, "SELECT sum(n) FROM t"), 6);
    assert_int_equal(
        servers_pg_number(hand, "SELECT count(*) FROM schema_migrations WHERE length(sha256) = 64"), 3);
}

static void test_a_failure_leaves_what_was_done_before(void **state)
{
    (void)state;
    put("0001_one.sql", "CREATE TABLE t (n int);\n");
    put("0002_two.sql", "INSERT INTO t VALUES (2);\n-- ä\nINSERT INTO\n  nowhere VALUES (1);\n");
    put("0003_three.sql", "INSERT INTO t VALUES (3);\n");
    assert_int_equal(migrate(), FAILED);
    assert_said("0002_two.sql:4:");
    assert_said("\"nowhere\" does not exist");
    assert_int_equal(servers_pg_number(hand, "SELECT count(*) FROM t"), 0);
    assert_int_equal(servers_pg_number(hand, "SELECT max(version) FROM schema_migrations"), 1);
    put("0002_two.sql", "INSERT INTO t VALUES (2);\n");
    assert_int_equal(migrate(), DONE);
    assert_int_equal(servers_pg_number(hand, "SELECT sum(n) FROM t"), 5);
}

static void test_a_migration_keeps_its_transaction(void **state)
{
    (void)state;
    put("0001_one.sql", "CREATE TABLE t (n int); COMMIT;\n");
    assert_int_equal(migrate(), FAILED);
    assert_said("must not end its transaction");
}

static void test_refuses_what_does_not_belong_together(void **state)
{
    (void)state;
    char path[200];
    put("0001_one.sql", "SELECT 1;\n");
    put("0003_three.sql", "SELECT 3;\n");
    assert_int_equal(migrate(), DONE);
    put("0001_one.sql", "SELECT 1; -- changed\n");
    assert_int_equal(migrate(), REFUSED);
    assert_said("0001_one.sql was changed");
    put("0001_one.sql", "SELECT 1;\n");
    put("0002_late.sql", "SELECT 2;\n");
    assert_int_equal(migrate(), REFUSED);
    assert_said("0002_late.sql is not applied");
    (void)snprintf(path, sizeof path, "%s/0002_late.sql", dir);
    assert_int_equal(unlink(path), 0);
    (void)snprintf(path, sizeof path, "%s/0003_three.sql", dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(migrate(), REFUSED);
    assert_said("newer than these migrations");
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(migrate(), BAD_CONFIG);
    assert_said("no migrations");
    put("0001_one.sql", "SELECT 1;\n");
    put("0001_two.sql", "SELECT 1;\n");
    assert_int_equal(migrate(), REFUSED);
    assert_said("have the same number");
    put("0001_Bad.sql", "");
    assert_int_equal(migrate(), REFUSED);
    assert_said("NNNN_name.sql");
}

static void test_no_database(void **state)
{
    (void)state;
    put("0001_one.sql", "SELECT 1;\n");
    (void)snprintf(info, sizeof info, "host=/nonexistent");
    assert_int_equal(migrate(), FAILED);
    assert_said("cannot connect");
}

static void test_two_at_once(void **state)
{
    (void)state;
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    put("0001_one.sql", "CREATE TABLE t (n int);\n");
    put("0002_two.sql", "INSERT INTO t VALUES (1); SELECT pg_sleep(0.3);\n");
    pid_t a = start(null), b = start(null);
    assert_int_equal(finish(a), DONE);
    assert_int_equal(finish(b), DONE);
    assert_int_equal(servers_pg_number(hand, "SELECT count(*) FROM t"), 1);
    close(null);
}

static enum ea_err check(const char *conninfo)
{
    struct ea_pg *pg = ea_pg_new(conninfo, "check");
    enum ea_err err = ea_schema_check(pg);
    ea_pg_free(pg);
    return err;
}

static void test_responders_ask(void **state)
{
    (void)state;
    assert_ok(check(servers_pg()));
    assert_err(check(info), EA_EPRECONDITION); /* nothing there */
    servers_pg_exec(hand, "CREATE TABLE schema_migrations AS SELECT 9999 AS version");
    assert_err(check(info), EA_EPRECONDITION);
    servers_pg_exec(hand, "UPDATE schema_migrations SET version = 0");
    assert_err(check(info), EA_EPRECONDITION);
    assert_err(check("host=/nonexistent"), EA_EUNAVAILABLE);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_applies_in_order_and_once),
        TEST(test_a_failure_leaves_what_was_done_before),
        TEST(test_a_migration_keeps_its_transaction),
        TEST(test_refuses_what_does_not_belong_together),
        TEST(test_names),
        TEST(test_no_database),
        TEST(test_two_at_once),
        TEST(test_responders_ask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
