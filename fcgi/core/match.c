#include "fcgi/core/match.h"

#include "lib/id.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/metrics.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENTS_MAX 16
#define VAR_CHARS    64

enum kind { SEG_LITERAL, SEG_UUID, SEG_WORD };

struct segment {
    enum kind kind;
    const char *text; /* literal: points into the pattern */
    size_t len;
};

/* Every status that a reply can have; the last stands for others. */
static const int statuses[] = { 200, 201, 202, 204, 206, 304, 400, 401, 403, 404, 405, 408, 409,
                                410, 412, 413, 415, 422, 428, 429, 499, 500, 503, 507, 0 };
#define STATUSES (sizeof statuses / sizeof *statuses)

struct ea_route_stats {
    const char *pattern, *method;
    struct ea_metric *seconds;
    _Atomic(struct ea_metric *) by_status[STATUSES]; /* made when first needed */
};

struct rule {
    const struct ea_route *route;
    size_t n;
    struct segment seg[SEGMENTS_MAX];
    struct ea_route_stats stats;
};

struct ea_router {
    struct ea_route_stats none; /* requests that match nothing */
    size_t n;
    struct rule rules[];
};

static const char *const method_names[EA_METHOD__MAX] = {
    [EA_GET] = "GET",     [EA_HEAD] = "HEAD",     [EA_POST] = "POST",       [EA_PUT] = "PUT",
    [EA_PATCH] = "PATCH", [EA_DELETE] = "DELETE", [EA_OPTIONS] = "OPTIONS",
};

enum ea_method ea_method_of(const char *name)
{
    for (int m = 0; m < EA_METHOD__MAX; m++) {
        if (strcmp(name, method_names[m]) == 0)
            return (enum ea_method)m;
    }
    return EA_METHOD__MAX;
}

const char *ea_method_name(enum ea_method m)
{
    return m < EA_METHOD__MAX ? method_names[m] : "?";
}

/* --- compiling ------------------------------------------------------------------------------------------------------------ */

static bool ends_with(const char *s, size_t n, const char *tail)
{
    size_t t = strlen(tail);
    return n >= t && memcmp(s + n - t, tail, t) == 0;
}

static bool compile_segment(const char *p, size_t n, struct segment *out)
{
    out->text = p;
    out->len = n;
    if (n == 0 || p[0] != '{') {
        out->kind = SEG_LITERAL;
        return memchr(p, '{', n) == NULL;
    }
    bool uuid = (n == 4 && memcmp(p, "{id}", 4) == 0) || ends_with(p, n, "_id}");
    out->kind = uuid ? SEG_UUID : SEG_WORD;
    return n > 2 && p[n - 1] == '}';
}

static bool compile(const struct ea_route *route, struct rule *out)
{
    size_t vars = 0;
    const char *p = route->pattern;
    out->route = route;
    if (*p != '/')
        return false;
    while (*p == '/') {
        size_t n = strcspn(p + 1, "/");
        if (out->n == SEGMENTS_MAX || !compile_segment(p + 1, n, &out->seg[out->n]))
            return false;
        vars += out->seg[out->n++].kind != SEG_LITERAL;
        p += 1 + n;
    }
    return vars <= EA_REQ_VARS_MAX && route->handler != NULL && route->method < EA_OPTIONS &&
           route->method != EA_HEAD;
}

static size_t count_routes(const struct ea_route *const *tables)
{
    size_t n = 0;
    for (; *tables != NULL; tables++) {
        for (const struct ea_route *route = *tables; route->pattern != NULL; route++)
            n++;
    }
    return n;
}

static void stats_init(struct ea_route_stats *s, const char *pattern, const char *method)
{
    char labels[256];
    s->pattern = pattern;
    s->method = method;
    snprintf(labels, sizeof labels, "route=\"%s\",method=\"%s\"", pattern, method);
    s->seconds = ea_metric_histogram("ea_http_request_seconds",
                                     "From a request's first record to the end of its reply", labels);
}

enum ea_err ea_router_new(const struct ea_route *const *tables, struct ea_router **out)
{
    size_t n = count_routes(tables);
    *out = NULL;
    struct ea_router *rt = calloc(1, sizeof *rt + n * sizeof rt->rules[0]);
    if (rt == NULL)
        return EA_ENOMEM;
    stats_init(&rt->none, "-", "-");
    for (; *tables != NULL; tables++) {
        for (const struct ea_route *route = *tables; route->pattern != NULL; route++) {
            struct rule *rule = &rt->rules[rt->n++];
            if (!compile(route, rule)) {
                ea_log(EA_LOG_ERROR, "a route's pattern is not one", EA_F_STR(ROUTE, route->pattern));
                ea_router_free(rt);
                return EA_EINPUT;
            }
            stats_init(&rule->stats, route->pattern, method_names[route->method]);
        }
    }
    *out = rt;
    return EA_OK;
}

