#include "fcgi/core/shelf.h"

#include "lib/id.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { START = 64, TAIL = 8 };

void *ea_shelf_at(const struct ea_shelf *s, size_t place)
{
    return s->v + place * s->width;
}

/* Where an id is, or would be. The last digits of a UUIDv7 are random. */
static uint32_t *slot_of(const struct ea_shelf *s, const char *id)
{
    size_t mask = s->size * 2 - 1, i = strtoul(id + EA_ID_LEN - TAIL, NULL, 16) & mask;
    while (s->slots[i] != 0 && strcmp(((const struct ea_id *)ea_shelf_at(s, s->slots[i] - 1))->s, id) != 0)
        i = (i + 1) & mask;
    return &s->slots[i];
}

static bool grow(struct ea_shelf *s)
{
    size_t size = s->size == 0 ? START : s->size * 2; /* a power of two */
    if (size > s->max)
        return false;
    char *v = realloc(s->v, size * s->width);
    if (v == NULL)
        return false;
    s->v = v;
    uint32_t *slots = calloc(size * 2, sizeof(*slots));
    if (slots == NULL)
        return false;
    free(s->slots);
    s->slots = slots;
    s->size = size;
    for (size_t i = 0; i < s->n; i++)
        *slot_of(s, ea_shelf_at(s, i)) = (uint32_t)i + 1;
    return true;
}

void *ea_shelf_put(struct ea_shelf *s, const char *id)
{
    if (strlen(id) != EA_ID_LEN)
        return NULL;
    uint32_t *slot = s->size == 0 ? NULL : slot_of(s, id);
    if (slot != NULL && *slot != 0)
        return ea_shelf_at(s, *slot - 1);
    if (slot == NULL || s->n == s->size) {
        if (!grow(s))
            return NULL;
        slot = slot_of(s, id);
    }
    void *thing = ea_shelf_at(s, s->n);
    memset(thing, 0, s->width);
    memcpy(thing, id, EA_ID_LEN);
    *slot = (uint32_t)++s->n;
    return thing;
}

void ea_shelf_clear(struct ea_shelf *s)
{
    free(s->v);
    free(s->slots);
    *s = (struct ea_shelf){ .width = s->width, .max = s->max };
}

uint32_t ea_shelf_place(const struct ea_shelf *s, const void *thing)
{
    return (uint32_t)((size_t)((const char *)thing - s->v) / s->width);
}
