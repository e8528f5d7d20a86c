#include "lib/schema.h"

#include "lib/json.h"
#include "lib/scalar.h"

#include <json-c/json.h>
#include <string.h>

#define JSON_AS_GIVEN (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

static void read_object(struct ea_reading *r, const struct ea_schema *s, const struct ea_path *up,
                        struct json_object *o, void *dest);

static struct ea_rule rule_of(const struct ea_field *f)
{
    return (struct ea_rule){
        .type = f->type, .flags = f->flags, .min = f->min, .max = f->max, .values = f->values
    };
}

static struct ea_rule item_rule_of(const struct ea_field *f)
{
    return (struct ea_rule){
        .type = f->item, .flags = f->flags, .min = f->item_min, .max = f->item_max, .values = f->values
    };
}

static bool is_str(enum ea_type type)
{
    return type == EA_T_STR || type == EA_T_UUID || type == EA_T_EMAIL || type == EA_T_RAW;
}

static void put_null(enum ea_type type, void *dest)
{
    if (type == EA_T_LIST || type == EA_T_MAP)
        *(struct ea_list *)dest = (struct ea_list){ .given = true, .null = true };
    else if (is_str(type))
        *(struct ea_str *)dest = (struct ea_str){ .given = true, .null = true };
    else
        *(struct ea_int *)dest = (struct ea_int){ .given = true, .null = true };
}

/* What JSON calls the values of a type, for people, and whether o is one. */
static const char *expected(enum ea_type type, struct json_object *o)
{
    enum json_type is = json_object_get_type(o);
    switch (type) {
    case EA_T_INT:
    case EA_T_MILLI:
        return is == json_type_int || is == json_type_double ? NULL : "a number";
    case EA_T_BOOL:
        return is == json_type_boolean ? NULL : "true or false";
    case EA_T_OBJ:
    case EA_T_MAP:
        return is == json_type_object ? NULL : "an object";
    case EA_T_LIST:
        return is == json_type_array ? NULL : "an array";
    case EA_T_RAW:
        return NULL;
    default:
        return is == json_type_string ? NULL : "a string";
    }
}

static void read_scalar(struct ea_reading *r, const struct ea_rule *rule, const struct ea_path *at,
                        struct json_object *o, void *dest)
{
    const char *wanted = expected(rule->type, o);
    if (wanted) {
        EA_FAULT(r, at, "type", "%s is expected", wanted);
        return;
    }
    struct ea_text t = { .p = json_object_get_string(o) };
    if (!ea_reading_claim(r, (void *)(uintptr_t)t.p))
        return;
    t.n = json_object_is_type(o, json_type_string) ? (size_t)json_object_get_string_len(o) : strlen(t.p);
    ea_scalar_read(r, rule, at, t, dest);
}

/* PostgreSQL's text and jsonb cannot hold U+0000, wherever it hides. */
static bool holds_nul(struct json_object *o)
{
    switch (json_object_get_type(o)) {
    case json_type_string:
        return memchr(json_object_get_string(o), '\0', (size_t)json_object_get_string_len(o));
    case json_type_array:
        for (size_t i = 0; i < json_object_array_length(o); i++)
            if (holds_nul(json_object_array_get_idx(o, i)))
                return true;
        return false;
    case json_type_object: {
        json_object_object_foreach(o, name, value)
        {
            (void)name;
            if (holds_nul(value))
                return true;
        }
        return false;
    }
    default:
        return false;
    }
}

static void read_raw(struct ea_reading *r, int64_t max, const struct ea_path *at, struct json_object *o,
                     struct ea_str *dest)
{
    size_t n;
    const char *text = json_object_to_json_string_length(o, JSON_AS_GIVEN, &n);
    if (!ea_reading_claim(r, (void *)(uintptr_t)text))
        return;
    if (holds_nul(o))
        EA_FAULT(r, at, "utf8", "U+0000 is not allowed");
    else if (max > 0 && n > (size_t)max)
        EA_FAULT(r, at, "too-long", "at most %lld bytes of JSON are allowed", (long long)max);
    else
        *dest = (struct ea_str){ .given = true,
                                 .v = ea_reading_claim(r, ea_arena_ndup(r->a, text, n)),
                                 .len = n };
}

static void read_item(struct ea_reading *r, const struct ea_field *f, const struct ea_path *at,
                      struct json_object *o, void *dest)
{
    struct ea_rule rule = item_rule_of(f);
    if (!f->sub)
        read_scalar(r, &rule, at, o, dest);
    else if (json_object_is_type(o, json_type_object))
        read_object(r, f->sub, at, o, dest);
    else
        EA_FAULT(r, at, "type", "an object is expected");
}

