#include "lib/jwks.h"

#include "lib/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define TYP "ea-receipt+jws"

/* The key of RFC 8037, appendix A: one among others. */
#define RFC_X        "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define RFC_KEY(kid) "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"" kid "\",\"x\":\"" RFC_X "\"}"

static struct ea_key *key;
static struct ea_jwks *keys;

static int make_key(void **state)
{
    (void)state;
    char dir[] = "/tmp/ea_jwks.XXXXXX", path[64], pub[80];
    struct ea_buf jwks = { 0 };

    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/key", dir);
    (void)snprintf(pub, sizeof pub, "%s.pub", path);
    assert_ok(ea_key_create(path));
    assert_ok(ea_key_load(path, true, &key));
    assert_int_equal(unlink(path) | unlink(pub) | rmdir(dir), 0);
    /* others before it, and of kinds that are passed over */
    ea_buf_str(&jwks, "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"r\",\"n\":\"AQ\",\"e\":\"AQAB\"}," RFC_KEY(
                          "rfc") ",7,null,");
    ea_key_jwk(key, &jwks);
    ea_buf_str(&jwks, "]}");
    assert_ok(ea_jwks_read(jwks.p, jwks.len, &keys));
    ea_buf_free(&jwks);
    return 0;
}

static int free_key(void **state)
{
    (void)state;
    ea_jwks_free(keys);
    ea_key_free(key);
    return 0;
}

static void expect(enum ea_jws_verdict want, const char *jws, size_t n)
{
    struct ea_buf payload = { 0 };
    enum ea_jws_verdict got;

    assert_ok(ea_jws_verify(keys, TYP, jws, n, &payload, &got));
    assert_int_equal(got, want);
    if (want != EA_JWS_GOOD)
        assert_int_equal(payload.len, 0);
    ea_buf_free(&payload);
}

static void sign(struct ea_buf *out, const char *typ, const char *payload)
{
    assert_ok(ea_jws_sign(key, typ, payload, strlen(payload), out));
}

static void what_was_signed_comes_back(void **state)
{
    (void)state;
    static const char *const payloads[] = { "", "x", "{\"n\":1}", "{\"name\":\"b ü.md\"}" };

    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        struct ea_buf jws = { 0 }, payload = { 0 };
        enum ea_jws_verdict verdict;
        sign(&jws, TYP, payloads[i]);
        assert_ok(ea_jws_verify(keys, TYP, jws.p, jws.len, &payload, &verdict));
        assert_int_equal(verdict, EA_JWS_GOOD);
        assert_int_equal(payload.len, strlen(payloads[i]));
        assert_memory_equal(payload.len ? payload.p : "", payloads[i], payload.len);
        ea_buf_free(&payload);
        ea_buf_free(&jws);
    }
}

static void no_byte_can_be_changed(void **state)
{
    (void)state;
    struct ea_buf jws = { 0 };

    sign(&jws, TYP, "{\"n\":1}");
    for (size_t i = 0; i < jws.len; i++) {
        struct ea_buf payload = { 0 };
        enum ea_jws_verdict verdict;
        char was = jws.p[i];
        jws.p[i] = was == 'A' ? 'B' : 'A';
        assert_ok(ea_jws_verify(keys, TYP, jws.p, jws.len, &payload, &verdict));
        assert_int_not_equal(verdict, EA_JWS_GOOD);
        jws.p[i] = was;
        ea_buf_free(&payload);
    }
    for (size_t n = 0; n < jws.len; n++) {
        struct ea_buf payload = { 0 };
        enum ea_jws_verdict verdict;
        assert_ok(ea_jws_verify(keys, TYP, jws.p, n, &payload, &verdict));
        assert_int_not_equal(verdict, EA_JWS_GOOD);
        ea_buf_free(&payload);
    }
    ea_buf_free(&jws);
}

static void with_header(struct ea_buf *out, const char *header)
{
    ea_b64url(out, header, strlen(header));
    ea_buf_str(out, ".e30.");
    for (int i = 0; i < 86; i++)
        ea_buf_char(out, 'A');
}

static void each_fault_has_its_verdict(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        enum ea_jws_verdict want;
    } cases[] = {
        { "{\"alg\":\"none\",\"typ\":\"" TYP "\",\"kid\":\"rfc\"}", EA_JWS_MALFORMED },
        { "{\"alg\":\"HS256\",\"typ\":\"" TYP "\",\"kid\":\"rfc\"}", EA_JWS_MALFORMED },
        { "{\"alg\":\"EdDSA\",\"typ\":\"" TYP "\",\"kid\":\"rfc\",\"crit\":[\"b64\"]}", EA_JWS_MALFORMED },
        { "{\"alg\":\"EdDSA\",\"alg\":\"EdDSA\",\"typ\":\"" TYP "\",\"kid\":\"rfc\"}", EA_JWS_MALFORMED },
        { "[]", EA_JWS_MALFORMED },
        { "null", EA_JWS_MALFORMED },
        { "", EA_JWS_MALFORMED },
        { "{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"rfc\"}", EA_JWS_OTHER_TYP },
        { "{\"alg\":\"EdDSA\",\"kid\":\"rfc\"}", EA_JWS_OTHER_TYP },
        { "{\"alg\":\"EdDSA\",\"typ\":\"" TYP "\",\"kid\":\"r\"}", EA_JWS_UNKNOWN_KEY },
        { "{\"alg\":\"EdDSA\",\"typ\":\"" TYP "\"}", EA_JWS_UNKNOWN_KEY },
        { "{\"alg\":\"EdDSA\",\"typ\":\"" TYP "\",\"kid\":\"rfc\"}", EA_JWS_BAD_SIGNATURE },
    };
    static const char *const junk[] = { "", ".", "..", "...", "a.b", "a.b.c", "x" };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ea_buf jws = { 0 };
        with_header(&jws, cases[i].header);
        expect(cases[i].want, jws.p, jws.len);
        ea_buf_free(&jws);
    }
    for (size_t i = 0; i < sizeof junk / sizeof junk[0]; i++)
        expect(EA_JWS_MALFORMED, junk[i], strlen(junk[i]));
}

static void documents_without_a_key_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum ea_err want;
    } cases[] = {
        { "", EA_ESYNTAX },
        { "{\"keys\":", EA_ESYNTAX },
        { "null", EA_EINPUT },
        { "[]", EA_EINPUT },
        { "{\"keys\":{}}", EA_EINPUT },
        { "{\"keys\":[]}", EA_EINPUT },
        { RFC_KEY("rfc"), EA_EINPUT },
        { "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" RFC_X "\"}]}", EA_EINPUT },
        { "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"X25519\",\"kid\":\"k\",\"x\":\"" RFC_X "\"}]}", EA_EINPUT },
        { "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\",\"x\":\"AAAA\"}]}", EA_EINPUT },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ea_jwks *got = NULL;
        assert_err(ea_jwks_read(cases[i].json, strlen(cases[i].json), &got), cases[i].want);
        assert_null(got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_signed_comes_back),
        cmocka_unit_test(no_byte_can_be_changed),
        cmocka_unit_test(each_fault_has_its_verdict),
        cmocka_unit_test(documents_without_a_key_are_refused),
    };

    return cmocka_run_group_tests(tests, make_key, free_key);
}
