#include "fcgi/core/req.h"

#include "fcgi/core/pool.h"
#include "fcgi/core/req_private.h"
#include "fcgi/core/server_private.h"
#include "lib/clock.h"
#include "lib/id.h"
#include "lib/metrics.h"
#include "lib/problem.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct box { /* one allocation of the arena */
    struct ea_req req;
    struct ea_req_private priv;
};

/* --- strings from the connection ------------------------------------------------------------------------------------------ */

static const char *param(const struct ea_req *r, const char *name)
{
    const char *v = ea_conn_param(r->conn, name);
    return v != NULL ? v : "";
}

/* nginx makes the request id, or lets a client's well-formed one through; anything else is not repeated in logs. */
static bool is_request_id(const char *s)
{
    size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-");
    return n >= 8 && n <= 64 && s[n] == '\0';
}

static bool is_hex(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isdigit((unsigned char)s[i]) && (s[i] < 'a' || s[i] > 'f'))
            return false;
    }
    return true;
}

static bool is_zero(const char *s, size_t n)
{
    return strspn(s, "0") >= n;
}

/* W3C Trace Context, 3.2: version-traceid-parentid-flags, neither id all zero */
static bool is_traceparent(const char *s)
{
    if (strlen(s) != 55 || s[2] != '-' || s[35] != '-' || s[52] != '-' || strncmp(s, "ff", 2) == 0)
        return false;
    return is_hex(s, 2) && is_hex(s + 3, 32) && is_hex(s + 36, 16) && is_hex(s + 53, 2) &&
           !is_zero(s + 3, 32) && !is_zero(s + 36, 16);
}

static const char *request_id(struct ea_req *r)
{
    struct ea_id fresh;
    const char *given = param(r, "EA_REQUEST_ID");
    if (is_request_id(given))
        return ea_arena_dup(r->arena, given);
    ea_id_new(&fresh);
    return ea_arena_dup(r->arena, fresh.s);
}

