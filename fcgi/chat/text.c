/* What people write: its HTML, and what in it may be names. */
#include "fcgi/chat/chat.h"

#include "lib/md.h"

#include <ctype.h>
#include <string.h>

enum { MENTIONS_MAX = 20, WORDS_MAX = 4 };

enum ea_err chat_html(struct ea_req *r, const char *text, size_t n, const char **out)
{
    struct ea_buf b = { 0 };
    enum ea_err err = ea_md_html(text, n, &b);
    *out = err == EA_OK && !b.failed ? ea_arena_ndup(r->arena, b.p != NULL ? b.p : "", b.len) : NULL;
    ea_buf_free(&b);
    return err == EA_OK && *out == NULL ? EA_ENOMEM : err;
}

/* Of a name; what is not ASCII may be a letter. */
static bool is_letter(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

static bool in_word(char c)
{
    return is_letter(c) || c == '\'' || c == '.' || c == '-';
}

/* An address has letters before its @. */
static bool begins(const char *text, const char *at)
{
    return at == text || (!in_word(at[-1]) && strchr("@_+%", at[-1]) == NULL);
}

static void add_line(struct ea_buf *out, int number, const char *from, size_t n)
{
    ea_buf_printf(out, "%s%d ", out->len > 0 ? "\n" : "", number);
    ea_buf_add(out, from, n);
}

/* The words after an @, one more in each line. What ends a sentence may end a name as well, so there are lines with and without it. */
static void add_words(struct ea_buf *out, int number, const char *from, const char *end)
{
    const char *p = from;
    for (int words = 0; words < WORDS_MAX && p < end && is_letter(*p); words++) {
        while (p < end && in_word(*p))
            p++;
        const char *bare = p;
        while (bare[-1] == '.' || bare[-1] == '\'')
            bare--;
        add_line(out, number, from, (size_t)(bare - from));
        if (bare < p)
            add_line(out, number, from, (size_t)(p - from));
        if (p < end && *p == ' ')
            p++;
    }
}

enum ea_err chat_mention_words(struct ea_arena *a, const char *text, size_t n, const char **out)
{
    struct ea_buf lines = { 0 };
    const char *end = text + n;
    int number = 0;
    *out = NULL;
    for (const char *p = text; number < MENTIONS_MAX && (p = memchr(p, '@', (size_t)(end - p))) != NULL; p++)
        if (begins(text, p))
            add_words(&lines, number++, p + 1, end);
    bool ok = !lines.failed;
    if (ok && lines.len > 0)
        ok = (*out = ea_arena_ndup(a, lines.p, lines.len)) != NULL;
    ea_buf_free(&lines);
    return ok ? EA_OK : EA_ENOMEM;
}
