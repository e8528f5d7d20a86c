#include "lib/decimal.h"

#include <stdbool.h>

#define EXPONENT_MAX                                                                                         \
    INT64_C(1000000000000) /* larger ones are cut to it: no text is so long that it would matter */

struct number {
    bool minus;
    const char *whole, *fraction, *end; /* end: of the fraction */
    int64_t exponent;
};

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

static bool read_exponent(const char *p, const char *end, int64_t *exponent)
{
    bool minus = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (p == end || skip_digits(p, end) != end)
        return false;
    *exponent = 0;
    for (; p < end && *exponent < EXPONENT_MAX; p++)
        *exponent = *exponent * 10 + (*p - '0');
    if (minus)
        *exponent = -*exponent;
    return true;
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? */
static bool split(const char *p, const char *end, struct number *out)
{
    *out = (struct number){ .minus = p < end && *p == '-' };
    out->whole = p + out->minus;
    p = skip_digits(out->whole, end);
    if (p == out->whole || (*out->whole == '0' && p > out->whole + 1))
        return false;
    out->fraction = out->end = p;
    if (p < end && *p == '.') {
        out->fraction = p + 1;
        p = out->end = skip_digits(p + 1, end);
        if (out->end == out->fraction)
            return false;
    }
    return p == end || ((*p == 'e' || *p == 'E') && read_exponent(p + 1, end, &out->exponent));
}

static bool append_digit(int64_t *v, int digit, bool minus)
{
    return !__builtin_mul_overflow(*v, 10, v) && !__builtin_add_overflow(*v, minus ? -digit : digit, v);
}

enum ea_decimal ea_decimal_read(const char *p, size_t n, unsigned decimals, int64_t *out)
{
    struct number num;
    if (!split(p, p + n, &num))
        return EA_DECIMAL_SYNTAX;
    /* `zeros`: how many the digits lack at their end (or, negative, have too many digits there) */
    int64_t zeros = num.exponent - (num.end - num.fraction) + (int64_t)decimals;
    const char *end = num.end;
    while (end > num.whole && (end[-1] == '0' || end[-1] == '.')) {
        zeros += end[-1] == '0';
        end--;
    }
    *out = 0;
    if (end == num.whole)
        return EA_DECIMAL_OK;
    if (zeros < 0)
        return EA_DECIMAL_FRACTION;
    for (p = num.whole; p < end; p++)
        if (*p != '.' && !append_digit(out, *p - '0', num.minus))
            return EA_DECIMAL_RANGE;
    for (; zeros > 0; zeros--)
        if (!append_digit(out, 0, num.minus))
            return EA_DECIMAL_RANGE;
    return EA_DECIMAL_OK;
}
