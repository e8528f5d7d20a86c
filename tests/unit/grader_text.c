#include "tests/unit/arena.h"
#include "workers/grader/text.h"

#include <stdlib.h>
#include <string.h>

static bool has(const char *text, const char *phrase)
{
    const char *t = grader_text_fold(arena, text), *p = grader_text_fold(arena, phrase);
    assert_non_null(t);
    assert_non_null(p);
    return grader_text_has(t, p);
}

static void folding_evens_out_case_space_and_typography(void **state)
{
    (void)state;
    assert_string_equal(grader_text_fold(arena, "  Größe \n\t ÄRGER  "), "größe ärger");
    assert_string_equal(grader_text_fold(arena, "Newton\xE2\x80\x99s law \xE2\x80\x93 2nd"),
                        "newton's law - 2nd");
    assert_string_equal(grader_text_fold(arena, ""), "");
    assert_string_equal(grader_text_fold(arena, "a\xFFz"), "a\xEF\xBF\xBDz");
}

static void terms_are_whole_words(void **state)
{
    (void)state;
    assert_true(has("The cell divides.", "cell"));
    assert_false(has("Cellular growth", "cell"));
    assert_false(has("a supercell", "CELL"));
    assert_true(has("cellular, then the CELL", "cell"));
    assert_true(has("the light\nreaction", "Light Reaction"));
    assert_true(has("we use C++.", "c++"));
    assert_false(has("ob\xC3\xA9se", "ob"));
    assert_true(has("(ATP)", "atp"));
    assert_false(has("anything", ""));
    assert_false(has("", "x"));
}

static void headings_lose_their_numbers(void **state)
{
    (void)state;
    assert_string_equal(grader_text_unnumbered("2.1 results"), "results");
    assert_string_equal(grader_text_unnumbered("3) method"), "method");
    assert_string_equal(grader_text_unnumbered("results"), "results");
    assert_string_equal(grader_text_unnumbered("1984"), "1984");
    assert_string_equal(grader_text_unnumbered(".net"), ".net");
    assert_string_equal(grader_text_unnumbered("3d models"), "3d models");
}

static void hosts_of_links(void **state)
{
    (void)state;
    assert_string_equal(grader_text_host(arena, "https://Example.ORG/a?b"), "example.org");
    assert_string_equal(grader_text_host(arena, "http://user:pw@example.org:8080#x"), "example.org");
    assert_string_equal(grader_text_host(arena, "//cdn.example.org."), "cdn.example.org");
    assert_string_equal(grader_text_host(arena, "http://good.example\\@evil.example/"), "good.example");
    assert_string_equal(grader_text_host(arena, "https://[2001:db8::1]:443/"), "[2001:db8::1]");
    assert_null(grader_text_host(arena, "mailto:a@example.org"));
    assert_null(grader_text_host(arena, "#section"));
    assert_null(grader_text_host(arena, "https:///nowhere"));
    assert_true(grader_text_in_domain("a.example.org", "Example.org"));
    assert_true(grader_text_in_domain("example.org", "example.org"));
    assert_false(grader_text_in_domain("badexample.org", "example.org"));
    assert_false(grader_text_in_domain("org", "example.org"));
}

/* Any bytes can be folded; folding again changes nothing; a text has each of its own words. */
static void any_bytes(void **state)
{
    (void)state;
    unsigned seed = 7;
    char raw[65];

    for (int i = 0; i < 5000; i++) {
        size_t n = (size_t)rand_r(&seed) % 64;
        for (size_t k = 0; k < n; k++)
            raw[k] = (char)(rand_r(&seed) % 4 ? ' ' + rand_r(&seed) % 95 : 1 + rand_r(&seed) % 255);
        raw[n] = '\0';
        char *folded = grader_text_fold(arena, raw);
        assert_non_null(folded);
        assert_string_equal(grader_text_fold(arena, folded), folded);
        char *copy = ea_arena_dup(arena, folded);
        for (char *rest = copy, *word; (word = strtok_r(rest, " ", &rest));)
            assert_true(grader_text_has(folded, word));
        ea_arena_reset(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folding_evens_out_case_space_and_typography),
        cmocka_unit_test(terms_are_whole_words),
        cmocka_unit_test(headings_lose_their_numbers),
        cmocka_unit_test(hosts_of_links),
        cmocka_unit_test(any_bytes),
    };
    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
