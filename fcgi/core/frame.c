#include "fcgi/core/frame.h"

#include "lib/buf.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1, TYPE_END_REQUEST = 3, TYPE_STDOUT = 6, TYPE_STDERR = 7, HEADER = 8, RECORD_MAX = 65528 };

static unsigned char *put_header(unsigned char *p, int type, size_t n)
{
    const unsigned char h[HEADER] = { VERSION,
                                      (unsigned char)type,
                                      EA_FCGI_REQUEST_ID >> 8,
                                      EA_FCGI_REQUEST_ID & 0xff,
                                      (unsigned char)(n >> 8),
                                      (unsigned char)(n & 0xff),
                                      0,
                                      0 };
    memcpy(p, h, HEADER);
    return p + HEADER;
}

static struct ea_frame *frame_alloc(size_t len)
{
    struct ea_frame *f = malloc(sizeof(*f) + len);
    if (f == NULL)
        return NULL;
    f->refs = 1;
    f->len = len;
    return f;
}

struct ea_frame *ea_frame_new(const void *text, size_t n)
{
    size_t records = (n + RECORD_MAX - 1) / RECORD_MAX;
    struct ea_frame *f = frame_alloc(n + records * HEADER);
    if (f == NULL)
        return NULL;
    unsigned char *p = f->bytes;
    for (const char *from = text; n > 0;) {
        size_t part = n < RECORD_MAX ? n : RECORD_MAX;
        p = put_header(p, TYPE_STDOUT, part);
        memcpy(p, from, part);
        p += part;
        from += part;
        n -= part;
    }
    return f;
}

struct ea_frame *ea_frame_event(int64_t id, const char *kind, const char *data)
{
    struct ea_buf b = { 0 };
    if (id > 0)
        ea_buf_printf(&b, "id: %" PRId64 "\n", id);
    ea_buf_printf(&b, "event: %s\n", kind);
    for (const char *line = data; line != NULL;) {
        size_t n = strcspn(line, "\r\n");
        ea_buf_str(&b, "data: ");
        ea_buf_add(&b, line, n);
        ea_buf_char(&b, '\n');
        line = line[n] == '\0' ? NULL : line + n + 1;
    }
    ea_buf_char(&b, '\n');
    struct ea_frame *f = b.failed ? NULL : ea_frame_new(b.p, b.len);
    ea_buf_free(&b);
    return f;
}

struct ea_frame *ea_frame_printf(const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof(text))
        return NULL;
    return ea_frame_new(text, (size_t)n);
}

struct ea_frame *ea_frame_end(void)
{
    struct ea_frame *f = frame_alloc(4 * HEADER);
    if (f == NULL)
        return NULL;
    unsigned char *p = put_header(f->bytes, TYPE_STDOUT, 0);
    p = put_header(p, TYPE_END_REQUEST, HEADER);
    memset(p, 0, HEADER); /* appStatus 0, FCGI_REQUEST_COMPLETE */
    /* Something harmless behind the end, so that nginx closes the connection and does not keep it: streams end together, when this process does. */
    put_header(p + HEADER, TYPE_STDERR, 0);
    return f;
}

struct ea_frame *ea_frame_ref(struct ea_frame *f)
{
    f->refs++;
    return f;
}

void ea_frame_unref(struct ea_frame *f)
{
    if (f != NULL && --f->refs == 0)
        free(f);
}
