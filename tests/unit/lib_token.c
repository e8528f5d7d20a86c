/* Includes the module: the RFC 8037 vectors need a fixed seed and a fixed header. */
#include "lib/token.c"

#include "tests/unit/unit.h"

#define NOW 1780000000

/* RFC 8037, appendix A */
#define RFC_D          "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
#define RFC_X          "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define RFC_THUMBPRINT "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
#define RFC_JWS                                                                                              \
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."                                              \
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

static struct ea_key *rfc_key(void)
{
    unsigned char seed[SEED_LEN];
    struct ea_key *k = NULL;
    assert_true(sodium_init() >= 0);
    assert_true(decode(RFC_D, strlen(RFC_D), seed, sizeof seed));
    assert_int_equal(key_from_seed(seed, &k), EA_OK);
    return k;
}

static struct ea_key *other_key(void)
{
    unsigned char seed[SEED_LEN] = { 7 };
    struct ea_key *k = NULL;
    assert_int_equal(key_from_seed(seed, &k), EA_OK);
    return k;
}

static struct ea_claims claims(void)
{
    return (struct ea_claims){
        .user = { "0190e6a0-0000-7000-8000-000000000001" },
        .session = { "0190e6a0-0000-7000-8000-000000000002" },
        .jti = { "0190e6a0-0000-7000-8000-000000000003" },
        .role = EA_ROLE_STAFF,
        .issued_s = NOW,
        .expires_s = NOW + 900,
    };
}

static void rfc_8037_vectors(void **state)
{
    (void)state;
    struct ea_key *k = rfc_key();
    struct ea_buf header = { 0 }, jws = { 0 }, jwk = { 0 };
    char print[KEY_B64_LEN + 1];
    assert_string_equal(k->x, RFC_X);
    thumbprint(k->x, print);
    assert_string_equal(print, RFC_THUMBPRINT);
    assert_memory_equal(ea_key_id(k), RFC_THUMBPRINT, KID_LEN);
    assert_int_equal(strlen(ea_key_id(k)), KID_LEN);
    ea_b64url(&header, "{\"alg\":\"EdDSA\"}", 15);
    assert_int_equal(sign(k, header.p, header.len, "Example of Ed25519 signing", 26, &jws), EA_OK);
    assert_string_equal(jws.p, RFC_JWS);
    ea_key_jwk(k, &jwk);
    assert_string_equal(jwk.p, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"use\":\"sig\",\"alg\":\"EdDSA\","
                               "\"kid\":\"kPrK_qmxVWaYVA9w\",\"x\":\"" RFC_X "\"}");
    ea_buf_free(&header);
    ea_buf_free(&jws);
    ea_buf_free(&jwk);
    ea_key_free(k);
}

