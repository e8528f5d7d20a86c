/* Matching: {=prompt -> option =other -> option =-> an option that belongs to none}. As in Moodle the first arrow counts, weights and feedback
 * do not exist, and what is chosen from is plain text, unless it says that it is something else. */
#include "fcgi/quiz/gift_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- in ---- */

/* Options in the order of the file; option_of[i] is that of prompt i. */
struct pairs {
    struct ea_entry *prompts, *options;
    size_t n, options_n;
    size_t option_of[EA_ITEM_LIST_MAX];
};

static size_t add_option(struct pairs *p, const char *text)
{
    for (size_t i = 0; i < p->options_n; i++)
        if (strcmp(p->options[i].text, text) == 0)
            return i;
    p->options[p->options_n].text = text;
    return p->options_n++;
}

static enum ea_err read_pair(struct gift_reader *r, struct gift_span s, struct pairs *p)
{
    const char *arrow = gift_find_text(s, GIFT_ARROW), *hash = gift_find(s, "#"), *text = NULL;
    enum ea_err err;

    if (!arrow)
        return gift_error(r, s.p, "syntax",
                          "the other answers are pairs, so this needs -> between its two parts");
    if (hash)
        return gift_error(
            r, hash, "unsupported",
            "pairs that are matched have no feedback; write \\# for the character itself, or ####");
    struct gift_span prompt = gift_trim((struct gift_span){ s.p + 1, arrow });
    struct gift_span option = gift_trim((struct gift_span){ arrow + strlen(GIFT_ARROW), s.end });
    err = gift_text(r, option, QUIZ_PLAIN, EA_ITEM_TEXT_MAX, &text);
    if (!err && !r->bad && !*text)
        err = gift_error(r, arrow, "required", "write what is chosen after ->");
    if (err || r->bad)
        return err;
    p->option_of[p->n] = add_option(p, text);
    if (prompt.p == prompt.end)
        return EA_OK;
    struct ea_entry *entry = &p->prompts[p->n++];
    err = gift_text(r, prompt, r->format, EA_ITEM_TEXT_MAX, &entry->text);
    if (!err && !r->bad && !*entry->text)
        err = gift_error(r, prompt.p, "required", "nothing is left of this text without its HTML");
    return err;
}

/* The place of each of the file's options in the item: as a comment has it, or as they are. */
static enum ea_err read_places(struct gift_reader *r, size_t n, size_t places[EA_ITEM_LIST_MAX])
{
    const char *const *order;
    bool taken[EA_ITEM_LIST_MAX] = { false };
    enum ea_err err = gift_names_for(r, &r->said.order, n, &order);

    for (size_t i = 0; !err && !r->bad && i < n; i++) {
        size_t number = order ? strtoul(order[i], NULL, 10) - 1 : i;
        if (number >= n || taken[number])
            return gift_error(r, r->said.order.at, "invalid", "each of the numbers 1 to %zu is needed once",
                              n);
        taken[number] = true;
        places[number] = i;
    }
    return err;
}

static enum ea_err give_ids(struct gift_reader *r, const struct gift_names *said, struct ea_entry *v,
                            size_t n)
{
    char nth[EA_ITEM_ID_MAX + 1];
    const char *const *ids;
    enum ea_err err = gift_names_for(r, said, n, &ids);

    for (size_t i = 0; !err && !r->bad && i < n; i++) {
        v[i].id = ids ? ids[i] : ea_arena_dup(r->a, ea_item_nth_id(i, nth));
        err = v[i].id ? EA_OK : EA_ENOMEM;
    }
    return err;
}

static enum ea_err take_pairs(struct gift_reader *r, const struct pairs *p)
{
    struct ea_item *item = &r->q.item;
    size_t places[EA_ITEM_LIST_MAX] = { 0 };
    enum ea_err err = read_places(r, p->options_n, places);

    if (err || r->bad)
        return err;
    *item = (struct ea_item){ .kind = EA_ITEM_MATCH,
                              .n = p->n,
                              .prompts = p->prompts,
                              .options_n = p->options_n,
                              .options = ea_arena_array(r->a, p->options_n, sizeof *p->options),
                              .shuffle = r->said.shuffle_given ? r->said.shuffle : true,
                              .scoring = r->said.scoring_given ? r->said.scoring : EA_SCORE_PROPORTIONAL };
    if (!item->options)
        return EA_ENOMEM;
    for (size_t i = 0; i < p->options_n; i++)
        item->options[places[i]] = p->options[i];
    err = give_ids(r, &r->said.ids, item->prompts, item->n);
    if (!err && !r->bad)
        err = give_ids(r, &r->said.options, item->options, item->options_n);
    for (size_t i = 0; i < p->n; i++)
        item->prompts[i].option = item->options[places[p->option_of[i]]].id;
    return err;
}

