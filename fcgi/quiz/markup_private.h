/* What the two files of markup share: CommonMark in the making. */
#ifndef EA_QUIZ_MARKUP_PRIVATE_H
#define EA_QUIZ_MARKUP_PRIVATE_H

#include "fcgi/quiz/markup.h"

#include <stdbool.h>

#define MARKUP_DEPTH_MAX 8 /* of lists in lists */

struct markup {
    enum quiz_markup from;
    struct ea_buf *out;
    size_t start;                  /* of our output in out */
    bool pre, code;                /* inside <pre>, <code>: characters stand as they are */
    int lists;                     /* depth */
    int numbers[MARKUP_DEPTH_MAX]; /* 0: bullets */
    const char *href;              /* of the link that is open */
    size_t href_n;
};

bool markup_at_line_start(const struct markup *w);
void markup_break(struct markup *w);                                     /* a line break that shows */
void markup_paragraph(struct markup *w);                                 /* ends one, if one has begun */
void markup_character(struct markup *w, const char *p, const char *end); /* that at p, as itself */

/* Text with tags. EA_EINPUT: as quiz_markup_markdown. */
enum ea_err markup_hypertext(struct markup *w, const char *p, const char *end,
                             char bad[QUIZ_TAG_NAME_MAX]) EA_MUST;

#endif
