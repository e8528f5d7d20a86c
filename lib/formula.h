/* Expressions of numbers, as "a*b^2 + sqrt(c)": evaluated by muparser behind a gate that lets through only numbers, + - * / ^ ( ) , the variables
 * that are given, pi, and the functions of formula.c. No assignment, no comparison, no strings; bounded length and depth. Pure functions, thread-safe. */
#ifndef EA_FORMULA_H
#define EA_FORMULA_H

#include "lib/arena.h"
#include "lib/exact.h"

#define EA_FORMULA_MAX 500 /* bytes */
#define EA_FORMULA_DIGITS                                                                                    \
    12 /* significant digits that a value is rounded to: libraries and machines differ after the fifteenth */
#define EA_FORMULA_NAME_MAX 32

struct ea_formula_variable {
    const char *name;
    struct ea_exact value;
};

/* A letter, then letters, digits and _; no function and not pi. */
bool ea_formula_name_ok(const char *name);

/* The value as an exact decimal of EA_FORMULA_DIGITS significant digits. EA_EINPUT with *why (arena or static), for a person: no good expression, or no finite value. */
enum ea_err ea_formula_value(const char *expression, const struct ea_formula_variable *variables, size_t n,
                             struct ea_arena *a, struct ea_exact *out, const char **why) EA_MUST;

#endif
