#include "lib/metrics.h"

#include "tests/unit/capture.h"
#include "tests/unit/oom.h"
#include "tests/unit/unit.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char *page(void)
{
    struct ea_buf b = { 0 };
    ea_metrics_print(&b);
    assert_false(b.failed);
    return b.p;
}

static void assert_on_page(const char *text)
{
    char *p = page();
    if (!strstr(p, text))
        fail_msg("%s is not in\n%s", text, p);
    free(p);
}

static void counters_and_gauges(void **state)
{
    (void)state;
    struct ea_metric *a = ea_metric_counter("ea_test_requests_total", "Requests", "route=\"/a\"");
    struct ea_metric *b = ea_metric_counter("ea_test_requests_total", "Requests", "route=\"/b\"");
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(a, ea_metric_counter("ea_test_requests_total", "Requests", "route=\"/a\""));
    ea_metric_add(a, 2);
    ea_metric_add(a, 3);
    ea_metric_add(b, 1);
    assert_int_equal(ea_metric_value(a), 5);
    struct ea_metric *g = ea_metric_gauge("ea_test_open", "Open now", "");
    ea_metric_set(g, 7);
    ea_metric_add(g, -9);
    assert_on_page("# HELP ea_test_open Open now\n# TYPE ea_test_open gauge\nea_test_open -2\n"
                   "# HELP ea_test_requests_total Requests\n# TYPE ea_test_requests_total counter\n"
                   "ea_test_requests_total{route=\"/a\"} 5\nea_test_requests_total{route=\"/b\"} 1\n");
}

static void another_kind_of_the_same_name_is_a_dummy(void **state)
{
    (void)state;
    ea_metric_add(ea_metric_counter("ea_test_kind", "x", ""), 1);
    struct ea_metric *dummy = ea_metric_histogram("ea_test_kind", "x", "");
    assert_non_null(dummy);
    ea_metric_observe_ns(dummy, 5);
    assert_on_page("# TYPE ea_test_kind counter\nea_test_kind 1\n");
}

static void histograms(void **state)
{
    static const int64_t ns[] = { -1, 0, 100000, 100001, 2500000, 30000000000, 30000000001, 90000000000 };
    (void)state;
    struct ea_metric *h = ea_metric_histogram("ea_test_seconds", "Time", "kind=\"x\"");
    for (size_t i = 0; i < sizeof ns / sizeof *ns; i++)
        ea_metric_observe_ns(h, ns[i]);
    assert_int_equal(ea_metric_value(h), 8);
    assert_on_page("ea_test_seconds_bucket{kind=\"x\",le=\"0.0001\"} 3\n"
                   "ea_test_seconds_bucket{kind=\"x\",le=\"0.00025\"} 4\n");
    assert_on_page("ea_test_seconds_bucket{kind=\"x\",le=\"0.001\"} 4\n"
                   "ea_test_seconds_bucket{kind=\"x\",le=\"0.0025\"} 5\n");
    assert_on_page("ea_test_seconds_bucket{kind=\"x\",le=\"30\"} 6\n"
                   "ea_test_seconds_bucket{kind=\"x\",le=\"+Inf\"} 8\n"
                   "ea_test_seconds_sum{kind=\"x\"} 150.002700002\n"
                   "ea_test_seconds_count{kind=\"x\"} 8\n");
    ea_metric_observe_ns(ea_metric_histogram("ea_test_plain_seconds", "Time", ""), 1);
    assert_on_page("ea_test_plain_seconds_bucket{le=\"+Inf\"} 1\n");
}

static double value_of(const char *name)
{
    char *p = page(), *at = strstr(p, name);
    while (at && (at[-1] != '\n' || at[strlen(name)] != ' '))
        at = strstr(at + 1, name);
    assert_non_null(at);
    double v = strtod(at + strlen(name), NULL);
    free(p);
    return v;
}

static void the_process_is_described(void **state)
{
    (void)state;
    double now = (double)time(NULL);
    assert_true(value_of("process_resident_memory_bytes") > 500000);
    assert_true(value_of("process_cpu_seconds_total") > 0);
    assert_true(value_of("process_start_time_seconds") > now - 86400 &&
                value_of("process_start_time_seconds") < now + 2);
    assert_true(value_of("process_max_fds") > 0);
    double before = value_of("process_open_fds");
    int fd = dup(0);
    assert_true(value_of("process_open_fds") == before + 1);
    close(fd);
}

static void *count_much(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20000; i++) {
        ea_metric_add(ea_metric_counter("ea_test_threads_total", "x", ""), 1);
        ea_metric_observe_ns(ea_metric_histogram("ea_test_threads_seconds", "x", ""), i);
        if (i % 5000 == 0)
            free(page());
    }
    return NULL;
}

static void threads_lose_nothing(void **state)
{
    pthread_t threads[4];
    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_much, NULL), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(ea_metric_value(ea_metric_counter("ea_test_threads_total", "x", "")), 80000);
    assert_int_equal(ea_metric_value(ea_metric_histogram("ea_test_threads_seconds", "x", "")), 80000);
}

