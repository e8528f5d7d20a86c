#include "fcgi/core/resp.h"

#include "fcgi/core/req_private.h"
#include "fcgi/core/route.h"
#include "lib/pg.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CURSOR_MAX   512
#define CURSOR_CHECK 4 /* bytes of a hash before the text */

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 204, "No Content" },
    { 206, "Partial Content" },
    { 304, "Not Modified" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 410, "Gone" },
    { 412, "Precondition Failed" },
    { 413, "Content Too Large" },
    { 415, "Unsupported Media Type" },
    { 422, "Unprocessable Content" },
    { 428, "Precondition Required" },
    { 429, "Too Many Requests" },
    { 500, "Internal Server Error" },
    { 503, "Service Unavailable" },
    { 507, "Insufficient Storage" },
};

static const char *reason_of(int status)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return "Status";
}

/* --- building --------------------------------------------------------------------------------------------------------------- */

void ea_resp_reset(struct ea_req *r)
{
    struct ea_resp *p = &r->resp;
    p->status = 200;
    p->content_type = "application/json";
    ea_buf_reset(&p->body);
    ea_buf_reset(&p->headers);
    ea_jw_init(&p->json, &p->body);
    r->priv->etag = NULL;
}

static bool is_clean(const char *s)
{
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    }
    return true;
}

enum ea_err ea_resp_header(struct ea_req *r, const char *name, const char *value)
{
    if (name[0] == '\0' || strpbrk(name, ": ") != NULL || !is_clean(name) || !is_clean(value))
        return EA_EINTERNAL;
    ea_buf_printf(&r->resp.headers, "%s: %s\r\n", name, value);
    return r->resp.headers.failed ? EA_ENOMEM : EA_OK;
}

static void put_etag(struct ea_req *r, const char *prefix, const char *etag)
{
    r->priv->etag = ea_arena_dup(r->arena, etag);
    ea_buf_printf(&r->resp.headers, "ETag: %s\"%s\"\r\n", prefix, etag);
}

void ea_resp_etag(struct ea_req *r, const char *etag)
{
    put_etag(r, "", etag);
}

void ea_resp_etag_weak(struct ea_req *r, const char *etag)
{
    put_etag(r, "W/", etag);
}

enum ea_err ea_resp_created(struct ea_req *r, const char *location_fmt, ...)
{
    char location[512];
    va_list ap;
    va_start(ap, location_fmt);
    int n = vsnprintf(location, sizeof location, location_fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof location)
        return EA_EINTERNAL;
    r->resp.status = 201;
    return ea_resp_header(r, "Location", location);
}

enum ea_err ea_resp_json(struct ea_req *r, const char *json)
{
    ea_buf_str(&r->resp.body, json);
    return r->resp.body.failed ? EA_ENOMEM : EA_OK;
}

enum ea_err ea_resp_none(struct ea_req *r)
{
    r->resp.status = 204;
    ea_buf_reset(&r->resp.body);
    return EA_OK;
}

/* --- pages ------------------------------------------------------------------------------------------------------------------ */

/* The cursor's text with a check that ties it to the route, so that a mangled one, or one of another list, is told from ours. It is no secret:
 * it only says where in a list to go on, and the list's statement decides what is seen. */
static void cursor_check(const struct ea_req *r, const char *text, unsigned char out[CURSOR_CHECK])
{
    unsigned char hash[crypto_generichash_BYTES];
    crypto_generichash_state st;
    crypto_generichash_init(&st, NULL, 0, sizeof hash);
    crypto_generichash_update(&st, (const unsigned char *)r->route->pattern, strlen(r->route->pattern) + 1);
    crypto_generichash_update(&st, (const unsigned char *)text, strlen(text));
    crypto_generichash_final(&st, hash, sizeof hash);
    memcpy(out, hash, CURSOR_CHECK);
}

