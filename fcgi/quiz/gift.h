/* GIFT, as Moodle documents the format: questions in, questions out. Pure functions over a buffer; everything lives in the arena; no I/O.
 * A bad question is an error with its place and never loses the others. What GIFT has and we have not, or the other way round, is named.
 * What GIFT cannot say, and readers may do without, travels in comments in front of the question, which others skip: // [tag:algebra]
 * [points:2.5] [difficulty:0.3] [shuffle:no] [scoring:proportional] [weights:none] [case:yes] [words:50..100], [ids:a,b] of choices or prompts,
 * [options:a,b] the ids of what prompts are matched with and [order:2,1] which of them, in the order of the file, stands where. */
#ifndef EA_QUIZ_GIFT_H
#define EA_QUIZ_GIFT_H

#include "fcgi/quiz/question.h"

#define QUIZ_GIFT_QUESTIONS_MAX 10000
#define QUIZ_GIFT_BLOCK_MAX                                                                                  \
    (2560 * 1024)                /* bytes of one question: the largest item, every character escaped */
#define QUIZ_GIFT_ERRORS_MAX 500 /* kept; more are only counted */

struct quiz_gift_error {
    size_t line, column; /* from 1; columns are characters */
    const char *code, *detail;
};

struct quiz_gift {
    struct quiz_question *questions;
    size_t *lines; /* where each begins */
    size_t n, cap;
    struct quiz_gift_error *errors;
    size_t errors_n, errors_cap, errors_more;
};

/* EA_OK also when there are errors. EA_EMEDIA: this is no text at all; errors[0] says why. EA_ENOMEM. */
enum ea_err quiz_gift_read(const char *p, size_t n, struct ea_arena *a, struct quiz_gift *out) EA_MUST;

/* *why: why GIFT cannot say this question, in words; NULL: what is written of it is read as the same. EA_ENOMEM. */
enum ea_err quiz_gift_why_not(const struct quiz_question *q, struct ea_arena *a, const char **why) EA_MUST;

/* Appends one question. *category is the one that the file is in so far ("" at its start) and is moved on. A question that GIFT cannot say
 * becomes a comment that names it and the reason. */
void quiz_gift_write(const struct quiz_question *q, const char **category, struct ea_arena *a,
                     struct ea_buf *out);

#endif
