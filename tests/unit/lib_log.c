/* Logs to stderr. What goes to syslog-ng is tested with a real one in lib_log_syslog.c. */
#include "lib/log.h"

#include "lib/json.h"
#include "tests/unit/capture.h"
#include "tests/unit/oom.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct json_object *parse(const char *p, size_t n)
{
    struct json_object *o;
    size_t where;
    const char *why;
    if (ea_json_parse(p, n, &o, &where, &why))
        fail_msg("%.*s: %s at %zu", (int)n, p, why, where);
    return o;
}

static const char *member(struct json_object *o, const char *name)
{
    return json_object_get_string(json_object_object_get(o, name));
}

static void start(const char *level)
{
    static struct ea_cfg cfg;
    cfg = (struct ea_cfg){ .log = "stderr", .log_level = level, .log_socket = "", .service_name = "quiz-1" };
    assert_int_equal(ea_log_start(&cfg), EA_OK);
}

static void one_line_of_ecs_json(void **state)
{
    (void)state;
    start("info");
    capture_begin();
    errno = EDOM;
    ea_log(EA_LOG_WARN, "say \"hi\"\n", EA_F_STR(USER_ID, "u\xFF"), EA_F_INT(COUNT, -5),
           EA_F_SECRET(KEY, "geheim"), EA_F_STR(TRACE, NULL), EA_F_SECRET(VALUE, NULL));
    assert_int_equal(errno, EDOM);
    char *line = capture_end();
    assert_int_equal(strcspn(line, "\n"), strlen(line) - 1);
    struct json_object *o = parse(line, strlen(line));
    assert_int_equal(strncmp(line, "{\"@timestamp\":\"20", 17), 0);
    assert_string_equal(member(o, "log.level"), "warn");
    assert_string_equal(member(o, "message"), "say \"hi\"\n");
    assert_non_null(member(o, "ecs.version"));
    assert_string_equal(member(o, "service.name"), "quiz-1");
    assert_int_equal(json_object_get_int(json_object_object_get(o, "process.pid")), getpid());
    assert_string_equal(member(o, "user.id"), "u\xEF\xBF\xBD");
    assert_true(json_object_is_type(json_object_object_get(o, "ea.count"), json_type_int));
    assert_string_equal(member(o, "ea.count"), "-5");
    assert_string_equal(member(o, "ea.key"), "***");
    assert_int_equal(json_object_object_length(o), 9);
    json_object_put(o);
    free(line);
}

static void levels(void **state)
{
    static const char *const names[] = { "debug", "info", "warn", "error" };
    (void)state;
    for (int at = EA_LOG_DEBUG; at <= EA_LOG_ERROR; at++) {
        start(names[at]);
        capture_begin();
        for (int level = EA_LOG_DEBUG; level <= EA_LOG_ERROR; level++)
            ea_log0((enum ea_log_level)level, "x");
        char *said = capture_end();
        size_t lines = 0;
        for (const char *p = said; *p; p++)
            lines += *p == '\n';
        assert_int_equal(lines, 4 - at);
        free(said);
    }
    start("info");
}

static void long_values_are_cut(void **state)
{
    (void)state;
    char *text = malloc(100001);
    memset(text, '\1', 100000);
    text[100000] = '\0';
    capture_begin();
    ea_log(EA_LOG_INFO, text, EA_F_STR(ERROR, text), EA_F_STR(REASON, text));
    char *line = capture_end();
    assert_in_range(strlen(line), 300, 4096);
    json_object_put(parse(line, strlen(line)));
    free(line);
    free(text);
}

static void *log_much(void *arg)
{
    for (int i = 0; i < 500; i++)
        ea_log(EA_LOG_INFO, "from a thread", EA_F_STR(KEY, arg), EA_F_INT(COUNT, i));
    return NULL;
}

