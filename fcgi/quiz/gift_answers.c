/* What stands between the braces, and in the comments in front of a question. */
#include "fcgi/quiz/gift_private.h"
#include "lib/decimal.h"
#include "lib/pattern.h"

#include <ctype.h>
#include <string.h>

static bool is_word(struct gift_span s, const char *word)
{
    return (size_t)(s.end - s.p) == strlen(word) && strncasecmp(s.p, word, strlen(word)) == 0;
}

static const char *find_text(struct gift_span s, const char *text)
{
    return s.p < s.end ? memmem(s.p, (size_t)(s.end - s.p), text, strlen(text)) : NULL;
}

/* ---- comments ---- */

static bool is_bracket_escape(const char *p, const char *end)
{
    return *p == '\\' && p + 1 < end && (p[1] == '[' || p[1] == ']' || p[1] == '\\');
}

/* The next [name:value] with \] \[ \\ in the value; other brackets are words. *value NULL: nothing more of the kind. */
static enum ea_err read_attribute(struct gift_reader *r, const char **p, const char *end,
                                  struct gift_span *name, char **value)
{
    const char *open = *p, *colon, *close;

    *value = NULL;
    for (;; open++) {
        open = memchr(open, '[', (size_t)(end - open));
        if (!open)
            return EA_OK;
        for (colon = open + 1; colon < end && isalpha((unsigned char)*colon); colon++)
            ;
        if (colon < end && *colon == ':')
            break;
    }
    for (close = colon + 1; close < end && *close != ']'; close++)
        close += is_bracket_escape(close, end);
    if (close >= end)
        return EA_OK;
    char *to = ea_arena_alloc(r->a, (size_t)(close - colon));
    if (!to)
        return EA_ENOMEM;
    *name = (struct gift_span){ open + 1, colon };
    *value = to;
    for (const char *c = colon + 1; c < close; c++) {
        c += is_bracket_escape(c, end);
        *to++ = *c;
    }
    *p = close + 1;
    return EA_OK;
}

static enum ea_err add_tag(struct gift_reader *r, const char *at, const char *value)
{
    const char *tag = ea_text_normal(r->a, value);
    const char **tags = ea_arena_array(r->a, r->q.tags_n + 1, sizeof *tags);

    if (!tag || !tags)
        return EA_ENOMEM;
    if (r->q.tags_n == QUIZ_TAGS_MAX || strlen(tag) > QUIZ_TAG_MAX)
        return gift_error(r, at, "too-long", "at most %d tags of at most %d bytes", QUIZ_TAGS_MAX,
                          QUIZ_TAG_MAX);
    for (size_t i = 0; i < r->q.tags_n; i++) {
        tags[i] = r->q.tags[i];
        if (strcmp(tags[i], tag) == 0)
            return EA_OK;
    }
    if (*tag)
        tags[r->q.tags_n++] = tag;
    r->q.tags = tags;
    return EA_OK;
}

static enum ea_err add_number(struct gift_reader *r, const char *at, const char *value, int64_t max,
                              int64_t *out)
{
    int64_t v;

    if (ea_decimal_read(value, strlen(value), 3, &v) != EA_DECIMAL_OK || v < 0 || v > max)
        return gift_error(r, at, "format", "a number from 0 to %lld with at most 3 decimals is expected",
                          (long long)max / 1000);
    *out = v;
    return EA_OK;
}

/* What other programs write there is theirs. */
static enum ea_err take_attribute(struct gift_reader *r, struct gift_span name, const char *value)
{
    struct gift_said *said = &r->said;

