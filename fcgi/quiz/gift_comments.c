/* The comments in front of a question: attributes in brackets, in and out. What other programs write there is theirs. */
#include "fcgi/quiz/gift_private.h"
#include "lib/answer.h"
#include "lib/decimal.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- values in ---- */

static enum ea_err read_tag(struct gift_reader *r, const char *at, const char *value)
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

static enum ea_err read_number(struct gift_reader *r, const char *at, const char *value, int64_t max,
                               int64_t *out)
{
    int64_t v;

    if (ea_decimal_read(value, strlen(value), 3, &v) != EA_DECIMAL_OK || v < 0 || v > max)
        return gift_error(r, at, "format",
                          "a number from 0 to %" PRId64 " with at most 3 decimals is expected", max / 1000);
    *out = v;
    return EA_OK;
}

static enum ea_err read_points(struct gift_reader *r, const char *at, const char *value)
{
    return read_number(r, at, value, QUIZ_POINTS_MAX, &r->q.points);
}

static enum ea_err read_difficulty(struct gift_reader *r, const char *at, const char *value)
{
    return read_number(r, at, value, 1000, &r->q.difficulty);
}

static enum ea_err read_shuffle(struct gift_reader *r, const char *at, const char *value)
{
    (void)at;
    r->said.shuffle_given = true;
    r->said.shuffle = strcmp(value, "no") != 0;
    return EA_OK;
}

static enum ea_err read_scoring(struct gift_reader *r, const char *at, const char *value)
{
    for (enum ea_scoring s = 0; s < EA_SCORE__MAX; s++)
        if (strcmp(value, ea_scorings[s]) == 0) {
            r->said.scoring_given = true;
            r->said.scoring = s;
            return EA_OK;
        }
    return gift_error(r, at, "invalid", "there is no such scoring");
}

static enum ea_err read_weights(struct gift_reader *r, const char *at, const char *value)
{
    (void)at;
    r->said.no_weights = strcmp(value, "none") == 0;
    return EA_OK;
}

static enum ea_err read_case(struct gift_reader *r, const char *at, const char *value)
{
    (void)at;
    r->said.case_sensitive = strcmp(value, "yes") == 0;
    return EA_OK;
}

static bool read_bound(const char *p, const char *end, int64_t *out)
{
    *out = 0;
    return p == end || (ea_decimal_read(p, (size_t)(end - p), 0, out) == EA_DECIMAL_OK && *out >= 1 &&
                        *out <= EA_ITEM_WORDS_MAX);
}

/* 50..100, 50.. or ..100 */
static enum ea_err read_words(struct gift_reader *r, const char *at, const char *value)
{
    const char *dots = strstr(value, "..");

    if (!dots || !read_bound(value, dots, &r->said.min_words) ||
        !read_bound(dots + 2, value + strlen(value), &r->said.max_words))
        return gift_error(r, at, "format", "write 50..100, 50.. or ..100, of at most %d words",
                          EA_ITEM_WORDS_MAX);
    return EA_OK;
}

/* a,b,c */
static enum ea_err read_names(struct gift_reader *r, const char *at, const char *value,
                              struct gift_names *out)
{
    size_t n = 1;

    for (const char *p = value; *p; p++)
        n += *p == ',';
    if (n > EA_ITEM_LIST_MAX)
        return gift_error(r, at, "too-many", "at most %d are allowed", EA_ITEM_LIST_MAX);
    *out = (struct gift_names){ .at = at, .v = ea_arena_array(r->a, n, sizeof *out->v) };
    for (const char *p = value; out->v && out->n < n; p = *p ? p + 1 : p) {
        size_t len = strcspn(p, ",");
        const char *name = ea_arena_ndup(r->a, p, len);
        if (!name)
            return EA_ENOMEM;
        out->v[out->n++] = name;
        p += len;
    }
    return out->v ? EA_OK : EA_ENOMEM;
}

static enum ea_err read_ids(struct gift_reader *r, const char *at, const char *value)
{
    return read_names(r, at, value, &r->said.ids);
}

static enum ea_err read_options(struct gift_reader *r, const char *at, const char *value)
{
    return read_names(r, at, value, &r->said.options);
}

static enum ea_err read_order(struct gift_reader *r, const char *at, const char *value)
{
    return read_names(r, at, value, &r->said.order);
}

enum ea_err gift_names_for(struct gift_reader *r, const struct gift_names *said, size_t n,
                           const char *const **out)
{
    *out = said->at ? said->v : NULL;
    if (said->at && said->n != n)
        return gift_error(r, said->at, "invalid", "%zu are named here, but the question has %zu", said->n, n);
    return EA_OK;
}

/* ---- values out: nothing for what import takes to be so without being told ---- */

static void put(struct ea_buf *out, const char *name, const char *value)
{
    ea_buf_printf(out, " [%s:", name);
    for (; *value; value++) {
        if (strchr("[]\\", *value))
            ea_buf_char(out, '\\');
        ea_buf_char(out, *value);
    }
    ea_buf_char(out, ']');
}

static void put_number(struct ea_buf *out, const char *name, int64_t thousandths)
{
    ea_buf_printf(out, " [%s:", name);
    gift_put_decimal(out, thousandths, 1000, 3);
    ea_buf_char(out, ']');
}

static void put_tags(struct ea_buf *out, const struct quiz_question *q)
{
    for (size_t i = 0; i < q->tags_n; i++)
        put(out, "tag", q->tags[i]);
}

