/* The reader of json.h. json-c holds the values; the syntax is read here, since json-c's tokener keeps the last of duplicate members, accepts
 * what is not quite JSON and rounds what it cannot hold. A number that is not an int64 keeps its text (json_object_new_double_s). */
#include "lib/json.h"

#include "lib/utf8.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const char *start, *p, *end;
    unsigned depth;
    struct ea_buf scratch; /* the last string read, when it had escapes */
    struct ea_buf key;
    const char *why;
};

static enum ea_err read_value(struct reader *r, struct json_object **out);

static enum ea_err bad_at(struct reader *r, const char *at, const char *why)
{
    r->p = at;
    r->why = why;
    return EA_ESYNTAX;
}

static enum ea_err bad(struct reader *r, const char *why)
{
    return bad_at(r, r->p, r->p < r->end ? why : "the text ends too early");
}

static char peek(const struct reader *r)
{
    return r->p < r->end ? *r->p : '\0'; /* NUL begins nothing in JSON */
}

static void skip_space(struct reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
        r->p++;
}

static bool take(struct reader *r, char c)
{
    if (r->p == r->end || *r->p != c)
        return false;
    r->p++;
    return true;
}

static bool hex4(struct reader *r, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++, r->p++) {
        char c = peek(r);
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit > 15)
            return false;
        *out = *out << 4 | digit;
    }
    return true;
}

/* After `\u`. Characters above U+FFFF come as a pair of surrogates. */
static enum ea_err read_code_point(struct reader *r)
{
    const char *at = r->p - 2;
    uint32_t c, low;
    if (!hex4(r, &c))
        return bad(r, "four hexadecimal digits are expected");
    if (c >= 0xDC00 && c <= 0xDFFF)
        return bad_at(r, at, "half of a surrogate pair is not a character");
    if (c >= 0xD800 && c <= 0xDBFF) {
        if (!take(r, '\\') || !take(r, 'u') || !hex4(r, &low) || low < 0xDC00 || low > 0xDFFF)
            return bad_at(r, at, "half of a surrogate pair is not a character");
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    char utf8[4];
    ea_buf_add(&r->scratch, utf8, ea_utf8_put(c, utf8));
    return EA_OK;
}

static enum ea_err read_escape(struct reader *r)
{
    static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    const char *at = r->p++; /* the backslash */
    char c = peek(r);
    const char *name = c ? strchr(names, c) : NULL;
    if (!name && c != 'u')
        return r->p == r->end ? bad(r, NULL) : bad_at(r, at, "there is no such escape");
    r->p++;
    if (!name)
        return read_code_point(r);
    ea_buf_char(&r->scratch, means[name - names]);
    return EA_OK;
}

/* After the opening quote. *s lives until the next string is read or, without escapes, as long as the text. */
static enum ea_err read_string(struct reader *r, const char **s, size_t *n)
{
    const char *from = r->p;
    bool escapes = false;
    ea_buf_reset(&r->scratch);
    for (;;) {
        if (r->p == r->end)
            return bad(r, NULL);
        unsigned char c = (unsigned char)*r->p;
        if (c == '"')
            break;
        if (c < 0x20)
            return bad(r, "control characters must be escaped");
        if (c == '\\') {
            ea_buf_add(&r->scratch, from, (size_t)(r->p - from));
            enum ea_err err = read_escape(r);
            if (err)
                return err;
            from = r->p;
            escapes = true;
            continue;
        }
        size_t len = c < 0x80 ? 1 : ea_utf8_step(r->p, (size_t)(r->end - r->p));
        if (len == 0)
            return bad(r, "this is not UTF-8");
        r->p += len;
    }
    if (escapes)
        ea_buf_add(&r->scratch, from, (size_t)(r->p - from));
    if (r->scratch.failed)
        return EA_ENOMEM;
    *s = escapes ? r->scratch.p : from;
    *n = escapes ? r->scratch.len : (size_t)(r->p - from);
    r->p++;
    return EA_OK;
}

static bool skip_digits(struct reader *r)
{
    const char *from = r->p;
    while (peek(r) >= '0' && peek(r) <= '9')
        r->p++;
    return r->p > from;
}

static enum ea_err number_of(struct reader *r, const char *from, bool integer, struct json_object **out)
{
    ea_buf_reset(&r->scratch);
    ea_buf_add(&r->scratch, from, (size_t)(r->p - from));
    if (r->scratch.failed)
        return EA_ENOMEM;
    errno = 0;
    long long v = integer ? strtoll(r->scratch.p, NULL, 10) : 0;
    if (integer && errno == 0)
        *out = json_object_new_int64(v);
    else
        *out = json_object_new_double_s(strtod(r->scratch.p, NULL), r->scratch.p);
    return *out ? EA_OK : EA_ENOMEM;
}

static enum ea_err read_number(struct reader *r, struct json_object **out)
{
    const char *from = r->p;
    bool integer = true;
    take(r, '-');
    if (peek(r) == '0')
        r->p++;
    else if (!skip_digits(r))
        return bad(r, "a digit is expected");
    if (peek(r) >= '0' && peek(r) <= '9')
        return bad_at(r, from, "a number must not begin with 0");
    if (take(r, '.')) {
        integer = false;
        if (!skip_digits(r))
            return bad(r, "a digit is expected");
    }
    if (peek(r) == 'e' || peek(r) == 'E') {
        integer = false;
        r->p++;
        if (!take(r, '+'))
            take(r, '-');
        if (!skip_digits(r))
            return bad(r, "a digit is expected");
    }
    return number_of(r, from, integer, out);
}

static enum ea_err read_literal(struct reader *r, struct json_object **out)
{
    static const char *const words[] = { "null", "false", "true" };
    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(r->end - r->p) < n || memcmp(r->p, words[i], n) != 0)
            continue;
        r->p += n;
        *out = i == 0 ? NULL : json_object_new_boolean(i == 2);
        return i == 0 || *out ? EA_OK : EA_ENOMEM;
    }
    return bad(r, "a value is expected");
}