    if (is_word(name, "tag"))
        return add_tag(r, name.p, value);
    if (is_word(name, "points"))
        return add_number(r, name.p, value, QUIZ_POINTS_MAX, &r->q.points);
    if (is_word(name, "difficulty"))
        return add_number(r, name.p, value, 1000, &r->q.difficulty);
    if (is_word(name, "shuffle")) {
        said->shuffle_given = true;
        said->shuffle = strcmp(value, "no") != 0;
    } else if (is_word(name, "case")) {
        said->case_sensitive = strcmp(value, "yes") == 0;
    } else if (is_word(name, "weights")) {
        said->no_weights = strcmp(value, "none") == 0;
    } else if (is_word(name, "scoring")) {
        for (enum ea_scoring s = 0; s < EA_SCORE__MAX; s++)
            if (strcmp(value, ea_scorings[s]) == 0) {
                said->scoring_given = true;
                said->scoring = s;
            }
    }
    return EA_OK;
}

static enum ea_err take_comment(struct gift_reader *r, const char *p, const char *end)
{
    struct gift_span name;
    char *value;
    enum ea_err err = read_attribute(r, &p, end, &name, &value);

    while (!err && value && !r->bad) {
        err = take_attribute(r, name, value);
        if (!err)
            err = read_attribute(r, &p, end, &name, &value);
    }
    return err;
}

enum ea_err gift_comments(struct gift_reader *r)
{
    enum ea_err err = EA_OK;
    const char *eol;

    for (const char *p = r->block.p; !err && !r->bad && p < r->block.end; p = eol) {
        eol = memchr(p, '\n', (size_t)(r->block.end - p));
        eol = eol ? eol + 1 : r->block.end;
        struct gift_span line = gift_trim((struct gift_span){ p, eol });
        if (line.end - line.p < 2 || line.p[0] != '/' || line.p[1] != '/')
            continue;
        err = take_comment(r, line.p, line.end);
        for (char *c = r->copy + (p - r->copy); c < eol; c++)
            *c = *c == '\n' ? GIFT_NEWLINE : GIFT_BLANK;
    }
    return err;
}

/* ---- alternatives ---- */

/* %50% or %-33.33333% in front of the text. */
static enum ea_err take_weight(struct gift_reader *r, struct gift_alternative *x)
{
    const char *p = x->text.p;

    if (p == x->text.end || *p != '%')
        return EA_OK;
    const char *end = memchr(p + 1, '%', (size_t)(x->text.end - p - 1));
    if (!end || strspn(p + 1, "-.0123456789") < (size_t)(end - p - 1) || end == p + 1)
        return EA_OK; /* a text that begins with % */
    if (ea_decimal_read(p + 1, (size_t)(end - p - 1), 5, &x->fraction) != EA_DECIMAL_OK ||
        x->fraction < -EA_FRACTION_ONE || x->fraction > EA_FRACTION_ONE)
        return gift_error(r, p, "format", "write a weight from %%-100%% to %%100%%, with at most 5 decimals");
    x->weighted = true;
    x->text.p = end + 1;
    return EA_OK;
}

/* From its mark to the next. */
static enum ea_err read_alternative(struct gift_reader *r, struct gift_span s, struct gift_alternative *out)
{
    bool marked = *s.p == '=' || *s.p == '~';

    *out = (struct gift_alternative){ .at = s.p, .right = *s.p != '~' };
    out->fraction = out->right ? EA_FRACTION_ONE : 0;
    s.p += marked;
    const char *hash = gift_find(s, "#");
    out->text = gift_trim((struct gift_span){ s.p, hash ? hash : s.end });
    if (hash)
        out->feedback = gift_trim((struct gift_span){ hash + 1, s.end });
    enum ea_err err = take_weight(r, out);
    out->text = gift_trim(out->text);
    return err;
}

/* Into the reader's own list, which the next question uses again. */
static enum ea_err split(struct gift_reader *r, struct gift_span s, const char *marks,
                         struct gift_alternative **out, size_t *n)
{
    struct gift_alternative *v = r->alternatives;
    enum ea_err err = EA_OK;

    *out = v;
    *n = 0;
    s = gift_trim(s);
    while (!err && !r->bad && s.p < s.end) {
        const char *next = gift_find((struct gift_span){ s.p + 1, s.end }, marks);
        if (*n == EA_ITEM_LIST_MAX)
            return gift_error(r, s.p, "too-many", "a question has at most %d answers", EA_ITEM_LIST_MAX);
        if (*n == 0 && !strchr(marks, *s.p) && next)
            return gift_error(r, s.p, "syntax",
                              "put = before a right answer and ~ before a wrong one; this has neither");
        err = read_alternative(r, (struct gift_span){ s.p, next ? next : s.end }, &v[(*n)++]);
        s.p = next ? next : s.end;
    }
    return err;
}

