/* ea-receipt: does a receipt hold? Offline: the published keys, the receipt, and what was handed in are files.
 *   ea-receipt --keys JWKS RECEIPT|- [FILE…]
 * RECEIPT is what the API gave (the receipt of an attempt with its parts, a submission, or the receipt alone) or a bare compact JWS; "-" is standard input.
 * FILEs are compared with the parts of their names. Ends with 0: it holds, 1: it does not, 2: that could not be told. */
#include "lib/json.h"
#include "lib/jwks.h"
#include "lib/receipt.h"
#include "lib/token.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OTHER_LIST "The list of parts is not the list that was signed."
#define INPUT_MAX  ((size_t)64 << 20) /* of keys and receipts; files may have any size */

enum { HOLDS, REFUSED, UNTOLD };
enum compared { NOT_COMPARED, SAME, ALTERED };

struct signed_part {
    struct ea_receipt_part is;
    enum compared compared;
};

struct check {
    struct ea_jwks *keys;
    struct json_object *document; /* as given; NULL: a bare JWS */
    struct json_object *said;     /* the signed payload */
    const char *kind, *of;        /* "attempt", "quiz" */
    const char *sha256, *submitted_at;
    struct signed_part *parts;
    size_t n;
    int refusals;
};

/* ---- saying ---- */

static int cannot_tell(const char *what, const char *why)
{
    fprintf(stderr, "ea-receipt: %s: %s\n", what, why);
    return UNTOLD;
}

static void refuse(struct check *c, const char *why)
{
    printf("  REFUSED: %s\n", why);
    c->refusals++;
}

/* ---- reading ---- */

static bool read_all(const char *path, struct ea_buf *out)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rbe");
    char *room;
    size_t got = 0;

    if (!f)
        return false;
    out->max = INPUT_MAX;
    while ((room = ea_buf_room(out, BUFSIZ)) && (got = fread(room, 1, BUFSIZ, f)) > 0)
        out->len += got;
    bool ok = !ferror(f) && !out->failed;
    int saved = out->failed ? EFBIG : errno;
    if (f != stdin)
        (void)fclose(f);
    errno = saved;
    if (ok)
        out->p[out->len] = '\0';
    return ok;
}

/* Whether the member is there and not null. */
static bool has(const struct json_object *o, const char *name)
{
    struct json_object *v;

    return json_object_object_get_ex(o, name, &v) && v;
}

static struct json_object *list_of(const struct json_object *o, const char *name)
{
    struct json_object *v;

    return o && json_object_object_get_ex(o, name, &v) && json_object_is_type(v, json_type_array) ? v : NULL;
}

static int64_t size_of(const struct json_object *o)
{
    struct json_object *v;

    return json_object_object_get_ex(o, "size", &v) && json_object_is_type(v, json_type_int)
               ? json_object_get_int64(v)
               : -1;
}

static const char *id_of(const struct json_object *o, const char *kind)
{
    char name[40];

    (void)snprintf(name, sizeof name, "%s_id", kind);
    return ea_json_text(o, name);
}

static bool read_part(const struct json_object *o, struct ea_receipt_part *out)
{
    *out = (struct ea_receipt_part){ .name = ea_json_text(o, "name"),
                                     .sha256 = ea_json_text(o, "sha256"),
                                     .size = size_of(o) };
    return out->name && out->sha256 && out->size >= 0;
}

/* What was signed. False: it is signed, but no receipt. */
static bool read_payload(struct check *c, const struct ea_buf *payload)
{
    static const struct {
        const char *kind, *of;
    } kinds[] = { { "attempt", "quiz" }, { "submission", "assignment" } };
    size_t where;
    const char *why, *kind;
    struct json_object *list;

    if (ea_json_parse(payload->p ? payload->p : "", payload->len, &c->said, &where, &why))
        return false;
    kind = ea_json_text(c->said, "kind");
    for (size_t i = 0; kind && i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kind, kinds[i].kind) == 0) {
            c->kind = kinds[i].kind;
            c->of = kinds[i].of;
        }
    c->sha256 = ea_json_text(c->said, "sha256");
    c->submitted_at = ea_json_text(c->said, "submitted_at");
    list = list_of(c->said, "parts");
    if (!c->kind || !c->sha256 || !c->submitted_at || !list || !id_of(c->said, c->kind) ||
        !id_of(c->said, c->of) || !id_of(c->said, "user"))
        return false;
    c->n = json_object_array_length(list);
    c->parts = calloc(c->n + 1, sizeof *c->parts);
    for (size_t i = 0; c->parts && i < c->n; i++)
        if (!read_part(json_object_array_get_idx(list, i), &c->parts[i].is))
            return false;
    return c->parts != NULL;
}

/* ---- the signature ---- */

static const char *const verdicts[] = {
    [EA_JWS_MALFORMED] = "This is no compact JWS with an Ed25519 signature.",
    [EA_JWS_OTHER_TYP] = "It is signed as something else than a receipt.",
    [EA_JWS_UNKNOWN_KEY] = "It names a key that is not among the keys given.",
    [EA_JWS_BAD_SIGNATURE] =
        "The signature does not fit: what is signed was altered, or somebody else signed it.",
};

