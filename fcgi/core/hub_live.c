/* What is not stored (typing, presence) between the processes of a pool: told here at once, and through Redis to the others. Without Redis it stays in this process. */
#include "fcgi/core/hub_private.h"

#include "lib/json.h"
#include "lib/log.h"
#include "lib/redis.h"

#include <json-c/json.h>
#include <string.h>

enum { PLAIN = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE };

static bool make_letter(struct ea_buf *b, const struct ea_hub *h, const char *topic, const char *kind,
                        const char *data_json, const char *except)
{
    struct ea_jw w;
    ea_jw_init(&w, b);
    ea_jw_obj(&w);
    ea_jw_kstr(&w, "from", h->id.s);
    ea_jw_kstr(&w, "topic", topic);
    ea_jw_kstr(&w, "kind", kind);
    ea_jw_kraw(&w, "data", data_json);
    ea_jw_kstr(&w, "except", except);
    ea_jw_end(&w);
    return !b->failed;
}

void ea_hub_transient(struct ea_hub *h, struct ea_redis *redis, const char *topic, const char *kind,
                      const char *data_json, const char *except)
{
    struct ea_buf letter = { 0 };
    ea_hub_say(h, topic, kind, data_json, except);
    if (make_letter(&letter, h, topic, kind, data_json, except)) {
        enum ea_err ignored = ea_redis_publish(redis, EA_CHANNEL_LIVE, letter.p);
        (void)ignored; /* it was not to be kept */
    }
    ea_buf_free(&letter);
}

/* False: it is no letter of ours. */
static bool read_letter(struct ea_hub *h, const struct json_object *o)
{
    const char *from = ea_json_text(o, "from"), *topic = ea_json_text(o, "topic"),
               *kind = ea_json_text(o, "kind"), *except = ea_json_text(o, "except");
    struct json_object *data;
    if (from == NULL || topic == NULL || kind == NULL || !json_object_object_get_ex(o, "data", &data))
        return false;
    if (strcmp(from, h->id.s) != 0) /* else it was told already */
        ea_hub_say(h, topic, kind, json_object_to_json_string_ext(data, PLAIN), except);
    return true;
}

void ea_hub_told(struct ea_hub *h, const char *payload, size_t n)
{
    struct json_object *o = NULL;
    size_t where;
    const char *why;
    if (ea_json_parse(payload, n, &o, &where, &why) != EA_OK || !read_letter(h, o))
        ea_log0(EA_LOG_WARN, "what another process told is not understood");
    json_object_put(o);
}
