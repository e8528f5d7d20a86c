#include "lib/buf.h"

#include "lib/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAP_MIN 256u

/* Room for n more bytes and the NUL. */
static bool reserve(struct ea_buf *b, size_t n)
{
    size_t len, need;
    if (b->failed)
        return false;
    if (__builtin_add_overflow(b->len, n, &len) || (b->max && len > b->max) ||
        __builtin_add_overflow(len, 1, &need)) {
        b->failed = true;
        return false;
    }
    if (need <= b->cap)
        return true;
    size_t cap = b->cap > need / 2 ? b->cap * 2 : need;
    if (cap < CAP_MIN)
        cap = CAP_MIN;
    if (b->max && cap > b->max + 1 && b->max + 1 >= need)
        cap = b->max + 1;
    char *p = ea_alloc_again(b->p, cap);
    if (!p) {
        b->failed = true;
        return false;
    }
    b->p = p;
    b->cap = cap;
    b->p[b->len] = '\0';
    return true;
}

void ea_buf_free(struct ea_buf *b)
{
    free(b->p);
    *b = (struct ea_buf){ 0 };
}

void ea_buf_reset(struct ea_buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->p)
        b->p[0] = '\0';
}

void ea_buf_cut(struct ea_buf *b, size_t len)
{
    if (len < b->len)
        b->p[b->len = len] = '\0';
}

void ea_buf_add(struct ea_buf *b, const void *p, size_t n)
{
    if (!reserve(b, n))
        return;
    if (n)
        memcpy(b->p + b->len, p, n);
    b->len += n;
    b->p[b->len] = '\0';
}

void ea_buf_str(struct ea_buf *b, const char *s)
{
    ea_buf_add(b, s, strlen(s));
}

void ea_buf_char(struct ea_buf *b, char c)
{
    ea_buf_add(b, &c, 1);
}

void ea_buf_printf(struct ea_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        b->failed = true;
    if (n < 0 || !reserve(b, (size_t)n))
        return;
    va_start(ap, fmt);
    (void)vsnprintf(b->p + b->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
}

char *ea_buf_room(struct ea_buf *b, size_t n)
{
    if (!reserve(b, n))
        return NULL;
    b->p[b->len + n] = '\0';
    return b->p + b->len;
}
