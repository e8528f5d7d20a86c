#include "lib/token.h"

#include "lib/alloc.h"
#include "lib/arena.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEED_LEN    crypto_sign_ed25519_SEEDBYTES
#define PUBLIC_LEN  crypto_sign_ed25519_PUBLICKEYBYTES
#define SECRET_LEN  crypto_sign_ed25519_SECRETKEYBYTES
#define SIG_LEN     crypto_sign_ed25519_BYTES
#define KEY_B64_LEN 43 /* of 32 bytes */
#define SIG_B64_LEN 86 /* of 64 bytes */
#define KID_LEN     16
#define JWT_MAX     2048
#define TYP_TOKEN   "JWT"

_Static_assert(SEED_LEN == 32 && PUBLIC_LEN == 32 && SIG_LEN == 64, "Ed25519 sizes");

struct ea_key {
    unsigned char public[PUBLIC_LEN];
    unsigned char secret[SECRET_LEN];
    bool has_secret;
    char x[KEY_B64_LEN + 1];
    char kid[KID_LEN + 1];
    struct ea_buf token_header; /* encoded: the only header a token of ours can have */
};

static const char *const role_names[] = {
    [EA_ROLE_MEMBER] = "member", [EA_ROLE_STAFF] = "staff", [EA_ROLE_ADMIN] = "admin", NULL
};

struct payload {
    struct ea_str sub, sid, jti, csrf;
    struct ea_int role, iat, exp;
};

#define CLAIM(member, t) .name = #member, .type = t, .offset = offsetof(struct payload, member)
#define SECONDS_MAX      253402300799 /* the year 9999 */
static const struct ea_field payload_fields[] = {
    { CLAIM(sub, EA_T_UUID), .flags = EA_REQUIRED },
    { CLAIM(sid, EA_T_UUID), .flags = EA_REQUIRED },
    { CLAIM(jti, EA_T_UUID), .flags = EA_REQUIRED },
    { CLAIM(role, EA_T_ENUM), .flags = EA_REQUIRED, .values = role_names },
    { CLAIM(iat, EA_T_INT), .flags = EA_REQUIRED, .max = SECONDS_MAX },
    { CLAIM(exp, EA_T_INT), .flags = EA_REQUIRED, .max = SECONDS_MAX },
    { CLAIM(csrf, EA_T_STR), .min = EA_SHA256_HEX - 1, .max = EA_SHA256_HEX - 1 },
};
static const struct ea_schema payload_schema = {
    .name = "token",
    .size = sizeof(struct payload),
    .fields = payload_fields,
    .n = sizeof payload_fields / sizeof payload_fields[0],
};

