/* Rule 3: FCGX_Detach at birth. Without it libfcgi closes by shutdown() and up to 2 s of waiting for the peer to do the same, in the pool's thread:
 * a few peers that do not hang up would pin the whole pool. */
#include "tests/regress/client.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static void a_bad_peer_is_left_at_once(void **state)
{
    static const unsigned char no_role[] = { 1, BEGIN, 0, 1, 0, 8, 0, 0, 0, 9, 1, 0, 0, 0, 0, 0 };
    struct subject s = { 0 };
    (void)state;
    subject_start(&s, (const char *const[]){ "EA_THREADS=1", NULL });
    int fd = client_connect(&s);
    client_send(fd, no_role, sizeof no_role); /* libfcgi closes by itself */
    assert_true(client_is_closed(fd));
    /* After close() both directions are gone. While libfcgi lingered, only its own would be, and it would read this. */
    assert_true(send(fd, "x", 1, MSG_NOSIGNAL) < 0);
    assert_int_equal(errno, EPIPE);
    close(fd);
    subject_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_peer_is_left_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
