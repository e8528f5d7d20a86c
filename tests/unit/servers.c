#include "tests/unit/unit.h"

#include "tests/unit/servers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char conninfo[2048];
static char database[64];
static pid_t owner;

static const char *needed(const char *name)
{
    const char *value = getenv(name);
    if (value && *value)
        return value;
    fprintf(stderr, "%s is not set: this test needs a real server (./dev check starts one)\n", name);
    exit(1);
}

/* key='value' of every option given, whatever form the connection string has. */
static void as_pairs(const char *given, char *out, size_t size)
{
    char *error = NULL;
    PQconninfoOption *opts = PQconninfoParse(given, &error);
    if (!opts) {
        fprintf(stderr, "EA_TEST_PG: %s", error ? error : "out of memory\n");
        exit(1);
    }
    size_t at = 0;
    for (const PQconninfoOption *o = opts; o->keyword; o++)
        if (o->val && at < size)
            at += (size_t)snprintf(out + at, size - at, "%s='%s' ", o->keyword, o->val);
    PQconninfoFree(opts);
}

static PGconn *open_or_exit(const char *info)
{
    PGconn *conn = PQconnectdb(info);
    if (PQstatus(conn) == CONNECTION_OK)
        return conn;
    fprintf(stderr, "EA_TEST_PG: %s", PQerrorMessage(conn));
    exit(1);
}

static void on_server(const char *before, const char *after)
{
    char sql[256];
    PGconn *conn = open_or_exit(needed("EA_TEST_PG"));
    (void)snprintf(sql, sizeof sql, "%s %s %s", before, database, after);
    PGresult *res = PQexec(conn, sql);
    if (PQresultStatus(res) != PGRES_COMMAND_OK)
        fprintf(stderr, "%s: %s", sql, PQresultErrorMessage(res));
    PQclear(res);
    PQfinish(conn);
}

static void drop(void)
{
    if (getpid() == owner)
        on_server("DROP DATABASE IF EXISTS", "WITH (FORCE)");
}

static void migrate(void)
{
    char pg[2100], migrations[1024];
    const char *srcdir = getenv("srcdir");
    (void)snprintf(pg, sizeof pg, "EA_PG=%s", conninfo);
    (void)snprintf(migrations, sizeof migrations, "EA_MIGRATIONS=%s/sql/migrations", srcdir ? srcdir : ".");
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (dup2(2, 1) >= 0)
            execle("./ea-migrate", "ea-migrate", (char *)NULL, (char *const[]){ pg, migrations, NULL });
        perror("./ea-migrate");
        _exit(127);
    }
    int status = -1;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        fprintf(stderr, "ea-migrate failed on the test database\n");
        exit(1);
    }
}

const char *servers_pg(void)
{
    if (*database)
        return conninfo;
    as_pairs(needed("EA_TEST_PG"), conninfo, sizeof conninfo - 100);
    owner = getpid();
    (void)snprintf(database, sizeof database, "ea_unit_%d", (int)owner);
    (void)snprintf(conninfo + strlen(conninfo), 100, "dbname='%s'", database);
    on_server("DROP DATABASE IF EXISTS", "WITH (FORCE)");
    on_server("CREATE DATABASE", "");
    atexit(drop);
    migrate();
    return conninfo;
}

const char *servers_redis(void)
{
    return needed("EA_TEST_REDIS");
}

PGconn *servers_pg_open(void)
{
    return open_or_exit(servers_pg());
}

void servers_pg_exec(PGconn *conn, const char *sql)
{
    PGresult *res = PQexec(conn, sql);
    if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQresultErrorMessage(res));
    PQclear(res);
}

long long servers_pg_number(PGconn *conn, const char *sql)
{
    PGresult *res = PQexec(conn, sql);
    if (PQntuples(res) != 1)
        fail_msg("%s: %s", sql, PQresultErrorMessage(res));
    long long n = strtoll(PQgetvalue(res, 0, 0), NULL, 10);
    PQclear(res);
    return n;
}

void servers_pg_until(PGconn *conn, const char *sql)
{
    for (int i = 0; i < 6000; i++) {
        PGresult *res = PQexec(conn, sql);
        bool yes = PQntuples(res) == 1 && PQgetvalue(res, 0, 0)[0] == 't';
        PQclear(res);
        if (yes)
            return;
        (void)nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    }
    fail_msg("never came true: %s", sql);
}
