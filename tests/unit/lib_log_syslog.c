/* From a call of ea_log through a real syslog-ng, started here for this test alone, to its files. */
#include "lib/json.h"
#include "lib/log.h"
#include "lib/log_syslog.h"
#include "tests/unit/capture.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS    4
#define EACH       300
#define START_MS   60000
#define FILE_NAMES "conf", "log.sock", "raw", "fields", "persist", "pid", "ctl", "said"

static char dir[64];
static pid_t server;

static char *in_dir(const char *name)
{
    static char path[8][100];
    static size_t next;
    char *p = path[next++ % 8];
    (void)snprintf(p, sizeof path[0], "%s/%s", dir, name);
    return p;
}

static void write_configuration(void)
{
    FILE *f = fopen(in_dir("conf"), "w");
    assert_non_null(f);
    /* `raw` is what has arrived; `fields` are the names and values as syslog-ng itself understands them */
    fprintf(
        f,
        "@version: 3.38\n"
        "options { stats-freq(0); keep-hostname(yes); use-dns(no); dns-cache(no); };\n"
        "source s { unix-dgram(\"%s/log.sock\" flags(syslog-protocol)); };\n"
        "parser p { kv-parser(prefix(\"f.\") pair-separator(\", \")); };\n"
        "destination raw { file(\"%s/raw\" template(\"$PRI $PROGRAM $PID $MSG\\n\")); };\n"
        "destination fields { file(\"%s/fields\" template(\"$(format-json --key f.* --shift-levels 1)\\n\")); };\n"
        "log { source(s); destination(raw); parser(p); destination(fields); };\n",
        dir, dir, dir);
    assert_int_equal(fclose(f), 0);
}

