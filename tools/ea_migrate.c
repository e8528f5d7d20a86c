/* Brings the database to the newest schema: applies what is missing of EA_MIGRATIONS/NNNN_name.sql, in order, each in a transaction with its row in
 * schema_migrations. Forward only. Exit status: 0 done, 1 it failed (what was applied before stays), 2 the configuration is wrong, 3 refused: files and
 * database do not belong together. */
#include "lib/cfg.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/pg.h"
#include "lib/token.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { DONE = 0, FAILED = 1, BAD_CONFIG = 2, REFUSED = 3 };

#define LOCK_WAIT_NS (120 * EA_NS_PER_S)

struct migration {
    int version;
    char file[256]; /* NNNN_name.sql */
    char *text;
    char sha256[EA_SHA256_HEX];
    bool applied;
};

struct plan {
    struct migration *v;
    size_t n;
    int newest;       /* version */
    uint64_t session; /* that holds the lock */
};

EA_PRINTF(2, 3) static int stop(int status, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)fputs("ea-migrate: ", stderr);
    (void)vfprintf(stderr, fmt, ap);
    (void)fputc('\n', stderr);
    va_end(ap);
    return status;
}

static int is_sql(const struct dirent *e)
{
    const char *dot = strrchr(e->d_name, '.');
    return dot && strcmp(dot, ".sql") == 0 && e->d_name[0] != '.';
}

static char *read_file(const char *dir, const char *name, size_t *n)
{
    char path[4096];
    struct stat st;
    char *text = NULL;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, name) >= sizeof path)
        return NULL;
    FILE *f = fopen(path, "re");
    if (!f)
        return NULL;
    if (fstat(fileno(f), &st) == 0 && (text = calloc(1, (size_t)st.st_size + 1)))
        *n = fread(text, 1, (size_t)st.st_size, f);
    if (text && (ferror(f) || *n != (size_t)st.st_size)) {
        free(text);
        text = NULL;
    }
    (void)fclose(f);
    return text;
}

/* 0: not a migration's name. */
static int version_of(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    const char *rest = name + digits;
    size_t word = strspn(rest, "abcdefghijklmnopqrstuvwxyz0123456789_");
    if (digits != 4 || *rest != '_' || word < 2 || strcmp(rest + word, ".sql") != 0)
        return 0;
    return (int)strtol(name, NULL, 10);
}

static int read_one(const char *dir, const char *name, struct migration *m)
{
    size_t n = 0;
    m->version = version_of(name);
    if (m->version < 1)
        return stop(REFUSED, "%s: a migration is called NNNN_name.sql", name);
    (void)snprintf(m->file, sizeof m->file, "%s", name);
    m->text = read_file(dir, name, &n);
    if (!m->text)
        return stop(FAILED, "%s: cannot be read", name);
    ea_sha256_hex(m->text, n, m->sha256);
    return DONE;
}

static int read_files(const char *dir, struct dirent **names, size_t n, struct plan *plan)
{
    plan->v = calloc(n, sizeof *plan->v);
    if (!plan->v)
        return stop(FAILED, "out of memory");
    for (size_t i = 0; i < n; i++) {
        int status = read_one(dir, names[i]->d_name, &plan->v[plan->n++]);
        if (!status && i && plan->v[i].version == plan->v[i - 1].version)
            status = stop(REFUSED, "%s and %s have the same number", plan->v[i - 1].file, plan->v[i].file);
        if (status)
            return status;
    }
    plan->newest = plan->v[n - 1].version;
    return DONE;
}

static int read_plan(const char *dir, struct plan *plan)
{
    struct dirent **names = NULL;
    int n = scandir(dir, &names, is_sql, alphasort);
    if (n <= 0)
        return stop(BAD_CONFIG, "EA_MIGRATIONS: no migrations in '%s'", dir);
    int status = read_files(dir, names, (size_t)n, plan);
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
    return status;
}

static void free_plan(struct plan *plan)
{
    for (size_t i = 0; i < plan->n; i++)
        free(plan->v[i].text);
    free(plan->v);
}

static int db_failed(const struct ea_pg *pg, const char *what)
{
    return stop(FAILED, "%s: %s", what, ea_pg_error(pg));
}

/* Another ea-migrate may be at work: when it is done, little is left to do. */
static int take_lock(struct ea_pg *pg, struct plan *plan)
{
    int64_t give_up = ea_clock_mono_ns() + LOCK_WAIT_NS;
    for (bool told = false;; told = true) {
        PGresult *res;
        enum ea_err err = ea_pg_run(pg, STMT_MIGRATE_LOCK, NULL, 0, &res);
        bool ours = !err && ea_pg_bool(res, 0, 0);
        PQclear(res);
        if (err)
            return db_failed(pg, "cannot lock");
        plan->session = ea_pg_connects(pg);
        if (ours)
            return DONE;
        if (!told)
            (void)stop(DONE, "waiting for another ea-migrate");
        if (ea_clock_mono_ns() > give_up)
            return stop(FAILED, "another ea-migrate is still at work; giving up");
        (void)nanosleep(&(struct timespec){ .tv_nsec = 200 * EA_NS_PER_MS }, NULL);
    }
}

