/* The writer of json.h. */
#include "lib/json.h"

#include "lib/clock.h"
#include "lib/utf8.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_LIMIT 64u /* levels that the writer's bit sets hold */

static uint64_t level_bit(const struct ea_jw *w)
{
    return UINT64_C(1) << (w->depth - 1);
}

static bool in_object(const struct ea_jw *w)
{
    return w->depth > 0 && (w->is_object & level_bit(w));
}

static void comma(struct ea_jw *w)
{
    if (w->depth == 0)
        return;
    if (w->has_member & level_bit(w))
        ea_buf_char(w->out, ',');
    w->has_member |= level_bit(w);
}

/* In an object a value follows its key, which wrote the comma. */
static void begin_value(struct ea_jw *w)
{
    if (in_object(w) && !w->after_key)
        w->out->failed = true;
    if (!w->after_key)
        comma(w);
    w->after_key = false;
}

static void open_level(struct ea_jw *w, bool object)
{
    begin_value(w);
    if (w->depth == DEPTH_LIMIT) {
        w->out->failed = true;
        return;
    }
    w->depth++;
    w->has_member &= ~level_bit(w);
    w->is_object = object ? w->is_object | level_bit(w) : w->is_object & ~level_bit(w);
    ea_buf_char(w->out, object ? '{' : '[');
}

static void escaped(struct ea_buf *out, unsigned char c)
{
    static const char names[0x20] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r' };
    if (c >= 0x20)
        ea_buf_add(out, (const char[]){ '\\', (char)c }, 2);
    else if (names[c])
        ea_buf_add(out, (const char[]){ '\\', names[c] }, 2);
    else
        ea_buf_printf(out, "\\u%04x", c);
}

/* Plain bytes go out in runs; only what needs care is looked at one by one. */
static void quoted(struct ea_buf *out, const char *s, size_t n)
{
    size_t done = 0, i = 0;
    ea_buf_char(out, '"');
    while (i < n) {
        unsigned char c = (unsigned char)s[i];
        size_t len = c < 0x80 ? 1 : ea_utf8_step(s + i, n - i);
        if (len > 0 && c >= 0x20 && c != '"' && c != '\\') {
            i += len;
            continue;
        }
        ea_buf_add(out, s + done, i - done);
        if (len == 0)
            ea_buf_str(out, "\xEF\xBF\xBD");
        else
            escaped(out, c);
        done = ++i;
    }
    ea_buf_add(out, s + done, n - done);
    ea_buf_char(out, '"');
}

void ea_jw_init(struct ea_jw *w, struct ea_buf *out)
{
    *w = (struct ea_jw){ .out = out };
}

void ea_jw_obj(struct ea_jw *w)
{
    open_level(w, true);
}

void ea_jw_arr(struct ea_jw *w)
{
    open_level(w, false);
}

void ea_jw_end(struct ea_jw *w)
{
    if (w->depth == 0 || w->after_key) {
        w->out->failed = true;
        return;
    }
    ea_buf_char(w->out, in_object(w) ? '}' : ']');
    w->depth--;
}

void ea_jw_key(struct ea_jw *w, const char *key)
{
    if (!in_object(w) || w->after_key)
        w->out->failed = true;
    comma(w);
    quoted(w->out, key, strlen(key));
    ea_buf_char(w->out, ':');
    w->after_key = true;
}

void ea_jw_strn(struct ea_jw *w, const char *s, size_t n)
{
    begin_value(w);
    quoted(w->out, s, n);
}

void ea_jw_str(struct ea_jw *w, const char *s)
{
    if (s)
        ea_jw_strn(w, s, strlen(s));
    else
        ea_jw_null(w);
}

void ea_jw_int(struct ea_jw *w, int64_t v)
{
    begin_value(w);
    ea_buf_printf(w->out, "%" PRId64, v);
}

void ea_jw_bool(struct ea_jw *w, bool v)
{
    begin_value(w);
    ea_buf_str(w->out, v ? "true" : "false");
}

void ea_jw_null(struct ea_jw *w)
{
    begin_value(w);
    ea_buf_str(w->out, "null");
}

void ea_jw_milli(struct ea_jw *w, int64_t milli)
{
    begin_value(w);
    ea_buf_printf(w->out, "%s%" PRIu64, milli < 0 ? "-" : "",
                  (uint64_t)(milli < 0 ? -(milli / 1000) : milli / 1000));
    int rest = abs((int)(milli % 1000));
    if (rest == 0)
        return;
    char decimals[] = { '.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10),
                        (char)('0' + rest % 10) };
    size_t n = sizeof decimals;
    while (decimals[n - 1] == '0')
        n--;
    ea_buf_add(w->out, decimals, n);
}

void ea_jw_time(struct ea_jw *w, int64_t wall_us)
{
    char text[EA_CLOCK_RFC3339_SIZE];
    ea_clock_rfc3339(wall_us, text);
    ea_jw_str(w, text);
}

void ea_jw_raw(struct ea_jw *w, const char *json)
{
    begin_value(w);
    ea_buf_str(w->out, json ? json : "null");
}

void ea_jw_raw_n(struct ea_jw *w, const char *json, size_t n)
{
    if (json == NULL) {
        ea_jw_raw(w, NULL);
        return;
    }
    begin_value(w);
    ea_buf_add(w->out, json, n);
}

void ea_jw_kstr(struct ea_jw *w, const char *key, const char *s)
{
    ea_jw_key(w, key);
    ea_jw_str(w, s);
}

void ea_jw_kint(struct ea_jw *w, const char *key, int64_t v)
{
    ea_jw_key(w, key);
    ea_jw_int(w, v);
}

void ea_jw_kbool(struct ea_jw *w, const char *key, bool v)
{
    ea_jw_key(w, key);
    ea_jw_bool(w, v);
}

void ea_jw_kmilli(struct ea_jw *w, const char *key, int64_t milli)
{
    ea_jw_key(w, key);
    ea_jw_milli(w, milli);
}

void ea_jw_kraw(struct ea_jw *w, const char *key, const char *json)
{
    ea_jw_key(w, key);
    ea_jw_raw(w, json);
}
