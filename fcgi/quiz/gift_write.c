/* GIFT out: a question, or why it cannot be one. */
#include "fcgi/quiz/gift_private.h"

#include <string.h>

static const struct {
    const char *never; /* why no item of this kind can be written; NULL: there are questions of this kind */
    enum ea_err (*why_not)(const struct ea_item *item, struct ea_arena *a, const char **why);
    void (*write)(const struct ea_item *item, struct ea_arena *a, struct ea_buf *out);
} kinds[EA_ITEM__MAX] = {
    [EA_ITEM_CHOICE] = { .write = gift_choice_write },
    [EA_ITEM_NUMERIC] = { .why_not = gift_numeric_why_not, .write = gift_numeric_write },
    [EA_ITEM_SHORT_TEXT] = { .why_not = gift_short_why_not, .write = gift_short_write },
    [EA_ITEM_MATCH] = { .why_not = gift_match_why_not, .write = gift_match_write },
    [EA_ITEM_ORDER] = { .never = "GIFT has no questions whose answers are put in order" },
    [EA_ITEM_CLOZE] = { .never = "GIFT has no texts with gaps of their own answers" },
    [EA_ITEM_FORMULA] = { .never = "GIFT has no formulas with variables" },
    [EA_ITEM_ESSAY] = { 0 }, /* there is nothing between its braces */
};

enum ea_err quiz_gift_why_not(const struct quiz_question *q, struct ea_arena *a, const char **why)
{
    *why = kinds[q->item.kind].never;
    return *why || !kinds[q->item.kind].why_not ? EA_OK : kinds[q->item.kind].why_not(&q->item, a, why);
}

/* One line, of whole characters and without attributes, whatever is in the text. */
static void put_left_out(struct ea_buf *out, const struct quiz_question *q, const char *why)
{
    const char *name = q->title ? q->title : q->stem;
    size_t n = strlen(name), max = 100;

    while (n > max && ((unsigned char)name[max] & 0xC0) == 0x80)
        max--;
    ea_buf_printf(out, "// Left out, %s: ", why);
    for (size_t i = 0; i < n && i < max; i++)
        ea_buf_char(out, name[i] == '\n' || name[i] == '[' ? ' ' : name[i]);
    ea_buf_str(out, "\n\n");
}

static void put_category(struct ea_buf *out, const char *category, const char **now)
{
    if (strcmp(category ? category : "", *now) == 0)
        return;
    *now = category ? category : "";
    ea_buf_str(out, "$CATEGORY: $course$/top/");
    ea_buf_str(out, *now); /* Moodle knows no escapes here */
    ea_buf_str(out, "\n\n");
}

static void put_answers(struct ea_buf *out, const struct quiz_question *q, struct ea_arena *a)
{
    ea_buf_str(out, q->item.kind == EA_ITEM_NUMERIC ? " {#\n" : " {\n");
    if (kinds[q->item.kind].write)
        kinds[q->item.kind].write(&q->item, a, out);
    if (q->feedback) {
        ea_buf_str(out, "\t####");
        gift_put_text(out, q->feedback);
        ea_buf_char(out, '\n');
    }
    ea_buf_str(out, "}\n\n");
}

void quiz_gift_write(const struct quiz_question *q, const char **category, struct ea_arena *a,
                     struct ea_buf *out)
{
    const char *why;

    if (quiz_gift_why_not(q, a, &why)) {
        out->failed = true;
        return;
    }
    if (why) {
        put_left_out(out, q, why);
        return;
    }
    put_category(out, q->category, category);
    gift_put_comment(out, q);
    if (q->title) {
        ea_buf_str(out, "::");
        gift_put_escaped(out, q->title);
        ea_buf_str(out, "::");
    }
    ea_buf_str(out, "[markdown]");
    gift_put_escaped(out, q->stem);
    put_answers(out, q, a);
}