static void lines_of_threads_stay_whole(void **state)
{
    static char name[] = "0123456789";
    pthread_t threads[4];
    (void)state;
    int64_t dropped = ea_log_dropped();
    capture_begin();
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_much, name + i), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    char *said = capture_end();
    size_t lines = 0;
    for (const char *p = said, *end; *p; p = end + 1, lines++) {
        end = strchr(p, '\n');
        assert_non_null(end);
        json_object_put(parse(p, (size_t)(end - p)));
    }
    assert_int_equal(lines, 2000);
    assert_int_equal(ea_log_dropped(), dropped);
    free(said);
}

/* A pipe that nobody reads: logging must return, count what is lost, and go on when there is a reader again. */
static void a_full_pipe_does_not_block(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    int64_t before = ea_log_dropped();
    int kept = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    for (int i = 0; i < 3000; i++)
        ea_log(EA_LOG_INFO, "nobody reads this", EA_F_INT(COUNT, i));
    int64_t lost = ea_log_dropped() - before;
    char bytes[65536];
    assert_true(read(ends[0], bytes, sizeof bytes) > 0);
    ea_log(EA_LOG_INFO, "somebody reads this", EA_F_INT(COUNT, 1));
    int64_t after = ea_log_dropped() - before;
    dup2(kept, STDERR_FILENO);
    close(kept);
    assert_true(lost > 0 && lost < 3000);
    assert_int_equal(after, lost);
    ssize_t n;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    bool seen = false;
    while ((n = read(ends[0], bytes, sizeof bytes)) > 0)
        seen |= memmem(bytes, (size_t)n, "somebody", 8) != NULL;
    assert_true(seen);
    close(ends[0]);
    close(ends[1]);
}

static void a_closed_stderr_is_survived(void **state)
{
    (void)state;
    int64_t before = ea_log_dropped();
    int kept = dup(STDERR_FILENO);
    close(STDERR_FILENO);
    ea_log0(EA_LOG_ERROR, "into the void");
    dup2(kept, STDERR_FILENO);
    close(kept);
    assert_int_equal(ea_log_dropped(), before + 1);
}

static bool log_one(void)
{
    int64_t before = ea_log_dropped();
    capture_begin();
    ea_log0(EA_LOG_INFO, "x");
    char *said = capture_end();
    bool ok = *said;
    assert_int_equal(ea_log_dropped() - before, ok ? 0 : 1);
    free(said);
    return ok;
}

static void out_of_memory_is_a_dropped_line(void **state)
{
    (void)state;
    assert_true(each_allocation_fails(log_one) >= 1);
}

/* Gathered lines are whole, in each thread's order, none is lost, and an urgent one takes them all along. The last test: gathering has no end. */
static void gathered_lines_come_with_the_urgent_one(void **state)
{
    static char name[] = "0123456789";
    pthread_t threads[4];
    int next[4] = { 0 };
    size_t lines = 0;
    (void)state;
    int64_t dropped = ea_log_dropped();
    capture_begin();
    assert_int_equal(ea_log_gather(), EA_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_much, name + i), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    ea_log0(EA_LOG_WARN, "urgent");
    char *said = capture_end();
    for (const char *p = said, *end; *p; p = end + 1, lines++) {
        end = strchr(p, '\n');
        assert_non_null(end);
        struct json_object *o = parse(p, (size_t)(end - p));
        if (member(o, "ea.key"))
            assert_int_equal(json_object_get_int(json_object_object_get(o, "ea.count")),
                             next[member(o, "ea.key")[0] - '0']++);
        else
            assert_string_equal(member(o, "message"), "urgent");
        json_object_put(o);
    }
    assert_int_equal(lines, 2001);
    assert_int_equal(ea_log_dropped(), dropped);
    free(said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_of_ecs_json),
        cmocka_unit_test(levels),
        cmocka_unit_test(long_values_are_cut),
        cmocka_unit_test(lines_of_threads_stay_whole),
        cmocka_unit_test(a_full_pipe_does_not_block),
        cmocka_unit_test(a_closed_stderr_is_survived),
        cmocka_unit_test(out_of_memory_is_a_dropped_line),
        cmocka_unit_test(gathered_lines_come_with_the_urgent_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
