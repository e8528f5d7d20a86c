/* A roster as schools export it: CSV (RFC 4180, parsed by libcsv) in UTF-8 with or without BOM, a header row that names the columns in any order, quoted fields,
 * any line ends. A pure function of its bytes: whatever is wrong with a row is reported with its line, and the other rows go on. */
#ifndef EA_GATEWAY_ROSTER_FILE_H
#define EA_GATEWAY_ROSTER_FILE_H

#include "lib/arena.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>

struct gateway_roster_row {
    size_t line;
    const char *email, *name;
    const char *school_role; /* of an account that is made for it: "member" or "staff" */
    const char *course_role; /* NULL: no course */
    const char *course;      /* its code; NULL */
    const char *password;    /* NULL: none */
    const char *hash;        /* for roster.c */
    bool account;            /* the first row of this person: name, school role and password are its */
};

struct gateway_roster_error {
    size_t line;
    const char *column, *code, *detail; /* column "": the whole row */
};

#define GATEWAY_ROSTER_ROWS   10000
#define GATEWAY_ROSTER_ERRORS 1000 /* listed at most; more are counted */

struct gateway_roster {
    struct gateway_roster_row *rows; /* in the order of their lines */
    size_t n;
    struct gateway_roster_error *errors;
    size_t errors_n, more_errors;
    const char *unusable; /* not NULL: why the file as a whole is no roster */
};

/* EA_EINPUT with `unusable` set, EA_ENOMEM. All memory is the arena's; csv is only read during the call. */
enum ea_err gateway_roster_parse(const char *csv, size_t n, struct ea_arena *a,
                                 struct gateway_roster *out) EA_MUST;

void gateway_roster_error(struct gateway_roster *r, size_t line, const char *column, const char *code,
                          const char *detail);
/* Removes the rows of which drop(row, arg) is true, keeping the order. */
void gateway_roster_filter(struct gateway_roster *r,
                           bool (*drop)(struct gateway_roster *r, const struct gateway_roster_row *row,
                                        void *arg),
                           void *arg);
/* Sets `account`. */
enum ea_err gateway_roster_mark_accounts(struct gateway_roster *r, struct ea_arena *a) EA_MUST;
void gateway_roster_sort_errors(struct gateway_roster *r); /* by line */

#endif
