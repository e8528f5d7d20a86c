#include "lib/scalar.h"

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/decimal.h"
#include "lib/id.h"
#include "lib/json.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

static bool out_of_bounds(const struct ea_rule *rule, int64_t v)
{
    return (rule->min != 0 || rule->max != 0) && (v < rule->min || v > rule->max);
}

static bool length_ok(struct ea_reading *r, const struct ea_rule *rule, const struct ea_path *at, size_t n)
{
    if (rule->min > 0 && n < (size_t)rule->min) {
        EA_FAULT(r, at, "too-short", "at least %" PRId64 " bytes are needed", rule->min);
        return false;
    }
    if (rule->max > 0 && n > (size_t)rule->max) {
        EA_FAULT(r, at, "too-long", "at most %" PRId64 " bytes are allowed", rule->max);
        return false;
    }
    return true;
}

static void put_str(struct ea_reading *r, void *dest, const char *p, size_t n)
{
    char *copy = ea_reading_claim(r, ea_arena_ndup(r->a, p, n));
    *(struct ea_str *)dest = (struct ea_str){ .given = true, .v = copy, .len = n };
}

static void put_int(void *dest, int64_t v)
{
    *(struct ea_int *)dest = (struct ea_int){ .given = true, .v = v };
}

static bool is_control(char c, bool one_line)
{
    bool space = !one_line && (c == '\t' || c == '\n' || c == '\r');
    return ((unsigned char)c < 0x20 && !space) || c == 0x7F;
}

static void read_str(struct ea_reading *r, const struct ea_rule *rule, const struct ea_path *at,
                     struct ea_text t, void *dest)
{
    if (!ea_utf8_valid(t.p, t.n)) {
        EA_FAULT(r, at, "utf8", "the text must be UTF-8 without U+0000");
        return;
    }
    for (size_t i = 0; i < t.n; i++)
        if (is_control(t.p[i], rule->flags & EA_ONE_LINE)) {
            EA_FAULT(r, at, "format",
                     rule->flags & EA_ONE_LINE ? "control characters and line breaks are not allowed"
                                               : "control characters are not allowed");
            return;
        }
    if (length_ok(r, rule, at, t.n))
        put_str(r, dest, t.p, t.n);
}

static void put_lower(struct ea_reading *r, void *dest, struct ea_text t)
{
    put_str(r, dest, t.p, t.n);
    struct ea_str *s = dest;
    char *v = (char *)(uintptr_t)s->v; /* just copied */
    for (size_t i = 0; v && i < t.n; i++)
        v[i] = (char)tolower((unsigned char)v[i]);
}

static void read_uuid(struct ea_reading *r, const struct ea_rule *rule, const struct ea_path *at,
                      struct ea_text t, void *dest)
{
    (void)rule;
    if (t.n == EA_ID_LEN && ea_id_valid(t.p))
        put_lower(r, dest, t);
    else
        EA_FAULT(r, at, "format", "a UUID is expected, e.g. 019083a2-7d5c-7b1e-8a4f-0123456789ab");
}

static void read_time(struct ea_reading *r, const struct ea_rule *rule, const struct ea_path *at,
                      struct ea_text t, void *dest)
{
    int64_t us;
    if (strlen(t.p) != t.n || ea_clock_parse(t.p, &us))
        EA_FAULT(r, at, "format", "a date-time as in RFC 3339 is expected, e.g. 2026-11-23T09:00:00Z");
    else if (out_of_bounds(rule, us))
        EA_FAULT(r, at, "out-of-range", "the date-time is out of range");
    else
        put_int(dest, us);
}