static enum ea_err take_feedback(struct gift_reader *r, const struct gift_alternative *x, const char **out)
{
    if (!x->feedback.p || x->feedback.p == x->feedback.end)
        return EA_OK;
    return gift_text(r, x->feedback, out);
}

/* ---- kinds ---- */

static enum ea_err read_choice(struct gift_reader *r, const struct gift_alternative *v, size_t n)
{
    struct ea_item *item = &r->q.item;
    bool single = false;
    enum ea_err err = EA_OK;

    *item = (struct ea_item){ .kind = EA_ITEM_CHOICE, .n = n, .shuffle = true, .weighted = true };
    item->choices = ea_arena_array(r->a, n, sizeof *item->choices);
    if (!item->choices)
        return EA_ENOMEM;
    for (size_t i = 0; !err && i < n; i++) {
        single |= v[i].right;
        item->choices[i].fraction = v[i].fraction;
        item->choices[i].correct = v[i].fraction > 0;
        err = gift_text(r, v[i].text, &item->choices[i].text);
        if (!err)
            err = take_feedback(r, &v[i], &item->choices[i].feedback);
    }
    item->multiple = !single;
    item->scoring = item->multiple ? EA_SCORE_PROPORTIONAL_WITH_PENALTY : EA_SCORE_ALL_OR_NOTHING;
    if (r->said.scoring_given)
        item->scoring = r->said.scoring;
    if (r->said.shuffle_given)
        item->shuffle = r->said.shuffle;
    if (r->said.no_weights)
        item->weighted = false;
    return err;
}

/* {T#when wrong#when right} */
static enum ea_err read_true_false(struct gift_reader *r, struct gift_span s, bool is_true)
{
    struct ea_item *item = &r->q.item;
    const char *hash = gift_find(s, "#"), *second = NULL;
    struct gift_span wrong = { 0 }, right = { 0 };
    enum ea_err err = EA_OK;

    *item = (struct ea_item){ .kind = EA_ITEM_CHOICE, .n = 2 };
    item->choices = ea_arena_array(r->a, 2, sizeof *item->choices);
    if (!item->choices)
        return EA_ENOMEM;
    item->choices[0] = (struct ea_choice){ .id = "true", .text = "True", .correct = is_true };
    item->choices[1] = (struct ea_choice){ .id = "false", .text = "False", .correct = !is_true };
    if (!hash)
        return EA_OK;
    second = gift_find((struct gift_span){ hash + 1, s.end }, "#");
    wrong = gift_trim((struct gift_span){ hash + 1, second ? second : s.end });
    if (second)
        right = gift_trim((struct gift_span){ second + 1, s.end });
    if (wrong.p < wrong.end)
        err = gift_text(r, wrong, &item->choices[is_true ? 1 : 0].feedback);
    if (!err && right.p < right.end)
        err = gift_text(r, right, &item->choices[is_true ? 0 : 1].feedback);
    return err;
}

static enum ea_err read_number(struct gift_reader *r, struct gift_span s, struct ea_exact *out)
{
    s = gift_trim(s);
    if (ea_exact_read(s.p, (size_t)(s.end - s.p), out))
        return gift_error(r, s.p, "format",
                          memchr(s.p, ',', (size_t)(s.end - s.p))
                              ? "write the number with a point, not with a comma"
                              : "write a number here, as 3.2, 3.2:0.1 or 3..4");
    return EA_OK;
}

/* 3, 3.1:0.2 or 2..4 */
static enum ea_err read_numeric_answer(struct gift_reader *r, const struct gift_alternative *x,
                                       struct ea_numeric *out)
{
    struct gift_span s = x->text;
    const char *range = find_text(s, ".."), *colon = find_text(s, ":");
    struct ea_exact low, high;
    enum ea_err err;

