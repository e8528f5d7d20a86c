#include "tests/unit/arena.h"
#include "workers/grader/check.h"

#include <stdlib.h>
#include <string.h>

#define DAY_US 86400000000LL

static const struct ea_rules *rules_of(const char *json)
{
    const struct ea_rules *rules;
    assert_int_equal(ea_rules_read(json, strlen(json), arena, &rules), EA_OK);
    return rules;
}

static const char *const strict =
    "{\"checks\":["
    "{\"kind\":\"word_count\",\"points\":2,\"min\":5,\"max\":20},"
    "{\"kind\":\"headings\",\"points\":3,\"required\":[\"Introduction\",\"Method\",\"Results\"]},"
    "{\"kind\":\"terms\",\"points\":2.5,\"required\":[\"cell\",\"light reaction\"]},"
    "{\"kind\":\"links\",\"points\":2.5,\"min\":1,\"forbidden_hosts\":[\"cheats.example\"]}],"
    "\"late_policy\":{\"per_day_percent\":10,\"floor_percent\":50,\"grace_minutes\":5}}";

static struct ea_md_heading headings[] = { { 1, "1. Introduction" }, { 2, "METHOD" }, { 2, "Results" } };
static const char *links[] = { "https://plants.example/leaf", "#top" };

static struct ea_md_facts essay(void)
{
    return (struct ea_md_facts){ .words = 12,
                                 .headings = headings,
                                 .headings_n = 3,
                                 .links = links,
                                 .links_n = 2,
                                 .plain =
                                     "1. Introduction\nEvery cell of a leaf.\nMETHOD\nThe light\nreaction." };
}

static struct grader_verdict grade(const char *rules, const struct ea_md_facts *docs, size_t n,
                                   int64_t late_us)
{
    struct grader_work work = { .rules = rules_of(rules),
                                .rules_version = 3,
                                .points = 10000,
                                .docs = docs,
                                .docs_n = n,
                                .late_us = late_us };
    struct grader_verdict v;
    assert_int_equal(grader_check(&work, arena, &v), EA_OK);
    assert_non_null(v.explanation);
    return v;
}

static void all_met_is_all_points(void **state)
{
    (void)state;
    struct ea_md_facts doc = essay();
    struct grader_verdict v = grade(strict, &doc, 1, 0);

    assert_true(v.decided);
    assert_int_equal(v.score, 10000);
    assert_non_null(strstr(v.explanation, "\"rule\":\"document-1\""));
    assert_non_null(strstr(v.explanation, "\"rules_version\":3"));
    assert_non_null(strstr(v.explanation, "\"final\":10"));
}

static void each_check_by_itself(void **state)
{
    (void)state;
    struct ea_md_facts doc = essay();

    doc.words = 4;
    assert_int_equal(grade(strict, &doc, 1, 0).score, 8000);
    doc.words = 21;
    assert_int_equal(grade(strict, &doc, 1, 0).score, 8000);
    doc = essay();
    doc.headings_n = 1;
    assert_int_equal(grade(strict, &doc, 1, 0).score, 8000);
    doc = essay();
    doc.plain = "cellular light reaction";
    assert_int_equal(grade(strict, &doc, 1, 0).score, 8750);
    doc = essay();
    doc.links_n = 0;
    assert_int_equal(grade(strict, &doc, 1, 0).score, 7500);
    const char *bad[] = { "https://plants.example/", "http://www.cheats.example/essay" };
    doc.links = bad;
    doc.links_n = 2;
    struct grader_verdict v = grade(strict, &doc, 1, 0);
    assert_int_equal(v.score, 7500);
    assert_non_null(strstr(v.explanation, "\"forbidden\":[\"www.cheats.example\"]"));
}

static void late_then_cap(void **state)
{
    (void)state;
    struct ea_md_facts doc = essay();

    assert_int_equal(grade(strict, &doc, 1, 4 * 60000000LL).score, 10000);
    assert_int_equal(grade(strict, &doc, 1, DAY_US).score, 9000);
    assert_int_equal(grade(strict, &doc, 1, 40 * DAY_US).score, 5000);
    const char *generous =
        "{\"checks\":[{\"kind\":\"word_count\",\"points\":15,\"min\":1}],\"late_policy\":{\"per_day_percent\":20}}";
    assert_int_equal(grade(generous, &doc, 1, 0).score, 10000);
    assert_int_equal(grade(generous, &doc, 1, 1).score, 10000);
    assert_int_equal(grade(generous, &doc, 1, DAY_US + 1).score, 9000);
}

