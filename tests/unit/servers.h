/* The real servers that tests run against: EA_TEST_PG (a libpq connection string whose user may create databases), EA_TEST_REDIS (unix:/path or host:port).
 * A test program that needs one and is not told of it fails with words. */
#ifndef EA_TEST_SERVERS_H
#define EA_TEST_SERVERS_H

#include <libpq-fe.h>

/* The connection string of a database made for this program, migrated by ./ea-migrate; the same each time. Dropped at exit. */
const char *servers_pg(void);
const char *servers_redis(void);

/* A plain libpq session in that database, without our settings: the hand that breaks things. */
PGconn *servers_pg_open(void);
void servers_pg_exec(PGconn *conn, const char *sql);
/* The only cell of a query, as a number. */
long long servers_pg_number(PGconn *conn, const char *sql);
/* Waits until a query says true; fails the test after ten seconds. */
void servers_pg_until(PGconn *conn, const char *sql);

#endif
