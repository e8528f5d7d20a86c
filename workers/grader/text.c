#include "workers/grader/text.h"

#include "lib/buf.h"
#include "lib/utf8.h"

#include <locale.h>
#include <string.h>
#include <strings.h>
#include <wctype.h>

#define REPLACEMENT 0xFFFDu

/* One character and its length. What is not UTF-8 counts as U+FFFD of one byte, so that any bytes can be read. */
static uint32_t decode(const char *s, size_t *n)
{
    size_t step = ea_utf8_step(s, strnlen(s, 4));

    *n = step ? step : 1;
    if (step == 0)
        return REPLACEMENT;
    uint32_t c = (unsigned char)s[0] & (step == 1 ? 0x7Fu : 0xFFu >> (step + 1));
    for (size_t i = 1; i < step; i++)
        c = c << 6 | ((unsigned char)s[i] & 0x3Fu);
    return c;
}

static void encode(struct ea_buf *out, uint32_t c)
{
    char bytes[4];

    ea_buf_add(out, bytes, ea_utf8_put(c, bytes));
}

static uint32_t plain(uint32_t c, locale_t utf8)
{
    switch (c) {
    case 0x2018: /* ‘ */
    case 0x2019: /* ’ */
        return '\'';
    case 0x201C: /* “ */
    case 0x201D: /* ” */
        return '"';
    case 0x2010: /* hyphen … em dash */
    case 0x2011:
    case 0x2012:
    case 0x2013:
    case 0x2014:
        return '-';
    case 0x00A0: /* no-break spaces */
    case 0x202F:
        return ' ';
    default:
        return iswspace_l((wint_t)c, utf8) ? ' ' : (uint32_t)towlower_l((wint_t)c, utf8);
    }
}

char *grader_text_fold(struct ea_arena *a, const char *s)
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    struct ea_buf out = { 0 };
    char *folded = NULL;
    bool space = false;

    if (!utf8)
        return NULL;
    for (size_t n; *s; s += n) {
        uint32_t c = plain(decode(s, &n), utf8);
        if (c == ' ') {
            space = out.len > 0;
            continue;
        }
        if (space)
            ea_buf_char(&out, ' ');
        space = false;
        encode(&out, c);
    }
    if (!out.failed)
        folded = ea_arena_ndup(a, out.p ? out.p : "", out.len);
    ea_buf_free(&out);
    freelocale(utf8);
    return folded;
}

static bool is_word(uint32_t c, locale_t utf8)
{
    return c == '_' || iswalnum_l((wint_t)c, utf8);
}

static uint32_t char_before(const char *text, const char *at)
{
    size_t n;

    if (at == text)
        return ' ';
    do
        at--;
    while (at > text && ((unsigned char)*at & 0xC0) == 0x80);
    return decode(at, &n);
}

/* A word must not go on across the edge of the phrase. */
static bool is_edge(uint32_t inside, uint32_t outside, locale_t utf8)
{
    return !(is_word(inside, utf8) && is_word(outside, utf8));
}

/* Where the next try may begin: after the word that stands here, since within it the left edge cannot hold. Keeps the search linear. */
static const char *next_start(const char *at, locale_t utf8)
{
    size_t n = 1;

    if (!is_word(decode(at, &n), utf8))
        return at + n;
    while (*at && is_word(decode(at, &n), utf8))
        at += n;
    return at;
}

bool grader_text_has(const char *text, const char *phrase)
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    size_t len = strlen(phrase), n;
    bool found = false;

    if (!utf8 || len == 0)
        goto out;
    uint32_t first = decode(phrase, &n), last = char_before(phrase, phrase + len);
    for (const char *at = strstr(text, phrase); at && !found; at = strstr(next_start(at, utf8), phrase)) {
        uint32_t after = at[len] ? decode(at + len, &n) : ' ';
        found = is_edge(first, char_before(text, at), utf8) && is_edge(last, after, utf8);
    }
out:
    if (utf8)
        freelocale(utf8);
    return found;
}

const char *grader_text_unnumbered(const char *heading)
{
    size_t digits = strspn(heading, "0123456789.");

    if (digits == 0 || heading[0] == '.')
        return heading;
    const char *rest = heading + digits + strspn(heading + digits, ") :-");
    return *rest && rest > heading + digits ? rest : heading;
}

const char *grader_text_host(struct ea_arena *a, const char *url)
{
    static const char *const schemes[] = { "https://", "http://", "//" };

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t n = strlen(schemes[i]);
        if (strncasecmp(url, schemes[i], n) != 0)
            continue;
        const char *authority = url + n;
        size_t len = strcspn(authority, "/?#\\");
        const char *at = memrchr(authority, '@', len);
        const char *host = at ? at + 1 : authority;
        size_t host_n = (size_t)(authority + len - host);
        const char *port = host_n && host[0] == '[' ? memchr(host, ']', host_n) : memchr(host, ':', host_n);
        if (port)
            host_n = (size_t)(port - host) + (*port == ']');
        if (host_n > 0 && host[host_n - 1] == '.')
            host_n--;
        char *name = ea_arena_ndup(a, host, host_n);
        return name && *name ? grader_text_fold(a, name) : NULL;
    }
    return NULL;
}

bool grader_text_in_domain(const char *host, const char *domain)
{
    size_t h = strlen(host), d = strlen(domain);

    if (d == 0 || d > h || strcasecmp(host + h - d, domain) != 0)
        return false;
    return h == d || host[h - d - 1] == '.';
}