static const char *cursor_encode(struct ea_req *r, const char *text)
{
    unsigned char raw[CURSOR_CHECK + CURSOR_MAX + 1];
    size_t n = strlen(text),
           size = sodium_base64_ENCODED_LEN(CURSOR_CHECK + n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *out = n <= CURSOR_MAX ? ea_arena_alloc(r->arena, size) : NULL;
    if (out == NULL)
        return NULL;
    cursor_check(r, text, raw);
    memcpy(raw + CURSOR_CHECK, text, n + 1);
    return sodium_bin2base64(out, size, raw, CURSOR_CHECK + n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static const char *cursor_decode(struct ea_req *r, const char *cursor)
{
    unsigned char raw[CURSOR_CHECK + CURSOR_MAX], check[CURSOR_CHECK];
    size_t n = 0;
    if (sodium_base642bin(raw, sizeof raw, cursor, strlen(cursor), NULL, &n, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        n < CURSOR_CHECK || memchr(raw + CURSOR_CHECK, '\0', n - CURSOR_CHECK) != NULL)
        return NULL;
    char *text = ea_arena_ndup(r->arena, raw + CURSOR_CHECK, n - CURSOR_CHECK);
    if (text == NULL)
        return NULL;
    cursor_check(r, text, check);
    return memcmp(raw, check, CURSOR_CHECK) == 0 ? text : NULL;
}

enum ea_err ea_page_cursor(struct ea_req *r, const char *cursor, const char **out)
{
    *out = "";
    if (cursor == NULL || cursor[0] == '\0')
        return EA_OK;
    const char *text = cursor_decode(r, cursor);
    if (text != NULL) {
        *out = text;
        return EA_OK;
    }
    ea_faults_add(&r->faults, r->arena, "/cursor", "invalid", "This is not a cursor of this list.");
    return EA_EINPUT;
}

/* The request's own address with another cursor */
static enum ea_err link_next(struct ea_req *r, const char *cursor)
{
    struct ea_buf link = { 0 };
    ea_buf_printf(&link, "<%s?", r->priv->raw_path);
    for (const char *p = r->query; *p != '\0'; p += *p == '&') {
        size_t n = strcspn(p, "&");
        if (n > 0 && strncmp(p, "cursor=", 7) != 0) {
            ea_buf_add(&link, p, n);
            ea_buf_char(&link, '&');
        }
        p += n;
    }
    ea_buf_printf(&link, "cursor=%s>; rel=\"next\"", cursor);
    enum ea_err err = link.failed ? EA_ENOMEM : ea_resp_header(r, "Link", link.p);
    ea_buf_free(&link);
    return err;
}

enum ea_err ea_resp_page(struct ea_req *r, const PGresult *res, int64_t limit)
{
    struct ea_jw *w = &r->resp.json;
    int rows = PQntuples(res), shown = rows > limit ? (int)limit : rows;
    const char *next = NULL;
    if (rows > shown && shown > 0) {
        next = cursor_encode(r, ea_pg_str(res, shown - 1, 1));
        enum ea_err err = next != NULL ? link_next(r, next) : EA_ENOMEM;
        if (err != EA_OK)
            return err;
    }
    ea_jw_obj(w);
    ea_jw_key(w, "items");
    ea_jw_arr(w);
    for (int i = 0; i < shown; i++)
        ea_jw_raw(w, ea_pg_str(res, i, 0));
    ea_jw_end(w);
    ea_jw_kstr(w, "next", next);
    ea_jw_end(w);
    return r->resp.body.failed ? EA_ENOMEM : EA_OK;
}

/* --- sending ---------------------------------------------------------------------------------------------------------------- */

/* RFC 9110, 13.1.2: weak comparison against a list */
static bool none_match(const char *list, const char *etag)
{
    size_t n = strlen(etag);
    for (const char *p = list; *p != '\0'; p += *p == ',') {
        p += strspn(p, " \t");
        if (*p == '*')
            return true;
        if (p[0] == 'W' && p[1] == '/')
            p += 2;
        if (*p == '"' && strncmp(p + 1, etag, n) == 0 && p[n + 1] == '"')
            return true;
        if (*p == '"')
            p += 1 + strcspn(p + 1, "\"");
        p += strcspn(p, ",");
    }
    return false;
}

void ea_resp_conditional(struct ea_req *r)
{
    const char *list = ea_req_header(r, "If-None-Match");
    bool read = r->method == EA_GET || r->method == EA_HEAD;
    if (read && r->resp.status == 200 && r->priv->etag != NULL && list != NULL &&
        none_match(list, r->priv->etag)) {
        r->resp.status = 304;
        ea_buf_reset(&r->resp.body);
    }
}

enum ea_err ea_resp_send_head(struct ea_req *r, bool whole)
{
    const struct ea_resp *p = &r->resp;
    bool empty = p->status == 204 || p->status == 304;
    bool read = r->method == EA_GET || r->method == EA_HEAD;
    char lines[256];
    int n = snprintf(lines, sizeof lines, "Status: %d %s\r\n", p->status, reason_of(p->status));
    if (!empty && (p->body.len > 0 || !whole))
        n += snprintf(lines + n, sizeof lines - (size_t)n, "Content-Type: %s\r\n", p->content_type);
    if (!empty && whole)
        n += snprintf(lines + n, sizeof lines - (size_t)n, "Content-Length: %zu\r\n", p->body.len);
    if (read && r->signed_in && (p->status == 200 || p->status == 304))
        n += snprintf(lines + n, sizeof lines - (size_t)n, "Event-Cursor: %" PRId64 "\r\n", r->cursor);
    if (p->retry_after_s > 0)
        n += snprintf(lines + n, sizeof lines - (size_t)n, "Retry-After: %d\r\n", p->retry_after_s);
    if ((size_t)n >= sizeof lines || !is_clean(p->content_type))
        return EA_EINTERNAL;
    enum ea_err err = ea_conn_write(r->conn, lines, (size_t)n);
    if (err == EA_OK && p->headers.len > 0)
        err = ea_conn_write(r->conn, p->headers.p, p->headers.len);
    return err == EA_OK ? ea_conn_write(r->conn, "\r\n", 2) : err;
}

enum ea_err ea_resp_flush(struct ea_req *r)
{
    struct ea_resp *p = &r->resp;
    struct ea_req_private *v = r->priv;
    if (v->began || !(r->route->flags & EA_ROUTE_STREAM) || p->body.failed || p->headers.failed)
        return EA_EINTERNAL; /* nothing may go out before COMMIT */
    enum ea_err err = EA_OK;
    if (!p->streaming)
        err = ea_resp_send_head(r, false);
    p->streaming = true;
    if (err == EA_OK && p->body.len > 0 && r->method != EA_HEAD)
        err = ea_conn_write(r->conn, p->body.p, p->body.len);
    v->bytes_out += p->body.len;
    ea_buf_reset(&p->body);
    if (err == EA_OK)
        err = ea_conn_flush(r->conn);
    return err == EA_OK && ea_conn_gone(r->conn) ? EA_ECLOSED : err;
}