static const char *media_type(struct ea_req *r)
{
    const char *given = param(r, "CONTENT_TYPE");
    size_t n = strcspn(given, "; \t");
    char *type = ea_arena_ndup(r->arena, given, n);
    for (char *p = type; p != NULL && *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    return type;
}

/* The address as the client sent it, so that an escaped slash stays one; without its query. */
static const char *raw_path(struct ea_req *r)
{
    const char *uri = param(r, "REQUEST_URI");
    return ea_arena_ndup(r->arena, uri, strcspn(uri, "?#"));
}

static bool take_strings(struct ea_req *r)
{
    const char *trace = ea_req_header(r, "traceparent");
    r->path = r->priv->raw_path = raw_path(r);
    r->query = ea_arena_dup(r->arena, param(r, "QUERY_STRING"));
    r->request_id = request_id(r);
    r->address = ea_arena_dup(r->arena, param(r, "REMOTE_ADDR"));
    r->content_type = media_type(r);
    if (trace != NULL && is_traceparent(trace)) {
        r->traceparent = ea_arena_dup(r->arena, trace);
        r->priv->trace_id = ea_arena_ndup(r->arena, trace + 3, 32);
    }
    return r->path != NULL && r->query != NULL && r->request_id != NULL && r->address != NULL &&
           r->content_type != NULL;
}

/* --- life ------------------------------------------------------------------------------------------------------------------- */

struct ea_req *ea_req_new(struct ea_worker *w, struct ea_conn *c)
{
    struct ea_arena *a = ea_arena_new();
    struct box *box = a != NULL ? ea_arena_alloc(a, sizeof *box) : NULL;
    if (box == NULL) {
        ea_arena_free(a);
        return NULL;
    }
    struct ea_req *r = &box->req;
    r->priv = &box->priv;
    r->priv->req = r;
    r->arena = a;
    r->conn = c;
    r->server = w->server;
    r->received_ns = c->received_ns;
    ea_metric_add(r->server->requests_open, 1);
    r->method = ea_method_of(param(r, "REQUEST_METHOD"));
    ea_req_attach(r, w);
    ea_resp_reset(r);
    if (take_strings(r))
        return r;
    ea_req_free(r);
    return NULL;
}

void ea_req_free(struct ea_req *r)
{
    struct ea_arena *a = r->arena; /* r lives in it */
    ea_metric_add(r->server->requests_open, -1);
    struct ea_buf body = r->resp.body, headers = r->resp.headers;
    ea_arena_free(a);
    ea_buf_free(&body);
    ea_buf_free(&headers);
}

void ea_req_attach(struct ea_req *r, struct ea_worker *w)
{
    r->pg = w->pg;
    r->redis = w->redis;
}

/* --- for handlers ------------------------------------------------------------------------------------------------------------- */

const char *ea_req_header(const struct ea_req *r, const char *name)
{
    char key[80] = "HTTP_";
    size_t n = strlen(name);
    if (r->conn == NULL || n > sizeof key - 6)
        return NULL;
    for (size_t i = 0; i <= n; i++)
        key[5 + i] = name[i] == '-' ? '_' : (char)toupper((unsigned char)name[i]);
    if (strcmp(key, "HTTP_CONTENT_TYPE") == 0 || strcmp(key, "HTTP_CONTENT_LENGTH") == 0)
        return ea_conn_param(r->conn, key + 5);
    return ea_conn_param(r->conn, key);
}

ssize_t ea_req_take(struct ea_req *r, void *p, size_t n)
{
    struct ea_req_private *v = r->priv;
    ssize_t got = ea_conn_read(r->conn, p, n);
    if (got > 0) {
        v->body_seen += (size_t)got;
        if (v->key != NULL)
            crypto_hash_sha256_update(&v->sha, p, (size_t)got);
    }
    if (got == 0 && n > 0 && !v->body_ended) {
        unsigned char hash[crypto_hash_sha256_BYTES];
        v->body_ended = true;
        if (v->key != NULL) {
            crypto_hash_sha256_final(&v->sha, hash);
            sodium_bin2hex(v->body_sha256, sizeof v->body_sha256, hash, sizeof hash);
        }
    }
    return got;
}

ssize_t ea_req_read(struct ea_req *r, void *p, size_t n)
{
    ssize_t got = ea_req_take(r, p, n);
    return r->priv->body_seen > r->route->body_max ? -2 : got;
}

static size_t declared_length(const struct ea_req *r)
{
    const char *s = ea_conn_param(r->conn, "CONTENT_LENGTH");
    return s != NULL ? (size_t)strtoull(s, NULL, 10) : 0;
}

enum ea_err ea_req_read_all(struct ea_req *r, size_t max)
{
    size_t cap = declared_length(r) +
                 1; /* one more, so that a body of the declared length is read to its end at once */
    if (cap > max + 1)
        return EA_ETOOLARGE;
    char *body = ea_arena_alloc(r->arena, cap + 1);
    size_t len = 0;
    ssize_t n;
    while (body != NULL && (n = ea_req_take(r, body + len, cap - len)) != 0) {
        if (n < 0)
            return EA_ECLOSED;
        len += (size_t)n;
        if (len < cap)
            continue;
        cap *= 2; /* more than was declared */
        char *more = len > max ? NULL : ea_arena_alloc(r->arena, cap + 1);
        if (more == NULL)
            return len > max ? EA_ETOOLARGE : EA_ENOMEM;
        memcpy(more, body, len);
        body = more;
    }
    if (body == NULL)
        return EA_ENOMEM;
    body[len] = '\0';
    r->body = body;
    r->body_len = len;
    return EA_OK;
}

int64_t ea_req_age_us(const struct ea_req *r)
{
    return (ea_clock_mono_ns() - r->received_ns) / 1000;
}

enum ea_err ea_fail(struct ea_req *r, enum ea_err err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->detail, sizeof r->detail, fmt, ap);
    va_end(ap);
    return err;
}

enum ea_err ea_fail_member(struct ea_req *r, const char *name, const char *json)
{
    struct ea_problem_member *m = ea_arena_alloc(r->arena, sizeof *m);
    if (m == NULL)
        return EA_ENOMEM;
    *m = (struct ea_problem_member){ .next = r->members, .name = name, .json = json };
    r->members = m;
    return EA_OK;
}

/* RFC 9110, 13.1.1: strong comparison against a list */
enum ea_err ea_req_match(struct ea_req *r, const char *etag)
{
    const char *p = ea_req_header(r, "If-Match");
    size_t n = strlen(etag);
    if (p == NULL)
        return EA_OK; /* the route's EA_ROUTE_MATCH has been heeded before */
    for (; *p != '\0'; p += *p == ',') {
        p += strspn(p, " \t");
        if (*p == '*' || (*p == '"' && strncmp(p + 1, etag, n) == 0 && p[n + 1] == '"'))
            return EA_OK;
        if (*p == 'W')
            p++;
        p += *p == '/';
        if (*p == '"')
            p += 1 + strcspn(p + 1, "\"");
        p += strcspn(p, ",");
    }
    return EA_EPRECONDITION;
}
