/* One connection: settings, errors told apart, transactions, and what is known when it is lost. */
#include "tests/unit/unit.h"

#include "lib/clock.h"
#include "lib/pg.h"
#include "tests/unit/servers.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define UUID "0190a8c0-0000-7000-8000-000000000001"

static int setup(void **state)
{
    *state = ea_pg_new(servers_pg(), "lib_pg");
    return *state && ea_pg_connect(*state) == EA_OK ? 0 : -1;
}

static int teardown(void **state)
{
    ea_pg_free(*state);
    return 0;
}

static void assert_setting(PGconn *conn, const char *name, const char *value)
{
    char sql[100];
    (void)snprintf(sql, sizeof sql, "SHOW %s", name);
    PGresult *res = PQexec(conn, sql);
    assert_string_equal(PQgetvalue(res, 0, 0), value);
    PQclear(res);
}

static void test_session_settings(void **state)
{
    PGconn *conn = ea_pg_conn(*state);
    assert_setting(conn, "timezone", "UTC");
    assert_setting(conn, "statement_timeout", "5s");
    assert_setting(conn, "lock_timeout", "1500ms");
    assert_setting(conn, "idle_in_transaction_session_timeout", "1s");
    assert_setting(conn, "application_name", "lib_pg");
    assert_setting(conn, "client_encoding", "UTF8");
}

/* What is called saved is saved: nothing below may be switched off, in tests neither. */
static void test_server_is_durable(void **state)
{
    PGconn *conn = ea_pg_conn(*state);
    assert_setting(conn, "fsync", "on");
    assert_setting(conn, "full_page_writes", "on");
    assert_setting(conn, "synchronous_commit", "on");
}

static void test_settings_of_the_connection_string_stay(void **state)
{
    (void)state;
    char info[2300];
    (void)snprintf(info, sizeof info, "%s options='-c search_path=elsewhere -c timezone=CET'", servers_pg());
    struct ea_pg *pg = ea_pg_new(info, "lib_pg");
    assert_ok(ea_pg_connect(pg));
    assert_setting(ea_pg_conn(pg), "search_path", "elsewhere");
    assert_setting(ea_pg_conn(pg), "timezone", "UTC");
    ea_pg_free(pg);
}

static enum ea_err record(struct ea_pg *pg, const char *version)
{
    return ea_pg_run(pg, STMT_MIGRATE_RECORD, (const char *const[]){ version, "test", "hash" }, 3, NULL);
}

static enum ea_err claim(struct ea_pg *pg, const char *user, const char *key)
{
    return ea_pg_run(pg, STMT_IDEMPOTENCY_CLAIM, (const char *const[]){ user, "POST /x", key, "hash" }, 4,
                     NULL);
}

static void test_errors_are_told_apart(void **state)
{
    struct ea_pg *pg = *state;
    assert_err(record(pg, "1"), EA_ECONFLICT);
    assert_string_equal(ea_pg_constraint(pg), "schema_migrations_pkey");
    assert_string_equal(ea_pg_sqlstate(pg), "23505");
    assert_err(claim(pg, UUID, ""), EA_EINPUT);
    assert_string_equal(ea_pg_constraint(pg), "idempotency_key_check");
    assert_err(claim(pg, "s3cret", "k"), EA_EINPUT);
    assert_null(strstr(ea_pg_error(pg), "s3cret"));
    assert_err(claim(pg, NULL, "k"), EA_EINTERNAL);
    PGresult *res;
    assert_err(ea_pg_run(pg, STMT_PING, (const char *const[]){ "1" }, 1, &res), EA_EINTERNAL);
    assert_null(res);
}

static void test_values(void **state)
{
    PGresult *res = PQexec(ea_pg_conn(*state), "SELECT NULL, 'x', -9007199254740993, true, false");
    assert_null(ea_pg_str(res, 0, 0));
    assert_true(ea_pg_i64(res, 0, 0) == 0 && !ea_pg_bool(res, 0, 0));
    assert_string_equal(ea_pg_str(res, 0, 1), "x");
    assert_true(ea_pg_i64(res, 0, 2) == -9007199254740993);
    assert_true(ea_pg_bool(res, 0, 3) && !ea_pg_bool(res, 0, 4));
    PQclear(res);
}