static void read_number(struct ea_reading *r, const struct ea_rule *rule, const struct ea_path *at,
                        struct ea_text t, void *dest)
{
    unsigned decimals = rule->type == EA_T_MILLI ? 3 : 0;
    double unit = rule->type == EA_T_MILLI ? 1000.0 : 1.0;
    int64_t v;
    enum ea_decimal got = ea_decimal_read(t.p, t.n, decimals, &v);
    if (got == EA_DECIMAL_SYNTAX)
        EA_FAULT(r, at, "type", "a number is expected");
    else if (got == EA_DECIMAL_FRACTION && decimals == 0)
        EA_FAULT(r, at, "type", "a whole number is expected");
    else if (got == EA_DECIMAL_FRACTION)
        EA_FAULT(r, at, "format", "at most %u decimals are allowed", decimals);
    else if (got == EA_DECIMAL_OK && !out_of_bounds(rule, v))
        put_int(dest, v);
    else if (rule->min == 0 && rule->max == 0)
        EA_FAULT(r, at, "out-of-range", "the number is too large");
    else
        EA_FAULT(r, at, "out-of-range", "a number from %.15g to %.15g is expected", (double)rule->min / unit,
                 (double)rule->max / unit);
}

/* JSON has two words for it, a query string four. */
static void read_bool(struct ea_reading *r, const struct ea_rule *rule, const struct ea_path *at,
                      struct ea_text t, void *dest)
{
    static const char *const words[] = { "false", "true", "0", "1" };
    (void)rule;
    for (int i = 0; i < 4; i++)
        if (strcmp(t.p, words[i]) == 0 && strlen(t.p) == t.n) {
            put_int(dest, i % 2);
            return;
        }
    EA_FAULT(r, at, "type", "true or false is expected");
}

static void read_enum(struct ea_reading *r, const struct ea_rule *rule, const struct ea_path *at,
                      struct ea_text t, void *dest)
{
    struct ea_buf known = { .max = 200 };
    for (int64_t i = 0; rule->values[i]; i++) {
        if (strcmp(t.p, rule->values[i]) == 0 && strlen(t.p) == t.n) {
            put_int(dest, i);
            ea_buf_free(&known);
            return;
        }
        ea_buf_printf(&known, "%s%s", i ? ", " : "", rule->values[i]);
    }
    EA_FAULT(r, at, "invalid", "one of these is expected: %s", known.p ? known.p : "");
    ea_buf_free(&known);
}

/* An address that is safe in a mail header: dot-atom, @, host name. */
static bool is_email(const char *p, size_t n)
{
    const char *at = memchr(p, '@', n), *end = p + n;
    if (!at || at == p || at - p > 64 || end - at < 2 || n > 254)
        return false;
    char before = '.';
    for (const char *s = p; s < at; before = *s++)
        if (*s == '.' ? before == '.' : !isalnum((unsigned char)*s) && !strchr("!#$%&'*+/=?^_`{|}~-", *s))
            return false;
    if (before == '.')
        return false;
    before = '.';
    for (const char *s = at + 1; s < end; before = *s++)
        if (*s == '.' || *s == '-' ? before == '.' || (*s == '.' && before == '-')
                                   : !isalnum((unsigned char)*s))
            return false;
    return before != '.' && before != '-';
}

static void read_email(struct ea_reading *r, const struct ea_rule *rule, const struct ea_path *at,
                       struct ea_text t, void *dest)
{
    while (t.n > 0 && isspace((unsigned char)t.p[0]))
        t.p++, t.n--;
    while (t.n > 0 && isspace((unsigned char)t.p[t.n - 1]))
        t.n--;
    if (memchr(t.p, '\0', t.n) || !is_email(t.p, t.n))
        EA_FAULT(r, at, "format", "an e-mail address is expected");
    else if (length_ok(r, rule, at, t.n))
        put_lower(r, dest, t);
}

static void (*const readers[])(struct ea_reading *, const struct ea_rule *, const struct ea_path *,
                               struct ea_text, void *) = {
    [EA_T_STR] = read_str,      [EA_T_UUID] = read_uuid, [EA_T_TIME] = read_time, [EA_T_INT] = read_number,
    [EA_T_MILLI] = read_number, [EA_T_BOOL] = read_bool, [EA_T_ENUM] = read_enum, [EA_T_EMAIL] = read_email,
};

bool ea_scalar_type(enum ea_type type)
{
    return (size_t)type < sizeof readers / sizeof *readers && readers[type];
}

void ea_scalar_read(struct ea_reading *r, const struct ea_rule *rule, const struct ea_path *at,
                    struct ea_text t, void *dest)
{
    readers[rule->type](r, rule, at, t, dest);
}
