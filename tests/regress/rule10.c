/* Rule 10: FCGX_Init puts handlers on SIGPIPE, SIGUSR1 and SIGTERM. They are off again: signals come through the reactor's signalfd, and none ends the process or a read. */
#include "tests/regress/client.h"

#include <signal.h>
#include <unistd.h>

static void signals_are_the_reactors(void **state)
{
    struct subject s = { 0 };
    (void)state;
    subject_start(&s, NULL);
    int fd = client_connect(&s);
    assert_string_equal(
        client_get(fd, "/v1/signals", 200),
        "{\"term\":[\"default\",true],\"usr1\":[\"default\",true],\"pipe\":[\"ignored\",true]}");
    assert_int_equal(kill(s.pid, SIGUSR1), 0);
    assert_int_equal(kill(s.pid, SIGHUP), 0);
    assert_int_equal(kill(s.pid, SIGPIPE), 0);
    (void)client_get(fd, "/v1/echo", 200);
    close(fd);
    subject_stop(&s); /* by SIGTERM, with 0 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_are_the_reactors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