static bool count_ok(struct ea_reading *r, const struct ea_field *f, const struct ea_path *at, size_t n)
{
    if (f->min > 0 && n < (size_t)f->min) {
        EA_FAULT(r, at, "too-short", "at least %lld items are needed", (long long)f->min);
        return false;
    }
    if (f->max > 0 && n > (size_t)f->max) {
        EA_FAULT(r, at, "too-long", "at most %lld items are allowed", (long long)f->max);
        return false;
    }
    return true;
}

static void read_list(struct ea_reading *r, const struct ea_field *f, const struct ea_path *at,
                      struct json_object *o, struct ea_list *dest)
{
    size_t n = json_object_array_length(o);
    size_t size = f->sub ? f->sub->size : is_str(f->item) ? sizeof(struct ea_str) : sizeof(struct ea_int);
    if (!count_ok(r, f, at, n))
        return;
    *dest = (struct ea_list){ .given = true,
                              .n = n,
                              .items = ea_reading_claim(r, ea_arena_array(r->a, n, size)) };
    for (size_t i = 0; dest->items && i < n && !r->err; i++) {
        struct ea_path item = { .up = at, .index = i };
        read_item(r, f, &item, json_object_array_get_idx(o, i), (char *)dest->items + i * size);
    }
}

static void read_member(struct ea_reading *r, const struct ea_field *f, const struct ea_path *at,
                        struct json_object *o, struct ea_pair *dest)
{
    struct ea_rule rule = item_rule_of(f), name = { .type = EA_T_STR, .flags = EA_ONE_LINE };
    ea_scalar_read(r, &name, at, (struct ea_text){ at->name, strlen(at->name) }, &dest->name);
    if (!o)
        EA_FAULT(r, at, "type", "null is not allowed");
    else if (f->item == EA_T_RAW)
        read_raw(r, f->item_max, at, o, &dest->v);
    else
        read_scalar(r, &rule, at, o, &dest->v);
}

static void read_map(struct ea_reading *r, const struct ea_field *f, const struct ea_path *at,
                     struct json_object *o, struct ea_list *dest)
{
    size_t n = (size_t)json_object_object_length(o);
    if (!count_ok(r, f, at, n))
        return;
    struct ea_pair *to = ea_reading_claim(r, ea_arena_array(r->a, n, sizeof *to));
    *dest = (struct ea_list){ .given = true, .n = n, .items = to };
    json_object_object_foreach(o, name, value)
    {
        struct ea_path member = { .up = at, .name = name };
        if (!r->err)
            read_member(r, f, &member, value, to++);
    }
}

static void read_value(struct ea_reading *r, const struct ea_field *f, const struct ea_path *at,
                       struct json_object *o, void *dest)
{
    struct ea_rule rule = rule_of(f);
    const char *wanted = expected(f->type, o);
    if (!o && (f->flags & EA_NULLABLE)) {
        put_null(f->type, dest);
    } else if (!o) {
        EA_FAULT(r, at, "type", "null is not allowed");
    } else if (ea_scalar_type(f->type)) {
        read_scalar(r, &rule, at, o, dest);
    } else if (wanted) {
        EA_FAULT(r, at, "type", "%s is expected", wanted);
    } else if (f->type == EA_T_RAW) {
        read_raw(r, f->max, at, o, dest);
    } else if (f->type == EA_T_LIST) {
        read_list(r, f, at, o, dest);
    } else if (f->type == EA_T_MAP) {
        read_map(r, f, at, o, dest);
    } else {
        *(struct ea_int *)dest = (struct ea_int){ .given = true };
        read_object(r, f->sub, at, o, dest);
    }
}

static const struct ea_field *field_of(const struct ea_schema *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->fields[i].name, name) == 0)
            return &s->fields[i];
    return NULL;
}

static void read_object(struct ea_reading *r, const struct ea_schema *s, const struct ea_path *up,
                        struct json_object *o, void *dest)
{
    for (size_t i = 0; i < s->n && !r->err; i++) {
        const struct ea_field *f = &s->fields[i];
        struct ea_path at = { .up = up, .name = f->name };
        struct json_object *value;
        if (json_object_object_get_ex(o, f->name, &value))
            read_value(r, f, &at, value, (char *)dest + f->offset);
        else if (f->flags & EA_REQUIRED)
            EA_FAULT(r, &at, "required", "this member is needed");
    }
    json_object_object_foreach(o, name, value)
    {
        (void)value;
        struct ea_path at = { .up = up, .name = name };
        if (!r->err && !field_of(s, name))
            EA_FAULT(r, &at, "unknown", "there is no such member");
    }
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)((at - digits) % 16) : -1;
}

