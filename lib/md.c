#include "lib/md.h"

#include "lib/alloc.h"
#include "lib/arena.h"

#include <cmark.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT_MAX   ((size_t)16 << 20)
#define IMAGES_MAX 1000
#define OPTIONS    (CMARK_OPT_DEFAULT | CMARK_OPT_VALIDATE_UTF8) /* never CMARK_OPT_UNSAFE */

/* cmark 0.30.2 walks back over every open image at each "]": among n of them it needs time in n * n (CVE-2023-22486), minutes for a megabyte of
 * "![[]()". Images beyond a number that no honest text has get their bracket escaped, which makes them plain text. Returns how many those are. */
static size_t count_excess_images(const char *text, size_t n)
{
    size_t images = 0;
    for (const char *p = text, *end = text + n; end - p > 1 && (p = memchr(p, '!', (size_t)(end - p) - 1));
         p++)
        images += p[1] == '[';
    return images > IMAGES_MAX ? images - IMAGES_MAX : 0;
}

static char *escape_excess_images(const char *text, size_t n, size_t excess, size_t *out_n)
{
    char *copy = ea_alloc(n + excess + 1), *to = copy;
    size_t images = 0;
    for (size_t i = 0; copy && i < n; i++) {
        *to++ = text[i];
        if (text[i] == '!' && i + 1 < n && text[i + 1] == '[' && ++images > IMAGES_MAX)
            *to++ = '\\';
    }
    *out_n = (size_t)(to - copy);
    return copy;
}

/* The document; NULL: no memory. */
static cmark_node *parse(const char *text, size_t n)
{
    size_t excess = count_excess_images(text, n);
    if (excess == 0)
        return cmark_parse_document(text, n, OPTIONS);
    char *tamed = escape_excess_images(text, n, excess, &n);
    cmark_node *document = tamed ? cmark_parse_document(tamed, n, OPTIONS) : NULL;
    free(tamed);
    return document;
}

/* Where a page may lead; a relative address would mean another place in every page. */
static bool may_lead_to(const char *url)
{
    static const char *const schemes[] = { "http:", "https:", "mailto:" };
    for (size_t i = 0; url && i < sizeof schemes / sizeof *schemes; i++)
        if (strncasecmp(url, schemes[i], strlen(schemes[i])) == 0)
            return true;
    return false;
}

/* Puts a link in the place of an image, its description inside. */
static bool link_instead(cmark_node *image)
{
    cmark_node *link = cmark_node_new(CMARK_NODE_LINK);
    bool ok = link && cmark_node_set_url(link, cmark_node_get_url(image)) && cmark_node_replace(image, link);
    for (cmark_node *child; ok && (child = cmark_node_first_child(image));)
        ok = cmark_node_append_child(link, child);
    if (link && !cmark_node_parent(link))
        cmark_node_free(link);
    if (ok)
        cmark_node_free(image);
    return ok;
}

/* Images are left when all below them has been seen, so replacing one does not disturb the walk. False: no memory. */
static bool tame(cmark_node *document)
{
    bool ok = true;
    cmark_iter *iter = cmark_iter_new(document);
    for (cmark_event_type e; iter && ok && (e = cmark_iter_next(iter)) != CMARK_EVENT_DONE;) {
        cmark_node *node = cmark_iter_get_node(iter);
        cmark_node_type type = cmark_node_get_type(node);
        if (e != CMARK_EVENT_EXIT || (type != CMARK_NODE_LINK && type != CMARK_NODE_IMAGE))
            continue;
        if (!may_lead_to(cmark_node_get_url(node)))
            ok = cmark_node_set_url(node, "");
        if (ok && type == CMARK_NODE_IMAGE)
            ok = link_instead(node);
    }
    if (iter)
        cmark_iter_free(iter);
    return iter && ok;
}

enum ea_err ea_md_html(const char *text, size_t n, struct ea_buf *out)
{
    if (n > TEXT_MAX)
        return EA_ETOOLARGE;
    cmark_node *document = parse(text, n);
    char *html = document && tame(document) ? cmark_render_html(document, OPTIONS) : NULL;
    if (document)
        cmark_node_free(document);
    if (!html)
        return EA_ENOMEM;
    ea_buf_str(out, html);
    free(html);
    return out->failed ? EA_ENOMEM : EA_OK;
}

/* What the walk through a document gathers; copied to the arena at its end. */
struct reader {
    struct ea_arena *a;
    struct ea_md_facts *facts;
    struct ea_buf plain;
    size_t block; /* where the text of the current block begins */
    int images;   /* depth: the text in an image is its description, which a reader does not see */
    size_t headings_cap, links_cap;
    enum ea_err err;
};

