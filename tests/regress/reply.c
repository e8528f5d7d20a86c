/* What every route's reply is made of: statuses and their headers, problem documents, conditions, pages. */
#include "tests/regress/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static struct subject s;
static int fd;

static int up(void **state)
{
    (void)state;
    subject_start(&s, NULL);
    fd = client_connect(&s);
    return 0;
}

static int down(void **state)
{
    (void)state;
    close(fd);
    subject_stop(&s);
    return 0;
}

static void call(const struct ask *a, int status, struct reply *r)
{
    client_ask(fd, a);
    client_reply(fd, r);
    assert_int_equal(r->status, status);
    assert_true(r->ended);
}

static void expect_header(const struct ask *a, int status, const char *name, const char *value)
{
    struct reply r;
    call(a, status, &r);
    const char *got = header_of(&r, name);
    if (value == NULL)
        assert_null(got);
    else if (got == NULL || strcmp(got, value) != 0)
        fail_msg("%s %s: %s: %s", a->method, a->uri, name, got != NULL ? got : "absent");
    reply_free(&r);
}

static void expect_text(const struct ask *a, int status, const char *text)
{
    struct reply r;
    call(a, status, &r);
    if (strstr(r.body.p, text) == NULL)
        fail_msg("%s: no %s in %s", a->uri, text, r.body.p);
    reply_free(&r);
}

static void refusals_say_what_would_do(void **state)
{
    const struct ask none = { .uri = "/v1/none" }, put = { .method = "DELETE", .uri = "/v1/tagged" },
                     odd = { .method = "BREW", .uri = "/v1/tagged" },
                     css = { .method = "POST", .uri = "/v1/text", .type = "text/css", .body = "x" },
                     body = { .method = "GET", .uri = "/v1/echo", .type = "text/plain", .body = "x" };
    (void)state;
    expect_header(&none, 404, "Content-Type", "application/problem+json");
    expect_text(&none, 404, "\"type\":\"/problems/not-found\"");
    expect_text(&none, 404, "\"instance\":\"/v1/none\"");
    expect_header(&put, 405, "Allow", "GET, HEAD, PUT, OPTIONS");
    expect_header(&odd, 405, "Allow", "GET, HEAD, PUT, OPTIONS");
    expect_header(&css, 415, "Accept-Post", "text/plain text/csv");
    expect_text(&body, 415, "No body is expected here.");
    expect_text(&(struct ask){ .uri = "/v1/echo%zz" }, 400, "/problems/bad-request");
}

static void options_are_answered_by_the_table(void **state)
{
    const struct ask a = { .method = "OPTIONS", .uri = "/v1/tagged" };
    struct reply r;
    (void)state;
    call(&a, 204, &r);
    assert_string_equal(header_of(&r, "Allow"), "GET, HEAD, PUT, OPTIONS");
    assert_int_equal(r.body.len, 0);
    reply_free(&r);
    (void)client_call(fd, &(struct ask){ .method = "OPTIONS", .uri = "/v1/none" }, 404);
}

static void head_is_get_without_a_body(void **state)
{
    struct reply get, head;
    (void)state;
    call(&(struct ask){ .uri = "/v1/tagged" }, 200, &get);
    call(&(struct ask){ .method = "HEAD", .uri = "/v1/tagged" }, 200, &head);
    assert_string_equal(head.head, get.head);
    assert_int_equal(head.body.len, 0);
    reply_free(&get);
    reply_free(&head);
    call(&(struct ask){ .method = "HEAD", .uri = "/v1/none" }, 404, &head);
    assert_int_equal(head.body.len, 0);
    reply_free(&head);
}

static void conditions(void **state)
{
    static const char *const matching[] = { "\"7\"", "*", "\"1\", \"7\"", "W/\"1\",\"7\"" };
    static const char *const others[] = { "\"8\"", "7", "\"77\"", "\"\"", "", "W/\"7\"", "\"1\",\"2\"" };
    (void)state;
    struct ask put = {
        .method = "PUT", .uri = "/v1/tagged", .type = "application/json", .body = "{\"text\":\"a\"}"
    };
    expect_text(&put, 428, "/problems/precondition-required");
    put.headers[0] = "HTTP_IF_MATCH";
    for (size_t i = 0; i < sizeof matching / sizeof *matching; i++) {
        put.headers[1] = matching[i];
        expect_header(&put, 200, "ETag", "\"7\"");
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        put.headers[1] = others[i];
        expect_header(&put, 412, "ETag", NULL);
    }
    struct ask get = { .uri = "/v1/tagged", .headers = { "HTTP_IF_NONE_MATCH", "W/\"7\"" } };
    struct reply r;
    call(&get, 304, &r);
    assert_string_equal(header_of(&r, "ETag"), "\"7\"");
    assert_null(header_of(&r, "Content-Length"));
    assert_int_equal(r.body.len, 0);
    reply_free(&r);
    get.headers[1] = "\"6\", \"8\"";
    expect_header(&get, 200, "ETag", "\"7\"");
}

static void every_fault_is_told_at_once(void **state)
{
    struct ask a = { .method = "POST",
                     .uri = "/v1/checked?n=x&more=1",
                     .type = "application/json; charset=utf-8",
                     .body = "{\"text\":7,\"x\":1}" };
    (void)state;
    expect_text(&a, 422, "\"pointer\":\"/text\"");
    expect_text(&a, 422, "\"pointer\":\"/x\"");
    expect_text(&a, 422, "\"pointer\":\"/n\"");
    expect_text(&a, 422, "\"pointer\":\"/more\"");
    a.body = "{\"text\": nope}";
    expect_text(&a, 400, "at byte ");
    a.body = "[]";
    (void)client_call(fd, &a, 422);
    a.body = "null";
    (void)client_call(fd, &a, 422);
    a.uri = "/v1/checked?n=3";
    a.body = "{\"text\":\"t\"}";
    (void)client_call(fd, &a, 200);
}

