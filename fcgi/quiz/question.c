#include "fcgi/quiz/question.h"

#include "lib/md.h"

#include <string.h>

static void write_optional(struct ea_jw *w, const char *key, const char *s)
{
    if (s)
        ea_jw_kstr(w, key, s);
}

/* `key` and `key`_html. */
static enum ea_err write_text(struct ea_jw *w, const char *key, const char *html_key, const char *text)
{
    struct ea_buf html = { 0 };
    enum ea_err err = EA_OK;

    if (!text)
        return EA_OK;
    err = ea_md_html(text, strlen(text), &html);
    if (!err && html.failed)
        err = EA_ENOMEM;
    if (!err) {
        ea_jw_kstr(w, key, text);
        ea_jw_kstr(w, html_key, html.p ? html.p : "");
    }
    ea_buf_free(&html);
    return err;
}

enum ea_err quiz_question_write(struct quiz_question *q, struct ea_arena *a, struct ea_jw *w)
{
    enum ea_err err = ea_item_render(&q->item, a);

    if (err)
        return err;
    ea_jw_obj(w);
    write_optional(w, "id", q->id);
    ea_jw_kstr(w, "kind", ea_item_kinds[q->item.kind]);
    write_optional(w, "title", q->title);
    write_optional(w, "category", q->category);
    err = write_text(w, "stem", "stem_html", q->stem);
    if (!err)
        err = write_text(w, "feedback", "feedback_html", q->feedback);
    ea_jw_kint(w, "points", q->points);
    ea_jw_key(w, "tags");
    ea_jw_arr(w);
    for (size_t i = 0; i < q->tags_n; i++)
        ea_jw_str(w, q->tags[i]);
    ea_jw_end(w);
    if (q->difficulty >= 0)
        ea_jw_kint(w, "difficulty", q->difficulty);
    ea_jw_key(w, "definition");
    ea_item_write(&q->item, w);
    ea_jw_end(w);
    return err;
}
