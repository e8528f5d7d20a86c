#include "lib/item.h"

#include "lib/item_private.h"
#include "lib/md.h"

#include <string.h>

const char *const ea_item_kinds[EA_ITEM__MAX + 1] = {
    [EA_ITEM_CHOICE] = "choice",   [EA_ITEM_NUMERIC] = "numeric", [EA_ITEM_SHORT_TEXT] = "short_text",
    [EA_ITEM_MATCH] = "match",     [EA_ITEM_ORDER] = "order",     [EA_ITEM_CLOZE] = "cloze",
    [EA_ITEM_FORMULA] = "formula", [EA_ITEM_ESSAY] = "essay",
};

const char *const ea_scorings[EA_SCORE__MAX + 1] = {
    [EA_SCORE_ALL_OR_NOTHING] = "all_or_nothing",
    [EA_SCORE_PROPORTIONAL] = "proportional",
    [EA_SCORE_PROPORTIONAL_WITH_PENALTY] = "proportional_with_penalty",
};

const char *ea_item_pointer(const struct ea_item_look *l, long i, const char *member)
{
    if (i < 0)
        return ea_arena_printf(l->a, "%s/%s", l->at, l->list);
    return ea_arena_printf(l->a, "%s/%s/%ld%s%s", l->at, l->list, i, *member ? "/" : "", member);
}

const struct ea_item_kind_ops ea_item_ops[EA_ITEM__MAX] = {
    [EA_ITEM_CHOICE] = { "choices", &ea_item_choice_schema, ea_item_read_choices, ea_item_settle_choices,
                         ea_item_write_choices },
    [EA_ITEM_NUMERIC] = { "answers", &ea_item_numeric_schema, ea_item_read_numeric, ea_item_settle_numeric,
                          ea_item_write_numeric },
    [EA_ITEM_SHORT_TEXT] = { "accept", &ea_item_accept_schema, ea_item_read_accept, ea_item_settle_accept,
                             ea_item_write_accept },
    [EA_ITEM_MATCH] = { "prompts", &ea_item_match_schema, ea_item_read_match, ea_item_settle_match,
                        ea_item_write_match },
    [EA_ITEM_ORDER] = { "entries", &ea_item_order_schema, ea_item_read_order, ea_item_settle_order,
                        ea_item_write_order },
    [EA_ITEM_CLOZE] = { "gaps", &ea_item_cloze_schema, ea_item_read_cloze, ea_item_settle_cloze,
                        ea_item_write_cloze },
    [EA_ITEM_FORMULA] = { "variables", &ea_item_formula_schema, ea_item_read_formula, ea_item_settle_formula,
                          ea_item_write_formula },
    [EA_ITEM_ESSAY] = { "", &ea_item_essay_schema, ea_item_read_essay, ea_item_settle_essay,
                        ea_item_write_essay },
};

bool ea_item_known(enum ea_item_kind kind)
{
    return (unsigned)kind < EA_ITEM__MAX;
}

enum ea_item_kind ea_item_kind_of(const char *name)
{
    for (enum ea_item_kind k = 0; name && k < EA_ITEM__MAX; k++)
        if (strcmp(ea_item_kinds[k], name) == 0)
            return k;
    return EA_ITEM__MAX;
}

static enum ea_err outcome(const struct ea_item_look *l, enum ea_err err)
{
    if (err)
        return err;
    return l->faults->n + l->faults->more > l->before ? EA_EINPUT : EA_OK;
}

static struct ea_item_look look_at(enum ea_item_kind kind, struct ea_arena *a, const char *at,
                                   struct ea_faults *faults)
{
    return (struct ea_item_look){
        .a = a, .faults = faults, .at = at, .list = ea_item_ops[kind].list, .before = faults->n + faults->more
    };
}

enum ea_err ea_item_read(enum ea_item_kind kind, const char *json, size_t n, struct ea_arena *a,
                         const char *at, struct ea_faults *faults, struct ea_item *out)
{
    void *in;
    size_t before = faults->n;

    *out = (struct ea_item){ .kind = kind };
    if (!ea_item_known(kind)) {
        ea_faults_add(faults, a, at, "unsupported", "there is no such kind of items");
        return EA_EINPUT;
    }
    enum ea_err err = ea_schema_text(ea_item_ops[kind].schema, json, n, a, &in, faults);
    if (err == EA_EINPUT)
        err = ea_faults_below(faults, before, a, at) ? EA_ENOMEM : EA_EINPUT;
    if (err)
        return err;
    struct ea_item_look l = look_at(kind, a, at, faults);
    err = outcome(&l, ea_item_ops[kind].read(&l, in, out));
    return err ? err : ea_item_settle(out, a, at, faults);
}

enum ea_err ea_item_settle(struct ea_item *item, struct ea_arena *a, const char *at, struct ea_faults *faults)
{
    struct ea_item_look l = look_at(item->kind, a, at, faults);

    if (item->n > EA_ITEM_LIST_MAX)
        EA_ITEM_FAULT(&l, -1, "", "too-long", "at most %d are allowed", EA_ITEM_LIST_MAX);
    return outcome(&l, ea_item_ops[item->kind].settle(&l, item));
}

static enum ea_err render(struct ea_arena *a, const char *text, const char **html)
{
    struct ea_buf out = { 0 };
    enum ea_err err = EA_OK;

    if (!text)
        return EA_OK;
    err = ea_md_html(text, strlen(text), &out);
    if (!err) {
        *html = ea_arena_ndup(a, out.p ? out.p : "", out.len);
        err = *html ? EA_OK : EA_ENOMEM;
    }
    ea_buf_free(&out);
    return err;
}

static enum ea_err render_entries(struct ea_arena *a, struct ea_entry *v, size_t n)
{
    enum ea_err err = EA_OK;

    for (size_t i = 0; !err && i < n; i++)
        err = render(a, v[i].text, &v[i].html);
    return err;
}

static enum ea_err render_entry(struct ea_item *item, size_t i, struct ea_arena *a)
{
    enum ea_err err;

    switch (item->kind) {
    case EA_ITEM_CHOICE:
        err = render(a, item->choices[i].text, &item->choices[i].html);
        return err ? err : render(a, item->choices[i].feedback, &item->choices[i].feedback_html);
    case EA_ITEM_NUMERIC:
        return render(a, item->numeric[i].feedback, &item->numeric[i].feedback_html);
    case EA_ITEM_SHORT_TEXT:
        return render(a, item->accept[i].feedback, &item->accept[i].feedback_html);
    case EA_ITEM_CLOZE:
        return ea_item_render(&item->gaps[i].item, a); /* a gap's item has no gaps */
    default:
        return EA_OK;
    }
}

enum ea_err ea_item_render(struct ea_item *item, struct ea_arena *a)
{
    enum ea_err err = EA_OK;

    if (item->kind == EA_ITEM_MATCH || item->kind == EA_ITEM_ORDER)
        err = render_entries(a, item->entries, item->n);
    if (!err && item->kind == EA_ITEM_MATCH)
        err = render_entries(a, item->options, item->options_n);
    if (!err && item->kind == EA_ITEM_CLOZE)
        err = render(a, item->text, &item->html);
    for (size_t i = 0; !err && i < item->n; i++)
        err = render_entry(item, i, a);
    return err;
}

void ea_item_write(const struct ea_item *item, struct ea_jw *w)
{
    ea_jw_obj(w);
    ea_item_ops[item->kind].write(item, w);
    ea_jw_end(w);
}