static void documents_count_together(void **state)
{
    (void)state;
    struct ea_md_facts docs[2] = { essay(), essay() };

    docs[0].headings_n = 1;
    docs[0].links_n = 0;
    docs[0].plain = "cell";
    docs[0].words = 1;
    docs[1].plain = "the light reaction";
    assert_int_equal(grade(strict, docs, 2, 0).score, 10000);
}

static void a_person_marks_what_cannot_be_read(void **state)
{
    (void)state;
    const char *names[] = { "scan.pdf" };
    struct ea_md_facts doc = essay();
    struct grader_work work = { .rules = rules_of(strict), .points = 10000, .unread = names, .unread_n = 1 };
    struct grader_verdict v;

    assert_int_equal(grader_check(&work, arena, &v), EA_OK);
    assert_false(v.decided);
    assert_non_null(strstr(v.explanation, "\"method\":\"person\""));
    assert_non_null(strstr(v.explanation, "scan.pdf"));
    assert_null(strstr(v.explanation, "\"checks\""));
    work.docs = &doc;
    work.docs_n = 1;
    assert_int_equal(grader_check(&work, arena, &v), EA_OK);
    assert_false(v.decided);
    assert_non_null(strstr(v.explanation, "\"checks\":[{"));
    assert_null(strstr(v.explanation, "\"final\""));
    assert_false(grade("{\"checks\":[]}", &doc, 1, 0).decided);
}

static int64_t pick(unsigned *seed, int64_t max)
{
    return rand_r(seed) % (max + 1);
}

/* A document of random words out of a small vocabulary. */
static struct ea_md_facts random_document(unsigned *seed)
{
    static const char *const words[] = { "cell", "cells", "light", "reaction", "leaf", "Method", "x" };
    static struct ea_md_heading all[] = {
        { 1, "Introduction" }, { 2, "Nothing" }, { 2, "3 Results" }, { 3, "method" }
    };
    static const char *urls[] = { "https://a.example", "https://cheats.example/x", "mailto:x@y.example",
                                  "//b.example" };
    struct ea_md_facts doc = { .words = (size_t)pick(seed, 30) };
    char *plain = ea_arena_alloc(arena, 300);

    assert_non_null(plain);
    for (size_t i = 0; i < doc.words; i++) {
        strcat(plain, words[pick(seed, 6)]);
        strcat(plain, pick(seed, 3) ? " " : ". ");
    }
    doc.plain = plain;
    doc.headings = all + pick(seed, 2);
    doc.headings_n = (size_t)pick(seed, 2);
    doc.links = urls + pick(seed, 2);
    doc.links_n = (size_t)pick(seed, 2);
    return doc;
}

/* Whatever is handed in: the score is within bounds, the same again for the same, and never better for being later. */
static void properties_of_any_document(void **state)
{
    (void)state;
    unsigned seed = 20261124;

    for (int i = 0; i < 3000; i++) {
        struct ea_md_facts docs[3];
        size_t n = 1 + (size_t)pick(&seed, 2);
        for (size_t k = 0; k < n; k++)
            docs[k] = random_document(&seed);
        int64_t late = pick(&seed, 12) * DAY_US / 2;
        struct grader_verdict v = grade(strict, docs, n, late), again = grade(strict, docs, n, late);
        assert_true(v.decided);
        assert_true(v.score >= 0 && v.score <= 10000);
        assert_int_equal(v.score, again.score);
        assert_string_equal(v.explanation, again.explanation);
        assert_true(grade(strict, docs, n, late + DAY_US).score <= v.score);
        /* one more document with a missing term never takes points from the terms */
        const char *terms =
            "{\"checks\":[{\"kind\":\"terms\",\"points\":7,\"required\":[\"cell\",\"leaf\",\"light reaction\"]}]}";
        assert_true(grade(terms, docs, n, 0).score >= grade(terms, docs, n - 1 ? n - 1 : 1, 0).score);
        ea_arena_reset(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_met_is_all_points),
        cmocka_unit_test(each_check_by_itself),
        cmocka_unit_test(late_then_cap),
        cmocka_unit_test(documents_count_together),
        cmocka_unit_test(a_person_marks_what_cannot_be_read),
        cmocka_unit_test(properties_of_any_document),
    };
    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