static bool decode(const char *text, size_t n, unsigned char *out, size_t out_len)
{
    size_t got = 0;
    return sodium_base642bin(out, out_len, text, n, NULL, &got, NULL,
                             sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
           got == out_len;
}

/* RFC 7638: SHA-256 over the required members in lexicographic order, without white space. */
static void thumbprint(const char *x, char out[KEY_B64_LEN + 1])
{
    char jwk[sizeof "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"\"}" + KEY_B64_LEN];
    unsigned char hash[crypto_hash_sha256_BYTES];
    (void)snprintf(jwk, sizeof jwk, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}", x);
    crypto_hash_sha256(hash, (const unsigned char *)jwk, strlen(jwk));
    sodium_bin2base64(out, KEY_B64_LEN + 1, hash, sizeof hash, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static void header_add(const struct ea_key *k, const char *typ, struct ea_buf *out)
{
    struct ea_buf json = { 0 };
    struct ea_jw w;
    ea_jw_init(&w, &json);
    ea_jw_obj(&w);
    ea_jw_kstr(&w, "alg", "EdDSA");
    ea_jw_kstr(&w, "typ", typ);
    ea_jw_kstr(&w, "kid", k->kid);
    ea_jw_end(&w);
    if (json.failed)
        out->failed = true;
    else
        ea_b64url(out, json.p, json.len);
    ea_buf_free(&json);
}

static enum ea_err key_new(const unsigned char public[PUBLIC_LEN], const unsigned char *secret,
                           struct ea_key **out)
{
    struct ea_key *k = ea_alloc(sizeof *k);
    if (!k)
        return EA_ENOMEM;
    memcpy(k->public, public, PUBLIC_LEN);
    if (secret) {
        memcpy(k->secret, secret, SECRET_LEN);
        k->has_secret = true;
    }
    sodium_bin2base64(k->x, sizeof k->x, k->public, PUBLIC_LEN, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char print[KEY_B64_LEN + 1];
    thumbprint(k->x, print);
    memcpy(k->kid, print, KID_LEN);
    header_add(k, TYP_TOKEN, &k->token_header);
    if (k->token_header.failed) {
        ea_key_free(k);
        return EA_ENOMEM;
    }
    *out = k;
    return EA_OK;
}

static enum ea_err key_from_seed(const unsigned char seed[SEED_LEN], struct ea_key **out)
{
    unsigned char public[PUBLIC_LEN], secret[SECRET_LEN];
    crypto_sign_ed25519_seed_keypair(public, secret, seed);
    enum ea_err err = key_new(public, secret, out);
    sodium_memzero(secret, sizeof secret);
    return err;
}

/* The first line of the file, 43 characters of base64url. Returns 0 or an errno; EINVAL: not a key. */
static int read_32(const char *path, bool secret, unsigned char out[32])
{
    char text[KEY_B64_LEN + 2]; /* and a newline, and one more that must not be there */
    struct stat st;
    int rc = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    ssize_t n = -1;
    if (fstat(fd, &st) < 0)
        rc = errno;
    else if (secret && (st.st_mode & S_IRWXO) != 0)
        rc = EPERM; /* a private key that everybody may read is no secret */
    else if ((n = read(fd, text, sizeof text)) < 0)
        rc = errno;
    else if ((n != KEY_B64_LEN && !(n == KEY_B64_LEN + 1 && text[KEY_B64_LEN] == '\n')) ||
             !decode(text, KEY_B64_LEN, out, 32))
        rc = EINVAL;
    sodium_memzero(text, sizeof text);
    close(fd);
    return rc;
}

static enum ea_err write_32(const char *path, mode_t mode, const unsigned char bytes[32])
{
    char text[KEY_B64_LEN + 2];
    sodium_bin2base64(text, KEY_B64_LEN + 1, bytes, 32, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    text[KEY_B64_LEN] = '\n';
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    enum ea_err err = EA_OK;
    if (fd < 0) {
        err = errno == EEXIST ? EA_ECONFLICT : EA_EINTERNAL;
    } else {
        if (fchmod(fd, mode) < 0 || write(fd, text, KEY_B64_LEN + 1) != KEY_B64_LEN + 1 || fsync(fd) < 0)
            err = EA_EINTERNAL;
        if (close(fd) < 0)
            err = EA_EINTERNAL;
        if (err)
            unlink(path);
    }
    sodium_memzero(text, sizeof text);
    return err;
}

static bool pub_path(const char *path, char out[4096])
{
    int n = snprintf(out, 4096, "%s.pub", path);
    return n > 0 && n < 4096;
}

static void payload_add(const struct ea_claims *c, struct ea_buf *out)
{
    struct ea_jw w;
    ea_jw_init(&w, out);
    ea_jw_obj(&w);
    ea_jw_kstr(&w, "sub", c->user.s);
    ea_jw_kstr(&w, "sid", c->session.s);
    ea_jw_kstr(&w, "jti", c->jti.s);
    ea_jw_kstr(&w, "role", ea_role_name(c->role));
    ea_jw_kint(&w, "iat", c->issued_s);
    ea_jw_kint(&w, "exp", c->expires_s);
    if (c->csrf[0])
        ea_jw_kstr(&w, "csrf", c->csrf);
    ea_jw_end(&w);
}

/* header (encoded) '.' payload '.' signature */
static enum ea_err sign(const struct ea_key *k, const char *header, size_t header_len, const void *payload,
                        size_t n, struct ea_buf *out)
{
    if (!k->has_secret)
        return EA_EINTERNAL;
    unsigned char sig[SIG_LEN];
    size_t start = out->len;
    ea_buf_add(out, header, header_len);
    ea_buf_char(out, '.');
    ea_b64url(out, payload, n);
    if (out->failed)
        return EA_ENOMEM;
    crypto_sign_ed25519_detached(sig, NULL, (const unsigned char *)out->p + start, out->len - start,
                                 k->secret);
    ea_buf_char(out, '.');
    ea_b64url(out, sig, sizeof sig);
    return out->failed ? EA_ENOMEM : EA_OK;
}

static void copy_id(struct ea_id *out, const struct ea_str *s)
{
    memcpy(out->s, s->v, sizeof out->s);
}

static enum ea_err payload_read(const char *json, size_t n, struct ea_claims *out)
{
    struct json_object *o = NULL;
    struct ea_faults faults = { 0 };
    void *filled = NULL;
    size_t where;
    const char *why;
    struct ea_arena *a = ea_arena_new();
    if (!a)
        return EA_ENOMEM;
    enum ea_err err = ea_json_parse(json, n, &o, &where, &why);
    if (!err)
        err = ea_schema_read(&payload_schema, o, a, &filled, &faults);
    if (!err) {
        const struct payload *p = filled;
        *out = (struct ea_claims){ .role = (enum ea_role)p->role.v,
                                   .issued_s = p->iat.v,
                                   .expires_s = p->exp.v };
        copy_id(&out->user, &p->sub);
        copy_id(&out->session, &p->sid);
        copy_id(&out->jti, &p->jti);
        if (p->csrf.given)
            memcpy(out->csrf, p->csrf.v, sizeof out->csrf);
    }
    json_object_put(o);
    ea_arena_free(a);
    return err == EA_OK || err == EA_ENOMEM ? err : EA_EUNAUTHORIZED;
}

enum ea_err ea_key_create(const char *path)
{
    unsigned char seed[SEED_LEN];
    struct ea_key *k = NULL;
    char pub[4096];
    if (sodium_init() < 0 || !pub_path(path, pub))
        return EA_EINTERNAL;
    randombytes_buf(seed, sizeof seed);
    enum ea_err err = key_from_seed(seed, &k);
    if (!err)
        err = write_32(path, 0600, seed);
    if (!err) {
        err = ea_key_publish(k, pub);
        if (err)
            unlink(path);
    }
    sodium_memzero(seed, sizeof seed);
    ea_key_free(k);
    return err;
}

enum ea_err ea_key_publish(const struct ea_key *k, const char *path)
{
    return write_32(path, 0644, k->public);
}

enum ea_err ea_key_load(const char *path, bool need_private, struct ea_key **out)
{
    unsigned char bytes[32];
    char pub[4096];
    enum ea_err err;
    *out = NULL;
    if (sodium_init() < 0 || !pub_path(path, pub))
        return EA_EINTERNAL;
    int rc = read_32(path, true, bytes);
    if (rc == 0) {
        err = key_from_seed(bytes, out);
        sodium_memzero(bytes, sizeof bytes);
        return err;
    }
    if (!need_private && rc != EINVAL && (rc = read_32(pub, false, bytes)) == 0)
        return key_new(bytes, NULL, out);
    ea_log(EA_LOG_ERROR, "key file cannot be used", EA_F_STR(FILE_PATH, path),
           EA_F_STR(ERROR, rc == EINVAL  ? "it does not hold 32 bytes as one line of base64url"
                           : rc == EPERM ? "others may access it: its mode must be 0600 or 0640"
                                         : strerror(rc)));
    return EA_EINTERNAL;
}

void ea_key_free(struct ea_key *k)
{
    if (!k)
        return;
    ea_buf_free(&k->token_header);
    sodium_memzero(k, sizeof *k);
    free(k);
}

const char *ea_key_id(const struct ea_key *k)
{
    return k->kid;
}

void ea_key_jwk(const struct ea_key *k, struct ea_buf *out)
{
    ea_buf_printf(out,
                  "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"use\":\"sig\",\"alg\":\"EdDSA\",\"kid\":\"%s\","
                  "\"x\":\"%s\"}",
                  k->kid, k->x);
}

const char *ea_role_name(enum ea_role r)
{
    return (unsigned)r <= EA_ROLE_ADMIN ? role_names[r] : "";
}

enum ea_role ea_role_of(const char *name)
{
    for (enum ea_role r = EA_ROLE_ADMIN; name && r > EA_ROLE_MEMBER; r--)
        if (strcmp(role_names[r], name) == 0)
            return r;
    return EA_ROLE_MEMBER;
}

enum ea_err ea_token_sign(const struct ea_key *k, const struct ea_claims *c, struct ea_buf *out)
{
    struct ea_buf json = { 0 };
    payload_add(c, &json);
    enum ea_err err =
        json.failed ? EA_ENOMEM : sign(k, k->token_header.p, k->token_header.len, json.p, json.len, out);
    ea_buf_free(&json);
    return err;
}

/* Our tokens have exactly one possible header, so it is compared as bytes: no other alg, kid or typ can even be expressed. */
enum ea_err ea_token_verify(const struct ea_key *k, const char *jwt, int64_t now_s, struct ea_claims *out)
{
    unsigned char sig[SIG_LEN], json[JWT_MAX];
    size_t head = k->token_header.len, n = strnlen(jwt, JWT_MAX + 1), json_len;
    if (n > JWT_MAX || n < head + 1 + 1 + SIG_B64_LEN)
        return EA_EUNAUTHORIZED;
    size_t signed_len = n - SIG_B64_LEN - 1;
    if (memcmp(jwt, k->token_header.p, head) != 0 || jwt[head] != '.' || jwt[signed_len] != '.' ||
        !decode(jwt + signed_len + 1, SIG_B64_LEN, sig, SIG_LEN) ||
        crypto_sign_ed25519_verify_detached(sig, (const unsigned char *)jwt, signed_len, k->public) != 0)
        return EA_EUNAUTHORIZED;
    if (sodium_base642bin(json, sizeof json, jwt + head + 1, signed_len - head - 1, NULL, &json_len, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
        return EA_EUNAUTHORIZED;
    enum ea_err err = payload_read((const char *)json, json_len, out);
    if (!err && now_s >= out->expires_s)
        err = EA_EUNAUTHORIZED;
    return err;
}

enum ea_err ea_jws_sign(const struct ea_key *k, const char *typ, const char *payload, size_t n,
                        struct ea_buf *out)
{
    struct ea_buf header = { 0 };
    header_add(k, typ, &header);
    enum ea_err err = header.failed ? EA_ENOMEM : sign(k, header.p, header.len, payload, n, out);
    ea_buf_free(&header);
    return err;
}

void ea_b64url(struct ea_buf *out, const void *p, size_t n)
{
    size_t size = sodium_base64_encoded_len(n, sodium_base64_VARIANT_URLSAFE_NO_PADDING); /* with its NUL */
    char *room = ea_buf_room(out, size);
    if (!room)
        return;
    sodium_bin2base64(room, size, p, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    out->len += size - 1;
}

void ea_sha256_hex(const void *p, size_t n, char out[EA_SHA256_HEX])
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, p, n);
    sodium_bin2hex(out, EA_SHA256_HEX, hash, sizeof hash);
}

void ea_random_token(struct ea_buf *out, size_t n)
{
    unsigned char bytes[64];
    if (n > sizeof bytes || sodium_init() < 0) {
        out->failed = true;
        return;
    }
    randombytes_buf(bytes, n);
    ea_b64url(out, bytes, n);
    sodium_memzero(bytes, sizeof bytes);
}
