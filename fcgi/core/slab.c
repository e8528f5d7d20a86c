#include "fcgi/core/slab.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define CELLS_APART 1
#else
#define CELLS_APART 0
#endif

enum { CHUNK = 256 * 1024, ALIGN = alignof(max_align_t) };

struct spare {
    struct spare *next;
};

struct chunk {
    struct chunk *next;
    alignas(ALIGN) unsigned char cells[];
};

struct ea_slab {
    pthread_mutex_t lock;
    size_t cell;
    struct chunk *chunks; /* the first one is used up to `fresh` */
    unsigned char *fresh;
    struct spare *spare; /* given back */
};

struct ea_slab *ea_slab_new(size_t cell)
{
    struct ea_slab *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    pthread_mutex_init(&s->lock, NULL);
    s->cell = (cell + ALIGN - 1) / ALIGN * ALIGN;
    return s;
}

void ea_slab_free(struct ea_slab *s)
{
    if (s == NULL)
        return;
    for (struct chunk *next, *c = s->chunks; c != NULL; c = next) {
        next = c->next;
        munmap(c, CHUNK);
    }
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* The system gives pages as they are touched, so a chunk costs what is used of it. */
static bool add_chunk(struct ea_slab *s)
{
    struct chunk *c = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (c == MAP_FAILED)
        return false;
    c->next = s->chunks;
    s->chunks = c;
    s->fresh = c->cells;
    return true;
}

static void *get(struct ea_slab *s)
{
    struct spare *old = s->spare;
    if (old != NULL) {
        s->spare = old->next;
        return memset(old, 0, s->cell);
    }
    if ((s->chunks == NULL || s->fresh + s->cell > (unsigned char *)s->chunks + CHUNK) && !add_chunk(s))
        return NULL;
    void *cell = s->fresh;
    s->fresh += s->cell;
    return cell;
}

void *ea_slab_get(struct ea_slab *s)
{
    if (CELLS_APART)
        return calloc(1, s->cell);
    pthread_mutex_lock(&s->lock);
    void *cell = get(s);
    pthread_mutex_unlock(&s->lock);
    return cell;
}

void ea_slab_put(struct ea_slab *s, void *cell)
{
    if (CELLS_APART) {
        free(cell);
        return;
    }
    struct spare *old = cell;
    pthread_mutex_lock(&s->lock);
    old->next = s->spare;
    s->spare = old;
    pthread_mutex_unlock(&s->lock);
}