/* Percent-decoding of p[0..n) into the arena; false: bad. */
static bool decode(struct ea_reading *r, const char *p, size_t n, struct ea_text *out)
{
    char *to = ea_reading_claim(r, ea_arena_alloc(r->a, n + 1));
    if (!to)
        return false;
    *out = (struct ea_text){ .p = to };
    for (size_t i = 0; i < n; i++) {
        char c = p[i] == '+' ? ' ' : p[i];
        if (c == '%') {
            int high = i + 2 < n ? hex_digit(p[i + 1]) : -1, low = high < 0 ? -1 : hex_digit(p[i + 2]);
            if (low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        to[out->n++] = c;
    }
    return true;
}

/* One `name=value`. `seen` has a flag per field. */
static void read_pair(struct ea_reading *r, const struct ea_schema *s, const char *p, size_t n, bool *seen,
                      void *dest)
{
    const char *equals = memchr(p, '=', n);
    size_t name_n = equals ? (size_t)(equals - p) : n;
    const char *value_p = equals ? equals + 1 : p + n;
    struct ea_text name, value;
    bool name_ok = decode(r, p, name_n, &name) && ea_utf8_valid(name.p, name.n);
    if (r->err)
        return;
    if (!name_ok) {
        EA_FAULT(r, NULL, "format", "a name in the query string is not properly encoded");
        return;
    }
    struct ea_path at = { .name = name.p };
    const struct ea_field *f = field_of(s, name.p);
    if (!f) {
        EA_FAULT(r, &at, "unknown", "there is no such parameter");
        return;
    }
    if (seen[f - s->fields]) {
        EA_FAULT(r, &at, "duplicate", "the parameter is there more than once");
        return;
    }
    seen[f - s->fields] = true;
    struct ea_rule rule = rule_of(f);
    if (decode(r, value_p, (size_t)(p + n - value_p), &value))
        ea_scalar_read(r, &rule, &at, value, (char *)dest + f->offset);
    else if (!r->err)
        EA_FAULT(r, &at, "format", "the percent-encoding is wrong");
}

static enum ea_err outcome(const struct ea_reading *r, size_t faults_before)
{
    if (r->err)
        return r->err;
    return r->faults->n + r->faults->more > faults_before ? EA_EINPUT : EA_OK;
}

enum ea_err ea_schema_read(const struct ea_schema *s, struct json_object *o, struct ea_arena *a, void **out,
                           struct ea_faults *faults)
{
    struct ea_reading r = { .a = a, .faults = faults };
    size_t before = faults->n + faults->more;
    *out = ea_arena_alloc(a, s->size);
    if (!*out)
        return EA_ENOMEM;
    if (json_object_is_type(o, json_type_object))
        read_object(&r, s, NULL, o, *out);
    else
        EA_FAULT(&r, NULL, "type", "an object is expected");
    return outcome(&r, before);
}

enum ea_err ea_schema_text(const struct ea_schema *s, const char *json, size_t n, struct ea_arena *a,
                           void **out, struct ea_faults *faults)
{
    struct json_object *o = NULL;
    size_t where;
    const char *why;
    enum ea_err err = ea_json_parse(json, n, &o, &where, &why);
    if (!err)
        err = ea_schema_read(s, o, a, out, faults);
    json_object_put(o);
    return err;
}

enum ea_err ea_schema_query(const struct ea_schema *s, const char *query, struct ea_arena *a, void **out,
                            struct ea_faults *faults)
{
    struct ea_reading r = { .a = a, .faults = faults };
    size_t before = faults->n + faults->more;
    *out = ea_arena_alloc(a, s->size);
    bool *seen = ea_arena_array(a, s->n, sizeof *seen);
    if (!*out || !seen)
        return EA_ENOMEM;
    for (size_t i = 0; i < s->n; i++)
        if (!ea_scalar_type(s->fields[i].type))
            return EA_EINTERNAL;
    for (const char *p = query ? query : "", *end; *p && !r.err; p = *end ? end + 1 : end) {
        end = strchrnul(p, '&');
        if (end > p)
            read_pair(&r, s, p, (size_t)(end - p), seen, *out);
    }
    for (size_t i = 0; i < s->n; i++) {
        struct ea_path at = { .name = s->fields[i].name };
        if (!seen[i] && (s->fields[i].flags & EA_REQUIRED))
            EA_FAULT(&r, &at, "required", "this parameter is needed");
    }
    return outcome(&r, before);
}
