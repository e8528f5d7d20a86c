#include "lib/exact.h"

#include <string.h>

#define BASE         1000000000u
#define LIMB_DIGITS  9
#define WIDE         (2 * EA_EXACT_LIMBS)
#define POINT        (EA_EXACT_DIGITS / LIMB_DIGITS) /* limbs after the point */
#define EXPONENT_MAX 10000                           /* far outside: cut here so that it cannot overflow */

static int cmp_limbs(const uint32_t *a, const uint32_t *b, size_t n)
{
    while (n-- > 0)
        if (a[n] != b[n])
            return a[n] < b[n] ? -1 : 1;
    return 0;
}

static bool add_limbs(const uint32_t *a, const uint32_t *b, uint32_t *out, size_t n)
{
    uint32_t carry = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t sum = a[i] + b[i] + carry;
        carry = sum >= BASE;
        out[i] = carry ? sum - BASE : sum;
    }
    return carry == 0;
}

/* a >= b */
static void sub_limbs(const uint32_t *a, const uint32_t *b, uint32_t *out, size_t n)
{
    uint32_t borrow = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t take = b[i] + borrow;
        borrow = a[i] < take;
        out[i] = borrow ? a[i] + BASE - take : a[i] - take;
    }
}

static void distance(const struct ea_exact *a, const struct ea_exact *b, uint32_t out[EA_EXACT_LIMBS + 1])
{
    out[EA_EXACT_LIMBS] = 0;
    if (a->minus != b->minus)
        out[EA_EXACT_LIMBS] = add_limbs(a->limb, b->limb, out, EA_EXACT_LIMBS) ? 0 : 1;
    else if (cmp_limbs(a->limb, b->limb, EA_EXACT_LIMBS) >= 0)
        sub_limbs(a->limb, b->limb, out, EA_EXACT_LIMBS);
    else
        sub_limbs(b->limb, a->limb, out, EA_EXACT_LIMBS);
}

static void settle_sign(struct ea_exact *x)
{
    if (ea_exact_is_zero(x))
        x->minus = false;
}

/* One digit at the place of 10^place. */
static bool put_digit(struct ea_exact *x, long place, uint32_t digit)
{
    static const uint32_t powers[LIMB_DIGITS] = { 1,      10,      100,      1000,     10000,
                                                  100000, 1000000, 10000000, 100000000 };
    long at = place + EA_EXACT_DIGITS;

    if (digit == 0)
        return true;
    if (at < 0 || at >= (long)EA_EXACT_LIMBS * LIMB_DIGITS)
        return false;
    x->limb[at / LIMB_DIGITS] += digit * powers[at % LIMB_DIGITS];
    return true;
}

static bool is_digit(const char *p, const char *end)
{
    return p < end && *p >= '0' && *p <= '9';
}

static bool read_exponent(const char *p, const char *end, long *exponent)
{
    bool minus = false;

    *exponent = 0;
    if (p == end)
        return true;
    if (*p != 'e' && *p != 'E')
        return false;
    p++;
    if (p < end && (*p == '+' || *p == '-'))
        minus = *p++ == '-';
    if (!is_digit(p, end))
        return false;
    for (; is_digit(p, end); p++)
        if (*exponent < EXPONENT_MAX)
            *exponent = *exponent * 10 + (*p - '0');
    if (minus)
        *exponent = -*exponent;
    return p == end;
}

enum ea_err ea_exact_read(const char *p, size_t n, struct ea_exact *out)
{
    const char *end = p + n, *whole, *point, *tail;
    long exponent;

    *out = (struct ea_exact){ 0 };
    if (p < end && (*p == '+' || *p == '-'))
        out->minus = *p++ == '-';
    for (whole = p; is_digit(p, end); p++)
        ;
    point = p;
    if (p < end && *p == '.')
        for (p++; is_digit(p, end); p++)
            ;
    tail = p;
    if (tail - whole < (point < tail ? 2 : 1) || !read_exponent(tail, end, &exponent))
        return EA_EINPUT;
    for (p = whole; p < point; p++)
        if (!put_digit(out, exponent + (point - p) - 1, (uint32_t)(*p - '0')))
            return EA_EINPUT;
    for (p = point + 1; p < tail; p++)
        if (!put_digit(out, exponent - (p - point), (uint32_t)(*p - '0')))
            return EA_EINPUT;
    settle_sign(out);
    return EA_OK;
}

static uint32_t digit_at(const struct ea_exact *x, int at)
{
    uint32_t limb = x->limb[at / LIMB_DIGITS];

    for (int i = at % LIMB_DIGITS; i > 0; i--)
        limb /= 10;
    return limb % 10;
}

const char *ea_exact_text(const struct ea_exact *x, char out[EA_EXACT_SIZE])
{
    int first = 2 * EA_EXACT_DIGITS - 1, last = 0;
    char *p = out;

    while (first > EA_EXACT_DIGITS && digit_at(x, first) == 0)
        first--;
    while (last < EA_EXACT_DIGITS && digit_at(x, last) == 0)
        last++;
    if (x->minus)
        *p++ = '-';
    for (int at = first; at >= last; at--) {
        if (at == EA_EXACT_DIGITS - 1)
            *p++ = '.';
        *p++ = (char)('0' + digit_at(x, at));
    }
    *p = '\0';
    return out;
}

