/* Text of other formats as CommonMark that looks the same. Pure functions over a buffer. */
#ifndef EA_QUIZ_MARKUP_H
#define EA_QUIZ_MARKUP_H

#include "lib/buf.h"
#include "lib/err.h"

#include <stddef.h>

enum quiz_markup {
    QUIZ_MARKDOWN, /* as it is */
    QUIZ_PLAIN,    /* every character stands for itself */
    QUIZ_LOOSE,    /* plain text with some HTML in it; what is no tag that we know stands for itself */
    QUIZ_HTML,     /* a tag that CommonMark has no words for is an error */
    QUIZ_MARKUP__MAX
};

#define QUIZ_TAG_NAME_MAX 16

/* Appends. EA_EINPUT: `bad` is the name of the tag that cannot be put into CommonMark. */
enum ea_err quiz_markup_markdown(enum quiz_markup from, const char *p, size_t n, struct ea_buf *out,
                                 char bad[QUIZ_TAG_NAME_MAX]) EA_MUST;

/* Appends the plain text that QUIZ_PLAIN makes exactly this of. EA_ENOTFOUND: there is none, and nothing is appended. */
enum ea_err quiz_markup_plain(const char *markdown, struct ea_buf *out) EA_MUST;

#endif
