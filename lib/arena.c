#include "lib/arena.h"

#include "lib/alloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Under ASan what is not handed out is poisoned, with a gap after each allocation, so that overruns and use after reset are found. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define GAP 16u
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define GAP                               0u
#endif

#define ALIGN     _Alignof(max_align_t)
#define BLOCK_MIN 4096u
#define BLOCK_MAX 65536u

struct block {
    struct block *next;
    size_t used, size; /* of data */
    _Alignas(max_align_t) char data[];
};

struct deferred {
    struct deferred *next;
    void (*fn)(void *);
    void *p;
};

struct ea_arena {
    struct block *blocks; /* newest first, down to `first`, which reset keeps */
    struct block *first;
    struct block *large;
    struct deferred *deferred;
    size_t used;
};

static struct block *block_new(size_t size)
{
    size_t total;
    if (__builtin_add_overflow(size, sizeof(struct block), &total))
        return NULL;
    struct block *b = ea_alloc(total);
    if (!b)
        return NULL;
    b->size = size;
    ASAN_POISON_MEMORY_REGION(b->data, size);
    return b;
}

static void block_free(struct block *b)
{
    ASAN_UNPOISON_MEMORY_REGION(b->data, b->size);
    free(b);
}

/* A block that has room for n. One larger than usual gets a block to itself: the newest goes on serving small things. */
static struct block *block_for(struct ea_arena *a, size_t n)
{
    struct block *newest = a->blocks;
    if (n <= newest->size - newest->used)
        return newest;
    size_t usual = newest->size < BLOCK_MAX ? newest->size * 2 : BLOCK_MAX;
    struct block **list = n > usual ? &a->large : &a->blocks;
    struct block *b = block_new(n > usual ? n : usual);
    if (!b)
        return NULL;
    b->next = *list;
    *list = b;
    return b;
}

static void free_until(struct block **list, const struct block *end)
{
    while (*list != end) {
        struct block *b = *list;
        *list = b->next;
        block_free(b);
    }
}

static void run_deferred(struct ea_arena *a)
{
    while (a->deferred) {
        struct deferred *d = a->deferred;
        a->deferred = d->next;
        d->fn(d->p);
    }
}

struct ea_arena *ea_arena_new(void)
{
    struct ea_arena *a = ea_alloc(sizeof *a);
    if (!a)
        return NULL;
    a->blocks = a->first = block_new(BLOCK_MIN);
    if (!a->first) {
        free(a);
        return NULL;
    }
    return a;
}

void ea_arena_reset(struct ea_arena *a)
{
    run_deferred(a);
    free_until(&a->blocks, a->first);
    free_until(&a->large, NULL);
    ASAN_UNPOISON_MEMORY_REGION(a->first->data, a->first->size);
    memset(a->first->data, 0, a->first->used);
    ASAN_POISON_MEMORY_REGION(a->first->data, a->first->size);
    a->first->used = 0;
    a->used = 0;
}

void ea_arena_free(struct ea_arena *a)
{
    if (!a)
        return;
    ea_arena_reset(a);
    block_free(a->first);
    free(a);
}

size_t ea_arena_used(const struct ea_arena *a)
{
    return a->used;
}

void *ea_arena_alloc(struct ea_arena *a, size_t n)
{
    size_t room;
    if (__builtin_add_overflow(n, ALIGN - 1 + GAP, &room))
        return NULL;
    room -= room % ALIGN;
    if (room == 0)
        room = ALIGN; /* every allocation has an address of its own */
    struct block *b = block_for(a, room);
    if (!b)
        return NULL;
    void *p = b->data + b->used;
    ASAN_UNPOISON_MEMORY_REGION(p, n);
    b->used += room;
    a->used += room;
    return p;
}

void *ea_arena_array(struct ea_arena *a, size_t n, size_t size)
{
    size_t total;
    return __builtin_mul_overflow(n, size, &total) ? NULL : ea_arena_alloc(a, total);
}

char *ea_arena_ndup(struct ea_arena *a, const void *p, size_t n)
{
    size_t size;
    if (__builtin_add_overflow(n, 1, &size))
        return NULL;
    char *copy = ea_arena_alloc(a, size);
    if (copy && n)
        memcpy(copy, p, n);
    return copy;
}

char *ea_arena_dup(struct ea_arena *a, const char *s)
{
    return ea_arena_ndup(a, s, strlen(s));
}

char *ea_arena_printf(struct ea_arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *s = n < 0 ? NULL : ea_arena_alloc(a, (size_t)n + 1);
    if (!s)
        return NULL;
    va_start(ap, fmt);
    (void)vsnprintf(s, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return s;
}

enum ea_err ea_arena_defer(struct ea_arena *a, void (*fn)(void *), void *p)
{
    struct deferred *d = ea_arena_alloc(a, sizeof *d);
    if (!d) {
        fn(p);
        return EA_ENOMEM;
    }
    *d = (struct deferred){ .next = a->deferred, .fn = fn, .p = p };
    a->deferred = d;
    return EA_OK;
}
