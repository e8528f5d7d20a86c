/* Exact decimal numbers from text: no double in between. Pure, thread-safe. */
#ifndef EA_DECIMAL_H
#define EA_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

enum ea_decimal {
    EA_DECIMAL_OK,
    EA_DECIMAL_SYNTAX,   /* not a number as JSON writes them */
    EA_DECIMAL_FRACTION, /* more than `decimals` decimals */
    EA_DECIMAL_RANGE,    /* does not fit */
};

/* The number p[0..n) in units of 10^-decimals: "2.5" with 3 decimals is 2500, "1e3" with 0 is 1000. *out is set when EA_DECIMAL_OK. */
enum ea_decimal ea_decimal_read(const char *p, size_t n, unsigned decimals, int64_t *out);

#endif
