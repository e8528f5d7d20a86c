/* A write: its reply, its events and its Idempotency-Key are one transaction. */
#include "tests/regress/people.h"

#include "tests/unit/servers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct subject s;
static struct person caller;
static PGconn *pg;
static int fd;

static int up(void **state)
{
    (void)state;
    subject_start(&s, people_env());
    people_await(&s);
    person_new(&s, &caller);
    fd = client_connect(&s);
    pg = servers_pg_open();
    return 0;
}

static int down(void **state)
{
    (void)state;
    PQfinish(pg);
    close(fd);
    subject_stop(&s);
    return 0;
}

static void ask_note(int c, const char *key, const char *body)
{
    struct ask a = { .method = "POST",
                     .uri = "/v1/notes",
                     .type = "application/json",
                     .body = body,
                     .headers = { "HTTP_AUTHORIZATION", caller.bearer,
                                  key != NULL ? "HTTP_IDEMPOTENCY_KEY" : NULL, key } };
    client_ask(c, &a);
}

static void note(const char *key, const char *body, struct reply *r)
{
    ask_note(fd, key, body);
    client_reply(fd, r);
}

static long long notes(void)
{
    return servers_pg_number(pg, "SELECT count(*) FROM events WHERE kind = 'note'");
}

static void expect(const char *key, const char *body, int status, const char *slug)
{
    struct reply r;
    note(key, body, &r);
    assert_int_equal(r.status, status);
    assert_non_null(strstr(r.body.p, slug));
    reply_free(&r);
}

