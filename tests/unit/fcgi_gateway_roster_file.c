#include "fcgi/gateway/roster_file.h"

#include "lib/buf.h"
#include "tests/unit/arena.h"

#include <stdlib.h>
#include <string.h>

#define HEADER "role,given name,family name,email,course code\n"

static struct gateway_roster parsed(const char *text)
{
    struct gateway_roster r;
    assert_ok(gateway_roster_parse(text, strlen(text), arena, &r));
    return r;
}

static void assert_error(const struct gateway_roster *r, size_t i, size_t line, const char *column,
                         const char *code)
{
    assert_true(i < r->errors_n);
    assert_int_equal(r->errors[i].line, line);
    assert_string_equal(r->errors[i].column, column);
    assert_string_equal(r->errors[i].code, code);
    assert_true(strlen(r->errors[i].detail) > 0);
}

static void a_plain_roster(void **state)
{
    (void)state;
    struct gateway_roster r = parsed(HEADER "student,Ada,Lovelace,Ada@School.example,MATH-1\n"
                                            "teacher,Emmy,Noether,emmy@school.example,MATH-1\n"
                                            "staff,Grace,Hopper,grace@school.example,\n");
    assert_int_equal(r.errors_n, 0);
    assert_int_equal(r.n, 3);
    assert_int_equal(r.rows[0].line, 2);
    assert_string_equal(r.rows[0].email, "ada@school.example");
    assert_string_equal(r.rows[0].name, "Ada Lovelace");
    assert_string_equal(r.rows[0].school_role, "member");
    assert_string_equal(r.rows[0].course_role, "student");
    assert_string_equal(r.rows[0].course, "MATH-1");
    assert_null(r.rows[0].password);
    assert_string_equal(r.rows[1].school_role, "staff");
    assert_string_equal(r.rows[1].course_role, "teacher");
    assert_string_equal(r.rows[2].school_role, "staff");
    assert_null(r.rows[2].course);
    assert_null(r.rows[2].course_role);
}

static void columns_in_any_order_and_under_any_spelling(void **state)
{
    (void)state;
    struct gateway_roster r = parsed("\xEF\xBB\xBF"
                                     "sourcedId, E-Mail ,familyName,GIVEN_NAME,Course Code,Role,password\r\n"
                                     "x1, ada@school.example ,Lovelace,Ada,M1,student,longer than ten\r\n");
    assert_int_equal(r.errors_n, 0);
    assert_int_equal(r.n, 1);
    assert_string_equal(r.rows[0].name, "Ada Lovelace");
    assert_string_equal(r.rows[0].email, "ada@school.example");
    assert_string_equal(r.rows[0].password, "longer than ten");
}

static void quoted_fields(void **state)
{
    (void)state;
    struct gateway_roster r =
        parsed(HEADER "student,\"Anna, Maria\",\"O\"\"Neill\",\"a@school.example\",\"M,1\"\n"
                      "\n"
                      "   \n"
                      "student,\"Line\nbreak\",B,b@school.example,M1\n"
                      "student,C,\xC3\x96zil,c@school.example,M1");
    assert_int_equal(r.n, 2);
    assert_string_equal(r.rows[0].name, "Anna, Maria O\"Neill");
    assert_string_equal(r.rows[0].course, "M,1");
    assert_int_equal(r.errors_n, 1);
    assert_error(&r, 0, 5, "given name", "format");
    assert_int_equal(r.rows[1].line, 7);
    assert_string_equal(r.rows[1].name, "C \xC3\x96zil");
}

static void line_ends_of_every_kind(void **state)
{
    (void)state;
    struct gateway_roster r = parsed("role,given name,family name,email\r"
                                     "student,A,A,a@school.example\r"
                                     "student,B,B,not-an-address\r\n"
                                     "student,C,C,c@school.example\n"
                                     "student,D,D,d@school.example");
    assert_int_equal(r.n, 3);
    assert_int_equal(r.rows[2].line, 5);
    assert_int_equal(r.errors_n, 1);
    assert_error(&r, 0, 3, "email", "format");
}

static void every_fault_of_a_row_is_told(void **state)
{
    (void)state;
    struct gateway_roster r = parsed("role,given name,family name,email,course code,password\n"
                                     "king,,Bad\x01name,nobody,,short\n"
                                     "student,Ada,Lovelace,ada@school.example,M1\n"
                                     "staff,G,H,g@school.example,M1\n"
                                     "student,X\xFF,Y,x@school.example\n"
                                     "student,A,B,c@school.example,M1,,more,fields\n");
    assert_int_equal(r.n, 1);
    assert_int_equal(r.errors_n, 8);
    assert_error(&r, 0, 2, "role", "invalid");
    assert_error(&r, 1, 2, "given name", "required");
    assert_error(&r, 2, 2, "family name", "format");
    assert_error(&r, 3, 2, "email", "format");
    assert_error(&r, 4, 2, "password", "too-short");
    assert_error(&r, 5, 4, "course code", "invalid");
    assert_error(&r, 6, 5, "given name", "utf8");
    assert_error(&r, 7, 6, "", "too-long");
}

static void repeated_people(void **state)
{
    (void)state;
    struct gateway_roster r = parsed(HEADER "student,Ada,Lovelace,ada@school.example,M1\n"
                                            "student,Ada,Lovelace,ada@school.example,M2\n"
                                            "assistant,Ada,Lovelace,ADA@school.example,M1\n");
    assert_int_equal(r.n, 2);
    assert_int_equal(r.errors_n, 1);
    assert_error(&r, 0, 4, "email", "duplicate");
}

