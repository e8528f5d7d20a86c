#include "tests/unit/unit.h"

#include "fcgi/core/match.h"

#include <stdio.h>
#include <string.h>

#define ID  "0193b0c2-7c1e-7b3a-9d2e-2f6a5b1c0d4e"
#define ID2 "0193b0c2-7c1e-7b3a-9d2e-2f6a5b1c0d4f"

static enum ea_err none(struct ea_req *r)
{
    (void)r;
    return EA_OK;
}

#define ROUTE(m, p)                                                                                          \
    {                                                                                                        \
        .method = m, .pattern = p, .handler = none                                                           \
    }

static const struct ea_route some[] = {
    ROUTE(EA_GET, "/healthz"),
    ROUTE(EA_GET, "/v1/courses"),
    ROUTE(EA_POST, "/v1/courses"),
    ROUTE(EA_GET, "/v1/courses/{id}"),
    ROUTE(EA_PATCH, "/v1/courses/{id}"),
    ROUTE(EA_DELETE, "/v1/courses/{id}/enrolments/{user_id}"),
    EA_ROUTES_END,
};
static const struct ea_route more[] = {
    ROUTE(EA_PUT, "/v1/attempts/{id}/answers/{slot}"),
    ROUTE(EA_PUT, "/v1/messages/{id}/reactions/{emoji}"),
    ROUTE(EA_GET, "/v1/events"),
    ROUTE(EA_GET, "/v1/events/poll"),
    EA_ROUTES_END,
};
static const struct ea_route *const tables[] = { some, more, NULL };

static struct ea_router *router;
static struct ea_arena *arena;

static int up(void **state)
{
    (void)state;
    arena = ea_arena_new();
    return ea_router_new(tables, &router) == EA_OK ? 0 : -1;
}

static int down(void **state)
{
    (void)state;
    ea_router_free(router);
    ea_arena_free(arena);
    return 0;
}

static enum ea_err find(enum ea_method m, const char *path, struct ea_match *out)
{
    memset(out, 0, sizeof *out);
    return ea_router_find(router, arena, m, path, out);
}

static void expect_route(enum ea_method m, const char *path, const char *pattern)
{
    struct ea_match got;
    assert_ok(find(m, path, &got));
    assert_string_equal(got.route->pattern, pattern);
}

static void expect_err(enum ea_method m, const char *path, enum ea_err err)
{
    struct ea_match got;
    assert_err(find(m, path, &got), err);
}

static void paths_find_their_route(void **state)
{
    struct ea_match got;
    (void)state;
    expect_route(EA_GET, "/healthz", "/healthz");
    expect_route(EA_GET, "/v1/courses", "/v1/courses");
    expect_route(EA_POST, "/v1/courses", "/v1/courses");
    expect_route(EA_GET, "/v1/events/poll", "/v1/events/poll");
    assert_ok(find(EA_DELETE, "/v1/courses/" ID "/enrolments/" ID2, &got));
    assert_string_equal(got.vars[0], ID);
    assert_string_equal(got.vars[1], ID2);
    assert_null(got.vars[2]);
    assert_string_equal(got.path, "/v1/courses/" ID "/enrolments/" ID2);
}

static void head_is_served_by_get(void **state)
{
    struct ea_match got;
    (void)state;
    assert_ok(find(EA_HEAD, "/v1/courses", &got));
    assert_int_equal(got.route->method, EA_GET);
}

static void other_methods_are_told_what_is_allowed(void **state)
{
    struct ea_match got;
    (void)state;
    assert_err(find(EA_DELETE, "/v1/courses", &got), EA_EMETHOD);
    assert_string_equal(got.allow, "GET, HEAD, POST, OPTIONS");
    assert_err(find(EA_OPTIONS, "/v1/courses/" ID, &got), EA_EMETHOD);
    assert_string_equal(got.allow, "GET, HEAD, PATCH, OPTIONS");
    assert_err(find(EA_METHOD__MAX, "/v1/events", &got), EA_EMETHOD);
    assert_err(find(EA_HEAD, "/v1/attempts/" ID "/answers/3", &got), EA_EMETHOD);
    assert_string_equal(got.allow, "PUT, OPTIONS");
}

static void what_is_no_path_of_ours_is_not_found(void **state)
{
    static const char *const paths[] = {
        "",
        "/",
        "v1/courses",
        "/v1/courses/",
        "//v1/courses",
        "/v1//courses",
        "/V1/courses",
        "/v1/courses/" ID "/",
        "/v1/courses/no-uuid",
        "/v1/courses/" ID "0",
        "/v1/courses/../courses",
        "/v1/courses/.",
        "*",
        "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t",
        "/v1/courses;x=1",
    };
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        expect_err(EA_GET, paths[i], EA_ENOTFOUND);
}

static void ids_are_lower_cased(void **state)
{
    struct ea_match got;
    (void)state;
    assert_ok(find(EA_GET, "/v1/courses/0193B0C2-7C1E-7B3A-9D2E-2F6A5B1C0D4E", &got));
    assert_string_equal(got.vars[0], ID);
}

