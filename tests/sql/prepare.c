/* prepare CONNINFO: PREPAREs every statement of sql/queries against a migrated database and compares the number of its parameters with
 * the one it states. Prints each fault; the last line counts. Exit code 0 when all are right. */
#include "lib/stmt.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>

static bool prepare(PGconn *conn, const struct ea_stmt_text *stmt)
{
    PGresult *res = PQprepare(conn, stmt->name, stmt->sql, 0, NULL);
    bool ok = PQresultStatus(res) == PGRES_COMMAND_OK;
    if (!ok)
        printf("%s: %s", stmt->name, PQresultErrorMessage(res));
    PQclear(res);
    return ok;
}

static bool arity_is_right(PGconn *conn, const struct ea_stmt_text *stmt)
{
    PGresult *res = PQdescribePrepared(conn, stmt->name);
    bool ok = PQresultStatus(res) == PGRES_COMMAND_OK && PQnparams(res) == (int)stmt->arity;
    if (!ok)
        printf("%s: takes %d parameters, states %u\n", stmt->name, PQnparams(res), stmt->arity);
    PQclear(res);
    return ok;
}

int main(int argc, char **argv)
{
    unsigned passed = 0, failed = 0;
    PGconn *conn = PQconnectdb(argc > 1 ? argv[1] : "");
    if (PQstatus(conn) != CONNECTION_OK) {
        fprintf(stderr, "prepare: %s", PQerrorMessage(conn));
        PQfinish(conn);
        return 2;
    }
    for (int i = 0; i < STMT__MAX; i++) {
        if (prepare(conn, &ea_stmts[i]) && arity_is_right(conn, &ea_stmts[i]))
            passed++;
        else
            failed++;
    }
    PQfinish(conn);
    printf("%u statements prepared, %u refused\n", passed, failed);
    return failed > 0;
}