static void the_first_row_of_a_person_is_the_account(void **state)
{
    (void)state;
    struct gateway_roster r = parsed(HEADER "student,Ada,Lovelace,ada@school.example,Z\n"
                                            "student,Bob,B,bob@school.example,Z\n"
                                            "student,Ada,L,ada@school.example,A\n"
                                            "student,Ada,L,ada@school.example,\n");
    assert_int_equal(r.n, 4);
    assert_ok(gateway_roster_mark_accounts(&r, arena));
    assert_true(r.rows[0].account && r.rows[1].account);
    assert_false(r.rows[2].account || r.rows[3].account);
}

/* A quote that nobody closed loses its own row and no other. */
static void unbalanced_quotes(void **state)
{
    (void)state;
    struct gateway_roster r = parsed(HEADER "student,A,A,a@school.example,M1\n"
                                            "student,\"B,B,b@school.example,M1\n"
                                            "student,C,C,c@school.example,M1\n"
                                            "student,D\"x\",D,d@school.example,M1\n"
                                            "student,\"E\"e,E,e@school.example,M1\n"
                                            "student,F,F,f@school.example,M1\n");
    assert_int_equal(r.n, 3);
    assert_string_equal(r.rows[0].email, "a@school.example");
    assert_string_equal(r.rows[1].email, "c@school.example");
    assert_string_equal(r.rows[2].email, "f@school.example");
    assert_int_equal(r.errors_n, 3);
    assert_error(&r, 0, 3, "", "format");
    assert_error(&r, 1, 5, "", "format");
    assert_error(&r, 2, 6, "", "format");
}

static void a_quote_open_at_the_end(void **state)
{
    (void)state;
    struct gateway_roster r = parsed(HEADER "student,\"A,A,a@school.example,M1\n"
                                            "student,B,B,b@school.example,M1\n");
    assert_int_equal(r.n, 1);
    assert_string_equal(r.rows[0].email, "b@school.example");
    assert_error(&r, 0, 2, "", "format");
}

static void files_that_are_no_roster(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "\n\n",
        "\xEF\xBB\xBF",
        "a,b,c\n1,2,3\n",
        "role,given name,family name\nstudent,A,B\n",
        "role,role,given name,family name,email\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct gateway_roster r;
        assert_err(gateway_roster_parse(texts[i], strlen(texts[i]), arena, &r), EA_EINPUT);
        assert_non_null(r.unusable);
        assert_int_equal(r.n, 0);
    }
}

static void the_list_of_errors_is_bounded(void **state)
{
    (void)state;
    struct ea_buf b = { 0 };
    struct gateway_roster r;
    ea_buf_str(&b, HEADER);
    for (int i = 0; i < GATEWAY_ROSTER_ERRORS + 5; i++)
        ea_buf_str(&b, "king,A,A,a@school.example,M1\n");
    ea_buf_str(&b, "student,Z,Z,z@school.example,M1\n");
    assert_ok(gateway_roster_parse(b.p, b.len, arena, &r));
    assert_int_equal(r.n, 1);
    assert_int_equal(r.errors_n, GATEWAY_ROSTER_ERRORS);
    assert_int_equal(r.more_errors, 5);
    ea_buf_free(&b);
}

static void too_many_rows(void **state)
{
    (void)state;
    struct ea_buf b = { 0 };
    struct gateway_roster r;
    ea_buf_str(&b, HEADER);
    for (int i = 0; i < GATEWAY_ROSTER_ROWS + 2; i++)
        ea_buf_printf(&b, "student,A,A,a%d@school.example,M1\n", i);
    assert_ok(gateway_roster_parse(b.p, b.len, arena, &r));
    assert_int_equal(r.n, GATEWAY_ROSTER_ROWS);
    assert_int_equal(r.errors_n, 2);
    assert_error(&r, 0, GATEWAY_ROSTER_ROWS + 2, "", "too-long");
    ea_buf_free(&b);
}

/* Any bytes at all: it ends, within its bounds, and every row it lets through is whole. */
static void random_bytes(void **state)
{
    (void)state;
    static const char alphabet[] = "\",\n\r aA@.\xC3\xA4\x00-1";
    unsigned seed = 20260101;
    for (int round = 0; round < 3000; round++) {
        char text[400];
        size_t n = strlen(HEADER);
        memcpy(text, HEADER, n);
        for (; n < sizeof text; n++) {
            seed = seed * 1103515245u + 12345u;
            text[n] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
        }
        struct gateway_roster r;
        enum ea_err err = gateway_roster_parse(text, n, arena, &r);
        assert_true(err == EA_OK || err == EA_EINPUT);
        for (size_t i = 0; i < r.n; i++)
            assert_true(r.rows[i].email && r.rows[i].name && r.rows[i].line > 1);
        ea_arena_reset(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_plain_roster, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(columns_in_any_order_and_under_any_spelling, arena_set_up,
                                        arena_tear_down),
        cmocka_unit_test_setup_teardown(quoted_fields, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(line_ends_of_every_kind, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(every_fault_of_a_row_is_told, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(repeated_people, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(the_first_row_of_a_person_is_the_account, arena_set_up,
                                        arena_tear_down),
        cmocka_unit_test_setup_teardown(unbalanced_quotes, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(a_quote_open_at_the_end, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(files_that_are_no_roster, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(the_list_of_errors_is_bounded, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(too_many_rows, arena_set_up, arena_tear_down),
        cmocka_unit_test_setup_teardown(random_bytes, arena_set_up, arena_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
