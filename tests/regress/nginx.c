/* The real nginx before two processes that are restarted in turn under a load of POSTs, which nginx must not repeat: not one of them may fail. */
#include "tests/regress/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NGINX    "/usr/sbin/nginx"
#define CLIENTS  8
#define RESTARTS 10

static const char conf[] =
    "daemon off; worker_processes 2; pid %s/pid; error_log %s/error crit;\n"
    "events { worker_connections 512; }\n"
    "http { access_log off; client_body_temp_path %s/t; fastcgi_temp_path %s/t; proxy_temp_path %s/t; uwsgi_temp_path %s/t; scgi_temp_path %s/t;\n"
    "keepalive_requests 1000000;\n"
    "upstream two { server unix:%s max_fails=0; server unix:%s max_fails=0; keepalive 16; keepalive_timeout 1s; }\n"
    "server { listen 127.0.0.1:%d; fastcgi_keep_conn on; fastcgi_next_upstream error timeout;\n"
    "fastcgi_param REQUEST_METHOD $request_method; fastcgi_param REQUEST_URI $request_uri; fastcgi_param QUERY_STRING $query_string;\n"
    "fastcgi_param CONTENT_TYPE $content_type; fastcgi_param CONTENT_LENGTH $content_length;\n"
    "location / { fastcgi_pass two; } } }\n";

static char dir[] = "/tmp/ea-regress-nginx-XXXXXX";
static pid_t nginx;
static int port;
static atomic_bool stop;
static atomic_long good;
static atomic_int bad; /* the status of a request that failed, or -1 */

/* --- nginx ------------------------------------------------------------------------------------------------------------------------ */

static int free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0 && bind(fd, (const struct sockaddr *)&a, sizeof a) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static int try_connect(void)
{
    const struct sockaddr_in a = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    close(fd);
    return -1;
}

static void nginx_start(const struct subject *a, const struct subject *b)
{
    char path[100], prefix[100];
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chmod(dir, 0755), 0);
    port = free_port();
    (void)snprintf(path, sizeof path, "%s/conf", dir);
    (void)snprintf(prefix, sizeof prefix, "%s/", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    (void)fprintf(f, conf, dir, dir, dir, dir, dir, dir, dir, a->socket, b->socket, port);
    assert_int_equal(fclose(f), 0);
    nginx = fork();
    if (nginx == 0) {
        /* its workers run as we do: they must be able to open the sockets */
        (void)execl(NGINX, NGINX, "-p", prefix, "-c", path, "-e", "stderr", "-g",
                    geteuid() == 0 ? "user root;" : "env EA;", (char *)NULL);
        _exit(127);
    }
    int fd;
    for (int i = 0; (fd = try_connect()) < 0; i++) {
        assert_true(i < TIMEOUT_MS / 5);
        (void)nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
    }
    close(fd);
}

static void nginx_stop(void)
{
    char command[100];
    int status;
    assert_int_equal(kill(nginx, SIGTERM), 0);
    assert_int_equal(waitpid(nginx, &status, 0), nginx);
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

/* --- load ------------------------------------------------------------------------------------------------------------------------- */

/* One POST on a connection that is kept. Its status, or -1. */
static int post(int fd)
{
    static const char request[] =
        "POST /v1/text HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
    char head[4096];
    size_t n = 0, want = 0;
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0)
        return -1;
    while (n < sizeof head - 1 && (want == 0 || n < want)) {
        ssize_t got = recv(fd, head + n, sizeof head - 1 - n, 0);
        if (got <= 0)
            return -1;
        n += (size_t)got;
        head[n] = '\0';
        const char *end = strstr(head, "\r\n\r\n"), *length = strcasestr(head, "\r\nContent-Length: ");
        if (end != NULL && length != NULL)
            want = (size_t)(end + 4 - head) + strtoul(length + 18, NULL, 10);
    }
    return (int)strtol(head + 9, NULL, 10);
}

static void *client(void *arg)
{
    int fd = try_connect();
    while (!atomic_load(&stop)) {
        int status = post(fd);
        if (status == 200) {
            atomic_fetch_add(&good, 1);
        } else {
            atomic_store(&bad, status);
            break;
        }
    }
    close(fd);
    return arg;
}

static void not_one_post_fails_over_restarts(void **state)
{
    struct subject s[2] = { 0 };
    pthread_t clients[CLIENTS];
    (void)state;
    for (int i = 0; i < 2; i++)
        subject_start(&s[i], NULL);
    for (int i = 0; i < 2; i++)
        assert_int_equal(chmod(s[i].dir, 0755), 0);
    nginx_start(&s[0], &s[1]);
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&clients[i], NULL, client, NULL), 0);
    for (int i = 0; i < RESTARTS && atomic_load(&bad) == 0; i++) {
        const long before = atomic_load(&good);
        while (atomic_load(&good) < before + 200 && atomic_load(&bad) == 0)
            (void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        assert_int_equal(kill(s[i % 2].pid, SIGTERM), 0);
        assert_int_equal(subject_wait(&s[i % 2]), 0);
        assert_false(subject_logged(&s[i % 2], "drained only in part"));
        subject_start(&s[i % 2], NULL);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_join(clients[i], NULL), 0);
    nginx_stop();
    assert_int_equal(atomic_load(&bad), 0);
    for (int i = 0; i < 2; i++)
        subject_stop(&s[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_one_post_fails_over_restarts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