void ea_router_free(struct ea_router *rt)
{
    free(rt);
}

/* --- finding -------------------------------------------------------------------------------------------------------------- */

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place; a NUL, also an escaped one, is no path. */
static bool decode(char *s)
{
    char *to = s;
    for (; *s != '\0'; s++, to++) {
        *to = *s;
        if (*s != '%')
            continue;
        int hi = hex(s[1]), lo = hi < 0 ? -1 : hex(s[2]);
        if (lo < 0 || hi * 16 + lo == 0)
            return false;
        *to = (char)(hi * 16 + lo);
        s += 2;
    }
    *to = '\0';
    return true;
}

/* Splits before decoding, so that %2F stays inside its segment. 0: not a path of ours. */
static size_t split(char *raw, char *segments[SEGMENTS_MAX])
{
    size_t n = 0;
    for (char *p = raw; *p == '/';) {
        if (n == SEGMENTS_MAX)
            return 0;
        *p++ = '\0';
        segments[n++] = p;
        p += strcspn(p, "/");
    }
    return n;
}

static bool is_word(const char *s)
{
    static const char extra[] = "_.:~+-";
    size_t chars = 0;
    for (const unsigned char *p = (const unsigned char *)s; *p != '\0'; p++) {
        if (*p < 0x80 && !isalnum(*p) && strchr(extra, *p) == NULL)
            return false;
        chars += (*p & 0xc0) != 0x80;
    }
    return chars >= 1 && chars <= VAR_CHARS && ea_utf8_valid(s, strlen(s));
}

static bool fits(const struct segment *seg, const char *s)
{
    switch (seg->kind) {
    case SEG_LITERAL:
        return strlen(s) == seg->len && memcmp(s, seg->text, seg->len) == 0;
    case SEG_UUID:
        return ea_id_valid(s);
    default:
        return is_word(s);
    }
}

static bool rule_matches(const struct rule *rule, char *const *segments, size_t n)
{
    if (rule->n != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!fits(&rule->seg[i], segments[i]))
            return false;
    }
    return true;
}

static void take_vars(const struct rule *rule, char *const *segments, struct ea_match *out)
{
    size_t v = 0;
    for (size_t i = 0; i < rule->n; i++) {
        if (rule->seg[i].kind == SEG_UUID) {
            for (char *p = segments[i]; *p != '\0'; p++)
                *p = (char)tolower((unsigned char)*p);
        }
        if (rule->seg[i].kind != SEG_LITERAL)
            out->vars[v++] = segments[i];
    }
}

static const char *allow_text(struct ea_arena *a, unsigned methods)
{
    char text[80] = "";
    if (methods & 1u << EA_GET)
        methods |= 1u << EA_HEAD;
    methods |= 1u << EA_OPTIONS;
    for (int m = 0; m < EA_METHOD__MAX; m++) {
        if (methods & 1u << m) {
            size_t at = strlen(text);
            snprintf(text + at, sizeof text - at, "%s%s", at > 0 ? ", " : "", method_names[m]);
        }
    }
    return ea_arena_dup(a, text);
}

static enum ea_err decode_all(struct ea_arena *a, char **segments, size_t n, struct ea_match *out)
{
    size_t size = 1;
    for (size_t i = 0; i < n; i++) {
        if (!decode(segments[i]))
            return EA_EBADREQUEST;
        size += 1 + strlen(segments[i]);
    }
    char *path = ea_arena_alloc(a, size), *to = path;
    if (path == NULL)
        return EA_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        *to++ = '/';
        to = stpcpy(to, segments[i]);
    }
    out->path = path;
    return EA_OK;
}