/* One more element of an array in the arena, which grows by doubling. */
static void *grow(struct reader *r, void *old, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return old;
    size_t more = *cap ? 2 * *cap : 8;
    char *v = ea_arena_array(r->a, more, size);
    if (!v) {
        r->err = EA_ENOMEM;
        return NULL;
    }
    if (n)
        memcpy(v, old, n * size);
    *cap = more;
    return v;
}

/* The destinations that cmark's safe mode leaves out of the page are no links to a reader. */
static bool is_dangerous(const char *url)
{
    static const char *const schemes[] = { "javascript:", "vbscript:", "file:", "data:" };
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strncasecmp(url, schemes[i], strlen(schemes[i])) == 0)
            return true;
    return false;
}

static void add_link(struct reader *r, const char *url)
{
    struct ea_md_facts *f = r->facts;
    if (!url || !*url || is_dangerous(url))
        return;
    const char **links = grow(r, f->links, f->links_n, &r->links_cap, sizeof *links);
    char *copy = links ? ea_arena_dup(r->a, url) : NULL;
    if (!copy) {
        r->err = EA_ENOMEM;
        return;
    }
    f->links = links;
    links[f->links_n++] = copy;
}

static void add_heading(struct reader *r, int level)
{
    struct ea_md_facts *f = r->facts;
    struct ea_md_heading *v = grow(r, f->headings, f->headings_n, &r->headings_cap, sizeof *v);
    const char *from = r->plain.p ? r->plain.p + r->block : "";
    char *text = v ? ea_arena_ndup(r->a, from, r->plain.len - r->block) : NULL;
    if (!text) {
        r->err = EA_ENOMEM;
        return;
    }
    f->headings = v;
    v[f->headings_n++] = (struct ea_md_heading){ .level = level, .text = text };
}

static void end_block(struct reader *r)
{
    if (r->plain.len > r->block)
        ea_buf_char(&r->plain, '\n');
    r->block = r->plain.len;
}

/* A code block's text ends with a newline of its own. */
static void add_code_block(struct reader *r, const char *code)
{
    size_t n = strlen(code);
    ea_buf_add(&r->plain, code, n && code[n - 1] == '\n' ? n - 1 : n);
    end_block(r);
}

static void enter(struct reader *r, cmark_node *node)
{
    switch (cmark_node_get_type(node)) {
    case CMARK_NODE_TEXT:
    case CMARK_NODE_CODE:
        if (!r->images)
            ea_buf_str(&r->plain, cmark_node_get_literal(node));
        break;
    case CMARK_NODE_SOFTBREAK:
    case CMARK_NODE_LINEBREAK:
        if (!r->images)
            ea_buf_char(&r->plain, ' ');
        break;
    case CMARK_NODE_CODE_BLOCK:
        add_code_block(r, cmark_node_get_literal(node));
        break;
    case CMARK_NODE_LINK:
        add_link(r, cmark_node_get_url(node));
        break;
    case CMARK_NODE_IMAGE:
        r->images++;
        break;
    default: /* raw HTML is not shown */
        break;
    }
}

static void leave(struct reader *r, cmark_node *node)
{
    switch (cmark_node_get_type(node)) {
    case CMARK_NODE_IMAGE:
        r->images--;
        break;
    case CMARK_NODE_HEADING:
        add_heading(r, cmark_node_get_heading_level(node));
        end_block(r);
        break;
    case CMARK_NODE_PARAGRAPH:
        end_block(r);
        break;
    default:
        break;
    }
}

static size_t count_words(const char *s)
{
    static const char space[] = " \t\n\v\f\r";
    size_t words = 0;
    for (s += strspn(s, space); *s; s += strspn(s, space)) {
        words++;
        s += strcspn(s, space);
    }
    return words;
}

enum ea_err ea_md_read(const char *text, size_t n, struct ea_arena *a, struct ea_md_facts *out)
{
    memset(out, 0, sizeof *out);
    if (n > TEXT_MAX)
        return EA_ETOOLARGE;
    struct reader r = { .a = a, .facts = out };
    cmark_node *document = parse(text, n);
    cmark_iter *iter = document ? cmark_iter_new(document) : NULL;
    if (!iter)
        r.err = EA_ENOMEM;
    for (cmark_event_type e; !r.err && (e = cmark_iter_next(iter)) != CMARK_EVENT_DONE;) {
        if (e == CMARK_EVENT_ENTER)
            enter(&r, cmark_iter_get_node(iter));
        else
            leave(&r, cmark_iter_get_node(iter));
    }
    if (iter)
        cmark_iter_free(iter);
    if (document)
        cmark_node_free(document);
    out->plain = r.err || r.plain.failed ? NULL : ea_arena_ndup(a, r.plain.p ? r.plain.p : "", r.plain.len);
    ea_buf_free(&r.plain);
    if (!out->plain)
        return r.err ? r.err : EA_ENOMEM;
    out->words = count_words(out->plain);
    return EA_OK;
}
