#include "lib/jwks.h"
#include "lib/keyring.h"
#include "lib/token.h"

#include "tests/unit/unit.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TYP "ea-receipt+jws"

/* A key and an empty directory for those that it replaces, in a directory that is removed with all that is in it. */
struct place {
    char dir[32], key[64], pub[80], retired[64];
};

static void make(struct place *p)
{
    *p = (struct place){ .dir = "/tmp/ea_keyring.XXXXXX" };
    assert_non_null(mkdtemp(p->dir));
    (void)snprintf(p->key, sizeof p->key, "%s/key", p->dir);
    (void)snprintf(p->pub, sizeof p->pub, "%s.pub", p->key);
    (void)snprintf(p->retired, sizeof p->retired, "%s/retired", p->dir);
    assert_int_equal(mkdir(p->retired, 0700), 0);
    assert_ok(ea_key_create(p->key));
}

static void clear(const char *dir)
{
    char path[PATH_MAX];
    struct dirent *e;
    DIR *d = opendir(dir);

    assert_non_null(d);
    while ((e = readdir(d))) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (e->d_name[0] != '.' && unlink(path) != 0)
            clear(path);
    }
    closedir(d);
    assert_int_equal(rmdir(dir), 0);
}

static void write_file(const struct place *p, const char *name, const char *text)
{
    char path[PATH_MAX];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", p->dir, name);
    assert_non_null(f = fopen(path, "we"));
    assert_true(fputs(text, f) >= 0 && fclose(f) == 0);
}

/* Signs with the key that is there now; *kid is its id. */
static void sign(const struct place *p, struct ea_buf *jws, char kid[32])
{
    struct ea_key *k;

    assert_ok(ea_key_load(p->key, true, &k));
    assert_ok(ea_jws_sign(k, TYP, "{}", 2, jws));
    (void)snprintf(kid, 32, "%s", ea_key_id(k));
    ea_key_free(k);
}

/* What is published now. */
static struct ea_jwks *published(const struct place *p, struct ea_buf *json)
{
    struct ea_key *k;
    struct ea_jwks *keys;

    assert_ok(ea_key_load(p->key, false, &k));
    ea_buf_str(json, "{\"keys\":[");
    ea_key_jwk(k, json);
    assert_ok(ea_keyring_jwks(p->retired, k, json));
    ea_buf_str(json, "]}");
    assert_ok(ea_jwks_read(json->p, json->len, &keys));
    ea_key_free(k);
    return keys;
}

static void expect(const struct ea_jwks *keys, const struct ea_buf *jws, enum ea_jws_verdict want)
{
    struct ea_buf payload = { 0 };
    enum ea_jws_verdict got;

    assert_ok(ea_jws_verify(keys, TYP, jws->p, jws->len, &payload, &got));
    assert_int_equal(got, want);
    ea_buf_free(&payload);
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;

    while ((text = strstr(text, what))) {
        text++;
        n++;
    }
    return n;
}

static void what_earlier_keys_signed_still_holds(void **state)
{
    (void)state;
    enum { KEYS = 70 };
    struct place p;
    struct ea_buf jws[KEYS] = { { 0 } }, json = { 0 };
    char kid[KEYS][32];

    make(&p);
    for (int i = 0; i < KEYS; i++) {
        sign(&p, &jws[i], kid[i]);
        if (i > 0)
            assert_string_not_equal(kid[i], kid[i - 1]);
        if (i < KEYS - 1)
            assert_ok(ea_keyring_rotate(p.key, p.retired));
    }
    struct ea_jwks *keys = published(&p, &json);
    assert_int_equal(count(json.p, "\"kid\""), KEYS);
    for (int i = 0; i < KEYS; i++) {
        expect(keys, &jws[i], EA_JWS_GOOD);
        ea_buf_free(&jws[i]);
    }
    ea_jwks_free(keys);
    ea_buf_free(&json);
    clear(p.dir);
}

static void a_rotation_that_was_interrupted_is_run_again(void **state)
{
    (void)state;
    struct place p;
    struct ea_buf jws = { 0 }, json = { 0 };
    struct ea_key *k;
    char kid[32], name[PATH_MAX];

    make(&p);
    sign(&p, &jws, kid);
    /* the old key is retired already, the next one lies there half made, and so does what was to be published of the old one */
    (void)snprintf(name, sizeof name, "%s/retired/%s.pub", p.dir, kid);
    assert_ok(ea_key_load(p.key, true, &k));
    assert_ok(ea_key_publish(k, name));
    ea_key_free(k);
    write_file(&p, "key.new", "half");
    (void)snprintf(name, sizeof name, "retired/%s.pub.new", kid);
    write_file(&p, name, "half");
    struct ea_jwks *keys = published(&p, &json);
    assert_int_equal(count(json.p, "\"kid\""), 1); /* the current one is not listed twice */
    expect(keys, &jws, EA_JWS_GOOD);
    ea_jwks_free(keys);
    ea_buf_reset(&json);

    assert_ok(ea_keyring_rotate(p.key, p.retired));
    keys = published(&p, &json);
    assert_int_equal(count(json.p, "\"kid\""), 2);
    expect(keys, &jws, EA_JWS_GOOD);
    (void)snprintf(name, sizeof name, "%s.new", p.key);
    assert_int_not_equal(access(name, F_OK), 0);
    (void)snprintf(name, sizeof name, "%s/retired/%s.pub.new", p.dir, kid);
    assert_int_not_equal(access(name, F_OK), 0);
    ea_jwks_free(keys);
    ea_buf_free(&json);
    ea_buf_free(&jws);
    clear(p.dir);
}

static void the_old_key_stays_when_it_cannot_be_retired(void **state)
{
    (void)state;
    struct place p;
    struct ea_buf jws = { 0 };
    char before[32], after[32];

    make(&p);
    sign(&p, &jws, before);
    assert_int_equal(rmdir(p.retired), 0);
    assert_err(ea_keyring_rotate(p.key, p.retired), EA_EINTERNAL);
    sign(&p, &jws, after);
    assert_string_equal(before, after);
    ea_buf_free(&jws);
    clear(p.dir);
}

static void a_directory_that_cannot_be_read_whole_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = { "", "half", "AAAA\n" };
    struct place p;
    struct ea_buf out = { 0 };

    make(&p);
    write_file(&p, "retired/note.txt", "no key, and does not say that it is one");
    assert_ok(ea_keyring_jwks(p.retired, NULL, &out));
    assert_int_equal(out.len, 0);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_file(&p, "retired/x.pub", texts[i]);
        assert_err(ea_keyring_jwks(p.retired, NULL, &out), EA_EINTERNAL);
    }
    assert_err(ea_keyring_jwks("/nonexistent", NULL, &out), EA_EINTERNAL);
    ea_buf_free(&out);
    clear(p.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_earlier_keys_signed_still_holds),
        cmocka_unit_test(a_rotation_that_was_interrupted_is_run_again),
        cmocka_unit_test(the_old_key_stays_when_it_cannot_be_retired),
        cmocka_unit_test(a_directory_that_cannot_be_read_whole_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