static int open_database(struct ea_pg *pg, struct plan *plan)
{
    if (ea_pg_connect(pg))
        return db_failed(pg, "cannot connect");
    if (ea_pg_run(pg, STMT_MIGRATE_SESSION, NULL, 0, NULL))
        return db_failed(pg, "cannot set up the session");
    int status = take_lock(pg, plan);
    if (!status && ea_pg_run(pg, STMT_MIGRATE_TABLE, NULL, 0, NULL))
        status = db_failed(pg, "cannot create schema_migrations");
    return status;
}

static struct migration *of_version(struct plan *plan, int64_t version)
{
    for (size_t i = 0; i < plan->n; i++)
        if (plan->v[i].version == version)
            return &plan->v[i];
    return NULL;
}

/* What is applied must be what the files say. */
static int check_row(struct plan *plan, int64_t version, const char *name, const char *sha256)
{
    struct migration *m = of_version(plan, version);
    if (!m && version > plan->newest)
        return stop(
            REFUSED,
            "the database is newer than these migrations: it has %s. Use the program that belongs to it",
            name);
    if (!m)
        return stop(REFUSED, "the database has %s, which is missing here", name);
    if (strcmp(m->sha256, sha256) != 0)
        return stop(REFUSED, "%s was changed after it had been applied; undo that and write a new migration",
                    m->file);
    m->applied = true;
    return DONE;
}

static int check_order(const struct plan *plan)
{
    for (size_t i = 1; i < plan->n; i++)
        if (plan->v[i].applied && !plan->v[i - 1].applied)
            return stop(REFUSED, "%s is not applied but %s is: a new migration takes the next number",
                        plan->v[i - 1].file, plan->v[i].file);
    return DONE;
}

static int compare(struct ea_pg *pg, struct plan *plan)
{
    PGresult *res;
    if (ea_pg_run(pg, STMT_MIGRATE_APPLIED, NULL, 0, &res))
        return db_failed(pg, "cannot read schema_migrations");
    int status = DONE;
    for (int i = 0; i < PQntuples(res) && !status; i++)
        status = check_row(plan, ea_pg_i64(res, i, 0), ea_pg_str(res, i, 1), ea_pg_str(res, i, 2));
    PQclear(res);
    return status ? status : check_order(plan);
}

/* PostgreSQL counts characters. */
static int line_of(const char *text, const char *position)
{
    int line = 1;
    for (long left = position ? strtol(position, NULL, 10) : 0; left > 1 && *text; text++) {
        line += *text == '\n';
        left -= (text[1] & 0xC0) != 0x80;
    }
    return line;
}

static int run_file(PGconn *conn, const struct migration *m)
{
    int status = DONE;
    PGresult *res = PQexec(conn, m->text);
    ExecStatusType s = PQresultStatus(res);
    if (s != PGRES_COMMAND_OK && s != PGRES_TUPLES_OK && s != PGRES_EMPTY_QUERY)
        status = stop(FAILED, "%s:%d: %s", m->file,
                      line_of(m->text, PQresultErrorField(res, PG_DIAG_STATEMENT_POSITION)),
                      PQresultErrorMessage(res));
    else if (PQtransactionStatus(conn) != PQTRANS_INTRANS)
        status = stop(FAILED, "%s: a migration must not end its transaction", m->file);
    PQclear(res);
    return status;
}

static int apply(struct ea_pg *pg, const struct plan *plan, const struct migration *m)
{
    char version[16], name[256];
    int64_t start = ea_clock_mono_ns();
    (void)snprintf(version, sizeof version, "%d", m->version);
    (void)snprintf(name, sizeof name, "%.*s", (int)(strlen(m->file) - strlen(".sql")), m->file);
    if (ea_pg_begin(pg))
        return db_failed(pg, m->file);
    int status = ea_pg_connects(pg) == plan->session
                     ? run_file(ea_pg_conn(pg), m)
                     : stop(FAILED, "the connection was lost, and the lock with it");
    if (!status &&
        ea_pg_run(pg, STMT_MIGRATE_RECORD, (const char *const[]){ version, name, m->sha256 }, 3, NULL))
        status = db_failed(pg, m->file);
    if (!status && ea_pg_commit(pg))
        status = db_failed(pg, m->file);
    if (status)
        ea_pg_rollback(pg);
    else
        (void)printf("%s applied (%" PRId64 " ms)\n", name,
                     (int64_t)((ea_clock_mono_ns() - start) / EA_NS_PER_MS));
    return status;
}

static int migrate(const char *conninfo, struct plan *plan)
{
    struct ea_pg *pg = ea_pg_new(conninfo, "ea-migrate");
    if (!pg)
        return stop(FAILED, "out of memory");
    int status = open_database(pg, plan);
    if (!status)
        status = compare(pg, plan);
    for (size_t i = 0; i < plan->n && !status; i++)
        if (!plan->v[i].applied)
            status = apply(pg, plan, &plan->v[i]);
    if (!status)
        (void)printf("the schema is at version %d\n", plan->newest);
    ea_pg_free(pg);
    return status;
}

int main(void)
{
    const struct ea_cfg *cfg;
    if (ea_cfg_load(EA_FOR_TOOL, &cfg) || ea_log_start(cfg))
        return BAD_CONFIG;
    struct plan plan = { 0 };
    int status = read_plan(cfg->migrations, &plan);
    if (!status)
        status = migrate(cfg->pg, &plan);
    free_plan(&plan);
    return status;
}
