/* A shelf: everything has one place and keeps it, however many come, up to the bound. */
#include "fcgi/core/shelf.h"

#include "lib/id.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

enum { MOST = 4096 };

struct thing {
    struct ea_id id;
    unsigned n;
};

/* The same last digits for eight at a time, so that they ask for the same slot. */
static const char *id_of(unsigned n, char out[40])
{
    (void)snprintf(out, 40, "018f0000-%04x-7000-8000-0000%08x", n % 8, n / 8);
    return out;
}

static struct thing *put(struct ea_shelf *s, unsigned n)
{
    char id[40];
    return ea_shelf_put(s, id_of(n, id));
}

static void each_has_one_place_and_keeps_it(void **state)
{
    (void)state;
    struct ea_shelf s = { .width = sizeof(struct thing), .max = MOST };
    for (int turn = 0; turn < 2; turn++) {
        for (unsigned n = 0; n < MOST; n++) {
            struct thing *t = put(&s, n);
            assert_int_equal(t->n, 0);
            t->n = n + 1;
            assert_int_equal(ea_shelf_place(&s, t), n);
        }
        assert_int_equal(s.n, MOST);
        assert_null(put(&s, MOST));
        for (unsigned n = 0; n < MOST; n++) {
            char id[40];
            struct thing *t = put(&s, n);
            assert_int_equal(t->n, n + 1);
            assert_string_equal(t->id.s, id_of(n, id));
            assert_ptr_equal(ea_shelf_at(&s, n), t);
        }
        ea_shelf_clear(&s);
        assert_int_equal(s.n, 0);
        assert_null(s.v);
    }
}

static void what_is_no_id_has_no_place(void **state)
{
    (void)state;
    struct ea_shelf s = { .width = sizeof(struct thing), .max = MOST };
    assert_null(ea_shelf_put(&s, ""));
    assert_null(ea_shelf_put(&s, "018f0000-0000-7000-8000-0000000000000"));
    assert_int_equal(s.n, 0);
    ea_shelf_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_one_place_and_keeps_it),
        cmocka_unit_test(what_is_no_id_has_no_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
