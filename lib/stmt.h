/* Every SQL statement, generated from sql/queries/<module>.sql by tools/stmts.awk:
 *   -- name: user_by_email       becomes STMT_USER_BY_EMAIL
 *   -- in: text, uuid            the parameter types (its arity is checked, and each statement is PREPAREd by a test)
 *   SELECT …;                    one statement up to the semicolon that ends a line */
#ifndef EA_STMT_H
#define EA_STMT_H

#include "stmts_enum.h" /* generated: enum ea_stmt { STMT_…, STMT__MAX } */

struct ea_stmt_text {
    const char *name, *sql;
    unsigned arity;
};
extern const struct ea_stmt_text ea_stmts[STMT__MAX];

#endif
