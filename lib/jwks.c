#include "lib/jwks.h"

#include "lib/alloc.h"
#include "lib/json.h"

#include <json-c/json.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_MAX 1024 /* bytes, decoded */

struct public_key {
    const char *kid; /* the document's */
    unsigned char x[crypto_sign_ed25519_PUBLICKEYBYTES];
};

struct ea_jwks {
    struct json_object *document;
    struct public_key *v; /* room for every entry of the document */
    size_t n;
};

/* The three pieces of a compact JWS, still encoded; the signature covers everything up to the second dot. */
struct pieces {
    const char *header, *payload, *signature;
    size_t header_n, payload_n, signature_n, signed_n;
};

static bool says(const struct json_object *o, const char *name, const char *what)
{
    const char *text = ea_json_text(o, name);

    return text && strcmp(text, what) == 0;
}

static bool decode(const char *text, size_t n, unsigned char *out, size_t max, size_t *got)
{
    return sodium_base642bin(out, max, text, n, NULL, got, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) ==
           0;
}

static void add_key(struct ea_jwks *keys, const struct json_object *jwk)
{
    struct public_key *k = &keys->v[keys->n];
    const char *x = ea_json_text(jwk, "x");
    size_t got;

    k->kid = ea_json_text(jwk, "kid");
    if (k->kid && x && says(jwk, "kty", "OKP") && says(jwk, "crv", "Ed25519") &&
        decode(x, strlen(x), k->x, sizeof k->x, &got) && got == sizeof k->x)
        keys->n++;
}

static enum ea_err add_keys(struct ea_jwks *keys)
{
    struct json_object *list;

    if (!json_object_object_get_ex(keys->document, "keys", &list) ||
        !json_object_is_type(list, json_type_array))
        return EA_EINPUT;
    size_t n = json_object_array_length(list);
    if (!(keys->v = ea_alloc((n + 1) * sizeof *keys->v)))
        return EA_ENOMEM;
    for (size_t i = 0; i < n; i++)
        add_key(keys, json_object_array_get_idx(list, i));
    return keys->n ? EA_OK : EA_EINPUT;
}

enum ea_err ea_jwks_read(const char *json, size_t n, struct ea_jwks **out)
{
    struct ea_jwks *keys = ea_alloc(sizeof *keys);
    size_t where;
    const char *why;
    enum ea_err err;

    *out = NULL;
    if (!keys)
        return EA_ENOMEM;
    err = sodium_init() < 0 ? EA_EINTERNAL : ea_json_parse(json, n, &keys->document, &where, &why);
    if (!err)
        err = add_keys(keys);
    if (err)
        ea_jwks_free(keys);
    else
        *out = keys;
    return err;
}

void ea_jwks_free(struct ea_jwks *keys)
{
    if (!keys)
        return;
    json_object_put(keys->document);
    free(keys->v);
    free(keys);
}

static bool split(const char *jws, size_t n, struct pieces *out)
{
    const char *end = jws + n;
    const char *one = memchr(jws, '.', n);
    const char *two = one ? memchr(one + 1, '.', (size_t)(end - one - 1)) : NULL;

    if (!two)
        return false;
    *out = (struct pieces){ .header = jws,
                            .header_n = (size_t)(one - jws),
                            .payload = one + 1,
                            .payload_n = (size_t)(two - one - 1),
                            .signature = two + 1,
                            .signature_n = (size_t)(end - two - 1),
                            .signed_n = (size_t)(two - jws) };
    return true;
}

static const struct public_key *key_of(const struct ea_jwks *keys, const struct json_object *header)
{
    for (size_t i = 0; i < keys->n; i++)
        if (says(header, "kid", keys->v[i].kid))
            return &keys->v[i];
    return NULL;
}

/* The algorithm is never the sender's choice. */
static enum ea_jws_verdict judge(const struct ea_jwks *keys, const char *typ, const char *jws,
                                 const struct pieces *p, const struct json_object *header)
{
    unsigned char signature[crypto_sign_ed25519_BYTES];
    const struct public_key *key;
    size_t got;

    if (!says(header, "alg", "EdDSA") || json_object_object_get_ex(header, "crit", NULL))
        return EA_JWS_MALFORMED;
    if (!says(header, "typ", typ))
        return EA_JWS_OTHER_TYP;
    if (!(key = key_of(keys, header)))
        return EA_JWS_UNKNOWN_KEY;
    if (!decode(p->signature, p->signature_n, signature, sizeof signature, &got) || got != sizeof signature ||
        crypto_sign_ed25519_verify_detached(signature, (const unsigned char *)jws, p->signed_n, key->x) != 0)
        return EA_JWS_BAD_SIGNATURE;
    return EA_JWS_GOOD;
}

static enum ea_err read_header(const struct pieces *p, struct json_object **out)
{
    unsigned char json[HEADER_MAX];
    size_t got, where;
    const char *why;

    if (!decode(p->header, p->header_n, json, sizeof json, &got))
        return EA_ESYNTAX;
    return ea_json_parse((const char *)json, got, out, &where, &why);
}

enum ea_err ea_jws_verify(const struct ea_jwks *keys, const char *typ, const char *jws, size_t n,
                          struct ea_buf *payload, enum ea_jws_verdict *out)
{
    struct json_object *header = NULL;
    struct pieces p;
    enum ea_err err;

    *out = EA_JWS_MALFORMED;
    if (!split(jws, n, &p))
        return EA_OK;
    if ((err = read_header(&p, &header)))
        return err == EA_ENOMEM ? err : EA_OK;
    *out = judge(keys, typ, jws, &p, header);
    json_object_put(header);
    if (*out != EA_JWS_GOOD)
        return EA_OK;

    size_t room = p.payload_n, got;
    char *to = ea_buf_room(payload, room);
    if (!to)
        return EA_ENOMEM;
    if (!decode(p.payload, p.payload_n, (unsigned char *)to, room, &got)) {
        *out = EA_JWS_MALFORMED;
        return EA_OK;
    }
    payload->len += got;
    to[got] = '\0';
    return EA_OK;
}
