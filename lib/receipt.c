#include "lib/receipt.h"

#include "lib/json.h"

#include <stdio.h>

static void write_id(struct ea_jw *w, const char *kind, const char *id)
{
    char key[40];

    (void)snprintf(key, sizeof(key), "%s_id", kind);
    ea_jw_kstr(w, key, id);
}

static void write_part(struct ea_jw *w, const struct ea_receipt_part *part)
{
    ea_jw_obj(w);
    ea_jw_kstr(w, "name", part->name);
    ea_jw_kint(w, "size", part->size);
    ea_jw_kstr(w, "sha256", part->sha256);
    ea_jw_end(w);
}

static void write_payload(struct ea_buf *out, const struct ea_receipt *what, const char *sha256)
{
    struct ea_jw w;

    ea_jw_init(&w, out);
    ea_jw_obj(&w);
    ea_jw_kstr(&w, "kind", what->kind);
    write_id(&w, what->kind, what->id);
    write_id(&w, what->of_kind, what->of_id);
    ea_jw_kstr(&w, "user_id", what->user_id);
    ea_jw_kstr(&w, "submitted_at", what->submitted_at);
    ea_jw_kstr(&w, "sha256", sha256);
    ea_jw_key(&w, "parts");
    ea_jw_arr(&w);
    for (size_t i = 0; i < what->parts_n; i++)
        write_part(&w, &what->parts[i]);
    ea_jw_end(&w);
    ea_jw_end(&w);
}

enum ea_err ea_receipt_sha256(const struct ea_receipt_part *parts, size_t n, char out[EA_SHA256_HEX])
{
    struct ea_buf list = { 0 };
    enum ea_err err = EA_ENOMEM;

    for (size_t i = 0; i < n; i++)
        ea_buf_printf(&list, "%s  %s\n", parts[i].sha256, parts[i].name);
    if (list.failed)
        goto out;
    ea_sha256_hex(list.p ? list.p : "", list.len, out);
    err = EA_OK;
out:
    ea_buf_free(&list);
    return err;
}

enum ea_err ea_receipt_json(const struct ea_key *k, const struct ea_receipt *what, struct ea_buf *out)
{
    char sha256[EA_SHA256_HEX];
    struct ea_buf payload = { 0 }, jws = { 0 };
    struct ea_jw w;
    enum ea_err err;

    err = ea_receipt_sha256(what->parts, what->parts_n, sha256);
    if (err)
        goto out;
    write_payload(&payload, what, sha256);
    err = EA_ENOMEM;
    if (payload.failed)
        goto out;
    err = ea_jws_sign(k, EA_RECEIPT_TYP, payload.p, payload.len, &jws);
    if (err)
        goto out;

    ea_jw_init(&w, out);
    ea_jw_obj(&w);
    ea_jw_kstr(&w, "sha256", sha256);
    ea_jw_kstr(&w, "submitted_at", what->submitted_at);
    ea_jw_kstr(&w, "key_id", ea_key_id(k));
    ea_jw_kstr(&w, "jws", jws.p);
    ea_jw_end(&w);
    err = out->failed || jws.failed ? EA_ENOMEM : EA_OK;
out:
    ea_buf_free(&jws);
    ea_buf_free(&payload);
    return err;
}
