/* JSON. In: json-c, used in json.c and schema.c only. Out: a writer that streams into a buffer and cannot produce bad JSON
 * (bad nesting marks the buffer failed; bytes that are not UTF-8 become U+FFFD). */
#ifndef EA_JSON_H
#define EA_JSON_H

#include "lib/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct json_object; /* json-c */

#define EA_JSON_DEPTH_MAX 32

/* Parses the whole of [p, p+n): one value, strict, valid UTF-8, depth <= EA_JSON_DEPTH_MAX, no duplicate members, no trailing bytes.
 * EA_ESYNTAX with *where (byte offset) and *why (static text) set; the object is the caller's to json_object_put. JSON null gives *out NULL.
 * Numbers that are no int64 keep their text exactly: json_object_get_string gives it. */
enum ea_err ea_json_parse(const char *p, size_t n, struct json_object **out, size_t *where,
                          const char **why) EA_MUST;
/* The member of an object as text; NULL when it is none, or o is no object. Borrowed from o. */
const char *ea_json_text(const struct json_object *o, const char *member);
bool ea_utf8_valid(const char *p, size_t n); /* no surrogates, no overlong forms, no NUL */

struct ea_jw {
    struct ea_buf *out;
    uint64_t has_member; /* bit d: level d + 1 has a member already */
    uint64_t is_object;
    unsigned depth;
    bool after_key;
};

void ea_jw_init(struct ea_jw *w, struct ea_buf *out);
void ea_jw_obj(struct ea_jw *w); /* { */
void ea_jw_arr(struct ea_jw *w); /* [ */
void ea_jw_end(struct ea_jw *w); /* the } or ] that fits */
void ea_jw_key(struct ea_jw *w, const char *key);
void ea_jw_str(struct ea_jw *w, const char *s); /* NULL -> null */
void ea_jw_strn(struct ea_jw *w, const char *s, size_t n);
void ea_jw_int(struct ea_jw *w, int64_t v);
void ea_jw_bool(struct ea_jw *w, bool v);
void ea_jw_null(struct ea_jw *w);
void ea_jw_milli(struct ea_jw *w, int64_t milli);  /* 2500 -> 2.5 */
void ea_jw_time(struct ea_jw *w, int64_t wall_us); /* RFC 3339 string */
void ea_jw_raw(struct ea_jw *w, const char *json); /* trusted JSON text, e.g. a json column; NULL -> null */
void ea_jw_raw_n(struct ea_jw *w, const char *json, size_t n); /* the same, of n bytes */
/* key + value in one call */
void ea_jw_kstr(struct ea_jw *w, const char *key, const char *s);
void ea_jw_kint(struct ea_jw *w, const char *key, int64_t v);
void ea_jw_kbool(struct ea_jw *w, const char *key, bool v);
void ea_jw_kmilli(struct ea_jw *w, const char *key, int64_t milli);
void ea_jw_kraw(struct ea_jw *w, const char *key, const char *json);

#endif
