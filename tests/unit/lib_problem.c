#include "lib/problem.h"
#include "tests/unit/unit.h"

static void a_problem_with_faults(void **state)
{
    (void)state;
    struct ea_fault v[] = { { "/sections/0/draw", "out-of-range", "a number from 1 to 100 is expected" },
                            { "/a~1b", "unknown", "there is no \"such\" member" } };
    struct ea_faults faults = { .v = v, .n = 2, .cap = 2 };
    struct ea_buf b = { 0 };
    ea_problem_write(&(struct ea_problem){ .err = EA_EINPUT,
                                           .detail = "2 faults",
                                           .instance = "/v1/quizzes",
                                           .request_id = "r-1",
                                           .faults = &faults },
                     &b);
    assert_string_equal(
        b.p, "{\"type\":\"/problems/invalid-input\",\"title\":\"The input has faults\",\"status\":422,"
             "\"detail\":\"2 faults\",\"instance\":\"/v1/quizzes\",\"request_id\":\"r-1\",\"errors\":["
             "{\"pointer\":\"/sections/0/draw\",\"code\":\"out-of-range\","
             "\"detail\":\"a number from 1 to 100 is expected\"},"
             "{\"pointer\":\"/a~1b\",\"code\":\"unknown\",\"detail\":\"there is no \\\"such\\\" member\"}]}");
    faults.n = 0;
    faults.more = 3;
    ea_buf_reset(&b);
    ea_problem_write(&(struct ea_problem){ .err = EA_EINPUT, .faults = &faults }, &b);
    assert_string_equal(
        b.p, "{\"type\":\"/problems/invalid-input\",\"title\":\"The input has faults\",\"status\":422,"
             "\"errors\":[],\"errors_not_shown\":3}");
    ea_buf_free(&b);
}

static void what_is_not_known_is_left_out(void **state)
{
    (void)state;
    struct ea_faults none = { 0 };
    struct ea_buf b = { 0 };
    ea_problem_write(&(struct ea_problem){ .err = EA_ENOTFOUND, .faults = &none }, &b);
    assert_string_equal(
        b.p,
        "{\"type\":\"/problems/not-found\",\"title\":\"There is nothing here that you may see\",\"status\":404}");
    ea_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_problem_with_faults),
        cmocka_unit_test(what_is_not_known_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