static void a_token_comes_back_as_it_was(void **state)
{
    (void)state;
    struct ea_key *k = rfc_key();
    struct ea_buf jwt = { 0 };
    struct ea_claims in = claims(), out;
    ea_sha256_hex("abc", 3, in.csrf);
    assert_string_equal(in.csrf, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(ea_token_sign(k, &in, &jwt), EA_OK);
    memset(&out, 0, sizeof out);
    assert_int_equal(ea_token_verify(k, jwt.p, NOW, &out), EA_OK);
    assert_string_equal(out.user.s, in.user.s);
    assert_string_equal(out.session.s, in.session.s);
    assert_string_equal(out.jti.s, in.jti.s);
    assert_string_equal(out.csrf, in.csrf);
    assert_int_equal(out.role, EA_ROLE_STAFF);
    assert_int_equal(out.issued_s, NOW);
    assert_int_equal(out.expires_s, NOW + 900);
    ea_buf_reset(&jwt);
    in.csrf[0] = '\0';
    assert_int_equal(ea_token_sign(k, &in, &jwt), EA_OK);
    assert_int_equal(ea_token_verify(k, jwt.p, NOW, &out), EA_OK);
    assert_string_equal(out.csrf, "");
    ea_buf_free(&jwt);
    ea_key_free(k);
}

static void a_token_ends_on_the_second(void **state)
{
    (void)state;
    struct ea_key *k = rfc_key();
    struct ea_buf jwt = { 0 };
    struct ea_claims in = claims(), out;
    assert_int_equal(ea_token_sign(k, &in, &jwt), EA_OK);
    assert_int_equal(ea_token_verify(k, jwt.p, NOW + 899, &out), EA_OK);
    assert_int_equal(ea_token_verify(k, jwt.p, NOW + 900, &out), EA_EUNAUTHORIZED);
    ea_buf_free(&jwt);
    ea_key_free(k);
}

static void no_byte_of_a_token_can_be_changed(void **state)
{
    (void)state;
    struct ea_key *k = rfc_key();
    struct ea_buf jwt = { 0 };
    struct ea_claims in = claims(), out;
    assert_int_equal(ea_token_sign(k, &in, &jwt), EA_OK);
    for (size_t i = 0; i < jwt.len; i++) {
        char was = jwt.p[i];
        jwt.p[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(ea_token_verify(k, jwt.p, NOW, &out), EA_EUNAUTHORIZED);
        jwt.p[i] = '\0';
        assert_int_equal(ea_token_verify(k, jwt.p, NOW, &out), EA_EUNAUTHORIZED);
        jwt.p[i] = was;
    }
    assert_int_equal(ea_token_verify(k, jwt.p, NOW, &out), EA_OK);
    ea_buf_char(&jwt, 'A');
    assert_int_equal(ea_token_verify(k, jwt.p, NOW, &out), EA_EUNAUTHORIZED);
    ea_buf_free(&jwt);
    ea_key_free(k);
}

/* Signed by `with`, under any header, with any payload. */
static void expect_refused(const struct ea_key *verifier, const struct ea_key *with, const char *header,
                           const char *payload)
{
    struct ea_buf head = { 0 }, jwt = { 0 };
    struct ea_claims out;
    ea_b64url(&head, header, strlen(header));
    assert_int_equal(sign(with, head.p, head.len, payload, strlen(payload), &jwt), EA_OK);
    assert_int_equal(ea_token_verify(verifier, jwt.p, NOW, &out), EA_EUNAUTHORIZED);
    ea_buf_free(&head);
    ea_buf_free(&jwt);
}

#define IDS                                                                                                  \
    "\"sub\":\"0190e6a0-0000-7000-8000-000000000001\",\"sid\":\"0190e6a0-0000-7000-8000-000000000002\","     \
    "\"jti\":\"0190e6a0-0000-7000-8000-000000000003\","
#define GOOD_PAYLOAD "{" IDS "\"role\":\"admin\",\"iat\":1780000000,\"exp\":1780000900}"
#define GOOD_HEADER  "{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"kPrK_qmxVWaYVA9w\"}"

static void other_headers_and_keys_are_refused(void **state)
{
    (void)state;
    struct ea_key *k = rfc_key(), *other = other_key();
    static const char *const headers[] = {
        "{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"kPrK_qmxVWaYVA9w\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"kPrK_qmxVWaYVA9w\"}",
        "{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"AAAAAAAAAAAAAAAA\"}",
        "{\"alg\":\"EdDSA\",\"typ\":\"receipt+jws\",\"kid\":\"kPrK_qmxVWaYVA9w\"}",
        "{\"alg\":\"EdDSA\"}",
        "{}",
        "",
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        expect_refused(k, k, headers[i], GOOD_PAYLOAD);
    expect_refused(k, other, GOOD_HEADER, GOOD_PAYLOAD); /* forged under our kid */
    struct ea_buf jwt = { 0 };
    struct ea_claims in = claims(), out;
    assert_int_equal(ea_token_sign(other, &in, &jwt), EA_OK);
    assert_int_equal(ea_token_verify(k, jwt.p, NOW, &out), EA_EUNAUTHORIZED);
    ea_buf_free(&jwt);
    ea_key_free(k);
    ea_key_free(other);
}

static void unsigned_and_malformed_tokens_are_refused(void **state)
{
    (void)state;
    struct ea_key *k = rfc_key();
    struct ea_claims out;
    struct ea_buf t = { 0 };
    static const char *const junk[] = { "", ".", "..", "...", "a.b.c", "Bearer x" };
    for (size_t i = 0; i < sizeof junk / sizeof junk[0]; i++)
        assert_int_equal(ea_token_verify(k, junk[i], NOW, &out), EA_EUNAUTHORIZED);
    ea_buf_str(&t, "eyJhbGciOiJub25lIn0."); /* {"alg":"none"} */
    ea_b64url(&t, GOOD_PAYLOAD, strlen(GOOD_PAYLOAD));
    ea_buf_char(&t, '.');
    assert_int_equal(ea_token_verify(k, t.p, NOW, &out), EA_EUNAUTHORIZED);
    ea_buf_reset(&t);
    for (int i = 0; i < 100000; i++)
        ea_buf_char(&t, 'A');
    assert_int_equal(ea_token_verify(k, t.p, NOW, &out), EA_EUNAUTHORIZED);
    ea_buf_free(&t);
    ea_key_free(k);
}

static void payloads_of_another_shape_are_refused(void **state)
{
    (void)state;
    struct ea_key *k = rfc_key();
    static const char *const payloads[] = {
        "",
        "x",
        "[]",
        "{}",
        "{" IDS "\"role\":\"root\",\"iat\":1780000000,\"exp\":1780000900}",
        "{" IDS "\"role\":\"admin\",\"iat\":1780000000}",
        "{" IDS "\"role\":\"admin\",\"iat\":1780000000,\"exp\":\"1780000900\"}",
        "{" IDS "\"role\":\"admin\",\"iat\":1780000000,\"exp\":1780000900,\"exp\":1880000900}",
        "{" IDS "\"role\":\"admin\",\"iat\":1780000000,\"exp\":1780000900,\"csrf\":\"short\"}",
        "{\"sub\":\"me\",\"sid\":\"s\",\"jti\":\"j\",\"role\":\"admin\",\"iat\":1780000000,\"exp\":1780000900}",
    };
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++)
        expect_refused(k, k, GOOD_HEADER, payloads[i]);
    ea_key_free(k);
}

static void a_jws_verifies_by_the_book(void **state)
{
    (void)state;
    struct ea_key *k = rfc_key();
    struct ea_buf jws = { 0 };
    unsigned char sig[SIG_LEN];
    assert_int_equal(ea_jws_sign(k, "receipt+jws", "{\"n\":1}", 7, &jws), EA_OK);
    const char *last = strrchr(jws.p, '.');
    assert_non_null(last);
    assert_true(decode(last + 1, strlen(last + 1), sig, sizeof sig));
    assert_int_equal(crypto_sign_verify_detached(sig, (const unsigned char *)jws.p,
                                                 (unsigned long long)(last - jws.p), k->public),
                     0);
    ea_buf_free(&jws);
    ea_key_free(k);
}

static void key_files(void **state)
{
    (void)state;
    char dir[] = "/tmp/ea_token.XXXXXX", path[64], pub[80];
    struct ea_key *k = NULL, *again = NULL, *pub_only = NULL;
    struct ea_buf jwt = { 0 };
    struct ea_claims in = claims(), out;
    struct stat st;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/key", dir);
    snprintf(pub, sizeof pub, "%s.pub", path);
    assert_int_equal(ea_key_create(path), EA_OK);
    assert_int_equal(ea_key_create(path), EA_ECONFLICT);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(ea_key_load(path, true, &k), EA_OK);
    assert_int_equal(ea_token_sign(k, &in, &jwt), EA_OK);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(ea_key_load(path, true, &again), EA_EINTERNAL);
    assert_null(again);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(ea_key_load(path, true, &again), EA_EINTERNAL);
    assert_int_equal(ea_key_load(path, false, &pub_only), EA_OK);
    assert_string_equal(ea_key_id(pub_only), ea_key_id(k));
    assert_int_equal(ea_token_verify(pub_only, jwt.p, NOW, &out), EA_OK);
    assert_int_equal(ea_token_sign(pub_only, &in, &jwt), EA_EINTERNAL);
    assert_int_equal(ea_key_create(path), EA_ECONFLICT); /* the .pub is still there */
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(unlink(pub), 0);
    assert_int_equal(rmdir(dir), 0);
    ea_buf_free(&jwt);
    ea_key_free(k);
    ea_key_free(pub_only);
}

static void damaged_key_files_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = { "",          "short\n",
                                         RFC_D "=\n", RFC_D "\n\n",
                                         RFC_D "A\n", "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2 \n" };
    char path[] = "/tmp/ea_token.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct ea_key *k = NULL;
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, texts[i], strlen(texts[i]), 0), (ssize_t)strlen(texts[i]));
        assert_int_equal(ea_key_load(path, false, &k), EA_EINTERNAL);
        assert_null(k);
    }
    close(fd);
    unlink(path);
}

