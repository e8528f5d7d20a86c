/* A question of the bank as a plain struct: what items and files of questions have in common. Everything lives in one arena. Pure functions. */
#ifndef EA_QUIZ_QUESTION_H
#define EA_QUIZ_QUESTION_H

#include "lib/item.h"

#define QUIZ_TITLE_MAX    200
#define QUIZ_CATEGORY_MAX 300
#define QUIZ_STEM_MAX     20000
#define QUIZ_FEEDBACK_MAX 8000
#define QUIZ_TAGS_MAX     20
#define QUIZ_TAG_MAX      50
#define QUIZ_POINTS_MAX   1000000 /* thousandths */

struct quiz_question {
    const char *id;               /* NULL: not stored yet */
    const char *title, *category; /* may be NULL */
    const char *stem, *feedback;  /* CommonMark; feedback may be NULL */
    const char *const *tags;
    size_t tags_n;
    int64_t points;     /* thousandths */
    int64_t difficulty; /* thousandths; -1: not known */
    struct ea_item item;
};

/* One JSON object with the members that the statements item_insert and item_revise take; renders the texts to HTML. */
enum ea_err quiz_question_write(struct quiz_question *q, struct ea_arena *a, struct ea_jw *w) EA_MUST;

#endif
