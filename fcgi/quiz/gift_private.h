/* What the two files that read GIFT share. */
#ifndef EA_QUIZ_GIFT_PRIVATE_H
#define EA_QUIZ_GIFT_PRIVATE_H

#include "fcgi/quiz/gift.h"
#include "fcgi/quiz/markup.h"
#include "lib/answer.h"

#define GIFT_BLANK    '\x01' /* in the copy: a byte that is no text … */
#define GIFT_NEWLINE  '\x02' /* … and one that ends a line all the same */
#define GIFT_CATEGORY "$CATEGORY:"

struct gift_span { /* into the copy of the source */
    const char *p, *end;
};

/* What the comments of a block have said. */
struct gift_said {
    bool shuffle_given, shuffle, scoring_given, no_weights, case_sensitive;
    enum ea_scoring scoring;
};

/* One alternative: its mark, weight, text and feedback. */
struct gift_alternative {
    const char *at; /* of its mark */
    bool right;     /* = (or, without any mark, the only one) */
    bool weighted;
    int64_t fraction;
    struct gift_span text, feedback; /* feedback.p NULL: none */
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
    struct gift_alternative alternatives[EA_ITEM_LIST_MAX];
};

/* All that return an enum: EA_OK also when the block has become bad; EA_ENOMEM. */
enum ea_err gift_error(struct gift_reader *r, const char *at, const char *code, const char *fmt, ...) EA_MUST
    EA_PRINTF(4, 5);
struct gift_span gift_trim(struct gift_span s);
bool gift_escaped(const char *p,
                  const char *end); /* at p: a backslash that takes the next character's meaning */
const char *gift_find(struct gift_span s,
                      const char *set); /* the first character of the set that has its meaning */
const char *gift_plain(struct gift_reader *r, struct gift_span s); /* without escapes; NULL: no memory */
struct gift_span gift_skip_format(struct gift_span s);             /* without [plain] and the like in front */
enum ea_err gift_text(struct gift_reader *r, struct gift_span s,
                      const char **out) EA_MUST;          /* as CommonMark */
enum ea_err gift_comments(struct gift_reader *r) EA_MUST; /* takes what they say and blanks them */
enum ea_err gift_answers(struct gift_reader *r,
                         struct gift_span s) EA_MUST; /* what stands between the braces */

#endif