    *out = (struct ea_numeric){ .fraction = x->fraction };
    if (!x->right || is_word(s, "*"))
        return gift_error(r, x->at, "unsupported",
                          "a numeric item has no answer for any other number; put its feedback after ####");
    if (range) {
        err = read_number(r, (struct gift_span){ s.p, range }, &low);
        if (!err && !r->bad)
            err = read_number(r, (struct gift_span){ range + 2, s.end }, &high);
        if (err || r->bad)
            return err;
        if (ea_exact_cmp(&low, &high) > 0)
            return gift_error(r, s.p, "out-of-range",
                              "write the smaller number first: the range ends before it begins");
        if (ea_exact_sub(&high, &low, &out->tolerance) || ea_exact_half(&out->tolerance, &out->tolerance) ||
            ea_exact_add(&low, &out->tolerance, &out->value))
            return gift_error(r, s.p, "out-of-range", "the range has too many digits");
        return EA_OK;
    }
    err = read_number(r, (struct gift_span){ s.p, colon ? colon : s.end }, &out->value);
    if (!err && !r->bad && colon)
        err = read_number(r, (struct gift_span){ colon + 1, s.end }, &out->tolerance);
    return err;
}

static enum ea_err read_numeric(struct gift_reader *r, struct gift_span s)
{
    struct ea_item *item = &r->q.item;
    struct gift_alternative *v;
    size_t n;

    s.p++; /* # */
    enum ea_err err = split(r, s, "=~", &v, &n);
    if (err || r->bad)
        return err;
    *item = (struct ea_item){ .kind = EA_ITEM_NUMERIC, .n = n };
    item->numeric = ea_arena_array(r->a, n ? n : 1, sizeof *item->numeric);
    if (!item->numeric)
        return EA_ENOMEM;
    if (n == 0)
        return gift_error(r, s.p, "required", "write a number after #, as {#3.2}");
    for (size_t i = 0; !err && !r->bad && i < n; i++) {
        err = read_numeric_answer(r, &v[i], &item->numeric[i]);
        if (!err)
            err = take_feedback(r, &v[i], &item->numeric[i].feedback);
    }
    return err;
}

/* Text in which * is anything and \* the star itself, as a pattern; NULL in *pattern: there is no such star, and *text is it. */
static enum ea_err read_wildcards(struct gift_reader *r, const char *s, const char **text,
                                  const char **pattern)
{
    size_t n = strlen(s);
    char *literal = ea_arena_alloc(r->a, n + 1), *regex = ea_arena_alloc(r->a, 2 * n + 1), *l = literal,
         *x = regex;
    bool wild = false;

    if (!literal || !regex)
        return EA_ENOMEM;
    for (; *s; s++) {
        if (*s == '*') {
            wild = true;
            *x++ = '.';
            *x++ = '*';
            continue;
        }
        if (s[0] == '\\' && s[1] == '*')
            s++;
        *l++ = *s;
        if (ispunct((unsigned char)*s))
            *x++ = '\\';
        *x++ = *s;
    }
    *text = wild ? NULL : literal;
    *pattern = wild ? regex : NULL;
    return EA_OK;
}

static enum ea_err read_short_text(struct gift_reader *r, const struct gift_alternative *v, size_t n)
{
    struct ea_item *item = &r->q.item;
    enum ea_err err = EA_OK;

    *item = (struct ea_item){ .kind = EA_ITEM_SHORT_TEXT, .n = n };
    item->accept = ea_arena_array(r->a, n, sizeof *item->accept);
    if (!item->accept)
        return EA_ENOMEM;
    for (size_t i = 0; !err && !r->bad && i < n; i++) {
        struct ea_accept *x = &item->accept[i];
        *x = (struct ea_accept){ .fraction = v[i].fraction, .case_sensitive = r->said.case_sensitive };
        struct gift_span text = gift_skip_format(v[i].text);
        const char *plain = gift_plain(r, text);
        plain = plain ? ea_text_normal(r->a, plain) : NULL;
        err = plain ? read_wildcards(r, plain, &x->text, &x->pattern) : EA_ENOMEM;
        if (!err)
            err = take_feedback(r, &v[i], &x->feedback);
        if (!err && strlen(plain) > EA_PATTERN_MAX)
            err = gift_error(r, v[i].at, "too-long", "an accepted text has at most %d bytes", EA_PATTERN_MAX);
    }
    return err;
}