static void variables_are_decoded_and_checked(void **state)
{
    (void)state;
    expect_text(&(struct ask){ .uri = "/v1/things/0193B0C2-7C1E-7B3A-9D2E-2F6A5B1C0D4E/words/a%2Bb" }, 200,
                "\"var\":\"0193b0c2-7c1e-7b3a-9d2e-2f6a5b1c0d4e\",\"var2\":\"a+b\"");
    (void)client_get(fd, "/v1/things/7", 404);
}

static void ids_of_requests_are_taken_over_if_well_formed(void **state)
{
    (void)state;
    struct ask a = { .uri = "/v1/echo",
                     .headers = { "EA_REQUEST_ID", "abc-DEF.1:2_3", "HTTP_TRACEPARENT",
                                  "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" } };
    expect_text(&a, 200, "\"request_id\":\"abc-DEF.1:2_3\"");
    expect_text(&a, 200, "\"trace\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"");
    a.headers[1] = "short";
    a.headers[3] = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
    expect_text(&a, 200, "\"trace\":null");
    a.headers[1] = "with\"quote-and-more";
    struct reply r;
    call(&a, 200, &r);
    assert_null(strstr(r.body.p, "quote"));
    reply_free(&r);
}

/* The path of `Link: <path>; rel="next"`, NULL on the last page. */
static const char *next_of(const struct reply *r)
{
    static char path[600];
    const char *link = header_of(r, "Link");
    if (link == NULL)
        return NULL;
    assert_non_null(strstr(link, ">; rel=\"next\""));
    (void)snprintf(path, sizeof path, "%.*s", (int)strcspn(link + 1, ">"), link + 1);
    return path;
}

static void pages_are_walked_by_their_links(void **state)
{
    static const char *const want[] = { "{\"items\":[1,2,3,4],\"next\":\"",
                                        "{\"items\":[5,6,7,8],\"next\":\"",
                                        "{\"items\":[9,10],\"next\":null}" };
    const char *uri = "/v1/pages?limit=4";
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct reply r;
        assert_non_null(uri);
        call(&(struct ask){ .uri = uri }, 200, &r);
        assert_int_equal(strncmp(r.body.p, want[i], strlen(want[i])), 0);
        uri = next_of(&r);
        reply_free(&r);
    }
    assert_null(uri);
    expect_text(&(struct ask){ .uri = "/v1/pages?limit=10" }, 200, "\"next\":null");
    (void)client_get(fd, "/v1/pages?limit=201", 422);
}

static void forged_cursors_are_refused(void **state)
{
    char uri[700];
    struct reply r;
    (void)state;
    call(&(struct ask){ .uri = "/v1/pages?limit=4" }, 200, &r);
    (void)snprintf(uri, sizeof uri, "%s", next_of(&r));
    reply_free(&r);
    char *cursor = strstr(uri, "cursor=") + 7;
    for (char *p = cursor; *p != '\0'; p++) {
        const char was = *p;
        *p = was == 'A' ? 'Q' : 'A';
        if (*p != was)
            expect_text(&(struct ask){ .uri = uri }, 422, "\"pointer\":\"/cursor\"");
        *p = was;
    }
    (void)client_get(fd, uri, 200);
    /* one of another list */
    char other[720];
    (void)snprintf(other, sizeof other, "/v1/more-pages?cursor=%s", cursor);
    (void)client_get(fd, other, 422);
    (void)client_get(fd, "/v1/pages?cursor=Nw", 422);
    (void)client_get(fd, "/v1/pages?cursor=", 200);
}

/* No descriptor is left for the next connection: it waits in the backlog, and is served when one is free again. */
static void descriptors_may_run_out(void **state)
{
    static int many[64];
    struct subject poor = { 0 };
    struct rlimit before, few;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 40;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    subject_start(&poor, NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (size_t i = 0; i < 64; i++)
        many[i] = client_connect(&poor);
    int last = client_connect(&poor);
    client_ask(last, &(struct ask){ .uri = "/v1/echo" });
    for (int i = 0; !subject_logged(&poor, "cannot accept"); i++) {
        assert_true(i < TIMEOUT_MS / 5);
        (void)nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
    }
    for (size_t i = 0; i < 64; i++)
        close(many[i]);
    struct reply r;
    client_reply(last, &r);
    assert_int_equal(r.status, 200);
    reply_free(&r);
    close(last);
    subject_stop(&poor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_say_what_would_do),
        cmocka_unit_test(options_are_answered_by_the_table),
        cmocka_unit_test(head_is_get_without_a_body),
        cmocka_unit_test(conditions),
        cmocka_unit_test(every_fault_is_told_at_once),
        cmocka_unit_test(variables_are_decoded_and_checked),
        cmocka_unit_test(ids_of_requests_are_taken_over_if_well_formed),
        cmocka_unit_test(pages_are_walked_by_their_links),
        cmocka_unit_test(forged_cursors_are_refused),
        cmocka_unit_test(descriptors_may_run_out),
    };
    return cmocka_run_group_tests(tests, up, down);
}
