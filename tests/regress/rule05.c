/* Rule 5: a body is read to the end of the stream. What is left of it, if only the empty record at its end, spoils the next request of the connection. */
#include "tests/regress/client.h"

#include "lib/token.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void after(int fd)
{
    assert_non_null(strstr(client_get(fd, "/v1/echo", 200), "\"path\":\"/v1/echo\""));
}

static char *much(size_t n)
{
    char *p = malloc(n + 1);
    assert_non_null(p);
    memset(p, 'y', n);
    p[n] = '\0';
    return p;
}

static void the_next_request_is_heard(void **state)
{
    struct subject s = { 0 };
    char *big = much(900000);
    (void)state;
    subject_start(&s, NULL);
    int fd = client_connect(&s);
    const struct ask whole = { .method = "POST", .uri = "/v1/text", .type = "text/plain", .body = "hello" };
    assert_non_null(strstr(client_call(fd, &whole, 200), "\"bytes\":5"));
    after(fd);
    /* a handler that does not look at its body */
    (void)client_call(
        fd,
        &(struct ask){
            .method = "POST", .uri = "/v1/ignore", .type = "application/octet-stream", .body = big },
        200);
    after(fd);
    /* bodies that are refused before they are read: too large, of a wrong type, for no route */
    (void)client_call(
        fd, &(struct ask){ .method = "POST", .uri = "/v1/small", .type = "text/plain", .body = big }, 413);
    after(fd);
    (void)client_call(
        fd, &(struct ask){ .method = "POST", .uri = "/v1/text", .type = "text/css", .body = big }, 415);
    after(fd);
    (void)client_call(
        fd, &(struct ask){ .method = "POST", .uri = "/v1/none", .type = "text/plain", .body = big }, 404);
    after(fd);
    close(fd);
    free(big);
    subject_stop(&s);
}

static void the_body_arrives_whole(void **state)
{
    struct subject s = { 0 };
    char *big = much(1000000), hash[EA_SHA256_HEX];
    (void)state;
    subject_start(&s, NULL);
    int fd = client_connect(&s);
    ea_sha256_hex(big, 1000000, hash);
    const char *got = client_call(
        fd, &(struct ask){ .method = "POST", .uri = "/v1/text", .type = "text/csv", .body = big }, 200);
    assert_non_null(strstr(got, "\"bytes\":1000000"));
    assert_non_null(strstr(got, hash));
    close(fd);
    free(big);
    subject_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_request_is_heard),
        cmocka_unit_test(the_body_arrives_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
