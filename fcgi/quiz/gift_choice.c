/* Choices: {=right ~wrong ~%50%half}, {~%50%one ~%50%other ~%-100%wrong} and {T}. */
#include "fcgi/quiz/gift_private.h"

#include <string.h>

/* ---- in ---- */

static enum ea_err read_one(struct gift_reader *r, struct gift_span part, struct ea_choice *c, bool *right)
{
    struct gift_alternative x;
    enum ea_err err = gift_alternative(r, part, &x);

    if (err || r->bad)
        return err;
    *right = x.right;
    c->fraction = x.fraction;
    c->correct = x.fraction > 0;
    c->feedback = x.feedback;
    return gift_text(r, x.text, r->format, EA_ITEM_TEXT_MAX, &c->text);
}

/* Without any = several can be right. */
static void take_said(struct gift_reader *r, bool single)
{
    struct ea_item *item = &r->q.item;

    item->multiple = !single;
    item->weighted = !r->said.no_weights;
    item->shuffle = r->said.shuffle_given ? r->said.shuffle : true;
    item->scoring = r->said.scoring_given ? r->said.scoring
                    : single              ? EA_SCORE_ALL_OR_NOTHING
                                          : EA_SCORE_PROPORTIONAL_WITH_PENALTY;
}

enum ea_err gift_choice_read(struct gift_reader *r, struct gift_span s)
{
    struct ea_item *item = &r->q.item;
    const char *const *ids;
    bool single = false, right = false;
    size_t n;
    enum ea_err err = gift_split(r, s, &n);

    if (err || r->bad)
        return err;
    *item = (struct ea_item){ .kind = EA_ITEM_CHOICE, .n = n };
    item->choices = ea_arena_array(r->a, n, sizeof *item->choices);
    if (!item->choices)
        return EA_ENOMEM;
    for (size_t i = 0; !err && !r->bad && i < n; i++) {
        err = read_one(r, r->parts[i], &item->choices[i], &right);
        single |= right;
    }
    if (err || r->bad || (err = gift_names_for(r, &r->said.ids, n, &ids)) || r->bad)
        return err;
    for (size_t i = 0; ids && i < n; i++)
        item->choices[i].id = ids[i];
    take_said(r, single);
    return EA_OK;
}

/* {T#when wrong#when right} */
enum ea_err gift_truth_read(struct gift_reader *r, struct gift_span s, bool is_true)
{
    struct ea_item *item = &r->q.item;
    const char *hash = gift_find(s, "#"), *second = NULL;
    enum ea_err err = EA_OK;

    *item = (struct ea_item){ .kind = EA_ITEM_CHOICE, .n = 2 };
    item->choices = ea_arena_array(r->a, 2, sizeof *item->choices);
    if (!item->choices)
        return EA_ENOMEM;
    item->choices[0] = (struct ea_choice){ .id = "true", .text = "True", .correct = is_true };
    item->choices[1] = (struct ea_choice){ .id = "false", .text = "False", .correct = !is_true };
    struct ea_choice *right = &item->choices[is_true ? 0 : 1], *wrong = &item->choices[is_true ? 1 : 0];
    if (!hash)
        return EA_OK;
    second = gift_find((struct gift_span){ hash + 1, s.end }, "#");
    err = gift_feedback(r, (struct gift_span){ hash + 1, second ? second : s.end }, EA_ITEM_TEXT_MAX,
                        &wrong->feedback);
    if (!err && !r->bad && second)
        err = gift_feedback(r, (struct gift_span){ second + 1, s.end }, EA_ITEM_TEXT_MAX, &right->feedback);
    return err;
}

/* ---- out ---- */

bool gift_is_truth(const struct ea_item *item)
{
    const struct ea_choice *c = item->choices;

    return item->kind == EA_ITEM_CHOICE && item->n == 2 && !item->multiple && !item->weighted &&
           !item->shuffle && c[0].correct != c[1].correct && strcmp(c[0].id, "true") == 0 &&
           strcmp(c[0].text, "True") == 0 && strcmp(c[1].id, "false") == 0 && strcmp(c[1].text, "False") == 0;
}

static void write_truth(const struct ea_item *item, struct ea_buf *out)
{
    const struct ea_choice *right = &item->choices[item->choices[0].correct ? 0 : 1];
    const struct ea_choice *wrong = &item->choices[item->choices[0].correct ? 1 : 0];

    ea_buf_str(out, right == item->choices ? "\tTRUE" : "\tFALSE");
    if (wrong->feedback || right->feedback)
        ea_buf_char(out, '#');
    if (wrong->feedback)
        gift_put_text(out, wrong->feedback);
    gift_put_feedback(out, right->feedback);
}

static int64_t weight_of(const struct ea_item *item, const struct ea_choice *c, int64_t right)
{
    if (item->weighted)
        return c->fraction;
    return !c->correct ? 0 : item->multiple ? EA_FRACTION_ONE / right : EA_FRACTION_ONE;
}

/* One answer is marked with ~ always: with = alone it would be a short answer. */
void gift_choice_write(const struct ea_item *item, struct ea_arena *a, struct ea_buf *out)
{
    int64_t right = 0;
    bool tilde = false;

    (void)a;
    if (gift_is_truth(item)) {
        write_truth(item, out);
        return;
    }
    for (size_t i = 0; i < item->n; i++)
        right += item->choices[i].correct;
    for (size_t i = 0; i < item->n; i++) {
        const struct ea_choice *c = &item->choices[i];
        int64_t weight = weight_of(item, c, right);
        if (!item->multiple && weight == EA_FRACTION_ONE && (tilde || i + 1 < item->n)) {
            gift_put_right(out, weight, c->text);
        } else {
            tilde = true;
            ea_buf_str(out, "\t~");
            if (weight != 0 || *c->text == '%')
                gift_put_weight(out, weight);
        }
        gift_put_text(out, c->text);
        gift_put_feedback(out, c->feedback);
    }
}
