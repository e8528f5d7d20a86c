#include "tests/unit/chance.h"

#include "lib/utf8.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct chance chance_new(void)
{
    const char *seed = getenv("EA_TEST_SEED");

    return (struct chance){ .state = seed ? strtoull(seed, NULL, 10) : 20261123 };
}

struct chance chance_any(void)
{
    struct chance c = chance_new();

    if (!getenv("EA_TEST_SEED"))
        assert_int_equal(getrandom(&c.state, sizeof c.state, 0), sizeof c.state);
    print_message("EA_TEST_SEED=%llu\n", (unsigned long long)c.state);
    return c;
}

/* splitmix64 */
static uint64_t next(struct chance *c)
{
    uint64_t z = c->state += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

uint64_t chance_below(struct chance *c, uint64_t n)
{
    return next(c) % n;
}

bool chance_one_in(struct chance *c, uint64_t n)
{
    return chance_below(c, n) == 0;
}

static char *put_piece(struct chance *c, char *to)
{
    static const char *const pieces[] = {
        "a",   "b",    "Z",    "7",      " ",       " ",    "\\",         "~",    "=",    "#",        "{",
        "}",   ":",    "*",    "%",      "[",       "]",    "<",          ">",    "&",    "/",        "//",
        "::",  "->",   "\"",   "_",      "`",       ".",    "-",          "####", "\\n",  "{}",       "é",
        "Ω",   "🌱",    "%50%", "[html]", "[plain]", "TRUE", "\n",         "\n",   "word", "\t",       "!",
        "<b>", "<br>", "&lt;", "\\[",    "\\\n",    "1.",   "$CATEGORY:", "----", "```",  "a\xCC\x81"
    };
    uint32_t any = (uint32_t)(' ' + chance_below(c, 0x110000 - ' '));

    if (!chance_one_in(c, 8) || any == 0x7F || (any >= 0xD800 && any < 0xE000))
        return stpcpy(to, pieces[chance_below(c, sizeof pieces / sizeof *pieces)]);
    return to + ea_utf8_put(any, to);
}

const char *chance_text(struct chance *c, struct ea_arena *a, size_t max, bool one_line)
{
    size_t len = 1 + chance_below(c, max);
    char *out = ea_arena_alloc(a, len * 12 + 1), *to = out;

    assert_non_null(out);
    for (size_t i = 0; i < len; i++)
        to = put_piece(c, to);
    *to = '\0';
    const char *tidy = one_line ? ea_text_normal(a, out) : ea_text_tidy(a, out);
    assert_non_null(tidy);
    return *tidy ? tidy : "x";
}

struct ea_exact chance_number(struct chance *c)
{
    char text[40];
    struct ea_exact x;
    int n = snprintf(text, sizeof text, "%s%llu.%llue%d", chance_one_in(c, 2) ? "-" : "",
                     (unsigned long long)chance_below(c, 100000), (unsigned long long)chance_below(c, 1000),
                     (int)chance_below(c, 13) - 6);

    assert_ok(ea_exact_read(text, (size_t)n, &x));
    return x;
}
