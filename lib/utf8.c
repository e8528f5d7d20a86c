#include "lib/utf8.h"

#include "lib/json.h"

static bool between(char c, unsigned char low, unsigned char high)
{
    return (unsigned char)c >= low && (unsigned char)c <= high;
}

/* Where the second byte may lie depends on the first: that is what shuts out overlong forms, surrogates and what is too large. */
static const struct {
    unsigned char first_low, first_high, second_low, second_high;
    size_t len;
} forms[] = {
    { 0xC2, 0xDF, 0x80, 0xBF, 2 }, { 0xE0, 0xE0, 0xA0, 0xBF, 3 }, { 0xE1, 0xEC, 0x80, 0xBF, 3 },
    { 0xED, 0xED, 0x80, 0x9F, 3 }, { 0xEE, 0xEF, 0x80, 0xBF, 3 }, { 0xF0, 0xF0, 0x90, 0xBF, 4 },
    { 0xF1, 0xF3, 0x80, 0xBF, 4 }, { 0xF4, 0xF4, 0x80, 0x8F, 4 },
};

size_t ea_utf8_step(const char *p, size_t n)
{
    if (n == 0)
        return 0;
    if (between(p[0], 0, 0x7F))
        return 1;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (!between(p[0], forms[i].first_low, forms[i].first_high))
            continue;
        if (n < forms[i].len || !between(p[1], forms[i].second_low, forms[i].second_high))
            return 0;
        for (size_t k = 2; k < forms[i].len; k++)
            if (!between(p[k], 0x80, 0xBF))
                return 0;
        return forms[i].len;
    }
    return 0;
}

size_t ea_utf8_put(uint32_t c, char out[4])
{
    static const unsigned char lead[] = { 0, 0x00, 0xC0, 0xE0, 0xF0 };
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)(lead[len] | c);
    return len;
}

bool ea_utf8_valid(const char *p, size_t n)
{
    for (size_t i = 0, len; i < n; i += len) {
        len = ea_utf8_step(p + i, n - i);
        if (len == 0 || p[i] == '\0')
            return false;
    }
    return true;
}