static bool check_signature(struct check *c, const char *jws, size_t n)
{
    struct ea_buf payload = { 0 };
    enum ea_jws_verdict verdict;
    enum ea_err err = ea_jws_verify(c->keys, EA_RECEIPT_TYP, jws, n, &payload, &verdict);

    if (err)
        refuse(c, "There is not enough memory to check it.");
    else if (verdict != EA_JWS_GOOD)
        refuse(c, verdicts[verdict]);
    else if (!read_payload(c, &payload))
        refuse(c, "The signature is good, but what is signed is no receipt.");
    ea_buf_free(&payload);
    return c->refusals == 0;
}

/* ---- the list ---- */

/* The signed hash is worked out again from the signed parts, as lib/receipt.h tells. */
static void check_list_hash(struct check *c)
{
    struct ea_receipt_part *parts = calloc(c->n + 1, sizeof *parts);
    char sha256[EA_SHA256_HEX];

    for (size_t i = 0; parts && i < c->n; i++)
        parts[i] = c->parts[i].is;
    if (!parts || ea_receipt_sha256(parts, c->n, sha256))
        refuse(c, "There is not enough memory to check it.");
    else if (strcmp(sha256, c->sha256) != 0)
        refuse(c, "What is signed contradicts itself: its hash is not that of its list of parts.");
    free(parts);
}

/* What the document repeats of what is signed must be the same. */
static void check_claims(struct check *c, const struct json_object *receipt)
{
    const struct {
        const struct json_object *in;
        const char *member, *is, *otherwise;
    } claims[] = {
        { receipt, "sha256", c->sha256, "The receipt shows another hash of the list than the signed one." },
        { receipt, "submitted_at", c->submitted_at, "The receipt shows another time than the signed one." },
        { c->document, "submitted_at", c->submitted_at,
          "The document shows another time than the signed one." },
        { c->document, "id", id_of(c->said, c->kind), "The signature is of another document." },
    };

    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        const char *shown = ea_json_text(claims[i].in, claims[i].member);
        if (shown && strcmp(shown, claims[i].is) != 0)
            refuse(c, claims[i].otherwise);
    }
}

/* False: what is shown is no text at all. */
static bool compare(struct signed_part *part, const char *text)
{
    char sha256[EA_SHA256_HEX];
    size_t n;

    if (!text)
        return false;
    n = strlen(text);
    ea_sha256_hex(text, n, sha256);
    part->compared = strcmp(sha256, part->is.sha256) == 0 && (int64_t)n == part->is.size ? SAME : ALTERED;
    return true;
}

/* The document's list (an attempt's `parts`, a submission's `files`) beside signed parts from number `first` on. */
static void check_list(struct check *c, const struct json_object *list, size_t first)
{
    size_t n = json_object_array_length(list);
    bool same = first + n == c->n;

    for (size_t i = 0; same && i < n; i++) {
        const struct json_object *shown = json_object_array_get_idx(list, i);
        struct signed_part *part = &c->parts[first + i];
        struct ea_receipt_part is;
        same = read_part(shown, &is) && strcmp(is.name, part->is.name) == 0 &&
               strcmp(is.sha256, part->is.sha256) == 0 && is.size == part->is.size;
        if (same && has(shown, "text"))
            same = compare(part, ea_json_text(shown, "text"));
    }
    if (!same)
        refuse(c, OTHER_LIST);
}

/* A submission's text, where there is one, is signed before its files. Only the reply to GET repeats it. */
static void check_submission(struct check *c, const struct json_object *files)
{
    bool shown = has(c->document, "text");
    bool untold = !json_object_object_get_ex(c->document, "text", NULL);
    bool first = shown || (untold && c->n > json_object_array_length(files));

    if (first && (c->n == 0 || strcmp(c->parts[0].is.name, "text") != 0))
        refuse(c, OTHER_LIST);
    else if (shown && !compare(&c->parts[0], ea_json_text(c->document, "text")))
        refuse(c, OTHER_LIST);
    else
        check_list(c, files, first);
}

/* ---- files ---- */

static bool hash_file(const char *path, char out[EA_SHA256_HEX])
{
    unsigned char bytes[1 << 16], hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    FILE *f = fopen(path, "rbe");
    size_t got;

    if (!f)
        return false;
    crypto_hash_sha256_init(&state);
    while ((got = fread(bytes, 1, sizeof bytes, f)) > 0)
        crypto_hash_sha256_update(&state, bytes, got);
    crypto_hash_sha256_final(&state, hash);
    bool ok = !ferror(f);
    int saved = errno;
    (void)fclose(f);
    errno = saved;
    sodium_bin2hex(out, EA_SHA256_HEX, hash, sizeof hash);
    return ok;
}

/* Of parts with one name the one whose hash it has, else the first of them. */
static struct signed_part *part_of(struct check *c, const char *name, const char *sha256)
{
    struct signed_part *found = NULL;