int ea_exact_cmp(const struct ea_exact *a, const struct ea_exact *b)
{
    if (a->minus != b->minus)
        return a->minus ? -1 : 1;
    int order = cmp_limbs(a->limb, b->limb, EA_EXACT_LIMBS);
    return a->minus ? -order : order;
}

bool ea_exact_is_zero(const struct ea_exact *x)
{
    for (size_t i = 0; i < EA_EXACT_LIMBS; i++)
        if (x->limb[i])
            return false;
    return true;
}

enum ea_err ea_exact_add(const struct ea_exact *a, const struct ea_exact *b, struct ea_exact *out)
{
    struct ea_exact sum = { .minus = a->minus };

    if (a->minus == b->minus) {
        if (!add_limbs(a->limb, b->limb, sum.limb, EA_EXACT_LIMBS))
            return EA_EINPUT;
    } else if (cmp_limbs(a->limb, b->limb, EA_EXACT_LIMBS) >= 0) {
        sub_limbs(a->limb, b->limb, sum.limb, EA_EXACT_LIMBS);
    } else {
        sum.minus = b->minus;
        sub_limbs(b->limb, a->limb, sum.limb, EA_EXACT_LIMBS);
    }
    settle_sign(&sum);
    *out = sum;
    return EA_OK;
}

enum ea_err ea_exact_sub(const struct ea_exact *a, const struct ea_exact *b, struct ea_exact *out)
{
    struct ea_exact minus_b = *b;

    minus_b.minus = !b->minus;
    settle_sign(&minus_b);
    return ea_exact_add(a, &minus_b, out);
}

/* out: zeroed, 2 * EA_EXACT_LIMBS of them. */
static void mul_limbs(const uint32_t *a, const uint32_t *b, uint32_t *out)
{
    for (size_t i = 0; i < EA_EXACT_LIMBS; i++) {
        uint64_t carry = 0;
        for (size_t k = 0; k < EA_EXACT_LIMBS; k++) {
            uint64_t v = (uint64_t)a[i] * b[k] + out[i + k] + carry;
            out[i + k] = (uint32_t)(v % BASE);
            carry = v / BASE;
        }
        out[i + EA_EXACT_LIMBS] = (uint32_t)carry;
    }
}

enum ea_err ea_exact_mul(const struct ea_exact *a, const struct ea_exact *b, struct ea_exact *out)
{
    struct ea_exact product = { .minus = a->minus != b->minus };
    uint32_t wide[WIDE] = { 0 };

    mul_limbs(a->limb, b->limb, wide);
    for (size_t i = 0; i < WIDE; i++)
        if (wide[i] && (i < POINT || i >= POINT + EA_EXACT_LIMBS))
            return EA_EINPUT;
    memcpy(product.limb, wide + POINT, sizeof product.limb);
    settle_sign(&product);
    *out = product;
    return EA_OK;
}

enum ea_err ea_exact_round(const struct ea_exact *x, unsigned figures, struct ea_exact *out)
{
    struct ea_exact kept = { .minus = x->minus }, unit = { .minus = x->minus };
    int first = 2 * EA_EXACT_DIGITS - 1;

    while (first >= 0 && digit_at(x, first) == 0)
        first--;
    int last = first - (int)figures; /* the highest digit that goes */
    if (last < 0) {
        *out = *x;
        return EA_OK;
    }
    for (int at = first; at > last; at--)
        (void)put_digit(&kept, at - EA_EXACT_DIGITS, digit_at(x, at));
    if (digit_at(x, last) < 5) {
        *out = kept;
        return EA_OK;
    }
    return put_digit(&unit, last + 1 - EA_EXACT_DIGITS, 1) ? ea_exact_add(&kept, &unit, out) : EA_EINPUT;
}

enum ea_err ea_exact_half(const struct ea_exact *x, struct ea_exact *out)
{
    struct ea_exact half = { .minus = x->minus };
    uint32_t rest = 0;

    for (size_t i = EA_EXACT_LIMBS; i-- > 0;) {
        uint32_t v = x->limb[i] + rest * BASE;
        half.limb[i] = v / 2;
        rest = v % 2;
    }
    if (rest)
        return EA_EINPUT;
    settle_sign(&half);
    *out = half;
    return EA_OK;
}

bool ea_exact_within(const struct ea_exact *x, const struct ea_exact *of, const struct ea_exact *tolerance)
{
    uint32_t far[EA_EXACT_LIMBS + 1];

    distance(x, of, far);
    return far[EA_EXACT_LIMBS] == 0 && cmp_limbs(far, tolerance->limb, EA_EXACT_LIMBS) <= 0;
}

bool ea_exact_within_share(const struct ea_exact *x, const struct ea_exact *of,
                           const struct ea_exact *tolerance)
{
    uint32_t far[EA_EXACT_LIMBS + 1], left[WIDE] = { 0 }, right[WIDE] = { 0 };

    distance(x, of, far);
    memcpy(left + POINT, far, sizeof(far)); /* both sides in units of 10^-108 */
    mul_limbs(of->limb, tolerance->limb, right);
    return cmp_limbs(left, right, WIDE) <= 0;
}
