/* Exact decimal numbers of a wide range, for grading: 54 digits before the point and 54 after it, nothing is rounded.
 * Plain values, pure functions, thread-safe. (lib/decimal.h reads what must fit a 64-bit integer.) */
#ifndef EA_EXACT_H
#define EA_EXACT_H

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EA_EXACT_LIMBS  12
#define EA_EXACT_DIGITS 54
#define EA_EXACT_SIZE   (2 * EA_EXACT_DIGITS + 3) /* of its text: sign, point, NUL */

struct ea_exact {
    bool minus;                    /* never of zero */
    uint32_t limb[EA_EXACT_LIMBS]; /* base 10^9, least first; the point is between limb 5 and limb 6 */
};

/* [+-]digits[.digits][e[+-]digits], also ".5" and "5."; the whole of p[0..n). EA_EINPUT when it is no such number or does not fit. */
enum ea_err ea_exact_read(const char *p, size_t n, struct ea_exact *out) EA_MUST;
/* Without exponent, needless zeros or a plus; also good JSON. Returns out. */
const char *ea_exact_text(const struct ea_exact *x, char out[EA_EXACT_SIZE]);

int ea_exact_cmp(const struct ea_exact *a, const struct ea_exact *b); /* < 0, 0, > 0 */
bool ea_exact_is_zero(const struct ea_exact *x);
/* EA_EINPUT when the result does not fit; out may be an operand. */
enum ea_err ea_exact_add(const struct ea_exact *a, const struct ea_exact *b, struct ea_exact *out) EA_MUST;
enum ea_err ea_exact_sub(const struct ea_exact *a, const struct ea_exact *b, struct ea_exact *out) EA_MUST;
enum ea_err ea_exact_mul(const struct ea_exact *a, const struct ea_exact *b, struct ea_exact *out) EA_MUST;
/* Rounded to so many significant figures, halves away from zero. */
enum ea_err ea_exact_round(const struct ea_exact *x, unsigned figures, struct ea_exact *out) EA_MUST;
enum ea_err ea_exact_half(const struct ea_exact *x, struct ea_exact *out) EA_MUST;

/* |x - of| <= tolerance; |x - of| <= tolerance * |of|. The tolerance's sign does not count. */
bool ea_exact_within(const struct ea_exact *x, const struct ea_exact *of, const struct ea_exact *tolerance);
bool ea_exact_within_share(const struct ea_exact *x, const struct ea_exact *of,
                           const struct ea_exact *tolerance);

#endif
