/* Definitions to JSON. */
#include "lib/item_private.h"

#include <inttypes.h>
#include <stdio.h>

void ea_item_write_str(struct ea_jw *w, const char *key, const char *s)
{
    if (s)
        ea_jw_kstr(w, key, s);
}

void ea_item_write_share(struct ea_jw *w, const char *key, int64_t share)
{
    char text[32];
    int64_t size = share < 0 ? -share : share;
    int n = snprintf(text, sizeof text, "%s%" PRId64 ".%07" PRId64, share < 0 ? "-" : "",
                     size / EA_FRACTION_ONE, size % EA_FRACTION_ONE);

    while (n > 0 && text[n - 1] == '0')
        n--;
    text[text[n - 1] == '.' ? n - 1 : n] = '\0';
    ea_jw_kraw(w, key, text);
}

void ea_item_write_exact(struct ea_jw *w, const char *key, const struct ea_exact *x)
{
    char text[EA_EXACT_SIZE];

    ea_jw_kraw(w, key, ea_exact_text(x, text));
}

static void begin(struct ea_jw *w, const char *list)
{
    ea_jw_key(w, list);
    ea_jw_arr(w);
}

static void write_feedback(struct ea_jw *w, const char *text, const char *html)
{
    ea_item_write_str(w, "feedback", text);
    ea_item_write_str(w, "feedback_html", html);
    ea_jw_end(w);
}

void ea_item_write_choices(const struct ea_item *item, struct ea_jw *w)
{
    begin(w, "choices");
    for (size_t i = 0; i < item->n; i++) {
        const struct ea_choice *c = &item->choices[i];
        ea_jw_obj(w);
        ea_jw_kstr(w, "id", c->id);
        ea_jw_kstr(w, "text", c->text);
        ea_item_write_str(w, "html", c->html);
        ea_jw_kbool(w, "correct", c->correct);
        if (item->weighted)
            ea_item_write_share(w, "fraction", c->fraction);
        write_feedback(w, c->feedback, c->feedback_html);
    }
    ea_jw_end(w);
    ea_jw_kbool(w, "multiple", item->multiple);
    ea_jw_kstr(w, "scoring", ea_scorings[item->scoring]);
    ea_jw_kbool(w, "shuffle", item->shuffle);
}

void ea_item_write_numeric(const struct ea_item *item, struct ea_jw *w)
{
    begin(w, "answers");
    for (size_t i = 0; i < item->n; i++) {
        const struct ea_numeric *x = &item->numeric[i];
        ea_jw_obj(w);
        ea_item_write_exact(w, "value", &x->value);
        ea_item_write_exact(w, "tolerance", &x->tolerance);
        ea_jw_kbool(w, "relative", x->relative);
        if (x->figures)
            ea_jw_kint(w, "significant_figures", x->figures);
        ea_item_write_str(w, "unit", x->unit);
        ea_item_write_share(w, "fraction", x->fraction);
        write_feedback(w, x->feedback, x->feedback_html);
    }
    ea_jw_end(w);
    if (item->wrong_unit)
        ea_item_write_share(w, "wrong_unit_share", item->wrong_unit);
    if (item->wrong_figures)
        ea_item_write_share(w, "wrong_figures_share", item->wrong_figures);
}

void ea_item_write_accept(const struct ea_item *item, struct ea_jw *w)
{
    begin(w, "accept");
    for (size_t i = 0; i < item->n; i++) {
        const struct ea_accept *x = &item->accept[i];
        ea_jw_obj(w);
        ea_jw_kstr(w, x->text ? "text" : "pattern", x->text ? x->text : x->pattern);
        ea_jw_kbool(w, "case_sensitive", x->case_sensitive);
        if (x->ignore_accents)
            ea_jw_kbool(w, "ignore_accents", true);
        ea_item_write_share(w, "fraction", x->fraction);
        write_feedback(w, x->feedback, x->feedback_html);
    }
    ea_jw_end(w);
}
