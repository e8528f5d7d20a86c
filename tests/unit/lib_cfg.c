#include "lib/cfg.h"

#include "lib/log.h"
#include "tests/unit/capture.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

static void environment(const char *const *pairs)
{
    clearenv();
    for (; *pairs; pairs += 2)
        assert_int_equal(setenv(pairs[0], pairs[1], 1), 0);
}

/* What a load says; *cfg is NULL when it was refused. */
static char *load(unsigned who, const struct ea_cfg **cfg)
{
    capture_begin();
    enum ea_err err = ea_cfg_load(who, cfg);
    char *said = capture_end();
    assert_int_equal(err, *cfg ? EA_OK : EA_EINPUT);
    return said;
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)); text += strlen(what))
        n++;
    return n;
}

static const char *const responder[] = {
    "EA_PG",
    "host=x password=geheim",
    "EA_LISTEN",
    "unix:/x",
    "EA_METRICS_LISTEN",
    "127.0.0.1:1",
    "EA_REDIS",
    "unix:/r",
    "EA_TOKEN_KEY",
    "/k",
    "PATH",
    "/bin",
    "EA_THREADS",
    "8",
    "EA_LOG_LEVEL",
    "debug",
    NULL,
};

static void settings_and_defaults(void **state)
{
    const struct ea_cfg *cfg;
    (void)state;
    environment(responder);
    char *said = load(EA_FOR_RESPONDER, &cfg);
    assert_string_equal(said, "");
    free(said);
    assert_non_null(cfg);
    assert_string_equal(cfg->pg, "host=x password=geheim");
    assert_int_equal(cfg->threads, 8);
    assert_int_equal(cfg->drain_s, 20);
    assert_string_equal(cfg->log, "stderr");
    assert_string_equal(cfg->log_level, "debug");
    assert_string_equal(cfg->receipt_key, "");
    assert_string_equal(cfg->amqp, ""); /* not ours: never NULL */
    assert_string_equal(cfg->public_url, "https://localhost");
}

static void every_fault_is_said_at_once(void **state)
{
    static const char *const pairs[] = {
        "EA_THREADS", "lots",    "EA_DRAIN_S", "601",          "EA_AMQP", "amqp://u:geheim@h", "EA_COLOUR",
        "red",        "EA_PG",   "",           "EA_LOG_LEVEL", "loud",    "EA_LISTEN",         "unix:/x",
        "EA_REDIS",   "unix:/r", NULL
    };
    const struct ea_cfg *cfg;
    (void)state;
    environment(pairs);
    char *said = load(EA_FOR_RESPONDER, &cfg);
    assert_null(cfg);
    assert_int_equal(count(said, "\n"), 8);
    assert_non_null(strstr(said, "\"ea.key\":\"EA_COLOUR\",\"event.reason\":\"there is no such setting\""));
    assert_non_null(strstr(
        said,
        "\"ea.key\":\"EA_AMQP\",\"event.reason\":\"this is a setting of workers and ea-queues; responders must not be given it\""));
    assert_non_null(strstr(
        said,
        "\"ea.key\":\"EA_THREADS\",\"event.reason\":\"\\\"lots\\\" is not a whole number from 1 to 64\""));
    assert_non_null(strstr(
        said,
        "\"ea.key\":\"EA_DRAIN_S\",\"event.reason\":\"\\\"601\\\" is not a whole number from 1 to 600\""));
    assert_non_null(strstr(said, "\"ea.key\":\"EA_PG\",\"event.reason\":\"this setting is needed\""));
    assert_non_null(
        strstr(said, "\"ea.key\":\"EA_METRICS_LISTEN\",\"event.reason\":\"this setting is needed\""));
    assert_non_null(strstr(said, "\"ea.key\":\"EA_TOKEN_KEY\",\"event.reason\":\"this setting is needed\""));
    assert_non_null(strstr(said, "\"ea.key\":\"EA_LOG_LEVEL\""));
    assert_null(strstr(said, "geheim"));
    free(said);
}

static void numbers_are_whole(void **state)
{
    static const char *const bad[] = { "1.5", "0", "65", "4x", " ", "99999999999999999999", "-3" };
    const struct ea_cfg *cfg;
    (void)state;
    environment(responder);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        setenv("EA_THREADS", bad[i], 1);
        free(load(EA_FOR_RESPONDER, &cfg));
        assert_null(cfg);
    }
    setenv("EA_THREADS", "", 1); /* empty is not set */
    free(load(EA_FOR_RESPONDER, &cfg));
    assert_non_null(cfg);
    assert_int_equal(cfg->threads, 4);
}

static void syslog_needs_its_socket(void **state)
{
    static const char *const pairs[] = { "EA_PG", "x", "EA_LOG", "syslog-ng", NULL };
    const struct ea_cfg *cfg;
    (void)state;
    environment(pairs);
    char *said = load(EA_FOR_TOOL, &cfg);
    assert_null(cfg);
    assert_non_null(strstr(said, "EA_LOG_SOCKET"));
    free(said);
    setenv("EA_LOG_SOCKET", "/run/log", 1);
    free(load(EA_FOR_TOOL, &cfg));
    assert_non_null(cfg);
}

static void secrets_are_not_printed(void **state)
{
    const struct ea_cfg *cfg;
    (void)state;
    environment(responder);
    free(load(EA_FOR_RESPONDER, &cfg));
    capture_begin();
    ea_cfg_log(cfg, EA_FOR_RESPONDER);
    char *said = capture_end();
    assert_null(strstr(said, "geheim"));
    assert_non_null(strstr(said, "\"ea.key\":\"EA_PG\",\"ea.value\":\"***\""));
    assert_non_null(
        strstr(said, "\"ea.key\":\"EA_FCGI_SECRET\",\"ea.value\":\"\"")); /* not set is no secret */
    assert_non_null(strstr(said, "\"ea.key\":\"EA_THREADS\",\"ea.value\":8"));
    assert_null(strstr(said, "EA_AMQP"));
    free(said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_and_defaults),   cmocka_unit_test(every_fault_is_said_at_once),
        cmocka_unit_test(numbers_are_whole),       cmocka_unit_test(syslog_needs_its_socket),
        cmocka_unit_test(secrets_are_not_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
