/* Texts: short ones that are compared, and those that a person reads. */
#include "workers/grader/score_private.h"

#include "lib/pattern.h"

#include <string.h>

static enum ea_err fits_text(const struct ea_accept *x, const char *text, struct ea_arena *a, bool *fits,
                             bool *gave_up)
{
    enum ea_pattern_answer answer = EA_PATTERN_NO;
    enum ea_err err;

    const char *wanted = x->text;

    if (x->ignore_accents && !(text = ea_text_plain(a, text)))
        return EA_ENOMEM;
    if (x->ignore_accents && wanted && !(wanted = ea_text_plain(a, wanted)))
        return EA_ENOMEM;
    if (wanted && x->case_sensitive) {
        *fits = strcmp(wanted, text) == 0;
        return EA_OK;
    }
    if (wanted)
        return ea_pattern_same(a, wanted, text, fits);
    err = ea_pattern_match(a, x->pattern, x->case_sensitive, text, &answer);
    *fits = answer == EA_PATTERN_YES;
    *gave_up |= answer == EA_PATTERN_GAVE_UP;
    return err;
}

enum ea_err grader_score_short_text(const struct ea_item *item, const struct ea_answer *answer,
                                    const struct grader_draw *draw, struct ea_arena *a,
                                    struct grader_score *out)
{
    const char *text = ea_text_normal(a, answer->text);
    size_t *matched = ea_arena_array(a, 1, sizeof *matched);
    int64_t best = -1;
    bool fits, gave_up = false;
    enum ea_err err = text && matched ? EA_OK : EA_ENOMEM;

    (void)draw;
    for (size_t i = 0; !err && i < item->n; i++) {
        const struct ea_accept *x = &item->accept[i];
        if (x->fraction <= best)
            continue;
        err = fits_text(x, text, a, &fits, &gave_up);
        if (err || !fits)
            continue;
        best = x->fraction;
        matched[0] = i;
        out->matched = matched;
        out->matched_n = 1;
    }
    if (!err)
        grader_step(out, "raw", best < 0 ? 0 : best,
                    best >= 0    ? "an accepted text"
                    : gave_up    ? "no accepted text; a pattern was given up, it took too many steps"
                    : *text == 0 ? "an empty text"
                                 : "no accepted text");
    return err;
}

static size_t count_words(const char *text)
{
    size_t n = 0;

    for (; *text; n++) {
        text += strcspn(text, " ");
        text += strspn(text, " ");
    }
    return n;
}

/* Left to a person, unless there is nothing to read. */
enum ea_err grader_score_essay(const struct ea_item *item, const struct ea_answer *answer,
                               const struct grader_draw *draw, struct ea_arena *a, struct grader_score *out)
{
    const char *text = ea_text_normal(a, answer->text);
    int64_t words = text ? (int64_t)count_words(text) : 0;

    (void)draw;
    if (!text)
        return EA_ENOMEM;
    out->waits = words > 0;
    out->reading = ea_arena_printf(a, "%lld words", (long long)words);
    grader_step(out, "raw", 0,
                words == 0                                   ? "an empty text"
                : words < item->min_words                    ? "marked by a person; shorter than asked for"
                : item->max_words && words > item->max_words ? "marked by a person; longer than asked for"
                                                             : "marked by a person");
    return out->reading ? EA_OK : EA_ENOMEM;
}
