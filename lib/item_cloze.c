/* Cloze items: a text with gaps, each a small item of its own. */
#include "lib/item_private.h"

#include <string.h>

#define WEIGHT_MAX 100

/* A gap's definition is that of an item of its kind, with a weight; the kind is known by its list and may be said. */
struct in_gap {
    struct ea_item_in of;
    struct ea_list choices, answers, accept;
    struct ea_int kind, weight;
};
struct in_cloze {
    struct ea_str text, html;
    struct ea_list gaps;
};

static const char *const gap_kinds[] = { "choice", "numeric", "short_text", NULL }; /* as enum ea_item_kind */

#define GAP(member) offsetof(struct in_gap, member)
#define OF(member)  offsetof(struct in_gap, of.member)
#define LIST(member, entry)                                                                                  \
    {                                                                                                        \
        .name = #member, .type = EA_T_LIST, .offset = GAP(member), .min = 1, .max = EA_ITEM_LIST_MAX,        \
        .sub = &entry                                                                                        \
    }
static const struct ea_field gap_fields[] = {
    { .name = "kind", .type = EA_T_ENUM, .offset = GAP(kind), .values = gap_kinds },
    { .name = "weight", .type = EA_T_INT, .offset = GAP(weight), .min = 1, .max = WEIGHT_MAX },
    LIST(choices, ea_item_choice_entry),
    LIST(answers, ea_item_numeric_entry),
    LIST(accept, ea_item_accept_entry),
    { .name = "multiple", .type = EA_T_BOOL, .offset = OF(multiple) },
    { .name = "shuffle", .type = EA_T_BOOL, .offset = OF(shuffle) },
    { .name = "scoring", .type = EA_T_ENUM, .offset = OF(scoring), .values = ea_scorings },
    { .name = "wrong_unit_share", .type = EA_T_RAW, .offset = OF(wrong_unit), .max = EA_ITEM_NUMBER_MAX },
    { .name = "wrong_figures_share",
      .type = EA_T_RAW,
      .offset = OF(wrong_figures),
      .max = EA_ITEM_NUMBER_MAX },
};
static const struct ea_schema gap_schema = { "gap", sizeof(struct in_gap), gap_fields,
                                             sizeof gap_fields / sizeof *gap_fields };

#define CLOZE(member) offsetof(struct in_cloze, member)
static const struct ea_field cloze_fields[] = {
    { .name = "text",
      .type = EA_T_STR,
      .offset = CLOZE(text),
      .flags = EA_REQUIRED,
      .min = 1,
      .max = EA_ITEM_CLOZE_MAX },
    { .name = "html", .type = EA_T_STR, .offset = CLOZE(html) },
    { .name = "gaps",
      .type = EA_T_MAP,
      .offset = CLOZE(gaps),
      .flags = EA_REQUIRED,
      .min = 1,
      .max = EA_ITEM_GAPS_MAX,
      .item = EA_T_RAW },
};
const struct ea_schema ea_item_cloze_schema = { "cloze item", sizeof(struct in_cloze), cloze_fields,
                                                sizeof cloze_fields / sizeof *cloze_fields };

/* ---- read ---- */

/* Which list was given: the kind. */
static bool gap_kind(const struct ea_item_look *l, struct in_gap *in, enum ea_item_kind *kind)
{
    const struct ea_list lists[] = { in->choices, in->answers, in->accept };
    int given = 0;

    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++)
        if (lists[k].given) {
            *kind = (enum ea_item_kind)k;
            in->of.list = lists[k];
            given++;
        }
    if (given != 1)
        ea_faults_add(l->faults, l->a, l->at, "invalid",
                      "one of these is expected: choices, answers (of numbers), accept (of texts)");
    else if (in->kind.given && in->kind.v != (int64_t)*kind)
        ea_faults_add(l->faults, l->a, ea_arena_printf(l->a, "%s/kind", l->at), "invalid",
                      "the list is that of another kind");
    return given == 1;
}

/* Members that its kind does not have. */
static void refuse_others(const struct ea_item_look *l, const struct ea_item_in *in, enum ea_item_kind kind)
{
    const struct {
        const char *name;
        bool given;
        enum ea_item_kind of;
    } members[] = {
        { "multiple", in->multiple.given, EA_ITEM_CHOICE },
        { "shuffle", in->shuffle.given, EA_ITEM_CHOICE },
        { "scoring", in->scoring.given, EA_ITEM_CHOICE },
        { "wrong_unit_share", in->wrong_unit.given, EA_ITEM_NUMERIC },
        { "wrong_figures_share", in->wrong_figures.given, EA_ITEM_NUMERIC },
    };

    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (members[i].given && members[i].of != kind)
            ea_faults_add(l->faults, l->a, ea_arena_printf(l->a, "%s/%s", l->at, members[i].name), "unknown",
                          "gaps of this kind have no such member");
}

static enum ea_err read_gap(const struct ea_item_look *l, const struct ea_pair *pair, struct ea_gap *out)
{
    struct ea_item_look below = *l;
    size_t before = l->faults->n;
    void *p;

    out->name = pair->name.v;
    below.at = ea_arena_printf(l->a, "%s/gaps/%s", l->at, pair->name.v);
    if (!below.at)
        return EA_ENOMEM;
    enum ea_err err = ea_schema_text(&gap_schema, pair->v.v, pair->v.len, l->a, &p, l->faults);
    if (err == EA_EINPUT)
        return ea_faults_below(l->faults, before, l->a, below.at);
    if (err)
        return err;
    struct in_gap *in = p;
    out->weight = in->weight.given ? in->weight.v : 1;
    if (!gap_kind(&below, in, &out->item.kind))
        return EA_OK;
    refuse_others(&below, &in->of, out->item.kind);
    below.list = ea_item_ops[out->item.kind].list;
    return ea_item_ops[out->item.kind].read(&below, &in->of, &out->item);
}

