/* Definitions to JSON. */
#include "lib/item_private.h"

#include <inttypes.h>
#include <stdio.h>

static void write_str(struct ea_jw *w, const char *key, const char *s)
{
    if (s)
        ea_jw_kstr(w, key, s);
}

static void write_fraction(struct ea_jw *w, int64_t fraction)
{
    char text[32];
    int64_t size = fraction < 0 ? -fraction : fraction;
    int n = snprintf(text, sizeof text, "%s%" PRId64 ".%07" PRId64, fraction < 0 ? "-" : "",
                     size / EA_FRACTION_ONE, size % EA_FRACTION_ONE);

    while (n > 0 && text[n - 1] == '0')
        n--;
    text[text[n - 1] == '.' ? n - 1 : n] = '\0';
    ea_jw_kraw(w, "fraction", text);
}

static void write_feedback(struct ea_jw *w, const char *text, const char *html)
{
    write_str(w, "feedback", text);
    write_str(w, "feedback_html", html);
    ea_jw_end(w);
}

void ea_item_write_choices(const struct ea_item *item, struct ea_jw *w)
{
    for (size_t i = 0; i < item->n; i++) {
        const struct ea_choice *c = &item->choices[i];
        ea_jw_obj(w);
        ea_jw_kstr(w, "id", c->id);
        ea_jw_kstr(w, "text", c->text);
        write_str(w, "html", c->html);
        ea_jw_kbool(w, "correct", c->correct);
        if (item->weighted)
            write_fraction(w, c->fraction);
        write_feedback(w, c->feedback, c->feedback_html);
    }
    ea_jw_end(w);
    ea_jw_kbool(w, "multiple", item->multiple);
    ea_jw_kstr(w, "scoring", ea_scorings[item->scoring]);
    ea_jw_kbool(w, "shuffle", item->shuffle);
}

void ea_item_write_numeric(const struct ea_item *item, struct ea_jw *w)
{
    char text[EA_EXACT_SIZE];

    for (size_t i = 0; i < item->n; i++) {
        const struct ea_numeric *x = &item->numeric[i];
        ea_jw_obj(w);
        ea_jw_kraw(w, "value", ea_exact_text(&x->value, text));
        ea_jw_kraw(w, "tolerance", ea_exact_text(&x->tolerance, text));
        ea_jw_kbool(w, "relative", x->relative);
        write_str(w, "unit", x->unit);
        write_fraction(w, x->fraction);
        write_feedback(w, x->feedback, x->feedback_html);
    }
    ea_jw_end(w);
}

void ea_item_write_accept(const struct ea_item *item, struct ea_jw *w)
{
    for (size_t i = 0; i < item->n; i++) {
        const struct ea_accept *x = &item->accept[i];
        ea_jw_obj(w);
        ea_jw_kstr(w, x->text ? "text" : "pattern", x->text ? x->text : x->pattern);
        ea_jw_kbool(w, "case_sensitive", x->case_sensitive);
        write_fraction(w, x->fraction);
        write_feedback(w, x->feedback, x->feedback_html);
    }
    ea_jw_end(w);
}