static void roles_have_names(void **state)
{
    (void)state;
    for (enum ea_role r = EA_ROLE_MEMBER; r <= EA_ROLE_ADMIN; r++)
        assert_int_equal(ea_role_of(ea_role_name(r)), r);
    assert_int_equal(ea_role_of("root"), EA_ROLE_MEMBER);
    assert_int_equal(ea_role_of(NULL), EA_ROLE_MEMBER);
}

static void random_tokens_differ(void **state)
{
    (void)state;
    struct ea_buf a = { 0 }, b = { 0 }, none = { 0 };
    ea_random_token(&a, 32);
    ea_random_token(&b, 32);
    assert_int_equal(a.len, 43);
    assert_int_equal(strlen(a.p), 43);
    assert_string_not_equal(a.p, b.p);
    ea_random_token(&none, 65);
    assert_true(none.failed);
    ea_buf_free(&a);
    ea_buf_free(&b);
    ea_buf_free(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_8037_vectors),
        cmocka_unit_test(a_token_comes_back_as_it_was),
        cmocka_unit_test(a_token_ends_on_the_second),
        cmocka_unit_test(no_byte_of_a_token_can_be_changed),
        cmocka_unit_test(other_headers_and_keys_are_refused),
        cmocka_unit_test(unsigned_and_malformed_tokens_are_refused),
        cmocka_unit_test(payloads_of_another_shape_are_refused),
        cmocka_unit_test(a_jws_verifies_by_the_book),
        cmocka_unit_test(key_files),
        cmocka_unit_test(damaged_key_files_are_refused),
        cmocka_unit_test(roles_have_names),
        cmocka_unit_test(random_tokens_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