enum ea_err ea_router_find(struct ea_router *rt, struct ea_arena *a, enum ea_method m, const char *raw_path,
                           struct ea_match *out)
{
    char *segments[SEGMENTS_MAX], *raw = ea_arena_dup(a, raw_path);
    enum ea_method wanted = m == EA_HEAD ? EA_GET : m;
    unsigned methods = 0;
    if (raw == NULL)
        return EA_ENOMEM;
    size_t n = split(raw, segments);
    enum ea_err err = decode_all(a, segments, n, out);
    for (size_t i = 0; err == EA_OK && i < rt->n; i++) {
        struct rule *rule = &rt->rules[i];
        if (!rule_matches(rule, segments, n))
            continue;
        methods |= 1u << rule->route->method;
        if (rule->route->method == wanted) {
            out->route = rule->route;
            out->stats = &rule->stats;
            take_vars(rule, segments, out);
            return EA_OK;
        }
    }
    if (err != EA_OK || methods == 0)
        return err != EA_OK ? err : EA_ENOTFOUND;
    out->allow = allow_text(a, methods);
    return out->allow != NULL ? EA_EMETHOD : EA_ENOMEM;
}

/* --- counting and printing ------------------------------------------------------------------------------------------------ */

static size_t status_index(int status)
{
    size_t i = 0;
    while (i < STATUSES - 1 && statuses[i] != status)
        i++;
    return i;
}

static struct ea_metric *counter(const struct ea_route_stats *s, size_t i)
{
    char labels[300];
    snprintf(labels, sizeof labels, "route=\"%s\",method=\"%s\",status=\"%d\"", s->pattern, s->method,
             statuses[i]);
    return ea_metric_counter("ea_http_requests_total", "Requests by route, method and status", labels);
}

void ea_router_count(struct ea_router *rt, struct ea_route_stats *stats, int status, int64_t ns)
{
    struct ea_route_stats *s = stats != NULL ? stats : &rt->none;
    size_t i = status_index(status);
    struct ea_metric *m = atomic_load_explicit(&s->by_status[i], memory_order_acquire);
    if (m == NULL) {
        m = counter(s, i);
        atomic_store_explicit(&s->by_status[i], m, memory_order_release);
    }
    ea_metric_add(m, 1);
    ea_metric_observe_ns(s->seconds, ns);
}

static void print_flags(struct ea_jw *w, unsigned flags)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {
        { EA_ROUTE_MATCH, "match" },
        { EA_ROUTE_NO_KEY, "no_key" },
        { EA_ROUTE_STREAM, "stream" },
        { EA_ROUTE_NO_CSRF, "no_csrf" },
        { EA_ROUTE_BODY_OPTIONAL, "body_optional" },
        { EA_ROUTE_TICKET, "ticket" },
    };
    ea_jw_key(w, "flags");
    ea_jw_arr(w);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (flags & names[i].bit)
            ea_jw_str(w, names[i].name);
    }
    ea_jw_end(w);
}

/* The names of the fields that have all of these flags. */
static void print_fields(struct ea_jw *w, const char *key, const struct ea_schema *s, unsigned flags)
{
    ea_jw_key(w, key);
    ea_jw_arr(w);
    for (size_t i = 0; s != NULL && i < s->n; i++) {
        if ((s->fields[i].flags & flags) == flags)
            ea_jw_str(w, s->fields[i].name);
    }
    ea_jw_end(w);
}

static void print_route(const struct ea_route *r, struct ea_buf *out)
{
    static const char *const who[] = {
        [EA_ANYONE] = "anyone", [EA_SIGNED_IN] = "signed_in", [EA_STAFF] = "staff", [EA_ADMIN] = "admin"
    };
    static const char *const body[] = {
        [EA_BODY_NONE] = "none", [EA_BODY_JSON] = "json", [EA_BODY_TEXT] = "text", [EA_BODY_STREAM] = "stream"
    };
    struct ea_jw w;
    ea_jw_init(&w, out);
    ea_jw_obj(&w);
    ea_jw_kstr(&w, "method", ea_method_name(r->method));
    ea_jw_kstr(&w, "path", r->pattern);
    ea_jw_kstr(&w, "who", who[r->who]);
    ea_jw_kstr(&w, "body", body[r->body]);
    print_fields(&w, "members", r->input, 0);
    print_fields(&w, "required", r->input, EA_REQUIRED);
    ea_jw_kstr(&w, "media", r->media);
    ea_jw_kint(&w, "body_max", (int64_t)r->body_max);
    print_fields(&w, "query", r->query, 0);
    print_flags(&w, r->flags);
    ea_jw_end(&w);
    ea_buf_char(out, '\n');
}

void ea_router_print(const struct ea_route *const *tables, struct ea_buf *out)
{
    for (; *tables != NULL; tables++) {
        for (const struct ea_route *route = *tables; route->pattern != NULL; route++)
            print_route(route, out);
    }
}
