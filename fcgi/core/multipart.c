#include "fcgi/core/multipart.h"

#include "lib/json.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BOUNDARY_MAX 70 /* RFC 2046, 5.1.1 */
#define HEADERS_MAX  8192
#define NAME_MAX_    255

enum state {
    PREAMBLE,  /* before the first delimiter */
    DELIMITED, /* a delimiter was read: CRLF or the closing "--" comes */
    CLOSING,   /* one '-' of the two */
    LINE_END,  /* CR of that CRLF was read */
    HEADERS,
    BODY,
    EPILOGUE,
    STATE__MAX
};

struct ea_multipart {
    const struct ea_multipart_ops *ops;
    void *arg;
    enum state state;
    enum ea_err failed; /* sticky */
    size_t parts, max_parts;
    size_t matched; /* bytes of the delimiter seen so far; as data they are still to be handed on */
    size_t delimiter_len;
    char delimiter[4 + BOUNDARY_MAX + 1]; /* CRLF "--" boundary */
    size_t headers_len;
    char headers[HEADERS_MAX + 1];
};

/* --- the Content-Type header -------------------------------------------------------------------------------------------------- */

/* Past the value of a parameter, which is copied to out without quotes. NULL: no value, or too long. */
static const char *take_value(const char *p, char *out, size_t size)
{
    size_t n = 0;
    bool quoted = *p == '"';
    const char *stop = quoted ? "\"" : "; \t";
    for (p += quoted; *p != '\0' && strchr(stop, *p) == NULL; p++) {
        if (quoted && p[0] == '\\' &&
            p[1] == '"') /* other backslashes are what they are: browsers do not escape them */
            p++;
        if (n + 1 == size)
            return NULL;
        out[n++] = *p;
    }
    out[n] = '\0';
    if (!quoted)
        return p;
    return *p == '"' ? p + 1 : NULL;
}

/* Looks for `; name=value` in a header's parameters. False: not there, or not well-formed up to there. */
static bool find_param(const char *p, const char *name, char *out, size_t size)
{
    size_t n = strlen(name);
    while ((p = strchr(p, ';')) != NULL) {
        p += 1 + strspn(p + 1, " \t");
        size_t len = strcspn(p, "=; \t");
        if (p[len] != '=')
            continue;
        bool found = len == n && strncasecmp(p, name, n) == 0;
        p = take_value(p + len + 1, out, size);
        if (found || p == NULL)
            return found && p != NULL;
    }
    return false;
}

static bool is_boundary(const char *s)
{
    static const char extra[] = "'()+_,-./:=? ";
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)s[i]) && strchr(extra, s[i]) == NULL)
            return false;
    }
    return n >= 1 && n <= BOUNDARY_MAX && s[n - 1] != ' ';
}

enum ea_err ea_multipart_new(const char *content_type_header, size_t max_parts,
                             const struct ea_multipart_ops *ops, void *arg, struct ea_multipart **out)
{
    static const char type[] = "multipart/form-data";
    char boundary[BOUNDARY_MAX + 2];
    *out = NULL;
    if (content_type_header == NULL || strncasecmp(content_type_header, type, sizeof type - 1) != 0 ||
        strchr("; \t", content_type_header[sizeof type - 1]) == NULL)
        return EA_EMEDIA;
    if (!find_param(content_type_header, "boundary", boundary, sizeof boundary) || !is_boundary(boundary))
        return EA_EMEDIA;
    struct ea_multipart *m = calloc(1, sizeof *m);
    if (m == NULL)
        return EA_ENOMEM;
    m->ops = ops;
    m->arg = arg;
    m->max_parts = max_parts;
    stpcpy(stpcpy(m->delimiter, "\r\n--"), boundary);
    m->delimiter_len = strlen(m->delimiter);
    m->matched = 2; /* the body's beginning stands for a line's */
    *out = m;
    return EA_OK;
}

void ea_multipart_free(struct ea_multipart *m)
{
    free(m);
}

/* --- a part's headers --------------------------------------------------------------------------------------------------------- */

/* The last component, for paths of either kind, without what could harm a reader's terminal or ours. */
static void clean_filename(char *s)
{
    char *base = s, *to = s;
    for (char *p = s; *p != '\0'; p++) {
        if (*p == '/' || *p == '\\')
            base = p + 1;
    }
    bool utf8 = ea_utf8_valid(base, strlen(base));
    for (char *p = base; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c >= 0x80 && !utf8)
            *to++ = '_';
        else if (c >= 0x20 && c != 0x7f)
            *to++ = *p;
    }
    *to = '\0';
    if (strcmp(s, ".") == 0 || strcmp(s, "..") == 0)
        memset(s, '_', strlen(s));
}

/* The value of a header in the block of lines, which becomes a string of its own. NULL: absent. */
static char *take_header(char *lines, const char *name)
{
    size_t n = strlen(name);
    for (char *p = lines; *p != '\0';) {
        char *end = strstr(p, "\r\n");
        if (strncasecmp(p, name, n) == 0 && p[n] == ':') {
            *end = '\0';
            return p + n + 1 + strspn(p + n + 1, " \t");
        }
        p = end + 2;
    }
    return NULL;
}

/* Every line is `name: value` CRLF; none continues another. */
static bool are_lines(const char *p, size_t n)
{
    if (memchr(p, '\0', n) != NULL)
        return false;
    while (*p != '\0') {
        const char *end = strstr(p, "\r\n");
        const char *colon = end != NULL ? memchr(p, ':', (size_t)(end - p)) : NULL;
        if (colon == NULL || colon == p || *p == ' ' || *p == '\t')
            return false;
        p = end + 2;
    }
    return true;
}