static void test_arrays_keep_their_elements(void **state)
{
    static const char *const v[] = { "",    "plain",      "NULL",        NULL,  "a,b",
                                     "{c}", "say \"hi\"", "back\\slash", "ä\n " };
    size_t n = sizeof v / sizeof *v;
    struct ea_arena *a = ea_arena_new();
    const char *arg = ea_pg_array(a, v, n);
    PGresult *res =
        PQexecParams(ea_pg_conn(*state), "SELECT unnest($1::text[])", 1, NULL, &arg, NULL, NULL, 0);
    assert_int_equal(PQntuples(res), n);
    for (size_t i = 0; i < n; i++) {
        if (v[i])
            assert_string_equal(ea_pg_str(res, (int)i, 0), v[i]);
        else
            assert_null(ea_pg_str(res, (int)i, 0));
    }
    PQclear(res);
    assert_string_equal(ea_pg_array(a, NULL, 0), "{}");
    ea_arena_free(a);
}

static void test_results_hang_on_the_arena(void **state)
{
    struct ea_arena *a = ea_arena_new();
    PGresult *res;
    assert_ok(EA_PG(*state, a, &res, STMT_IDEMPOTENCY_READ, UUID, "POST /x", "no such key"));
    assert_int_equal(PQntuples(res), 0);
    ea_arena_free(a);
}

static long long rows_of(const char *version)
{
    char sql[100];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM schema_migrations WHERE version = %s", version);
    PGconn *conn = servers_pg_open();
    long long n = servers_pg_number(conn, sql);
    PQfinish(conn);
    return n;
}

static void test_commit_and_rollback(void **state)
{
    struct ea_pg *pg = *state;
    assert_ok(ea_pg_begin(pg));
    assert_true(ea_pg_in_tx(pg));
    assert_ok(record(pg, "9001"));
    ea_pg_rollback(pg);
    assert_false(ea_pg_in_tx(pg));
    assert_int_equal(rows_of("9001"), 0);
    assert_ok(ea_pg_begin(pg));
    assert_err(ea_pg_begin(pg), EA_EINTERNAL);
    assert_ok(record(pg, "9001"));
    assert_ok(ea_pg_commit(pg));
    assert_int_equal(rows_of("9001"), 1);
    assert_err(ea_pg_commit(pg), EA_EINTERNAL);
}

/* PostgreSQL answers COMMIT of an aborted transaction with success. */
static void test_aborted_is_not_committed(void **state)
{
    struct ea_pg *pg = *state;
    assert_ok(ea_pg_begin(pg));
    assert_ok(record(pg, "9002"));
    assert_err(record(pg, "1"), EA_ECONFLICT);
    assert_err(ea_pg_commit(pg), EA_ECONFLICT);
    assert_false(ea_pg_in_tx(pg));
    assert_int_equal(rows_of("9002"), 0);
}

static void test_savepoint(void **state)
{
    struct ea_pg *pg = *state;
    assert_ok(ea_pg_begin(pg));
    assert_ok(ea_pg_savepoint(pg));
    assert_err(record(pg, "1"), EA_ECONFLICT);
    assert_ok(ea_pg_rollback_to(pg));
    assert_ok(record(pg, "9003"));
    assert_ok(ea_pg_commit(pg));
    assert_int_equal(rows_of("9003"), 1);
}

static void kill_backend(PGconn *hand, struct ea_pg *pg)
{
    char sql[200];
    int pid = PQbackendPID(ea_pg_conn(pg));
    (void)snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d, 60000)", pid);
    servers_pg_exec(hand, sql);
}

static void test_an_idle_connection_that_was_closed_is_replaced(void **state)
{
    struct ea_pg *pg = *state;
    PGconn *hand = servers_pg_open();
    (void)usleep(200000); /* a new attempt is made at most every 200 ms */
    kill_backend(hand, pg);
    assert_ok(ea_pg_run(pg, STMT_PING, NULL, 0, NULL));
    assert_int_equal(ea_pg_connects(pg), 2);
    PQfinish(hand);
}

