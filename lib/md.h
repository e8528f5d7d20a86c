/* CommonMark to sanitised HTML by libcmark (default safe mode: no raw HTML, no javascript: links). Thread-safe. */
#ifndef EA_MD_H
#define EA_MD_H

#include "lib/buf.h"

#include <stddef.h>

enum ea_err ea_md_html(const char *text, size_t n, struct ea_buf *out) EA_MUST; /* appends */

/* What automatic checks of a document look at. Counts are of text that a reader sees, not of markup. */
struct ea_md_facts {
    size_t words;
    struct ea_md_heading {
        int level;
        const char *text;
    } * headings;
    size_t headings_n;
    const char **links; /* destinations */
    size_t links_n;
    const char *plain; /* the visible text, blocks separated by newlines */
};
struct ea_arena;
enum ea_err ea_md_read(const char *text, size_t n, struct ea_arena *a, struct ea_md_facts *out) EA_MUST;

#endif
