/* Descriptor tables: what a JSON body or a query string may hold, and where each value goes in a plain struct.
 * Every fault is reported at once with its JSON pointer (RFC 6901). Unknown members are refused. Strings are UTF-8 without NUL.
 * The filled struct, its strings and lists live in the arena. Thread-safe: tables are const. */
#ifndef EA_SCHEMA_H
#define EA_SCHEMA_H

#include "lib/arena.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

/* The members an input struct is made of. given: the member was there (null or not). */
struct ea_str {
    bool given, null;
    const char *v; /* NULL unless given and not null */
    size_t len;
};
struct ea_int {
    bool given, null;
    int64_t v;
};
struct ea_list { /* items: array of n structs (EA_T_OBJ) or of struct ea_str / ea_int */
    bool given, null;
    size_t n;
    void *items;
};

struct ea_pair { /* an entry of EA_T_MAP */
    struct ea_str name, v;
};

enum ea_type {
    EA_T_STR,   /* struct ea_str; min..max bytes (0 = none); no control characters but \t \n \r */
    EA_T_UUID,  /* struct ea_str, lower-cased */
    EA_T_TIME,  /* struct ea_int, microseconds UTC */
    EA_T_INT,   /* struct ea_int; min..max (both 0 = none) */
    EA_T_MILLI, /* struct ea_int, thousandths: a number with at most 3 decimals; min..max in thousandths */
    EA_T_BOOL,  /* struct ea_int, 0 or 1 */
    EA_T_ENUM,  /* struct ea_int, index into `values` */
    EA_T_EMAIL, /* struct ea_str, trimmed and lower-cased */
    EA_T_RAW, /* struct ea_str, JSON text of any value as given; max bytes; the handler's module judges it */
    EA_T_OBJ, /* the struct of `sub`, embedded: its first member must be `struct ea_int given` (v unused) */
    EA_T_MAP, /* struct ea_list of struct ea_pair: an object whose members' names are free, its values `item` (EA_T_STR or EA_T_RAW), none null; min..max members */
    EA_T_LIST, /* struct ea_list of `sub` (objects) or of `item` scalars, none null; min..max items */
};

#define EA_REQUIRED 1u
#define EA_NULLABLE 2u
#define EA_ONE_LINE 4u /* of strings (and of a list's): no control characters at all, e.g. names and titles */

struct ea_field {
    const char *name;
    enum ea_type type;
    size_t offset;
    unsigned flags;
    int64_t min, max;
    const char *const *values;   /* EA_T_ENUM, NULL-terminated */
    const struct ea_schema *sub; /* EA_T_OBJ, EA_T_LIST of objects */
    enum ea_type item;           /* EA_T_LIST of scalars */
    int64_t item_min, item_max;  /* bounds of such a scalar */
};

struct ea_schema {
    const char *name;
    size_t size; /* of the struct */
    const struct ea_field *fields;
    size_t n;
};

struct ea_fault {
    const char *pointer, *code, *detail; /* "/points", "out-of-range", words for a person */
};
struct ea_faults {
    struct ea_fault *v;
    size_t n, cap;
    size_t more; /* faults beyond EA_FAULTS_MAX, counted only */
};
#define EA_FAULTS_MAX 50

/* For handlers that find faults of their own. Codes: required, unknown, type, out-of-range, too-long, too-short, format, utf8, duplicate, invalid. */
void ea_faults_add(struct ea_faults *f, struct ea_arena *a, const char *pointer, const char *code,
                   const char *fmt, ...) EA_PRINTF(5, 6);

/* Puts `at` ("/definition") in front of the pointers of the faults from number `from` on: they were found in a document inside another. */
enum ea_err ea_faults_below(struct ea_faults *f, size_t from, struct ea_arena *a, const char *at) EA_MUST;

/* *out is a zeroed struct of s->size with what was given. EA_EINPUT when faults were added, EA_ENOMEM. */
enum ea_err ea_schema_read(const struct ea_schema *s, struct json_object *o, struct ea_arena *a, void **out,
                           struct ea_faults *faults) EA_MUST;
/* The same from JSON text, e.g. what a jsonb column holds. EA_ESYNTAX when it is none. */
enum ea_err ea_schema_text(const struct ea_schema *s, const char *json, size_t n, struct ea_arena *a,
                           void **out, struct ea_faults *faults) EA_MUST;
/* The same from an (undecoded) query string: scalars only. Booleans are true|false|1|0. */
enum ea_err ea_schema_query(const struct ea_schema *s, const char *query, struct ea_arena *a, void **out,
                            struct ea_faults *faults) EA_MUST;

#endif