static void test_lost_within_a_transaction(void **state)
{
    struct ea_pg *pg = *state;
    PGconn *hand = servers_pg_open();
    assert_ok(ea_pg_begin(pg));
    assert_ok(record(pg, "9004"));
    kill_backend(hand, pg);
    assert_err(record(pg, "9005"), EA_EUNAVAILABLE);
    assert_null(ea_pg_conn(pg));
    assert_err(record(pg, "9005"), EA_EUNAVAILABLE); /* never outside the transaction it belongs to */
    assert_err(ea_pg_savepoint(pg), EA_EUNAVAILABLE);
    assert_err(ea_pg_commit(pg), EA_EUNAVAILABLE);
    assert_false(ea_pg_in_tx(pg));
    assert_int_equal(rows_of("9004") + rows_of("9005"), 0);
    PQfinish(hand);
}

static void test_lost_before_commit_was_sent(void **state)
{
    struct ea_pg *pg = *state;
    PGconn *hand = servers_pg_open();
    assert_ok(ea_pg_begin(pg));
    assert_ok(record(pg, "9006"));
    kill_backend(hand, pg);
    assert_err(ea_pg_commit(pg), EA_EUNAVAILABLE);
    assert_int_equal(rows_of("9006"), 0);
    PQfinish(hand);
}

/* A constraint that is checked at COMMIT and takes its time makes the moment long enough to strike. */
static void slow_commits(PGconn *hand)
{
    servers_pg_exec(hand, "CREATE FUNCTION test_slow() RETURNS trigger LANGUAGE plpgsql AS "
                          "$$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$");
    servers_pg_exec(hand, "CREATE CONSTRAINT TRIGGER test_slow AFTER INSERT ON schema_migrations "
                          "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION test_slow()");
}

static void *kill_who_sleeps(void *arg)
{
    servers_pg_until(
        arg, "SELECT count(pg_terminate_backend(pid)) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep' "
             "AND datname = current_database()");
    return NULL;
}

static enum ea_err commit_by_pipeline(struct ea_pg *pg)
{
    PGresult *res[2];
    assert_ok(ea_pg_pipe_begin(pg));
    assert_ok(ea_pg_pipe_send(pg, STMT_PING, NULL, 0));
    assert_ok(ea_pg_pipe_send(pg, STMT_COMMIT, NULL, 0));
    enum ea_err err = ea_pg_pipe_end(pg, res, 2, 1);
    PQclear(res[0]);
    PQclear(res[1]);
    return err;
}

static enum ea_err autocommit(struct ea_pg *pg)
{
    return record(pg, "9009");
}

static void test_lost_during_commit_is_unknown(void **state)
{
    struct ea_pg *pg = *state;
    enum ea_err (*const ways[])(struct ea_pg *) = { ea_pg_commit, commit_by_pipeline, autocommit };
    PGconn *hand = servers_pg_open();
    slow_commits(hand);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        pthread_t killer;
        if (ways[i] != autocommit) {
            assert_ok(ea_pg_begin(pg));
            assert_ok(record(pg, "9007"));
        }
        assert_int_equal(pthread_create(&killer, NULL, kill_who_sleeps, hand), 0);
        assert_err(ways[i](pg), EA_EUNKNOWN);
        pthread_join(killer, NULL);
        assert_false(ea_pg_in_tx(pg));
        (void)usleep(200000);
    }
    servers_pg_exec(hand, "DROP TRIGGER test_slow ON schema_migrations");
    PQfinish(hand);
    assert_ok(record(pg, "9008"));
}

static void test_pipeline(void **state)
{
    struct ea_pg *pg = *state;
    PGresult *res[4];
    assert_ok(ea_pg_pipe_begin(pg));
    assert_ok(ea_pg_pipe_send(pg, STMT_BEGIN, NULL, 0));
    assert_ok(ea_pg_pipe_send(pg, STMT_PING, NULL, 0));
    assert_ok(ea_pg_pipe_send(pg, STMT_PING, NULL, 0));
    assert_ok(ea_pg_pipe_send(pg, STMT_COMMIT, NULL, 0));
    assert_ok(ea_pg_pipe_end(pg, res, 4, 3));
    assert_int_equal(ea_pg_i64(res[1], 0, 0), 1);
    assert_int_equal(ea_pg_i64(res[2], 0, 0), 1);
    assert_false(ea_pg_in_tx(pg));
    for (int i = 0; i < 4; i++)
        PQclear(res[i]);
}

