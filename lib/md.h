/* CommonMark to sanitised HTML by libcmark (safe mode: no raw HTML). Links lead to http, https and mailto only; an image is a link to it, so that a text makes no
 * reader's browser ask anybody for anything. Thread-safe. */
#ifndef EA_MD_H
#define EA_MD_H

#include "lib/buf.h"

#include <stddef.h>

/* Both: bytes that are not UTF-8 become U+FFFD; EA_ETOOLARGE above 16 MiB. */
enum ea_err ea_md_html(const char *text, size_t n, struct ea_buf *out) EA_MUST; /* appends */

/* What automatic checks of a document look at: the text that a reader sees, not markup. Code, inline or in blocks, is seen and counts; raw HTML, images'
 * descriptions and links whose scheme the safe mode drops are not. A word is what stands between white space (ASCII). */
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
