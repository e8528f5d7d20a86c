/* Items that are matched, and items that are put in order: entries with ids. */
#include "lib/item_private.h"

#include <string.h>

struct in_entry {
    struct ea_str id, text, html;
};
struct in_match {
    struct ea_list prompts, options, key;
    struct ea_int shuffle, scoring;
};
struct in_order {
    struct ea_list entries;
    struct ea_int scoring;
};

#define ENTRY(member) offsetof(struct in_entry, member)
static const struct ea_field entry_fields[] = {
    { .name = "id",
      .type = EA_T_STR,
      .offset = ENTRY(id),
      .flags = EA_ONE_LINE,
      .min = 1,
      .max = EA_ITEM_ID_MAX },
    { .name = "text",
      .type = EA_T_STR,
      .offset = ENTRY(text),
      .flags = EA_REQUIRED,
      .min = 1,
      .max = EA_ITEM_TEXT_MAX },
    { .name = "html", .type = EA_T_STR, .offset = ENTRY(html) },
};
static const struct ea_schema entry_schema = { "entry", sizeof(struct in_entry), entry_fields,
                                               sizeof entry_fields / sizeof *entry_fields };

#define ENTRIES(of, member, least)                                                                           \
    {                                                                                                        \
        .name = #member, .type = EA_T_LIST, .offset = offsetof(struct of, member), .flags = EA_REQUIRED,     \
        .min = least, .max = EA_ITEM_LIST_MAX, .sub = &entry_schema                                          \
    }
#define SCORING(of)                                                                                          \
    {                                                                                                        \
        .name = "scoring", .type = EA_T_ENUM, .offset = offsetof(struct of, scoring), .values = ea_scorings  \
    }
static const struct ea_field match_fields[] = {
    ENTRIES(in_match, prompts, 1),
    ENTRIES(in_match, options, 2),
    { .name = "key",
      .type = EA_T_MAP,
      .offset = offsetof(struct in_match, key),
      .flags = EA_REQUIRED,
      .min = 1,
      .max = EA_ITEM_LIST_MAX,
      .item = EA_T_STR,
      .item_min = 1,
      .item_max = EA_ITEM_ID_MAX },
    { .name = "shuffle", .type = EA_T_BOOL, .offset = offsetof(struct in_match, shuffle) },
    SCORING(in_match),
};
static const struct ea_field order_fields[] = { ENTRIES(in_order, entries, 2), SCORING(in_order) };
const struct ea_schema ea_item_match_schema = { "match item", sizeof(struct in_match), match_fields,
                                                sizeof match_fields / sizeof *match_fields };
const struct ea_schema ea_item_order_schema = { "order item", sizeof(struct in_order), order_fields,
                                                sizeof order_fields / sizeof *order_fields };

/* ---- read ---- */

static enum ea_err read_entries(struct ea_arena *a, const struct ea_list *list, struct ea_entry **out)
{
    const struct in_entry *v = list->items;

    *out = ea_arena_array(a, list->n, sizeof **out);
    for (size_t i = 0; *out && i < list->n; i++)
        (*out)[i] = (struct ea_entry){ .id = v[i].id.v, .text = v[i].text.v };
    return *out ? EA_OK : EA_ENOMEM;
}

static struct ea_entry *entry_of(struct ea_entry *v, size_t n, const char *id)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].id && strcmp(v[i].id, id) == 0)
            return &v[i];
    return NULL;
}

/* The key names prompts by their ids, so those it names must have some. */
static void read_key(const struct ea_item_look *l, const struct ea_list *key, struct ea_item *out)
{
    const struct ea_pair *v = key->items;

    for (size_t i = 0; i < key->n; i++) {
        struct ea_entry *prompt = entry_of(out->prompts, out->n, v[i].name.v);
        if (prompt)
            prompt->option = v[i].v.v;
        else
            ea_faults_add(l->faults, l->a, ea_arena_printf(l->a, "%s/key/%s", l->at, v[i].name.v), "unknown",
                          "there is no prompt with this id");
    }
}

enum ea_err ea_item_read_match(const struct ea_item_look *l, const void *from, struct ea_item *out)
{
    const struct in_match *in = from;
    enum ea_err err;

