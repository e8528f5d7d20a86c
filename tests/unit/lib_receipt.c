#include "lib/receipt.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" /* sha256("hello") */

static const struct ea_receipt_part parts[] = {
    { .name = "text", .sha256 = HELLO, .size = 5 },
    { .name = "b ü.md", .sha256 = HELLO, .size = 5 },
};
static const struct ea_receipt receipt = {
    .kind = "submission",
    .id = "01989a11-0000-7000-8000-000000000001",
    .of_kind = "assignment",
    .of_id = "01989a11-0000-7000-8000-000000000002",
    .user_id = "01989a11-0000-7000-8000-000000000003",
    .submitted_at = "2026-11-23T09:00:00.123Z",
    .parts = parts,
    .parts_n = 2,
};

/* The text of sha256sum is hashed: computed here by the same recipe in another hand. */
static void whole_is_the_hash_of_the_list(void **state)
{
    (void)state;
    char got[EA_SHA256_HEX], want[EA_SHA256_HEX];
    const char *list = HELLO "  text\n" HELLO "  b ü.md\n";

    ea_sha256_hex(list, strlen(list), want);
    assert_int_equal(ea_receipt_sha256(parts, 2, got), EA_OK);
    assert_string_equal(got, want);
    ea_sha256_hex("", 0, want);
    assert_int_equal(ea_receipt_sha256(NULL, 0, got), EA_OK);
    assert_string_equal(got, want);
}

static void the_same_receipt_is_the_same_bytes(void **state)
{
    (void)state;
    char dir[] = "/tmp/ea-receipt-XXXXXX", path[64], pub[72];
    struct ea_key *key = NULL;
    struct ea_buf a = { 0 }, b = { 0 };

    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/key", dir);
    (void)snprintf(pub, sizeof(pub), "%s.pub", path);
    assert_int_equal(ea_key_create(path), EA_OK);
    assert_int_equal(ea_key_load(path, true, &key), EA_OK);
    assert_int_equal(ea_receipt_json(key, &receipt, &a), EA_OK);
    assert_int_equal(ea_receipt_json(key, &receipt, &b), EA_OK);
    assert_string_equal(a.p, b.p);
    assert_non_null(strstr(a.p, ea_key_id(key)));
    assert_non_null(strstr(a.p, "\"submitted_at\":\"2026-11-23T09:00:00.123Z\""));
    ea_buf_free(&a);
    ea_buf_free(&b);
    ea_key_free(key);
    assert_int_equal(unlink(path), 0);
    (void)unlink(pub);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_is_the_hash_of_the_list),
        cmocka_unit_test(the_same_receipt_is_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
