/* Rule 7: one owner at a time, by EPOLLONESHOT. While a thread works on a connection, what arrives on it, or its end, is no event for anyone else. */
#include "tests/regress/client.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The rest of the request comes while a thread waits for it: were the connection still watched, it would be queued for another thread, too. */
static void more_bytes_do_not_call_a_second_thread(void **state)
{
    struct subject s = { 0 };
    struct ea_buf b = { 0 };
    size_t at[3];
    (void)state;
    subject_start(&s, NULL);
    put_request(
        &b, &(struct ask){ .method = "POST", .uri = "/v1/touch", .type = "text/plain", .body = "hello" }, at);
    for (int i = 0; i < 50; i++) {
        int fd = client_connect(&s);
        struct reply r;
        client_send(fd, b.p, at[0]);
        for (size_t n = at[0]; n < b.len; n++)
            client_send(fd, b.p + n, 1);
        client_reply(fd, &r);
        assert_int_equal(r.status, 200);
        reply_free(&r);
        close(fd);
    }
    int fd = client_connect(&s);
    assert_non_null(strstr(client_get(fd, "/v1/echo", 200), "\"touched\":50"));
    close(fd);
    ea_buf_free(&b);
    subject_stop(&s);
}

/* Nobody watches the connection of a parked request: its peer's end is found by whoever answers it. */
static void a_parked_request_keeps_its_connection(void **state)
{
    struct subject s = { 0 };
    struct reply r;
    (void)state;
    subject_start(&s, NULL);
    int waiting = client_connect(&s), other = client_connect(&s);
    client_ask(waiting, &(struct ask){ .uri = "/v1/park" });
    while (strstr(client_get(other, "/v1/echo", 200), "\"parked\":true") == NULL)
        ;
    (void)client_get(other, "/v1/unpark", 204);
    client_reply(waiting, &r);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body.p, "{\"unparked\":true}");
    reply_free(&r);
    /* and once more, with a peer that does not wait */
    client_ask(waiting, &(struct ask){ .uri = "/v1/park" });
    while (strstr(client_get(other, "/v1/echo", 200), "\"parked\":true") == NULL)
        ;
    close(waiting);
    (void)client_get(other, "/v1/unpark", 204);
    subject_await_metric(&s, "ea_fcgi_connections ", 2);
    close(other);
    subject_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_bytes_do_not_call_a_second_thread),
        cmocka_unit_test(a_parked_request_keeps_its_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