    for (size_t i = 0; i < c->n; i++) {
        if (strcmp(c->parts[i].is.name, name) != 0)
            continue;
        if (strcmp(c->parts[i].is.sha256, sha256) == 0)
            return &c->parts[i];
        if (!found)
            found = &c->parts[i];
    }
    return found;
}

static int check_file(struct check *c, const char *path)
{
    const char *slash = strrchr(path, '/');
    char sha256[EA_SHA256_HEX];
    struct signed_part *part;

    if (!hash_file(path, sha256))
        return cannot_tell(path, strerror(errno));
    if (!(part = part_of(c, slash ? slash + 1 : path, sha256))) {
        printf("  %s\n", path);
        refuse(c, "No part of this name was handed in.");
        return HOLDS;
    }
    part->compared = strcmp(part->is.sha256, sha256) == 0 ? SAME : ALTERED;
    return HOLDS;
}

/* ---- the whole ---- */

static void tell_parts(struct check *c)
{
    static const char *const words[] = {
        [NOT_COMPARED] = "not compared", [SAME] = "ok", [ALTERED] = "ALTERED"
    };
    size_t altered = 0;

    for (size_t i = 0; i < c->n; i++) {
        const struct signed_part *part = &c->parts[i];
        printf("  %s, %" PRId64 " bytes: %s\n", part->is.name, part->is.size, words[part->compared]);
        altered += part->compared == ALTERED;
    }
    if (c->n == 0)
        printf("  nothing was in it\n");
    if (altered > 0)
        refuse(c, "What is altered is not what was handed in.");
}

static int check_parts(struct check *c, char **files)
{
    struct json_object *receipt = NULL, *list;
    int rc = HOLDS;

    printf("User %s\nhanded in %s %s\nof %s %s\nat %s\n", id_of(c->said, "user"), c->kind,
           id_of(c->said, c->kind), c->of, id_of(c->said, c->of), c->submitted_at);
    check_list_hash(c);
    if (c->document) {
        if (!json_object_object_get_ex(c->document, "receipt", &receipt))
            receipt = c->document;
        check_claims(c, receipt);
        if (strcmp(c->kind, "attempt") == 0 && (list = list_of(c->document, "parts")))
            check_list(c, list, 0);
        else if (strcmp(c->kind, "submission") == 0 && (list = list_of(c->document, "files")))
            check_submission(c, list);
    }
    for (; !rc && *files; files++)
        rc = check_file(c, *files);
    if (!rc)
        tell_parts(c);
    return rc;
}

/* The compact JWS in what was given. NULL: there is none. */
static const char *find_jws(struct check *c, struct ea_buf *in)
{
    struct json_object *receipt;
    size_t where;
    const char *why;

    while (in->len > 0 && strchr(" \t\r\n", in->p[in->len - 1]))
        in->p[--in->len] = '\0';
    if (in->len == 0 || in->p[0] == '.')
        return NULL;
    if (!strchr("{[ \t\r\n", in->p[0]))
        return in->p;
    if (ea_json_parse(in->p, in->len, &c->document, &where, &why) ||
        !json_object_is_type(c->document, json_type_object))
        return NULL;
    return ea_json_text(json_object_object_get_ex(c->document, "receipt", &receipt) ? receipt : c->document,
                        "jws");
}

static int check_receipt(struct check *c, const char *path, struct ea_buf *in, char **files)
{
    const char *jws;
    int rc = HOLDS;

    if (!read_all(path, in))
        return cannot_tell(path, strerror(errno));
    if (!(jws = find_jws(c, in)))
        return cannot_tell(path, "there is no receipt in it");
    if (check_signature(c, jws, strlen(jws)))
        rc = check_parts(c, files);
    if (rc)
        return rc;
    puts(c->refusals ? "The receipt does NOT hold." : "The receipt holds.");
    return c->refusals ? REFUSED : HOLDS;
}

static int load_keys(struct check *c, const char *path)
{
    struct ea_buf json = { 0 };
    int rc = HOLDS;

    if (!read_all(path, &json))
        rc = cannot_tell(path, strerror(errno));
    else if (ea_jwks_read(json.p, json.len, &c->keys))
        rc = cannot_tell(path, "there is no Ed25519 key in it that could be used (a JWKS is expected)");
    ea_buf_free(&json);
    return rc;
}

int main(int argc, char **argv)
{
    struct check c = { 0 };
    struct ea_buf in = { 0 };
    int rc;

    if (argc < 4 || strcmp(argv[1], "--keys") != 0) {
        fprintf(stderr, "usage: ea-receipt --keys JWKS RECEIPT|- [FILE…]\n");
        return UNTOLD;
    }
    rc = load_keys(&c, argv[2]);
    if (!rc)
        rc = check_receipt(&c, argv[3], &in, argv + 4);
    if (fflush(stdout) != 0)
        rc = cannot_tell("standard output", strerror(errno));
    free(c.parts);
    json_object_put(c.said);
    json_object_put(c.document);
    ea_jwks_free(c.keys);
    ea_buf_free(&in);
    return rc;
}
