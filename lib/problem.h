/* Problem documents (RFC 9457): what a client is told when something failed. Writes into the caller's buffer only; thread-safe. */
#ifndef EA_PROBLEM_H
#define EA_PROBLEM_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/schema.h"

#define EA_PROBLEM_TYPE "application/problem+json"

struct ea_problem_member { /* an extension member (RFC 9457, 3.2) */
    const struct ea_problem_member *next;
    const char *name, *json; /* json: trusted text of its value */
};

struct ea_problem {
    enum ea_err err;
    const char *detail;     /* words for a person about this case, or NULL; never an internal error's text */
    const char *instance;   /* path of the request, without its query; NULL leaves it out */
    const char *request_id; /* NULL leaves it out */
    const struct ea_faults *faults;          /* NULL or empty leaves `errors` out */
    const struct ea_problem_member *members; /* or NULL */
};

/* Appends {"type", "title", "status", "detail", "instance", "request_id", "errors": [{"pointer", "code", "detail"}], members…}. */
void ea_problem_write(const struct ea_problem *p, struct ea_buf *out);

#endif