/* A family and its metric, new each time: five allocations. */
static bool make_new(void)
{
    static int round;
    char name[64];
    (void)snprintf(name, sizeof name, "ea_test_oom_%d_total", ++round);
    struct ea_metric *m = ea_metric_counter(name, "x", "a=\"b\"");
    assert_non_null(m);
    ea_metric_add(m, 1);
    ea_alloc_hook = NULL;
    char *p = page();
    bool ok = strstr(p, strcat(name, "{a=\"b\"} 1\n"));
    free(p);
    return ok;
}

static void without_memory_there_is_a_dummy(void **state)
{
    (void)state;
    assert_true(each_allocation_fails(make_new) >= 5);
}

/* --- the endpoint, asked by libcurl --- */

static _Atomic bool is_ready;

static bool ready(void *arg, char *why, size_t size)
{
    assert_string_equal(arg, "the argument");
    if (is_ready)
        return true;
    (void)snprintf(why, size, "postgres: connection refused");
    return false;
}

struct answer {
    long status;
    char type[80], body[60000];
    size_t n;
};

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct answer *a = arg;
    if (a->n + size * n >= sizeof a->body)
        return 0;
    memcpy(a->body + a->n, p, size * n);
    a->n += size * n;
    a->body[a->n] = '\0';
    return size * n;
}

static void ask(const char *method, const char *path, struct answer *a)
{
    char url[100], *type = NULL;
    CURL *c = curl_easy_init();
    *a = (struct answer){ 0 };
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d%s", ea_metrics_port(), path);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, a);
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
    if (strcmp(method, "HEAD") == 0)
        curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    if (strcmp(method, "POST") == 0)
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, "x=1");
    assert_int_equal(curl_easy_perform(c), CURLE_OK);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &a->status);
    curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
    (void)snprintf(a->type, sizeof a->type, "%s", type ? type : "");
    curl_easy_cleanup(c);
}

static void the_endpoint(void **state)
{
    static struct answer a;
    const struct ea_cfg cfg = { .metrics_listen = "127.0.0.1:0" };
    (void)state;
    assert_int_equal(ea_metrics_port(), 0);
    assert_int_equal(ea_metrics_start(&cfg, ready, "the argument"), EA_OK);
    assert_in_range(ea_metrics_port(), 1, 65535);

    ask("GET", "/healthz", &a);
    assert_int_equal(a.status, 200);
    ask("GET", "/readyz", &a);
    assert_int_equal(a.status, 503);
    assert_string_equal(a.body, "postgres: connection refused\n");
    is_ready = true;
    ask("GET", "/readyz", &a);
    assert_int_equal(a.status, 200);
    ask("GET", "/metrics", &a);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.type, "text/plain; version=0.0.4; charset=utf-8");
    assert_non_null(strstr(a.body, "\nprocess_resident_memory_bytes "));
    assert_non_null(strstr(a.body, "\nea_log_dropped_total "));
    ask("HEAD", "/metrics", &a);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.n, 0);
    ask("GET", "/", &a);
    assert_int_equal(a.status, 404);
    ask("GET", "/metrics/x", &a);
    assert_int_equal(a.status, 404);
    ask("POST", "/metrics", &a);
    assert_int_equal(a.status, 405);
    ask("DELETE", "/healthz", &a);
    assert_int_equal(a.status, 405);
    ea_metrics_stop();
    ea_metrics_stop();
    assert_int_equal(ea_metrics_port(), 0);

    assert_int_equal(ea_metrics_start(&(struct ea_cfg){ .metrics_listen = "[::1]:0" }, NULL, NULL), EA_OK);
    ea_metrics_stop();
}

static void addresses_that_are_none(void **state)
{
    static const struct {
        const char *listen;
        enum ea_err err;
    } cases[] = {
        { "", EA_EINPUT },
        { "9090", EA_EINPUT },
        { ":9090", EA_EINPUT },
        { "127.0.0.1:http-nope", EA_EINPUT },
        { "192.0.2.1:9090", EA_EUNAVAILABLE }, /* TEST-NET: nobody's address */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        capture_begin();
        enum ea_err err = ea_metrics_start(&(struct ea_cfg){ .metrics_listen = cases[i].listen }, NULL, NULL);
        char *said = capture_end();
        assert_int_equal(err, cases[i].err);
        assert_non_null(strstr(said, "cannot serve metrics"));
        free(said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_and_gauges),  cmocka_unit_test(another_kind_of_the_same_name_is_a_dummy),
        cmocka_unit_test(histograms),           cmocka_unit_test(the_process_is_described),
        cmocka_unit_test(threads_lose_nothing), cmocka_unit_test(without_memory_there_is_a_dummy),
        cmocka_unit_test(the_endpoint),         cmocka_unit_test(addresses_that_are_none),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