enum ea_err gift_match_read(struct gift_reader *r, struct gift_span s)
{
    struct pairs p = { 0 };
    size_t n;
    enum ea_err err = gift_split(r, s, &n);

    if (err || r->bad)
        return err;
    p.prompts = ea_arena_array(r->a, n, sizeof *p.prompts);
    p.options = ea_arena_array(r->a, n, sizeof *p.options);
    if (!p.prompts || !p.options)
        return EA_ENOMEM;
    for (size_t i = 0; !err && !r->bad && i < n; i++)
        err = read_pair(r, r->parts[i], &p);
    if (err || r->bad)
        return err;
    if (p.n == 0)
        return gift_error(r, s.p, "required", "one pair at least needs a text in front of ->");
    if (p.options_n < 2)
        return gift_error(r, s.p, "too-short", "there must be two different texts after -> to choose from");
    return take_pairs(r, &p);
}

/* ---- out ---- */

static size_t place_of(const struct ea_item *item, const char *id)
{
    size_t i = 0;

    while (i < item->options_n && strcmp(item->options[i].id, id) != 0)
        i++;
    return i;
}

/* The place in item->options of each option in the order of the file: as the prompts name them, then those that belong to none.
 * Returns the number of the former. */
static size_t file_order(const struct ea_item *item, size_t places[EA_ITEM_LIST_MAX])
{
    bool named[EA_ITEM_LIST_MAX] = { false };
    size_t n = 0, with_prompts;

    for (size_t i = 0; i < item->n; i++) {
        size_t place = place_of(item, item->prompts[i].option);
        if (!named[place])
            places[n++] = place;
        named[place] = true;
    }
    with_prompts = n;
    for (size_t i = 0; i < item->options_n; i++)
        if (!named[i])
            places[n++] = i;
    return with_prompts;
}

void gift_put_order(struct ea_buf *out, const struct quiz_question *q)
{
    const struct ea_item *item = &q->item;
    size_t places[EA_ITEM_LIST_MAX] = { 0 }, number[EA_ITEM_LIST_MAX] = { 0 };
    bool same = true;

    if (item->kind != EA_ITEM_MATCH)
        return;
    (void)file_order(item, places);
    for (size_t i = 0; i < item->options_n; i++) {
        number[places[i]] = i + 1;
        same &= places[i] == i;
    }
    if (same)
        return;
    ea_buf_str(out, " [order:");
    for (size_t i = 0; i < item->options_n; i++)
        ea_buf_printf(out, "%s%zu", i ? "," : "", number[i]);
    ea_buf_char(out, ']');
}

/* Plain text where it is no more than that, which is all that Moodle has here. */
static void put_option(struct ea_buf *out, const char *text)
{
    struct ea_buf plain = { 0 };
    enum ea_err err = quiz_markup_plain(text, &plain);

    ea_buf_str(out, " -> ");
    if (err == EA_ENOTFOUND)
        ea_buf_str(out, "[markdown]");
    else if (!err && *plain.p == '[')
        ea_buf_str(out, "[plain]");
    gift_put_escaped(out, err ? text : plain.p);
    ea_buf_char(out, '\n');
    out->failed |= err && err != EA_ENOTFOUND;
    ea_buf_free(&plain);
}

void gift_match_write(const struct ea_item *item, struct ea_arena *a, struct ea_buf *out)
{
    size_t places[EA_ITEM_LIST_MAX] = { 0 }, i = file_order(item, places);

    (void)a;
    for (size_t k = 0; k < item->n; k++) {
        ea_buf_str(out, "\t=");
        gift_put_text(out, item->prompts[k].text);
        put_option(out, item->options[place_of(item, item->prompts[k].option)].text);
    }
    for (; i < item->options_n; i++) {
        ea_buf_str(out, "\t=");
        put_option(out, item->options[places[i]].text);
    }
}

enum ea_err gift_match_why_not(const struct ea_item *item, struct ea_arena *a, const char **why)
{
    (void)a;
    *why = NULL;
    for (size_t i = 0; !*why && i < item->n; i++)
        if (strstr(item->prompts[i].text, GIFT_ARROW))
            *why = "GIFT takes the first -> of a pair for the one between its two parts";
    for (size_t i = 0; !*why && i < item->options_n; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(item->options[k].text, item->options[i].text) == 0)
                *why = "GIFT cannot tell options with the same text apart";
    return EA_OK;
}
