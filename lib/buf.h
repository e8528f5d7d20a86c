/* A growing byte buffer. One owner, one thread. Out of memory or over `max` makes it fail for good (`failed`), later appends do
 * nothing: callers append freely and check once. The bytes are always NUL-terminated one past `len` when p is not NULL. */
#ifndef EA_BUF_H
#define EA_BUF_H

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>

struct ea_buf {
    char *p;
    size_t len, cap;
    size_t max; /* 0: no bound */
    bool failed;
};

void ea_buf_free(struct ea_buf *b);            /* frees p, zeroes the struct; accepts a zeroed one */
void ea_buf_reset(struct ea_buf *b);           /* len = 0, failed = false, keeps the memory */
void ea_buf_cut(struct ea_buf *b, size_t len); /* back to its first len bytes, if it has more */
void ea_buf_add(struct ea_buf *b, const void *p, size_t n);
void ea_buf_str(struct ea_buf *b, const char *s);
void ea_buf_char(struct ea_buf *b, char c);
void ea_buf_printf(struct ea_buf *b, const char *fmt, ...) EA_PRINTF(2, 3);
char *ea_buf_room(struct ea_buf *b,
                  size_t n); /* n writable bytes at the end, NULL when failed; then add n to len */

#endif