enum ea_err ea_item_read_cloze(const struct ea_item_look *l, const void *from, struct ea_item *out)
{
    const struct in_cloze *in = from;
    const struct ea_pair *v = in->gaps.items;
    enum ea_err err = EA_OK;

    out->n = in->gaps.n;
    out->text = in->text.v;
    out->gaps = ea_arena_array(l->a, out->n, sizeof *out->gaps);
    if (!out->gaps)
        return EA_ENOMEM;
    for (size_t i = 0; !err && i < out->n; i++)
        err = read_gap(l, &v[i], &out->gaps[i]);
    return err;
}

/* ---- settle ---- */

/* {{name}} from p on; NULL: there is none. */
static const char *next_gap(const char *p, const char **name, size_t *n)
{
    for (p = strstr(p, "{{"); p; p = strstr(p + 1, "{{")) {
        const char *end = strstr(p + 2, "}}");
        if (!end)
            return NULL;
        *name = p + 2;
        *n = (size_t)(end - *name);
        if (!memchr(*name, '{', *n))
            return end + 2;
    }
    return NULL;
}

static size_t gap_of(const struct ea_item *item, const char *name, size_t n)
{
    size_t i = 0;

    while (i < item->n && (strlen(item->gaps[i].name) != n || memcmp(item->gaps[i].name, name, n) != 0))
        i++;
    return i;
}

/* Each gap once in the text, and nothing else in such braces; the gaps in the order of the text. */
static enum ea_err check_text(const struct ea_item_look *l, struct ea_item *item)
{
    const char *at = ea_arena_printf(l->a, "%s/text", l->at), *name;
    struct ea_gap *in_order = ea_arena_array(l->a, item->n, sizeof *in_order);
    bool *seen = ea_arena_array(l->a, item->n, sizeof *seen);
    size_t n, found = 0;

    if (!in_order || !seen)
        return EA_ENOMEM;
    for (const char *p = item->text; (p = next_gap(p, &name, &n));) {
        size_t i = gap_of(item, name, n);
        if (i == item->n) {
            ea_faults_add(l->faults, l->a, at, "unknown", "there is no gap {{%.*s}}", (int)(n < 40 ? n : 40),
                          name);
        } else if (seen[i]) {
            ea_faults_add(l->faults, l->a, at, "duplicate", "{{%s}} is there twice", item->gaps[i].name);
        } else {
            seen[i] = true;
            in_order[found++] = item->gaps[i];
        }
    }
    for (size_t i = 0; i < item->n; i++)
        if (!seen[i])
            ea_faults_add(l->faults, l->a, ea_arena_printf(l->a, "%s/gaps/%s", l->at, item->gaps[i].name),
                          "invalid", "the text has no {{%s}}", item->gaps[i].name);
    if (found == item->n)
        item->gaps = in_order;
    return EA_OK;
}

static enum ea_err settle_gap(const struct ea_item_look *l, struct ea_gap *gap)
{
    const char *at = ea_arena_printf(l->a, "%s/gaps/%s", l->at, gap->name);

    if (!at)
        return EA_ENOMEM;
    /* no _ in front, where it would be emphasis in the text */
    if (!ea_item_is_id(gap->name) || strchr("-_", gap->name[0]))
        ea_faults_add(l->faults, l->a, at, "format",
                      "a gap's name is a letter or digit, then letters, digits, - and _, at most %d in all",
                      EA_ITEM_ID_MAX);
    if (gap->weight < 1 || gap->weight > WEIGHT_MAX)
        ea_faults_add(l->faults, l->a, ea_arena_printf(l->a, "%s/weight", at), "out-of-range", "1 to %d",
                      WEIGHT_MAX);
    enum ea_err err = ea_item_settle(&gap->item, l->a, at, l->faults);
    return err == EA_EINPUT ? EA_OK : err;
}

enum ea_err ea_item_settle_cloze(const struct ea_item_look *l, struct ea_item *item)
{
    enum ea_err err = ea_item_tidy(l->a, &item->text);

    if (item->n < 1 || item->n > EA_ITEM_GAPS_MAX)
        EA_ITEM_FAULT(l, -1, "", "out-of-range", "1 to %d gaps", EA_ITEM_GAPS_MAX);
    if (!err && (!item->text || strlen(item->text) > EA_ITEM_CLOZE_MAX)) {
        ea_faults_add(l->faults, l->a, ea_arena_printf(l->a, "%s/text", l->at), "too-long", "1 to %d bytes",
                      EA_ITEM_CLOZE_MAX);
        return EA_OK;
    }
    for (size_t i = 0; !err && i < item->n; i++)
        err = settle_gap(l, &item->gaps[i]);
    return err ? err : check_text(l, item);
}

/* ---- write ---- */

void ea_item_write_cloze(const struct ea_item *item, struct ea_jw *w)
{
    ea_jw_kstr(w, "text", item->text);
    ea_item_write_str(w, "html", item->html);
    ea_jw_key(w, "gaps");
    ea_jw_obj(w);
    for (size_t i = 0; i < item->n; i++) {
        const struct ea_gap *gap = &item->gaps[i];
        ea_jw_key(w, gap->name);
        ea_jw_obj(w);
        ea_jw_kstr(w, "kind", ea_item_kinds[gap->item.kind]);
        ea_jw_kint(w, "weight", gap->weight);
        ea_item_ops[gap->item.kind].write(&gap->item, w);
        ea_jw_end(w);
    }
    ea_jw_end(w);
}