    out->n = in->prompts.n;
    out->options_n = in->options.n;
    out->shuffle = in->shuffle.given ? in->shuffle.v : true;
    out->scoring = in->scoring.given ? (enum ea_scoring)in->scoring.v : EA_SCORE_PROPORTIONAL;
    if ((err = read_entries(l->a, &in->prompts, &out->prompts)) ||
        (err = read_entries(l->a, &in->options, &out->options)))
        return err;
    read_key(l, &in->key, out);
    return EA_OK;
}

enum ea_err ea_item_read_order(const struct ea_item_look *l, const void *from, struct ea_item *out)
{
    const struct in_order *in = from;

    out->n = in->entries.n;
    out->scoring = in->scoring.given ? (enum ea_scoring)in->scoring.v : EA_SCORE_PROPORTIONAL;
    return read_entries(l->a, &in->entries, &out->entries);
}

/* ---- settle ---- */

static const char **entry_id(void *list, size_t i)
{
    return &((struct ea_entry *)list)[i].id;
}

static enum ea_err settle_entries(const struct ea_item_look *l, struct ea_entry *v, size_t n, size_t least)
{
    enum ea_err err = EA_OK;

    if (n < least)
        EA_ITEM_FAULT(l, -1, "", "too-short", "at least %zu are needed", least);
    if (n > EA_ITEM_LIST_MAX)
        EA_ITEM_FAULT(l, -1, "", "too-long", "at most %d are allowed", EA_ITEM_LIST_MAX);
    for (size_t i = 0; !err && i < n; i++) {
        err = ea_item_tidy(l->a, &v[i].text);
        if (!err && !v[i].text)
            EA_ITEM_FAULT(l, (long)i, "text", "too-short", "the text is empty");
    }
    return err ? err : ea_item_give_ids(l, n, entry_id, v);
}

/* There is nothing that a wrong pair could take away which leaving it out would not. */
static void check_scoring(const struct ea_item_look *l, const struct ea_item *item)
{
    if (item->scoring == EA_SCORE_PROPORTIONAL_WITH_PENALTY)
        ea_faults_add(l->faults, l->a, ea_arena_printf(l->a, "%s/scoring", l->at), "invalid",
                      "items of this kind are scored all_or_nothing or proportional");
}

enum ea_err ea_item_settle_match(const struct ea_item_look *l, struct ea_item *item)
{
    struct ea_item_look options = *l;
    enum ea_err err = settle_entries(l, item->prompts, item->n, 1);

    options.list = "options";
    if (!err)
        err = settle_entries(&options, item->options, item->options_n, 2);
    check_scoring(l, item);
    for (size_t i = 0; !err && i < item->n; i++) {
        const struct ea_entry *prompt = &item->prompts[i];
        const char *at = ea_arena_printf(l->a, "%s/key/%s", l->at, prompt->id);
        if (!prompt->option)
            ea_faults_add(l->faults, l->a, at, "required", "the key says nothing about this prompt");
        else if (!entry_of(item->options, item->options_n, prompt->option))
            ea_faults_add(l->faults, l->a, at, "unknown", "there is no option with this id");
    }
    return err;
}

enum ea_err ea_item_settle_order(const struct ea_item_look *l, struct ea_item *item)
{
    check_scoring(l, item);
    return settle_entries(l, item->entries, item->n, 2);
}

/* ---- write ---- */

static void write_entries(struct ea_jw *w, const char *key, const struct ea_entry *v, size_t n)
{
    ea_jw_key(w, key);
    ea_jw_arr(w);
    for (size_t i = 0; i < n; i++) {
        ea_jw_obj(w);
        ea_jw_kstr(w, "id", v[i].id);
        ea_jw_kstr(w, "text", v[i].text);
        ea_item_write_str(w, "html", v[i].html);
        ea_jw_end(w);
    }
    ea_jw_end(w);
}

void ea_item_write_match(const struct ea_item *item, struct ea_jw *w)
{
    write_entries(w, "prompts", item->prompts, item->n);
    write_entries(w, "options", item->options, item->options_n);
    ea_jw_key(w, "key");
    ea_jw_obj(w);
    for (size_t i = 0; i < item->n; i++)
        ea_jw_kstr(w, item->prompts[i].id, item->prompts[i].option);
    ea_jw_end(w);
    ea_jw_kbool(w, "shuffle", item->shuffle);
    ea_jw_kstr(w, "scoring", ea_scorings[item->scoring]);
}

void ea_item_write_order(const struct ea_item *item, struct ea_jw *w)
{
    write_entries(w, "entries", item->entries, item->n);
    ea_jw_kstr(w, "scoring", ea_scorings[item->scoring]);
}