static void run_server(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int said = open(in_dir("said"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(said, STDOUT_FILENO);
    dup2(said, STDERR_FILENO);
    setenv("PATH", "/usr/sbin:/usr/local/sbin:/usr/bin:/bin", 1);
    execlp("syslog-ng", "syslog-ng", "--foreground", "--no-caps", "--stderr", "--cfgfile", in_dir("conf"),
           "--persist-file", in_dir("persist"), "--pidfile", in_dir("pid"), "--control", in_dir("ctl"),
           (char *)NULL);
    dprintf(STDERR_FILENO, "syslog-ng: %s\n", strerror(errno));
    _exit(127);
}

static bool listens(void)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", in_dir("log.sock"));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool ok = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
    close(fd);
    return ok;
}

static char *read_all(const char *name)
{
    struct ea_buf b = { 0 };
    char piece[4096];
    int fd = open(in_dir(name), O_RDONLY | O_CLOEXEC);
    ssize_t n;
    ea_buf_str(&b, "");
    while (fd >= 0 && (n = read(fd, piece, sizeof piece)) > 0)
        ea_buf_add(&b, piece, (size_t)n);
    if (fd >= 0)
        close(fd);
    return b.p;
}

static void start_server(void)
{
    server = fork();
    assert_true(server >= 0);
    if (server == 0)
        run_server();
    for (int waited = 0; !listens(); waited += 20) {
        if (waitpid(server, NULL, WNOHANG) == server || waited > START_MS) {
            char *said = read_all("said");
            server = 0;
            fail_msg("syslog-ng does not start (it must be installed): %s", said);
        }
        poll(NULL, 0, 20);
    }
}

/* It writes out what it has received before it ends. */
static void stop_server(int signal)
{
    int status;
    if (server <= 0)
        return;
    kill(server, signal);
    assert_int_equal(waitpid(server, &status, 0), server);
    server = 0;
}

static int setup(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/ea-log-test-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    write_configuration();
    static struct ea_cfg cfg;
    cfg = (struct ea_cfg){
        .log = "syslog-ng", .log_level = "info", .log_socket = in_dir("log.sock"), .service_name = "quiz 1"
    };
    return ea_log_start(&cfg);
}

static int teardown(void **state)
{
    static const char *const names[] = { FILE_NAMES };
    (void)state;
    stop_server(SIGKILL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(in_dir(names[i]));
    return rmdir(dir);
}

static char *line_with(char *text, const char *what)
{
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        if (strstr(line, what))
            return line;
    fail_msg("%s is nowhere", what);
    return NULL;
}

static void assert_field(struct json_object *o, const char *group, const char *name, const char *expected)
{
    struct json_object *g = json_object_object_get(o, group);
    assert_string_equal(json_object_get_string(json_object_object_get(g, name)), expected);
}

static void until_there_is_a_server_lines_go_to_stderr(void **state)
{
    (void)state;
    int64_t before = ea_log_dropped();
    capture_begin();
    ea_log(EA_LOG_INFO, "too early", EA_F_INT(COUNT, 1));
    char *said = capture_end();
    assert_non_null(strstr(said, "\"message\":\"too early\""));
    assert_int_equal(ea_log_dropped(), before + 1);
    free(said);
}

/* The values try to look like other fields, as users' input might. */
static void fields_arrive_as_they_were(void **state)
{
    (void)state;
    start_server();
    int64_t before = ea_log_dropped();
    ea_log(EA_LOG_WARN, "first", EA_F_STR(USER_ID, "u1', user.id='admin"),
           EA_F_STR(REASON, "back\\', event.reason='x\\"), EA_F_STR(ERROR, "two\nlines\t\xC3\xA9"),
           EA_F_INT(COUNT, -5), EA_F_SECRET(KEY, "geheim"), EA_F_STR(TRACE, NULL));
    assert_int_equal(ea_log_dropped(), before);
    stop_server(SIGTERM);

    char expected[400], *raw = read_all("raw"), *fields = read_all("fields");
    (void)snprintf(
        expected, sizeof expected,
        "%d quiz_1 %d first; log.level='warn', user.id='u1\\', user.id=\\'admin', "
        "event.reason='back\\\\\\', event.reason=\\'x\\\\', error.message='two\\x0alines\t\xC3\xA9', ea.count='-5', ea.key='***'",
        16 * 8 + 4, (int)getpid());
    assert_string_equal(line_with(raw, "first;"), expected);

    struct json_object *o;
    size_t where;
    const char *why, *line = line_with(fields, "warn");
    assert_int_equal(ea_json_parse(line, strlen(line), &o, &where, &why), EA_OK);
    assert_field(o, "log", "level", "warn");
    assert_field(o, "user", "id", "u1', user.id='admin");
    assert_field(o, "event", "reason", "back\\', event.reason='x\\");
    assert_field(o, "ea", "count", "-5");
    assert_field(o, "ea", "key", "***");
    json_object_put(o);
    free(raw);
    free(fields);
}

static void a_new_server_is_found_again(void **state)
{
    (void)state;
    int64_t before = ea_log_dropped();
    capture_begin();
    ea_log0(EA_LOG_INFO, "nobody listens");
    char *said = capture_end();
    assert_non_null(strstr(said, "\"message\":\"nobody listens\""));
    assert_int_equal(ea_log_dropped(), before + 1);
    free(said);

    start_server();
    ea_log0(EA_LOG_INFO, "here again");
    assert_int_equal(ea_log_dropped(), before + 1);
    stop_server(SIGTERM);
    start_server();
    ea_log0(EA_LOG_INFO, "and again"); /* the old socket is still open here, the new one has its path */
    assert_int_equal(ea_log_dropped(), before + 1);
    stop_server(SIGTERM);

    char *raw = read_all("raw");
    assert_non_null(strstr(raw, " here again; log.level='info'\n"));
    assert_non_null(strstr(raw, " and again; log.level='info'\n"));
    assert_null(strstr(raw, "nobody listens"));
    free(raw);
}

static void *log_much(void *arg)
{
    for (int i = 0; i < EACH; i++)
        ea_log(EA_LOG_INFO, "from a thread", EA_F_STR(KEY, arg), EA_F_INT(COUNT, i));
    return NULL;
}

/* Each line is there exactly once: in syslog-ng's file or, where its queue stayed full, on stderr and counted. */
static void threads_lose_nothing(void **state)
{
    static char names[THREADS][8];
    pthread_t threads[THREADS];
    (void)state;
    start_server();
    int64_t before = ea_log_dropped(), on_stderr = 0;
    capture_begin();
    for (size_t t = 0; t < THREADS; t++) {
        (void)snprintf(names[t], sizeof names[t], "t%zu", t);
        assert_int_equal(pthread_create(&threads[t], NULL, log_much, names[t]), 0);
    }
    for (size_t t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    char *said = capture_end();
    stop_server(SIGTERM);
    char *raw = read_all("raw");
    for (size_t t = 0; t < THREADS; t++)
        for (int i = 0; i < EACH; i++) {
            char filed[100], line[100];
            (void)snprintf(filed, sizeof filed,
                           "from a thread; log.level='info', ea.key='%s', ea.count='%d'\n", names[t], i);
            (void)snprintf(line, sizeof line, "\"ea.key\":\"%s\",\"ea.count\":%d}\n", names[t], i);
            const char *at = strstr(raw, filed);
            bool fell_back = strstr(said, line) != NULL;
            assert_int_equal((at != NULL) + fell_back, 1);
            assert_true(!at || !strstr(at + 1, filed));
            on_stderr += fell_back;
        }
    assert_int_equal(ea_log_dropped() - before, on_stderr);
    free(raw);
    free(said);
}

/* A server that has stopped reading: its queue fills, lines go to stderr, the caller is not held up line by line. */
static void a_stopped_server_holds_nobody(void **state)
{
    (void)state;
    start_server();
    kill(server, SIGSTOP);
    int64_t before = ea_log_dropped();
    capture_begin();
    for (int i = 0; i < 2000; i++)
        ea_log(EA_LOG_INFO, "into the queue", EA_F_INT(COUNT, i));
    char *said = capture_end();
    int64_t dropped = ea_log_dropped() - before;
    assert_in_range(dropped, 1, 2000);
    assert_non_null(strstr(said, "\"ea.count\":1999}"));
    free(said);
    kill(server, SIGCONT);
    stop_server(SIGTERM);
}

static void a_path_that_is_no_socket_address_is_refused(void **state)
{
    (void)state;
    char path[200];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    struct ea_log_syslog *none;
    assert_int_equal(ea_log_syslog_new(path, "x", &none), EA_EINPUT);
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(until_there_is_a_server_lines_go_to_stderr),
        cmocka_unit_test(fields_arrive_as_they_were),
        cmocka_unit_test(a_new_server_is_found_again),
        cmocka_unit_test(threads_lose_nothing),
        cmocka_unit_test(a_stopped_server_holds_nobody),
        cmocka_unit_test(a_path_that_is_no_socket_address_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