static void escapes_are_decoded_within_a_segment(void **state)
{
    struct ea_match got;
    (void)state;
    assert_ok(find(EA_GET, "/v1/c%6furses", &got));
    assert_string_equal(got.path, "/v1/courses");
    assert_ok(find(EA_PUT, "/v1/messages/" ID "/reactions/%F0%9F%91%8D", &got));
    assert_string_equal(got.vars[1], "\xf0\x9f\x91\x8d");
    expect_err(EA_GET, "/v1%2Fcourses", EA_ENOTFOUND); /* an escaped slash divides nothing */
    expect_err(EA_PUT, "/v1/attempts/" ID "/answers/a%2Fb", EA_ENOTFOUND);
    expect_err(EA_GET, "/v1/courses%", EA_EBADREQUEST);
    expect_err(EA_GET, "/v1/courses%4", EA_EBADREQUEST);
    expect_err(EA_GET, "/v1/courses%zz", EA_EBADREQUEST);
    expect_err(EA_GET, "/v1/courses%00", EA_EBADREQUEST);
}

static void words_have_a_form(void **state)
{
    char path[300];
    struct ea_match got;
    (void)state;
    static const char *const good[] = { "1", "a_b.c:d~e+f-g", "%C3%A4", "Z" };
    static const char *const bad[] = { "a b", "a%20b", "%0A", "%C3", "%ED%A0%80", "a'b", "%22", "a,b", "" };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        (void)snprintf(path, sizeof path, "/v1/attempts/" ID "/answers/%s", good[i]);
        assert_ok(find(EA_PUT, path, &got));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        (void)snprintf(path, sizeof path, "/v1/attempts/" ID "/answers/%s", bad[i]);
        expect_err(EA_PUT, path, EA_ENOTFOUND);
    }
    (void)snprintf(path, sizeof path, "/v1/attempts/" ID "/answers/%064d", 1);
    assert_ok(find(EA_PUT, path, &got));
    (void)snprintf(path, sizeof path, "/v1/attempts/" ID "/answers/%065d", 1);
    expect_err(EA_PUT, path, EA_ENOTFOUND);
}

static void bad_patterns_are_refused(void **state)
{
    static const struct ea_route bad[][2] = {
        { ROUTE(EA_GET, "v1"), EA_ROUTES_END },
        { ROUTE(EA_GET, "/v1/{id"), EA_ROUTES_END },
        { ROUTE(EA_GET, "/v1/x{id}"), EA_ROUTES_END },
        { ROUTE(EA_GET, "/{}"), EA_ROUTES_END },
        { ROUTE(EA_HEAD, "/v1"), EA_ROUTES_END },
        { ROUTE(EA_OPTIONS, "/v1"), EA_ROUTES_END },
        { ROUTE(EA_GET, "/{a}/{b}/{c}/{d}/{e}"), EA_ROUTES_END },
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ea_router *rt;
        assert_err(ea_router_new((const struct ea_route *const[]){ bad[i], NULL }, &rt), EA_EINPUT);
        assert_null(rt);
    }
}

/* Any bytes may come as a path: an answer, and no harm. */
static void any_bytes_are_survived(void **state)
{
    static const char alphabet[] = "/%v1coursesAF09{}.\x80\xff ";
    unsigned seed = 1;
    (void)state;
    for (int i = 0; i < 50000; i++) {
        char path[64];
        struct ea_match got;
        size_t n = (seed = seed * 1103515245u + 12345u) >> 16 & 63;
        for (size_t k = 0; k < n; k++)
            path[k] = alphabet[((seed = seed * 1103515245u + 12345u) >> 16) % (sizeof alphabet - 1)];
        path[n] = '\0';
        enum ea_err err = find(EA_GET, path, &got);
        assert_true(err == EA_OK || err == EA_ENOTFOUND || err == EA_EBADREQUEST || err == EA_EMETHOD);
        if (i % 1000 == 0)
            ea_arena_reset(arena);
    }
}

static void tables_are_printed_as_json_lines(void **state)
{
    struct ea_buf out = { 0 };
    (void)state;
    ea_router_print(tables, &out);
    size_t lines = 0;
    for (const char *p = out.p; (p = strchr(p, '\n')) != NULL; p++)
        lines++;
    assert_int_equal(lines, 10);
    assert_non_null(strstr(
        out.p,
        "{\"method\":\"PUT\",\"path\":\"/v1/attempts/{id}/answers/{slot}\",\"who\":\"anyone\",\"body\":\"none\""));
    ea_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_find_their_route),
        cmocka_unit_test(head_is_served_by_get),
        cmocka_unit_test(other_methods_are_told_what_is_allowed),
        cmocka_unit_test(what_is_no_path_of_ours_is_not_found),
        cmocka_unit_test(ids_are_lower_cased),
        cmocka_unit_test(escapes_are_decoded_within_a_segment),
        cmocka_unit_test(words_have_a_form),
        cmocka_unit_test(bad_patterns_are_refused),
        cmocka_unit_test(any_bytes_are_survived),
        cmocka_unit_test(tables_are_printed_as_json_lines),
    };
    return cmocka_run_group_tests(tests, up, down);
}