static void test_pipeline_stops_at_the_first_failure(void **state)
{
    struct ea_pg *pg = *state;
    PGresult *res[3];
    assert_ok(ea_pg_begin(pg));
    assert_ok(ea_pg_pipe_begin(pg));
    assert_ok(ea_pg_pipe_send(pg, STMT_PING, NULL, 0));
    assert_ok(ea_pg_pipe_send(pg, STMT_MIGRATE_RECORD, (const char *const[]){ "1", "test", "hash" }, 3));
    assert_ok(ea_pg_pipe_send(pg, STMT_COMMIT, NULL, 0));
    assert_err(ea_pg_pipe_end(pg, res, 3, 2), EA_ECONFLICT);
    assert_non_null(res[0]);
    assert_true(!res[1] && !res[2]);
    PQclear(res[0]);
    assert_true(ea_pg_in_tx(pg));
    ea_pg_rollback(pg);
    assert_ok(ea_pg_run(pg, STMT_PING, NULL, 0, NULL));
}

/* What was sent before the fault must not be committed by the end of the pipeline. */
static void test_pipeline_with_a_wrong_call_does_nothing(void **state)
{
    struct ea_pg *pg = *state;
    PGresult *res[2];
    assert_ok(ea_pg_pipe_begin(pg));
    assert_ok(ea_pg_pipe_send(pg, STMT_MIGRATE_RECORD, (const char *const[]){ "9010", "test", "hash" }, 3));
    assert_err(ea_pg_pipe_send(pg, STMT_PING, (const char *const[]){ "?" }, 1), EA_EINTERNAL);
    assert_err(ea_pg_pipe_end(pg, res, 2, -1), EA_EINTERNAL);
    assert_true(!res[0] && !res[1]);
    assert_int_equal(rows_of("9010"), 0);
}

static void test_a_plan_outdated_by_a_migration_is_made_anew(void **state)
{
    struct ea_pg *pg = *state;
    PGconn *hand = servers_pg_open();
    assert_ok(ea_pg_run(pg, STMT_SCHEMA_NEWEST, NULL, 0, NULL));
    servers_pg_exec(hand, "ALTER TABLE schema_migrations ALTER COLUMN version TYPE bigint");
    (void)usleep(200000);
    assert_err(ea_pg_run(pg, STMT_SCHEMA_NEWEST, NULL, 0, NULL), EA_ERETRY);
    assert_ok(ea_pg_run(pg, STMT_SCHEMA_NEWEST, NULL, 0, NULL));
    servers_pg_exec(hand, "ALTER TABLE schema_migrations ALTER COLUMN version TYPE int");
    PQfinish(hand);
}

static void test_a_statement_that_takes_too_long_is_cut(void **state)
{
    struct ea_pg *pg = *state;
    PGconn *hand = servers_pg_open();
    servers_pg_exec(hand, "BEGIN");
    servers_pg_exec(hand, "LOCK TABLE schema_migrations");
    assert_err(record(pg, "9011"), EA_ERETRY);
    assert_string_equal(ea_pg_sqlstate(pg), "55P03");
    PQfinish(hand);
}

/* A server that accepts and then says nothing. */
static void test_no_answer_while_connecting(void **state)
{
    (void)state;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&at, size) == 0 && listen(fd, 8) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    char info[100];
    (void)snprintf(info, sizeof info, "host=127.0.0.1 port=%d user=x", ntohs(at.sin_port));
    struct ea_pg *pg = ea_pg_new(info, "lib_pg");
    assert_err(ea_pg_begin(pg), EA_EUNAVAILABLE);
    assert_true(strlen(ea_pg_error(pg)) > 0);
    assert_err(ea_pg_begin(pg), EA_EUNAVAILABLE); /* at once: no second attempt yet */
    assert_false(ea_pg_in_tx(pg));
    ea_pg_free(pg);
    close(fd);
}

