/* The faults of schema.h and where they are. */
#include "lib/buf.h"
#include "lib/scalar.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TOKEN_MAX  200u /* an unknown member may have any name: its pointer shows the beginning */
#define DETAIL_MAX 300u

static void write_token(struct ea_buf *out, const char *name)
{
    for (size_t n = 0; name[n] && n < TOKEN_MAX; n++)
        if (name[n] == '~' || name[n] == '/')
            ea_buf_str(out, name[n] == '~' ? "~0" : "~1");
        else
            ea_buf_char(out, name[n]);
}

static void write_pointer(struct ea_buf *out, const struct ea_path *at)
{
    if (!at)
        return;
    write_pointer(out, at->up);
    ea_buf_char(out, '/');
    if (at->name)
        write_token(out, at->name);
    else
        ea_buf_printf(out, "%zu", at->index);
}

static bool grow(struct ea_faults *f, struct ea_arena *a)
{
    if (f->n < f->cap)
        return true;
    size_t cap = f->cap ? f->cap * 2 : 8;
    struct ea_fault *v = ea_arena_array(a, cap, sizeof *v);
    if (!v)
        return false;
    if (f->n)
        memcpy(v, f->v, f->n * sizeof *v);
    f->v = v;
    f->cap = cap;
    return true;
}

void *ea_reading_claim(struct ea_reading *r, void *p)
{
    if (!p)
        r->err = EA_ENOMEM;
    return p;
}

char *ea_reading_pointer(struct ea_reading *r, const struct ea_path *at)
{
    struct ea_buf b = { 0 };
    write_pointer(&b, at);
    char *s = b.failed ? NULL : ea_arena_ndup(r->a, b.p, b.len);
    ea_buf_free(&b);
    return ea_reading_claim(r, s);
}

void ea_faults_add(struct ea_faults *f, struct ea_arena *a, const char *pointer, const char *code,
                   const char *fmt, ...)
{
    char text[DETAIL_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    bool room = f->n < EA_FAULTS_MAX && pointer && grow(f, a);
    struct ea_fault fault = { .pointer = room ? ea_arena_dup(a, pointer) : NULL,
                              .code = code,
                              .detail = room ? ea_arena_dup(a, text) : NULL };
    if (fault.pointer && fault.detail)
        f->v[f->n++] = fault;
    else
        f->more++;
}

enum ea_err ea_faults_below(struct ea_faults *f, size_t from, struct ea_arena *a, const char *at)
{
    for (size_t i = from; i < f->n; i++) {
        f->v[i].pointer = ea_arena_printf(a, "%s%s", at, f->v[i].pointer);
        if (!f->v[i].pointer) {
            f->v[i].pointer = at;
            return EA_ENOMEM;
        }
    }
    return EA_OK;
}
