/* What the files of GIFT share. gift_read.c takes a file apart into blocks, gift_comments.c and gift_answers.c read what is in one; a kind
 * has a file of its own for both ways: how it is read, how it is written, and what of it GIFT cannot say. gift_write.c writes the rest. */
#ifndef EA_QUIZ_GIFT_PRIVATE_H
#define EA_QUIZ_GIFT_PRIVATE_H

#include "fcgi/quiz/gift.h"
#include "fcgi/quiz/markup.h"

/* Bytes in the copy that are no text: a character, a line's end all the same, the further bytes of a character. */
#define GIFT_BLANK   '\x01'
#define GIFT_NEWLINE '\x02'
#define GIFT_REST    '\x03'
#define GIFT_ARROW   "->"

struct gift_span { /* into the copy of the source */
    const char *p, *end;
};

/* A list in a comment, as [ids:a,b]; at NULL: there was none. */
struct gift_names {
    const char *at;
    const char **v;
    size_t n;
};

/* What the comments of a block have said of its answers. */
struct gift_said {
    bool shuffle_given, shuffle, scoring_given, no_weights, case_sensitive;
    enum ea_scoring scoring;
    int64_t min_words, max_words;
    struct gift_names ids, options, order;
};

struct gift_reader {
    struct ea_arena *a;
    struct quiz_gift *out;
    char *copy; /* of the source */
    const char *category;
    /* of the block in hand */
    struct gift_span block;
    size_t line; /* of its beginning */
    bool bad;    /* it has an error: no question comes of it */
    enum quiz_markup format;
    struct gift_said said;
    struct quiz_question q;
    struct gift_span parts[EA_ITEM_LIST_MAX]; /* its answers, each from its mark to the next */
};

/* All that return an enum: EA_OK also when the block has become bad; EA_ENOMEM. */
enum ea_err gift_error(struct gift_reader *r, const char *at, const char *code, const char *fmt, ...) EA_MUST
    EA_PRINTF(4, 5);

/* ---- texts: gift_text.c ---- */

struct gift_span gift_trim(struct gift_span s);
bool gift_is_word(struct gift_span s, const char *word); /* in whatever case */
bool gift_no_text(char c);                               /* one of the bytes above */
const char *gift_find(struct gift_span s,
                      const char *set); /* the first character of the set that has its meaning */
const char *gift_find_text(struct gift_span s, const char *text);
const char *gift_plain(struct gift_reader *r, struct gift_span s); /* without escapes; NULL: no memory */
const char *gift_line(struct gift_reader *r, struct gift_span s);  /* as it stands, on one line; the same */
struct gift_span gift_format(struct gift_span s,
                             enum quiz_markup *format); /* without [plain] and the like in front */
/* As CommonMark, of at most so many bytes. */
enum ea_err gift_markdown(struct gift_reader *r, const char *at, enum quiz_markup format, const char *plain,
                          size_t max, const char **out) EA_MUST;
enum ea_err gift_text(struct gift_reader *r, struct gift_span s, enum quiz_markup format, size_t max,
                      const char **out) EA_MUST;
enum ea_err gift_feedback(struct gift_reader *r, struct gift_span s, size_t max,
                          const char **out) EA_MUST; /* in the question's format; NULL when it is empty */

void gift_put_escaped(struct ea_buf *out, const char *s);
void gift_put_text(struct ea_buf *out, const char *s); /* in the format of the stem, which is Markdown */

/* ---- comments: gift_comments.c ---- */

enum ea_err gift_comments(struct gift_reader *r) EA_MUST; /* takes what they say and blanks them */
/* The names that a comment gives to a list of n, NULL when it gives none; an error when it names more or fewer. */
enum ea_err gift_names_for(struct gift_reader *r, const struct gift_names *said, size_t n,
                           const char *const **out) EA_MUST;
void gift_put_comment(struct ea_buf *out, const struct quiz_question *q);

/* ---- answers: gift_answers.c ---- */

/* One alternative: its mark, weight, text and feedback. */
struct gift_alternative {
    const char *at; /* of its mark */
    bool right;     /* = (or, without any mark, the only one) */
    int64_t fraction;
    struct gift_span text;
    const char *feedback; /* NULL: none */
};

enum ea_err gift_answers(struct gift_reader *r,
                         struct gift_span s) EA_MUST; /* what stands between the braces */
enum ea_err gift_split(struct gift_reader *r, struct gift_span s, size_t *n) EA_MUST; /* into r->parts */
enum ea_err gift_alternative(struct gift_reader *r, struct gift_span s, struct gift_alternative *out) EA_MUST;

void gift_put_decimal(struct ea_buf *out, int64_t v, int64_t one,
                      int decimals); /* v / one, no needless zeros */
void gift_put_weight(struct ea_buf *out, int64_t fraction);
void gift_put_right(struct ea_buf *out, int64_t fraction, const char *text); /* what stands in front of it */
void gift_put_feedback(struct ea_buf *out, const char *s);                   /* and the line's end */

/* ---- kinds: gift_choice.c, gift_numeric.c, gift_short.c, gift_match.c ---- */

enum ea_err gift_choice_read(struct gift_reader *r, struct gift_span s) EA_MUST;
enum ea_err gift_truth_read(struct gift_reader *r, struct gift_span s, bool is_true) EA_MUST;
enum ea_err gift_numeric_read(struct gift_reader *r, struct gift_span s) EA_MUST;
enum ea_err gift_short_read(struct gift_reader *r, struct gift_span s) EA_MUST;
enum ea_err gift_match_read(struct gift_reader *r, struct gift_span s) EA_MUST;

bool gift_is_truth(const struct ea_item *item); /* a choice that {T} makes */
void gift_put_order(struct ea_buf *out,
                    const struct quiz_question *q); /* of a match's options, if the file's is another */

void gift_choice_write(const struct ea_item *item, struct ea_arena *a, struct ea_buf *out);
void gift_numeric_write(const struct ea_item *item, struct ea_arena *a, struct ea_buf *out);
void gift_short_write(const struct ea_item *item, struct ea_arena *a, struct ea_buf *out);
void gift_match_write(const struct ea_item *item, struct ea_arena *a, struct ea_buf *out);

/* *why NULL: all of it can be said. */
enum ea_err gift_numeric_why_not(const struct ea_item *item, struct ea_arena *a, const char **why) EA_MUST;
enum ea_err gift_short_why_not(const struct ea_item *item, struct ea_arena *a, const char **why) EA_MUST;
enum ea_err gift_match_why_not(const struct ea_item *item, struct ea_arena *a, const char **why) EA_MUST;

#endif
