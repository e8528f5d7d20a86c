/* What is not stored between the processes of a pool. Typing is told here at once, and through Redis to the others; without Redis it stays in this process. What they say of presence comes the same way. */
#include "fcgi/core/hub_private.h"

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/redis.h"

#include <json-c/json.h>
#include <string.h>

/* What one telling costs this process and nginx, about, and how far ahead of the clock all tellings together may come. Who says all the time that they are writing, in a lecture hall of
 * thousands, would leave no time for what is said; it is they, then, who are not heard. */
#define TELLING_NS (20 * 1000LL)
#define AHEAD_NS   EA_NS_PER_S

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
static bool read_letter(struct ea_hub *h, struct json_object **letter)
{
    const struct json_object *o = *letter;
    const char *from = ea_json_text(o, "from"), *topic = ea_json_text(o, "topic"),
               *kind = ea_json_text(o, "kind"), *except = ea_json_text(o, "except");
    struct json_object *data;
    if (from == NULL || kind == NULL)
        return false;
    if (strcmp(from, h->id.s) == 0) /* it was told already */
        return true;
    if (strcmp(kind, EA_HUB_PRESENCE) == 0) {
        ea_hub_sighted(h, letter);
        return true;
    }
    if (topic == NULL || !json_object_object_get_ex(o, "data", &data))
        return false;
    ea_hub_say(h, topic, kind, json_object_to_json_string_ext(data, PLAIN), except);
    return true;
}

void ea_hub_told(struct ea_hub *h, const char *payload, size_t n)
{
    struct json_object *o = NULL;
    size_t where;
    const char *why;
    if (ea_json_parse(payload, n, &o, &where, &why) != EA_OK || !read_letter(h, &o))
        ea_log0(EA_LOG_WARN, "what another process told is not understood");
    json_object_put(o);
}

/* ---- on the hub's thread ---- */

bool ea_sub_is_live(const struct ea_sub *s)
{
    return s->poll == NULL && !s->behind && !s->ending;
}

bool ea_sub_tell(struct ea_hub *h, struct ea_sub *s, struct ea_frame *f)
{
    return ea_sub_is_live(s) && ea_outbox_takes(&s->out, f) && ea_sub_send(h, s, f);
}

void ea_hub_pass_on(struct ea_hub *h, const struct ea_hub_command *c)
{
    struct ea_listen *next;
    int64_t now = ea_clock_mono_ns(), told = 0;
    if (h->live_ns > now + AHEAD_NS)
        return;
    for (struct ea_listen *l = ea_topics_first(h->topics, c->event.topic); l != NULL; l = next) {
        struct ea_sub *s = l->subscriber;
        next = l->next_of_topic;
        if (strcmp(s->user.s, c->except.s) != 0)
            told += ea_sub_tell(h, s, c->event.frame);
    }
    h->live_ns = (h->live_ns > now ? h->live_ns : now) + told * TELLING_NS;
}
