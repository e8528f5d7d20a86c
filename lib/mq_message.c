#include "lib/mq_message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHORTSTR_MAX 255  /* of a property; librabbitmq would cut the length, not the text */
#define HEADER_MAX   4096 /* all of them share one frame */

#define H_QUEUE      "ea-queue"
#define H_ATTEMPT    "ea-attempt"
#define H_REASON     "ea-reason"
#define H_TRACE      "ea-trace"
#define H_AT         "ea-at"

static const char *or_empty(const char *s)
{
    return s != NULL ? s : "";
}

static amqp_table_entry_t text_entry(const char *key, const char *value)
{
    amqp_table_entry_t e;

    memset(&e, 0, sizeof(e));
    e.key = amqp_cstring_bytes(key);
    e.value.kind = AMQP_FIELD_KIND_UTF8;
    e.value.value.bytes = amqp_cstring_bytes(value);
    return e;
}

enum ea_err ea_mq_message_encode(const struct ea_mq_message *m, struct ea_mq_properties *out)
{
    const char *texts[] = { m->queue, m->kind, or_empty(m->reason), or_empty(m->trace), or_empty(m->at) };
    size_t i;

    if (strlen(m->kind) > SHORTSTR_MAX || strlen(m->queue) > SHORTSTR_MAX)
        return EA_EINPUT;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strlen(texts[i]) > HEADER_MAX)
            return EA_EINPUT;
    }
    memset(out, 0, sizeof(*out));
    snprintf(out->id, sizeof(out->id), "%" PRId64, m->event_id);
    out->headers[0] = text_entry(H_QUEUE, m->queue);
    out->headers[1] = text_entry(H_REASON, texts[2]);
    out->headers[2] = text_entry(H_TRACE, texts[3]);
    out->headers[3] = text_entry(H_AT, texts[4]);
    out->headers[4].key = amqp_cstring_bytes(H_ATTEMPT);
    out->headers[4].value.kind = AMQP_FIELD_KIND_I32;
    out->headers[4].value.value.i32 = m->attempt;

    out->basic._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                        AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_HEADERS_FLAG;
    out->basic.content_type = amqp_cstring_bytes("application/json");
    out->basic.delivery_mode = AMQP_DELIVERY_PERSISTENT;
    out->basic.message_id = amqp_cstring_bytes(out->id);
    out->basic.type = amqp_cstring_bytes(m->kind);
    out->basic.headers.num_entries = EA_MQ_HEADERS;
    out->basic.headers.entries = out->headers;
    return EA_OK;
}

static const amqp_field_value_t *find(const amqp_table_t *table, const char *key)
{
    int i;

    for (i = 0; i < table->num_entries; i++) {
        const amqp_bytes_t *k = &table->entries[i].key;

        if (k->len == strlen(key) && memcmp(k->bytes, key, k->len) == 0)
            return &table->entries[i].value;
    }
    return NULL;
}

static const char *text_of(const amqp_table_t *table, const char *key, struct ea_arena *a)
{
    const amqp_field_value_t *v = find(table, key);

    if (v == NULL || (v->kind != AMQP_FIELD_KIND_UTF8 && v->kind != AMQP_FIELD_KIND_BYTES))
        return "";
    return ea_arena_ndup(a, v->value.bytes.bytes, v->value.bytes.len);
}

static int int_of(const amqp_table_t *table, const char *key)
{
    const amqp_field_value_t *v = find(table, key);

    if (v == NULL)
        return 0;
    switch (v->kind) {
    case AMQP_FIELD_KIND_I8:
        return v->value.i8;
    case AMQP_FIELD_KIND_I16:
        return v->value.i16;
    case AMQP_FIELD_KIND_I32:
        return v->value.i32;
    case AMQP_FIELD_KIND_I64:
        return (int)v->value.i64;
    default:
        return 0;
    }
}

/* Why the broker itself dead-lettered the message last, "" when it did not; "expired" is a delay queue doing its duty. */
static const char *broker_reason(const amqp_table_t *table, struct ea_arena *a)
{
    const amqp_field_value_t *death = find(table, "x-death");
    const char *why;

    if (death == NULL || death->kind != AMQP_FIELD_KIND_ARRAY || death->value.array.num_entries < 1 ||
        death->value.array.entries[0].kind != AMQP_FIELD_KIND_TABLE)
        return "";
    why = text_of(&death->value.array.entries[0].value.table, "reason", a);
    if (why == NULL || *why == '\0' || strcmp(why, "expired") == 0)
        return why == NULL ? NULL : "";
    return ea_arena_printf(a, "the broker gave it up: %s", why);
}

enum ea_err ea_mq_message_decode(const amqp_basic_properties_t *p, struct ea_arena *a,
                                 struct ea_mq_message *out)
{
    const amqp_table_t *headers = (p->_flags & AMQP_BASIC_HEADERS_FLAG) ? &p->headers : &amqp_empty_table;
    const char *id = "";
    char *end;

    memset(out, 0, sizeof(*out));
    out->kind = "";
    if (p->_flags & AMQP_BASIC_TYPE_FLAG)
        out->kind = ea_arena_ndup(a, p->type.bytes, p->type.len);
    if (p->_flags & AMQP_BASIC_MESSAGE_ID_FLAG)
        id = ea_arena_ndup(a, p->message_id.bytes, p->message_id.len);
    out->queue = text_of(headers, H_QUEUE, a);
    out->trace = text_of(headers, H_TRACE, a);
    out->at = text_of(headers, H_AT, a);
    out->attempt = int_of(headers, H_ATTEMPT);
    out->reason = broker_reason(headers, a);
    if (out->reason != NULL && *out->reason == '\0')
        out->reason = text_of(headers, H_REASON, a);
    if (out->kind == NULL || id == NULL || out->queue == NULL || out->trace == NULL || out->at == NULL ||
        out->reason == NULL)
        return EA_ENOMEM;
    out->event_id = strtoll(id, &end, 10);
    if (*id == '\0' || *end != '\0' || out->event_id < 0)
        out->event_id = 0;
    return EA_OK;
}