/* ---- all ---- */

/* A fault of the settled item as an error at the answer it is about. */
static enum ea_err report(struct gift_reader *r, struct gift_span s, const struct ea_faults *faults)
{
    const struct ea_fault *f = &faults->v[0];
    const char *at = s.p;
    size_t index = 0;

    for (const char *p = strchr(f->pointer + 1, '/'); p && isdigit((unsigned char)p[1]); p = NULL)
        for (p++; isdigit((unsigned char)*p); p++)
            index = index * 10 + (size_t)(*p - '0');
    for (size_t i = 0; i <= index && at; i++)
        at = gift_find((struct gift_span){ at + (i > 0), s.end }, "=~");
    return gift_error(r, at ? at : s.p, f->code, "%s", f->detail);
}

static enum ea_err settle(struct gift_reader *r, struct gift_span s)
{
    struct ea_faults faults = { 0 };
    enum ea_err err = ea_item_settle(&r->q.item, r->a, "", &faults);

    if (err != EA_EINPUT)
        return err;
    return faults.n ? report(r, s, &faults) : EA_ENOMEM;
}

/* The last #### is the item's own feedback. */
static enum ea_err take_general(struct gift_reader *r, struct gift_span *s)
{
    const char *at = NULL;

    for (const char *p = s->p; (p = gift_find((struct gift_span){ p, s->end }, "#")); p++)
        if (s->end - p >= 4 && memcmp(p, "####", 4) == 0)
            at = p;
    if (!at)
        return EA_OK;
    struct gift_span text = gift_trim((struct gift_span){ at + 4, s->end });
    s->end = at;
    if (text.p == text.end)
        return EA_OK;
    if (text.end - text.p > QUIZ_FEEDBACK_MAX)
        return gift_error(r, at, "too-long", "feedback has at most %d bytes", QUIZ_FEEDBACK_MAX);
    return gift_text(r, text, &r->q.feedback);
}

static enum ea_err read_listed(struct gift_reader *r, struct gift_span s)
{
    struct gift_alternative *v;
    size_t n;
    bool choice = gift_find(s, "~") != NULL;
    enum ea_err err;

    if (!choice && gift_find(s, "=") && find_text(s, "->"))
        return gift_error(r, s.p, "unsupported", "items of the kind match are not supported yet");
    err = split(r, s, "=~", &v, &n);
    if (err || r->bad)
        return err;
    return choice ? read_choice(r, v, n) : read_short_text(r, v, n);
}

/* 1 or 0; -1: neither. A single small letter is a short answer: the force is {f}. */
static int truth_of(struct gift_span word)
{
    if (word.end - word.p == 1)
        return *word.p == 'T' ? 1 : *word.p == 'F' ? 0 : -1;
    return is_word(word, "TRUE") ? 1 : is_word(word, "FALSE") ? 0 : -1;
}

enum ea_err gift_answers(struct gift_reader *r, struct gift_span s)
{
    enum ea_err err = take_general(r, &s);

    s = gift_trim(s);
    if (err || r->bad)
        return err;
    if (s.p == s.end)
        return gift_error(r, s.p - 1, "unsupported", "items of the kind essay are not supported yet");
    const char *hash = gift_find(s, "#");
    int truth = truth_of(gift_trim((struct gift_span){ s.p, hash ? hash : s.end }));
    if (*s.p == '#')
        err = read_numeric(r, s);
    else if (truth >= 0)
        err = read_true_false(r, s, truth == 1);
    else
        err = read_listed(r, s);
    return err || r->bad ? err : settle(r, s);
}