static void a_write_leaves_its_event_and_trace(void **state)
{
    static const char trace[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    struct reply r;
    (void)state;
    const long long before = notes();
    client_ask(
        fd, &(struct ask){ .method = "POST",
                           .uri = "/v1/notes",
                           .type = "application/json",
                           .body = "{\"text\":\"a\"}",
                           .headers = { "HTTP_AUTHORIZATION", caller.bearer, "HTTP_TRACEPARENT", trace } });
    client_reply(fd, &r);
    assert_int_equal(r.status, 201);
    assert_int_equal(strncmp(header_of(&r, "Location"), "/v1/notes/", 10), 0);
    reply_free(&r);
    assert_int_equal(notes(), before + 1);
    assert_int_equal(servers_pg_number(pg, "SELECT count(*) FROM events WHERE trace = "
                                           "'00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'"),
                     1);
}

static void a_refused_write_leaves_nothing(void **state)
{
    (void)state;
    const long long before = notes();
    expect(NULL, "{\"text\":\"refused\"}", 409, "/problems/conflict");
    expect(NULL, "{\"text\":1,\"more\":2}", 422, "\"/more\"");
    expect(NULL, "{\"text\":", 400, "/problems/malformed-json");
    expect(NULL, "", 400, "/problems/malformed-json");
    assert_int_equal(notes(), before);
}

static void the_same_key_has_one_effect(void **state)
{
    struct reply first, again;
    (void)state;
    const long long before = notes();
    note("key-1", "{\"text\":\"once\"}", &first);
    assert_int_equal(first.status, 201);
    assert_null(header_of(&first, "Idempotent-Replay"));
    for (int i = 0; i < 3; i++) {
        note("key-1", "{\"text\":\"once\"}", &again);
        assert_int_equal(again.status, 201);
        assert_string_equal(header_of(&again, "Idempotent-Replay"), "true");
        assert_string_equal(again.body.p, first.body.p);
        char location[200];
        (void)snprintf(location, sizeof location, "%s", header_of(&first, "Location"));
        assert_string_equal(header_of(&again, "Location"), location);
        assert_string_equal(header_of(&again, "Content-Type"), "application/json");
        reply_free(&again);
    }
    assert_int_equal(notes(), before + 1);
    expect("key-1", "{\"text\":\"twice\"}", 422, "/problems/idempotency-key-reused");
    assert_int_equal(notes(), before + 1);
    reply_free(&first);
}

static void a_key_is_its_callers_own(void **state)
{
    (void)state;
    const long long before = notes();
    expect("key-shared", "{\"text\":\"a\"}", 201, "\"a\"");
    const struct person me = caller;
    person_new(&s, &caller);
    expect("key-shared", "{\"text\":\"b\"}", 201, "\"b\"");
    caller = me;
    assert_int_equal(notes(), before + 2);
}

static void a_refused_write_does_not_use_up_its_key(void **state)
{
    (void)state;
    expect("key-2", "{\"text\":\"refused\"}", 409, "/problems/conflict");
    expect("key-2", "{\"text\":\"granted\"}", 201, "granted");
}

static void keys_have_a_form(void **state)
{
    char key[300];
    (void)state;
    memset(key, 'k', sizeof key);
    key[255] = '\0';
    expect(key, "{\"text\":\"long\"}", 201, "long");
    key[255] = 'k';
    key[256] = '\0';
    expect(key, "{\"text\":\"longer\"}", 400, "Idempotency-Key");
    expect("with blank", "{\"text\":\"x\"}", 400, "Idempotency-Key");
    expect("\x80", "{\"text\":\"x\"}", 400, "Idempotency-Key");
    expect("", "{\"text\":\"x\"}", 400, "Idempotency-Key");
}

/* A request with this key, as far as the others can see: its transaction is open. */
static PGconn *hold(const char *key, const char *body, const char *id)
{
    PGconn *other = servers_pg_open();
    char sql[1000], hash[EA_SHA256_HEX];
    ea_sha256_hex(body, strlen(body), hash);
    servers_pg_exec(other, "BEGIN");
    (void)snprintf(
        sql, sizeof sql,
        "INSERT INTO idempotency (user_id, scope, key, body_sha256, status, content_type, headers, body) "
        "VALUES ('%s', 'POST /v1/notes', '%s', '%s', 201, 'application/json', '', '{\"id\":\"%s\"}')",
        caller.claims.user.s, key, hash, id);
    servers_pg_exec(other, sql);
    return other;
}

static void await_waiting(void)
{
    servers_pg_until(
        pg,
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')");
}

static void a_second_one_waits_for_the_first(void **state)
{
    static const char body[] = "{\"text\":\"both\"}";
    struct reply r;
    (void)state;
    const long long before = notes();
    PGconn *first = hold("key-3", body, "theirs");
    ask_note(fd, "key-3", body);
    await_waiting();
    servers_pg_exec(first, "COMMIT");
    client_reply(fd, &r);
    assert_int_equal(r.status, 201);
    assert_string_equal(header_of(&r, "Idempotent-Replay"), "true");
    assert_string_equal(r.body.p, "{\"id\":\"theirs\"}");
    reply_free(&r);
    /* and when the first fails, the second is the first */
    PQfinish(first);
    first = hold("key-4", body, "theirs");
    ask_note(fd, "key-4", body);
    await_waiting();
    servers_pg_exec(first, "ROLLBACK");
    client_reply(fd, &r);
    assert_int_equal(r.status, 201);
    assert_null(header_of(&r, "Idempotent-Replay"));
    reply_free(&r);
    PQfinish(first);
    assert_int_equal(notes(), before + 1);
}

static void a_second_one_does_not_wait_for_ever(void **state)
{
    static const char body[] = "{\"text\":\"slow\"}";
    (void)state;
    PGconn *first = hold("key-5", body, "theirs");
    expect("key-5", body, 409, "/problems/in-progress");
    servers_pg_exec(first, "ROLLBACK");
    PQfinish(first);
    expect("key-5", body, 201, "slow");
}

static long counter(const char *name)
{
    char key[40];
    (void)snprintf(key, sizeof key, "\"%s\":", name);
    const char *p = strstr(client_get(fd, "/v1/echo", 200), key);
    assert_non_null(p);
    return strtol(p + strlen(key), NULL, 10);
}

static void flaky(const char *uri, int status)
{
    const struct ask a = { .method = "POST", .uri = uri, .headers = { "HTTP_AUTHORIZATION", caller.bearer } };
    (void)client_call(fd, &a, status);
}

static void a_transaction_that_lost_is_run_again(void **state)
{
    static const char count[] = "SELECT count(*) FROM events WHERE kind = 'flaky'";
    (void)state;
    flaky("/v1/flaky?n=0", 204);
    assert_int_equal(servers_pg_number(pg, count), 1);
    flaky("/v1/flaky?n=2", 204);
    assert_int_equal(servers_pg_number(pg, count), 2);
    assert_int_equal(counter("kept"), 2);
    assert_int_equal(counter("dropped"), 2);
    flaky("/v1/flaky?n=3", 503);
    assert_int_equal(servers_pg_number(pg, count), 2);
    assert_int_equal(counter("dropped"), 5);
}

/* The server's end of the session goes while the request is between BEGIN and COMMIT: nothing was saved, and that is what is said. */
static void a_lost_database_is_503(void **state)
{
    struct reply r;
    (void)state;
    servers_pg_exec(
        pg,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
    note(NULL, "{\"text\":\"after\"}", &r);
    assert_true(r.status == 201 || r.status == 503);
    assert_true(r.status == 201 || header_of(&r, "Retry-After") != NULL);
    reply_free(&r);
    for (int i = 0; i < TIMEOUT_MS / 10 && r.status != 201; i++) {
        note(NULL, "{\"text\":\"after\"}", &r);
        reply_free(&r);
        (void)usleep(10000);
    }
    assert_int_equal(r.status, 201);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_leaves_its_event_and_trace),
        cmocka_unit_test(a_refused_write_leaves_nothing),
        cmocka_unit_test(the_same_key_has_one_effect),
        cmocka_unit_test(a_key_is_its_callers_own),
        cmocka_unit_test(a_refused_write_does_not_use_up_its_key),
        cmocka_unit_test(keys_have_a_form),
        cmocka_unit_test(a_second_one_waits_for_the_first),
        cmocka_unit_test(a_second_one_does_not_wait_for_ever),
        cmocka_unit_test(a_transaction_that_lost_is_run_again),
        cmocka_unit_test(a_lost_database_is_503),
    };
    return cmocka_run_group_tests(tests, up, down);
}