static void put_points(struct ea_buf *out, const struct quiz_question *q)
{
    if (q->points != 1000)
        put_number(out, "points", q->points);
}

static void put_difficulty(struct ea_buf *out, const struct quiz_question *q)
{
    if (q->difficulty >= 0)
        put_number(out, "difficulty", q->difficulty);
}

/* Of which something may have to be said: {T} says all. */
static bool is_choice(const struct ea_item *item)
{
    return item->kind == EA_ITEM_CHOICE && !gift_is_truth(item);
}

static void put_shuffle(struct ea_buf *out, const struct quiz_question *q)
{
    if ((is_choice(&q->item) || q->item.kind == EA_ITEM_MATCH) && !q->item.shuffle)
        put(out, "shuffle", "no");
}

static void put_scoring(struct ea_buf *out, const struct quiz_question *q)
{
    const struct ea_item *item = &q->item;

    if ((is_choice(item) && item->multiple && item->scoring != EA_SCORE_PROPORTIONAL_WITH_PENALTY) ||
        (item->kind == EA_ITEM_MATCH && item->scoring != EA_SCORE_PROPORTIONAL))
        put(out, "scoring", ea_scorings[item->scoring]);
}

static void put_weights(struct ea_buf *out, const struct quiz_question *q)
{
    if (is_choice(&q->item) && q->item.multiple && !q->item.weighted)
        put(out, "weights", "none");
}

static void put_case(struct ea_buf *out, const struct quiz_question *q)
{
    if (q->item.kind == EA_ITEM_SHORT_TEXT && q->item.accept[0].case_sensitive)
        put(out, "case", "yes");
}

static void put_words(struct ea_buf *out, const struct quiz_question *q)
{
    const struct ea_item *item = &q->item;

    if (item->kind != EA_ITEM_ESSAY || (!item->min_words && !item->max_words))
        return;
    ea_buf_str(out, " [words:");
    if (item->min_words)
        ea_buf_printf(out, "%" PRId64, item->min_words);
    ea_buf_str(out, "..");
    if (item->max_words)
        ea_buf_printf(out, "%" PRId64, item->max_words);
    ea_buf_char(out, ']');
}

static const char *choice_id(const void *list, size_t i)
{
    return ((const struct ea_choice *)list)[i].id;
}

static const char *entry_id(const void *list, size_t i)
{
    return ((const struct ea_entry *)list)[i].id;
}

/* The ids of a list, unless they are those that it would be given. Ids need no escapes. */
static void put_list(struct ea_buf *out, const char *name, const void *list, size_t n,
                     const char *(*id)(const void *list, size_t i))
{
    char nth[EA_ITEM_ID_MAX + 1];
    bool given = true;

    for (size_t i = 0; i < n; i++)
        given &= strcmp(id(list, i), ea_item_nth_id(i, nth)) == 0;
    if (given)
        return;
    ea_buf_printf(out, " [%s:", name);
    for (size_t i = 0; i < n; i++)
        ea_buf_printf(out, "%s%s", i ? "," : "", id(list, i));
    ea_buf_char(out, ']');
}

static void put_ids(struct ea_buf *out, const struct quiz_question *q)
{
    if (is_choice(&q->item))
        put_list(out, "ids", q->item.choices, q->item.n, choice_id);
    else if (q->item.kind == EA_ITEM_MATCH)
        put_list(out, "ids", q->item.prompts, q->item.n, entry_id);
}

static void put_options(struct ea_buf *out, const struct quiz_question *q)
{
    if (q->item.kind == EA_ITEM_MATCH)
        put_list(out, "options", q->item.options, q->item.options_n, entry_id);
}

/* ---- attributes ---- */

static const struct {
    const char *name;
    enum ea_err (*read)(struct gift_reader *r, const char *at, const char *value);
    void (*put)(struct ea_buf *out, const struct quiz_question *q);
} attributes[] = {
    { "tag", read_tag, put_tags },
    { "points", read_points, put_points },
    { "difficulty", read_difficulty, put_difficulty },
    { "shuffle", read_shuffle, put_shuffle },
    { "scoring", read_scoring, put_scoring },
    { "weights", read_weights, put_weights },
    { "case", read_case, put_case },
    { "words", read_words, put_words },
    { "ids", read_ids, put_ids },
    { "options", read_options, put_options },
    { "order", read_order, gift_put_order },
};
#define ATTRIBUTES (sizeof attributes / sizeof *attributes)

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

static enum ea_err take_attribute(struct gift_reader *r, struct gift_span name, const char *value)
{
    for (size_t i = 0; i < ATTRIBUTES; i++)
        if (gift_is_word(name, attributes[i].name))
            return attributes[i].read(r, name.p, value);
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

static void blank(char *p, const char *end)
{
    for (; p < end; p++)
        *p = *p == '\n' ? GIFT_NEWLINE : ((unsigned char)*p & 0xC0) == 0x80 ? GIFT_REST : GIFT_BLANK;
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
        blank(r->copy + (p - r->copy), eol);
    }
    return err;
}

void gift_put_comment(struct ea_buf *out, const struct quiz_question *q)
{
    size_t before = out->len;

    ea_buf_str(out, "//");
    for (size_t i = 0; i < ATTRIBUTES; i++)
        attributes[i].put(out, q);
    if (out->len > before + 2)
        ea_buf_char(out, '\n');
    else
        ea_buf_cut(out, before);
}
