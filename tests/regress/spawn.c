/* Starting and stopping the responder under test. */
#include "tests/regress/client.h"

#include "lib/token.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SUBJECT "./tests/regress/subject"
#define ENV_MAX 32

static void nap(void)
{
    (void)nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
}

static bool is_given(const char *const *env, const char *setting)
{
    size_t n = strcspn(setting, "=") + 1;
    for (; env != NULL && *env != NULL; env++) {
        if (strncmp(*env, setting, n) == 0)
            return true;
    }
    return false;
}

/* In the child: only these settings, and what sanitizers want. */
static void become_subject(const struct subject *s, const char *const *env)
{
    char listen[120], key[120], asan[512], tsan[512];
    const char *a = getenv("ASAN_OPTIONS"), *t = getenv("TSAN_OPTIONS");
    (void)snprintf(listen, sizeof listen, "EA_LISTEN=unix:%s", s->socket);
    (void)snprintf(key, sizeof key, "EA_TOKEN_KEY=%s", s->key);
    (void)snprintf(asan, sizeof asan, "ASAN_OPTIONS=%s", a != NULL ? a : "");
    (void)snprintf(tsan, sizeof tsan, "TSAN_OPTIONS=%s", t != NULL ? t : "");
    const char *const defaults[] = { listen,
                                     key,
                                     asan,
                                     tsan,
                                     "EA_METRICS_LISTEN=127.0.0.1:0",
                                     "EA_PG=host=/nonexistent",
                                     "EA_REDIS=unix:/nonexistent",
                                     "EA_SERVICE_NAME=subject",
                                     "EA_DRAIN_S=20" };
    const char *all[ENV_MAX];
    size_t n = 0;
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
        if (!is_given(env, defaults[i]))
            all[n++] = defaults[i];
    }
    for (; env != NULL && *env != NULL && n < ENV_MAX - 1; env++)
        all[n++] = *env;
    all[n] = NULL;
    int fd = open(s->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd >= 0 && dup2(fd, 1) >= 0 && dup2(fd, 2) >= 0)
        (void)execve(SUBJECT, (char *const[]){ SUBJECT, NULL }, (char *const *)all);
    _exit(127);
}

static void show_log(const struct subject *s)
{
    char line[4096];
    FILE *f = fopen(s->log, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        (void)fputs(line, stderr);
    if (f != NULL)
        (void)fclose(f);
}

static void await_socket(struct subject *s)
{
    struct stat st;
    for (int i = 0; i < TIMEOUT_MS / 5; i++) {
        int status;
        if (stat(s->socket, &st) == 0 && subject_logged(s, "\"serving\""))
            return;
        if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
            show_log(s);
            fail_msg("%s ended with %d instead of serving", SUBJECT, status);
        }
        nap();
    }
    show_log(s);
    fail_msg("%s does not serve", SUBJECT);
}

void subject_spawn(struct subject *s, const char *const *env)
{
    (void)unlink(s->log);
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0)
        become_subject(s, env);
}

void subject_start(struct subject *s, const char *const *env)
{
    if (s->dir[0] == '\0') {
        stpcpy(s->dir, "/tmp/ea-regress-XXXXXX");
        assert_non_null(mkdtemp(s->dir));
        (void)snprintf(s->socket, sizeof s->socket, "%s/socket", s->dir);
        (void)snprintf(s->key, sizeof s->key, "%s/key", s->dir);
        (void)snprintf(s->log, sizeof s->log, "%s/log", s->dir);
        assert_ok(ea_key_create(s->key));
    }
    subject_spawn(s, env);
    await_socket(s);
}

int subject_wait(struct subject *s)
{
    int status = -1;
    for (int i = 0; i < TIMEOUT_MS * 2 / 5; i++) {
        pid_t pid = waitpid(s->pid, &status, WNOHANG);
        if (pid == s->pid) {
            s->pid = 0;
            return status;
        }
        nap();
    }
    (void)kill(s->pid, SIGABRT);
    (void)waitpid(s->pid, &status, 0);
    show_log(s);
    fail_msg("%s did not end", SUBJECT);
    return status;
}

void subject_remove(struct subject *s)
{
    char path[128];
    static const char *const files[] = { "key", "key.pub", "log", "socket" };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", s->dir, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(s->dir);
    s->dir[0] = '\0';
}

void subject_stop(struct subject *s)
{
    assert_int_equal(kill(s->pid, SIGTERM), 0);
    int status = subject_wait(s);
    if (status != 0) {
        show_log(s);
        fail_msg("%s ended with wait status %d", SUBJECT, status);
    }
    subject_remove(s);
}

bool subject_logged(const struct subject *s, const char *text)
{
    char line[8192];
    bool found = false;
    FILE *f = fopen(s->log, "r");
    while (f != NULL && !found && fgets(line, sizeof line, f) != NULL)
        found = strstr(line, text) != NULL;
    if (f != NULL)
        (void)fclose(f);
    return found;
}

long subject_metric(const struct subject *s, const char *line)
{
    struct reply r;
    long value = 0;
    int fd = client_connect(s);
    client_ask(fd, &(struct ask){ .uri = "/v1/metrics", .close = true });
    client_reply(fd, &r);
    (void)close(fd);
    assert_int_equal(r.status, 200);
    for (const char *p = r.body.p; p != NULL; p = strchr(p, '\n')) {
        p += *p == '\n';
        if (strncmp(p, line, strlen(line)) == 0)
            value = strtol(strrchr(strndupa(p, strcspn(p, "\n")), ' '), NULL, 10);
    }
    reply_free(&r);
    return value;
}

void subject_await_metric(const struct subject *s, const char *line, long value)
{
    for (int i = 0; i < TIMEOUT_MS / 5; i++) {
        if (subject_metric(s, line) == value)
            return;
        nap();
    }
    fail_msg("%s is not %ld but %ld", line, value, subject_metric(s, line));
}