/* ---- row by row ---- */

struct rows {
    int seen, stop_at;
};

static enum ea_err on_row(const PGresult *row, void *arg)
{
    struct rows *rows = arg;
    assert_int_equal(PQntuples(row), 1);
    return ++rows->seen == rows->stop_at ? EA_ECLOSED : EA_OK;
}

static const char *const everything[] = { "0", "1000" };

/* A thousand events, which the statement below reads. */
static void setup_rows(struct ea_pg *pg)
{
    PQclear(PQexec(ea_pg_conn(pg), "DELETE FROM events"));
    PQclear(PQexec(
        ea_pg_conn(pg),
        "INSERT INTO events (id, kind, payload) SELECT n, 'k', jsonb_build_object('text', repeat('x', 2000)) "
        "FROM generate_series(1, 1000) n"));
}

static void test_rows_come_one_by_one(void **state)
{
    struct rows rows = { 0 };
    struct ea_pg *pg = *state;
    uint64_t session = ea_pg_connects(pg);
    setup_rows(pg);
    assert_ok(ea_pg_each(pg, STMT_EVENTS_AFTER, everything, 2, on_row, &rows));
    assert_int_equal(rows.seen, 1000);
    assert_ok(ea_pg_run(pg, STMT_PING, NULL, 0, NULL));
    assert_int_equal(ea_pg_connects(pg), session);
}

static void test_rows_that_nobody_reads_cost_the_session(void **state)
{
    struct rows rows = { .stop_at = 3 };
    struct ea_pg *pg = *state;
    PGconn *other = servers_pg_open();
    uint64_t session = ea_pg_connects(pg);
    setup_rows(pg);
    assert_ok(ea_pg_begin_snapshot(pg));
    assert_err(ea_pg_each(pg, STMT_EVENTS_AFTER, everything, 2, on_row, &rows), EA_ECLOSED);
    assert_int_equal(rows.seen, 3);
    assert_err(ea_pg_run(pg, STMT_PING, NULL, 0, NULL), EA_EUNAVAILABLE); /* that transaction is over */
    ea_pg_rollback(pg);
    servers_pg_until(other, "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'lib_pg'");
    assert_ok(ea_pg_run(pg, STMT_PING, NULL, 0, NULL));
    assert_int_equal(ea_pg_connects(pg), session + 1);
    PQfinish(other);
}

static void test_rows_before_an_error(void **state)
{
    static const char *const bad[] = { "0", "-1" };
    struct rows rows = { 0 };
    assert_err(ea_pg_each(*state, STMT_EVENTS_AFTER, bad, 2, on_row, &rows), EA_EINPUT);
    assert_int_equal(rows.seen, 0);
    assert_ok(ea_pg_run(*state, STMT_PING, NULL, 0, NULL));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_session_settings),
        TEST(test_server_is_durable),
        TEST(test_settings_of_the_connection_string_stay),
        TEST(test_errors_are_told_apart),
        TEST(test_values),
        TEST(test_arrays_keep_their_elements),
        TEST(test_results_hang_on_the_arena),
        TEST(test_commit_and_rollback),
        TEST(test_aborted_is_not_committed),
        TEST(test_savepoint),
        TEST(test_an_idle_connection_that_was_closed_is_replaced),
        TEST(test_lost_within_a_transaction),
        TEST(test_lost_before_commit_was_sent),
        TEST(test_lost_during_commit_is_unknown),
        TEST(test_rows_come_one_by_one),
        TEST(test_rows_that_nobody_reads_cost_the_session),
        TEST(test_rows_before_an_error),
        TEST(test_pipeline),
        TEST(test_pipeline_stops_at_the_first_failure),
        TEST(test_pipeline_with_a_wrong_call_does_nothing),
        TEST(test_a_plan_outdated_by_a_migration_is_made_anew),
        TEST(test_a_statement_that_takes_too_long_is_cut),
        TEST(test_no_answer_while_connecting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
