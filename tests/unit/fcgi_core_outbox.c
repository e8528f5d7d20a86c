/* A stream's outbox on a real socket: everything arrives whole and in order however little the reader takes; who does not read is refused at the bound. */
#include "fcgi/core/outbox.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void pair(int fd[2])
{
    int small = 4096;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    assert_int_equal(setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    assert_int_equal(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
}

static void arrives_whole_and_in_order(void **state)
{
    (void)state;
    enum { FRAMES = 300 };
    int fd[2];
    struct ea_outbox o = { 0 };
    char got[1 << 16], want[1 << 16];
    size_t got_n = 0, want_n = 0;
    pair(fd);
    for (int i = 0; i < FRAMES; i++) {
        struct ea_frame *f = ea_frame_printf("message number %d and some more\n", i);
        memcpy(want + want_n, f->bytes, f->len);
        want_n += f->len;
        assert_int_equal(ea_outbox_add(&o, f), EA_OK);
        ea_frame_unref(f);
    }
    while (got_n < want_n) {
        assert_int_equal(ea_outbox_send(&o, fd[0]), EA_OK);
        ssize_t n = recv(fd[1], got + got_n, 777, 0);
        assert_true(n > 0);
        got_n += (size_t)n;
    }
    assert_true(ea_outbox_empty(&o));
    assert_null(o.ring);
    assert_memory_equal(got, want, want_n);
    close(fd[0]);
    close(fd[1]);
}

static void bound_is_kept(void **state)
{
    (void)state;
    int fd[2];
    struct ea_outbox o = { 0 };
    char text[1000] = { 0 };
    struct ea_frame *f = ea_frame_new(text, sizeof(text));
    pair(fd);
    for (int i = 0; i < 10000 && ea_outbox_takes(&o, f); i++) {
        assert_int_equal(ea_outbox_add(&o, f), EA_OK);
        assert_int_equal(ea_outbox_send(&o, fd[0]), EA_OK);
    }
    assert_false(ea_outbox_takes(&o, f));
    assert_true(o.bytes <= EA_OUTBOX_BYTES);
    ea_outbox_free(&o);
    assert_int_equal(f->refs, 1);
    ea_frame_unref(f);
    close(fd[0]);
    close(fd[1]);
}

/* No send takes anything of it. */
static void an_empty_frame_holds_nobody_up(void **state)
{
    (void)state;
    int fd[2];
    char got[64];
    struct ea_outbox o = { 0 };
    struct ea_frame *nothing = ea_frame_new("", 0), *hello = ea_frame_printf("hello");
    pair(fd);
    assert_int_equal(ea_outbox_add(&o, nothing), EA_OK);
    assert_int_equal(ea_outbox_send(&o, fd[0]), EA_OK);
    assert_true(ea_outbox_empty(&o));
    assert_int_equal(ea_outbox_add(&o, hello), EA_OK);
    assert_int_equal(ea_outbox_add(&o, nothing), EA_OK);
    assert_int_equal(ea_outbox_add(&o, hello), EA_OK);
    assert_int_equal(ea_outbox_send(&o, fd[0]), EA_OK);
    assert_true(ea_outbox_empty(&o));
    assert_int_equal(recv(fd[1], got, sizeof(got), 0), 2 * hello->len);
    ea_frame_unref(nothing);
    ea_frame_unref(hello);
    close(fd[0]);
    close(fd[1]);
}

static void gone_peer_is_told(void **state)
{
    (void)state;
    int fd[2];
    struct ea_outbox o = { 0 };
    struct ea_frame *f = ea_frame_printf("hello");
    pair(fd);
    close(fd[1]);
    assert_int_equal(ea_outbox_add(&o, f), EA_OK);
    assert_int_equal(ea_outbox_send(&o, fd[0]), EA_ECLOSED);
    ea_outbox_free(&o);
    ea_frame_unref(f);
    close(fd[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrives_whole_and_in_order),
        cmocka_unit_test(bound_is_kept),
        cmocka_unit_test(an_empty_frame_holds_nobody_up),
        cmocka_unit_test(gone_peer_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