static enum ea_err read_key(struct reader *r, struct json_object *object)
{
    const char *at = r->p, *s;
    size_t n;
    if (!take(r, '"'))
        return bad(r, "a member name in quotes is expected");
    enum ea_err err = read_string(r, &s, &n);
    if (err)
        return err;
    if (memchr(s, '\0', n))
        return bad_at(r, at, "a member name must not hold U+0000");
    ea_buf_reset(&r->key);
    ea_buf_add(&r->key, s, n);
    if (r->key.failed)
        return EA_ENOMEM;
    if (json_object_object_get_ex(object, r->key.p, NULL))
        return bad_at(r, at, "the object has a member of this name already");
    return json_object_object_add_ex(object, r->key.p, NULL, JSON_C_OBJECT_ADD_KEY_IS_NEW) ? EA_ENOMEM
                                                                                           : EA_OK;
}

/* The member is added with null first, so that its name needs no copy while the value is read. */
static enum ea_err read_member(struct reader *r, struct json_object *object)
{
    struct json_object *value;
    enum ea_err err = read_key(r, object);
    if (err)
        return err;
    struct lh_entry *member = json_object_get_object(object)->tail;
    skip_space(r);
    if (!take(r, ':'))
        return bad(r, "a colon is expected");
    err = read_value(r, &value);
    if (!err)
        lh_entry_set_val(member, value);
    return err;
}

static enum ea_err read_item(struct reader *r, struct json_object *array)
{
    struct json_object *value;
    enum ea_err err = read_value(r, &value);
    if (!err && json_object_array_add(array, value) != 0) {
        json_object_put(value);
        err = EA_ENOMEM;
    }
    return err;
}

/* The members or items up to `close`; the opening bracket is taken. */
static enum ea_err read_all(struct reader *r, char close, struct json_object *into,
                            enum ea_err (*read_one)(struct reader *, struct json_object *))
{
    skip_space(r);
    if (take(r, close))
        return EA_OK;
    for (;;) {
        skip_space(r);
        enum ea_err err = read_one(r, into);
        if (err)
            return err;
        skip_space(r);
        if (take(r, close))
            return EA_OK;
        if (!take(r, ','))
            return bad(r, close == '}' ? "a comma or } is expected" : "a comma or ] is expected");
    }
}

static enum ea_err read_container(struct reader *r, struct json_object **out)
{
    bool object = *r->p == '{';
    if (r->depth == EA_JSON_DEPTH_MAX)
        return bad(r, "the nesting is too deep");
    struct json_object *o = object ? json_object_new_object() : json_object_new_array();
    if (!o)
        return EA_ENOMEM;
    r->p++;
    r->depth++;
    enum ea_err err = read_all(r, object ? '}' : ']', o, object ? read_member : read_item);
    r->depth--;
    if (err)
        json_object_put(o);
    else
        *out = o;
    return err;
}

static enum ea_err read_text(struct reader *r, struct json_object **out)
{
    const char *s = NULL;
    size_t n = 0;
    r->p++;
    enum ea_err err = read_string(r, &s, &n);
    if (err)
        return err;
    *out = json_object_new_string_len(s, (int)n);
    return *out ? EA_OK : EA_ENOMEM;
}

static enum ea_err read_value(struct reader *r, struct json_object **out)
{
    *out = NULL;
    skip_space(r);
    switch (peek(r)) {
    case '{':
    case '[':
        return read_container(r, out);
    case '"':
        return read_text(r, out);
    case '-':
    case '0' ... '9':
        return read_number(r, out);
    default:
        return read_literal(r, out);
    }
}

static enum ea_err read_document(struct reader *r, struct json_object **out)
{
    enum ea_err err = read_value(r, out);
    if (err)
        return err;
    skip_space(r);
    if (r->p == r->end)
        return EA_OK;
    json_object_put(*out);
    *out = NULL;
    return bad(r, "there is more after the value");
}

enum ea_err ea_json_parse(const char *p, size_t n, struct json_object **out, size_t *where, const char **why)
{
    struct reader r = { .start = p, .p = p, .end = p + n };
    *out = NULL;
    enum ea_err err = n <= INT_MAX / 2 ? read_document(&r, out) : bad(&r, "the text is too long");
    *where = (size_t)(r.p - r.start);
    *why = err == EA_OK ? "" : err == EA_ENOMEM ? "out of memory" : r.why;
    ea_buf_free(&r.scratch);
    ea_buf_free(&r.key);
    return err;
}

const char *ea_json_text(const struct json_object *o, const char *member)
{
    struct json_object *v;
    const char *text;

    if (!json_object_object_get_ex(o, member, &v) || !json_object_is_type(v, json_type_string))
        return NULL;
    text = json_object_get_string(v);
    return strlen(text) == (size_t)json_object_get_string_len(v) ? text : NULL; /* without NUL */
}
