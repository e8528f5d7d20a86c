/* What in a text may be names. */
#include "fcgi/chat/chat.h"
#include "lib/arena.h"
#include "tests/unit/unit.h"

#include <string.h>

static void words(const char *text, const char *expected)
{
    struct ea_arena *a = ea_arena_new();
    const char *got;
    assert_non_null(a);
    assert_int_equal(chat_mention_words(a, text, strlen(text), &got), EA_OK);
    if (expected == NULL)
        assert_null(got);
    else
        assert_string_equal(got, expected);
    ea_arena_free(a);
}

static void names_are_one_to_four_words(void **state)
{
    (void)state;
    words("@Anna", "0 Anna");
    words("Ask @Anna Maria of the class, please",
          "0 Anna\n0 Anna Maria\n0 Anna Maria of\n0 Anna Maria of the");
    words("(@Bo O'Neil)", "0 Bo\n0 Bo O'Neil");
    words("**@Jean-Luc**", "0 Jean-Luc");
    words("@Zoë, @Ömer", "0 Zoë\n1 Ömer");
}

static void what_ends_a_sentence_may_end_a_name(void **state)
{
    (void)state;
    words("Thanks, @Anna.", "0 Anna\n0 Anna.");
    words("@Sam Jr. knows", "0 Sam\n0 Sam Jr\n0 Sam Jr.\n0 Sam Jr. knows");
}

static void addresses_and_lone_signs_are_none(void **state)
{
    (void)state;
    words("", NULL);
    words("anna@school.example or a_@b, x.@y, é@z", NULL);
    words("@ Anna @, @@ @", NULL);
    words("@...", NULL);
}

/* A text full of them costs no more than twenty. */
static void there_are_twenty_at_most(void **state)
{
    (void)state;
    char text[16 * 1024];
    const char *got;
    size_t lines = 1;
    struct ea_arena *a = ea_arena_new();
    for (size_t i = 0; i < sizeof(text); i += 4)
        memcpy(text + i, "@a, ", 4);
    assert_non_null(a);
    assert_int_equal(chat_mention_words(a, text, sizeof(text), &got), EA_OK);
    for (const char *p = got; (p = strchr(p, '\n')) != NULL; p++)
        lines++;
    assert_int_equal(lines, 20);
    ea_arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_one_to_four_words),
        cmocka_unit_test(what_ends_a_sentence_may_end_a_name),
        cmocka_unit_test(addresses_and_lone_signs_are_none),
        cmocka_unit_test(there_are_twenty_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
