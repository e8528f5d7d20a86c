/* Essays: marked by a person. */
#include "lib/item_private.h"

struct in_essay {
    struct ea_int min_words, max_words;
};

#define WORDS(m)                                                                                             \
    {                                                                                                        \
        .name = #m, .type = EA_T_INT, .offset = offsetof(struct in_essay, m), .flags = EA_NULLABLE,          \
        .min = 1, .max = EA_ITEM_WORDS_MAX                                                                   \
    }
static const struct ea_field essay_fields[] = { WORDS(min_words), WORDS(max_words) };
const struct ea_schema ea_item_essay_schema = { "essay item", sizeof(struct in_essay), essay_fields,
                                                sizeof essay_fields / sizeof *essay_fields };

enum ea_err ea_item_read_essay(const struct ea_item_look *l, const void *from, struct ea_item *out)
{
    const struct in_essay *in = from;

    (void)l;
    out->min_words = in->min_words.v;
    out->max_words = in->max_words.v;
    return EA_OK;
}

enum ea_err ea_item_settle_essay(const struct ea_item_look *l, struct ea_item *item)
{
    if (item->max_words && item->min_words > item->max_words)
        ea_faults_add(l->faults, l->a, ea_arena_printf(l->a, "%s/max_words", l->at), "out-of-range",
                      "max_words is below min_words");
    return EA_OK;
}

void ea_item_write_essay(const struct ea_item *item, struct ea_jw *w)
{
    if (item->min_words)
        ea_jw_kint(w, "min_words", item->min_words);
    if (item->max_words)
        ea_jw_kint(w, "max_words", item->max_words);
}
