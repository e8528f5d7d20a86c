/* Text as people compare it: whatever its case, spacing, typographic quotes and dashes. Pure, thread-safe; results live in the arena. */
#ifndef GRADER_TEXT_H
#define GRADER_TEXT_H

#include "lib/arena.h"

#include <stdbool.h>

char *grader_text_fold(struct ea_arena *a, const char *s) EA_MUST; /* NULL: no memory */

/* Both folded. The phrase stands in the text as whole words: "cell" is not in "cellular", "C++" is in "C++." */
bool grader_text_has(const char *text, const char *phrase);

/* A folded heading without its number: "2.1 results" -> "results". Points into the heading. */
const char *grader_text_unnumbered(const char *heading);

/* The host of a link to the web, folded to lower case; NULL for any other link. */
const char *grader_text_host(struct ea_arena *a, const char *url);
/* The host is this domain or lies below it: "a.example.org" is in "example.org". */
bool grader_text_in_domain(const char *host, const char *domain);

#endif
