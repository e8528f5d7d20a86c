/* Rule 1: keepConnection is seeded. FCGX_Accept_r first finishes "the last request"; with 0 it closes the connection of the very first. */
#include "tests/regress/client.h"

#include <string.h>
#include <unistd.h>

static void a_connection_serves_many_requests(void **state)
{
    struct subject s = { 0 };
    (void)state;
    subject_start(&s, NULL);
    int fd = client_connect(&s);
    for (int i = 0; i < 100; i++)
        assert_non_null(strstr(client_get(fd, "/v1/echo", 200), "\"path\":\"/v1/echo\""));
    close(fd);
    subject_stop(&s);
}

/* nginx without fastcgi_keep_conn: the end of the reply is the end of the connection. */
static void a_connection_ends_when_it_is_not_to_be_kept(void **state)
{
    struct subject s = { 0 };
    (void)state;
    subject_start(&s, NULL);
    int fd = client_connect(&s);
    (void)client_call(fd, &(struct ask){ .uri = "/v1/echo", .close = true }, 200);
    assert_true(client_is_closed(fd));
    close(fd);
    subject_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_serves_many_requests),
        cmocka_unit_test(a_connection_ends_when_it_is_not_to_be_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