static enum ea_err begin_part(struct ea_multipart *m)
{
    char name[NAME_MAX_ + 1], filename[NAME_MAX_ * 4 + 1], copy[HEADERS_MAX + 1];
    m->headers[m->headers_len] = '\0';
    if (++m->parts > m->max_parts)
        return EA_ETOOLARGE;
    if (!are_lines(m->headers, m->headers_len))
        return EA_EBADREQUEST;
    memcpy(copy, m->headers, m->headers_len + 1);
    const char *disposition = take_header(m->headers, "Content-Disposition");
    const char *type = take_header(copy, "Content-Type");
    if (disposition == NULL || strncasecmp(disposition, "form-data", 9) != 0 ||
        !find_param(disposition, "name", name, sizeof name) || !ea_utf8_valid(name, strlen(name)))
        return EA_EBADREQUEST;
    bool file = find_param(disposition, "filename", filename, sizeof filename);
    if (file)
        clean_filename(filename);
    m->state = BODY;
    return m->ops->on_part(name, file ? filename : NULL, type != NULL ? type : "text/plain", m->arg);
}

/* --- the states --------------------------------------------------------------------------------------------------------------- */

/* Each takes at least one of n > 0 bytes and says in *used how many. */
typedef enum ea_err step(struct ea_multipart *m, const char *p, size_t n, size_t *used);

static enum ea_err data(struct ea_multipart *m, const char *p, size_t n)
{
    return n > 0 && m->state == BODY ? m->ops->on_data(p, n, m->arg) : EA_OK;
}

static enum ea_err delimiter_found(struct ea_multipart *m)
{
    bool in_part = m->state == BODY;
    m->matched = 0;
    m->state = DELIMITED;
    return in_part ? m->ops->on_part_end(m->arg) : EA_OK;
}

/* Looks for the delimiter. Its CR is its only one, so after a mismatch only the byte at hand can begin it anew. */
static enum ea_err step_search(struct ea_multipart *m, const char *p, size_t n, size_t *used)
{
    if (m->matched == 0) {
        const char *cr = memchr(p, '\r', n);
        *used = cr != NULL ? (size_t)(cr - p) + 1 : n;
        m->matched = cr != NULL;
        return data(m, p, *used - m->matched);
    }
    size_t i = 0;
    while (i < n && m->matched < m->delimiter_len && p[i] == m->delimiter[m->matched]) {
        i++;
        m->matched++;
    }
    *used = i;
    if (m->matched == m->delimiter_len)
        return delimiter_found(m);
    if (i == n)
        return EA_OK;
    size_t held = m->matched;
    m->matched = 0;
    return held == 2 && m->state == PREAMBLE ? EA_OK : data(m, m->delimiter, held);
}

static enum ea_err step_delimited(struct ea_multipart *m, const char *p, size_t n, size_t *used)
{
    (void)n;
    *used = 1;
    if (*p == '-')
        m->state = CLOSING;
    else if (*p == '\r')
        m->state = LINE_END;
    else if (*p != ' ' && *p != '\t')
        return EA_EBADREQUEST;
    return EA_OK;
}

static enum ea_err step_closing(struct ea_multipart *m, const char *p, size_t n, size_t *used)
{
    (void)n;
    *used = 1;
    m->state = EPILOGUE;
    return *p == '-' ? EA_OK : EA_EBADREQUEST;
}

static enum ea_err step_line_end(struct ea_multipart *m, const char *p, size_t n, size_t *used)
{
    (void)n;
    *used = 1;
    m->state = HEADERS;
    m->headers_len = 0;
    return *p == '\n' ? EA_OK : EA_EBADREQUEST;
}

/* Up to the empty line, which is not kept. */
static enum ea_err step_headers(struct ea_multipart *m, const char *p, size_t n, size_t *used)
{
    for (*used = 0; *used < n;) {
        if (m->headers_len == HEADERS_MAX)
            return EA_EBADREQUEST;
        m->headers[m->headers_len++] = p[(*used)++];
        const char *h = m->headers;
        size_t len = m->headers_len;
        bool empty_line = len >= 2 && memcmp(h + len - 2, "\r\n", 2) == 0 &&
                          (len == 2 || memcmp(h + len - 4, "\r\n", 2) == 0);
        if (empty_line) {
            m->headers_len -= 2;
            return begin_part(m);
        }
    }
    return EA_OK;
}

static enum ea_err step_epilogue(struct ea_multipart *m, const char *p, size_t n, size_t *used)
{
    (void)m;
    (void)p;
    *used = n;
    return EA_OK;
}

enum ea_err ea_multipart_feed(struct ea_multipart *m, const char *p, size_t n)
{
    static step *const steps[STATE__MAX] = {
        [PREAMBLE] = step_search,   [DELIMITED] = step_delimited, [CLOSING] = step_closing,
        [LINE_END] = step_line_end, [HEADERS] = step_headers,     [BODY] = step_search,
        [EPILOGUE] = step_epilogue,
    };
    while (n > 0 && m->failed == EA_OK) {
        size_t used = 0;
        m->failed = steps[m->state](m, p, n, &used);
        p += used;
        n -= used;
    }
    return m->failed;
}

enum ea_err ea_multipart_end(struct ea_multipart *m)
{
    if (m->failed == EA_OK && m->state != EPILOGUE)
        m->failed = EA_EBADREQUEST;
    return m->failed;
}
