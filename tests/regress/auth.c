/* Who is let in: tokens, cookies and their CSRF header, tickets, roles, closed sessions, and a process that does not know who is still good. */
#include "tests/regress/people.h"

#include "lib/clock.h"
#include "lib/redis.h"
#include "tests/unit/servers.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct subject s;
static int fd;

static int up(void **state)
{
    (void)state;
    subject_start(&s, people_env());
    people_await(&s);
    fd = client_connect(&s);
    return 0;
}

static int down(void **state)
{
    (void)state;
    close(fd);
    subject_stop(&s);
    return 0;
}

static void get_as(const char *uri, const char *bearer, int status)
{
    (void)client_call(fd, &(struct ask){ .uri = uri, .headers = { "HTTP_AUTHORIZATION", bearer } }, status);
}

static void tokens(void **state)
{
    struct person p;
    char forged[1024];
    (void)state;
    person_new(&s, &p);
    for (int i = 0; i < 3; i++) /* verified once, then remembered */
        get_as("/v1/me", p.bearer, 200);
    (void)client_get(fd, "/v1/me", 401);
    get_as("/v1/me", "Bearer ", 401);
    get_as("/v1/me", "Bearer x.y.z", 401);
    get_as("/v1/me", "Basic dTpw", 401);
    (void)snprintf(forged, sizeof forged, "%s", p.bearer);
    size_t n = strlen(forged);
    forged[n - 20] = forged[n - 20] == 'A' ? 'B' : 'A';
    get_as("/v1/me", forged, 401);
    p.claims.expires_s = ea_clock_wall_us() / 1000000 - 1;
    person_sign(&s, &p);
    get_as("/v1/me", p.bearer, 401);
    get_as("/v1/echo", p.bearer, 200); /* for anyone, so also for those whose token is no good */
}

static int status_as(const char *bearer)
{
    struct reply r;
    client_ask(fd, &(struct ask){ .uri = "/v1/me", .headers = { "HTTP_AUTHORIZATION", bearer } });
    client_reply(fd, &r);
    int status = r.status;
    reply_free(&r);
    return status;
}

static void a_remembered_token_expires(void **state)
{
    struct person p;
    int status;
    (void)state;
    do { /* once more where the machine stood still for that long */
        person_new(&s, &p);
        p.claims.expires_s = ea_clock_wall_us() / 1000000 + 2;
        person_sign(&s, &p);
        status = status_as(p.bearer);
    } while (status == 401 && ea_clock_wall_us() / 1000000 >= p.claims.expires_s);
    assert_int_equal(status, 200);
    for (int i = 0; i < TIMEOUT_MS / 50 && status == 200; i++) {
        status = status_as(p.bearer);
        (void)nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
    }
    assert_int_equal(status, 401);
    assert_true(ea_clock_wall_us() / 1000000 >= p.claims.expires_s);
}

static void challenges(void **state)
{
    struct reply r;
    (void)state;
    client_ask(fd, &(struct ask){ .uri = "/v1/me" });
    client_reply(fd, &r);
    assert_string_equal(header_of(&r, "WWW-Authenticate"), "Bearer");
    reply_free(&r);
    client_ask(fd, &(struct ask){ .uri = "/v1/me", .headers = { "HTTP_AUTHORIZATION", "Bearer nonsense" } });
    client_reply(fd, &r);
    assert_string_equal(header_of(&r, "WWW-Authenticate"), "Bearer error=\"invalid_token\"");
    reply_free(&r);
}

static void roles(void **state)
{
    struct person p;
    (void)state;
    person_new(&s, &p);
    get_as("/v1/staff", p.bearer, 403);
    p.claims.role = EA_ROLE_STAFF;
    person_sign(&s, &p);
    get_as("/v1/staff", p.bearer, 200);
    p.claims.role = EA_ROLE_ADMIN;
    person_sign(&s, &p);
    get_as("/v1/staff", p.bearer, 200);
}

static void cookies_need_the_csrf_header(void **state)
{
    static const char token[] = "the-token-that-only-the-page-knows";
    struct person p;
    (void)state;
    person_new(&s, &p);
    /* a token of a session without cookies, put into one */
    const struct ask plain = { .method = "POST", .uri = "/v1/me", .headers = { "HTTP_COOKIE", p.cookie } };
    (void)client_call(fd, &plain, 403);
    (void)client_call(fd, &(struct ask){ .uri = "/v1/me", .headers = { "HTTP_COOKIE", p.cookie } }, 200);
    ea_sha256_hex(token, strlen(token), p.claims.csrf);
    person_sign(&s, &p);
    (void)client_call(fd, &plain, 403);
    struct ask with = { .method = "POST",
                        .uri = "/v1/me",
                        .headers = { "HTTP_COOKIE", p.cookie, "HTTP_X_CSRF_TOKEN",
                                     "the-token-that-only-the-page-knowS" } };
    assert_non_null(strstr(client_call(fd, &with, 403), "/problems/csrf"));
    with.headers[3] = p.claims.csrf;
    (void)client_call(fd, &with, 403);
    with.headers[3] = token;
    assert_non_null(strstr(client_call(fd, &with, 200), "\"cookie\":true"));
    /* the header of another site's form carries no Authorization either, so with one no CSRF token is needed */
    const struct ask bearer = { .method = "POST",
                                .uri = "/v1/me",
                                .headers = { "HTTP_AUTHORIZATION", p.bearer } };
    assert_non_null(strstr(client_call(fd, &bearer, 200), "\"cookie\":false"));
}

static void tickets_are_good_once(void **state)
{
    struct person p;
    struct ea_redis *redis = ea_redis_new(servers_redis());
    (void)state;
    person_new(&s, &p);
    const char *jwt = p.bearer + strlen("Bearer ");
    assert_ok(ea_redis_set(redis, "ea:ticket:regress-1", jwt, strlen(jwt), 60000));
    assert_non_null(strstr(client_get(fd, "/v1/me?ticket=regress-1", 200), p.claims.user.s));
    (void)client_get(fd, "/v1/me?ticket=regress-1", 401);
    (void)client_get(fd, "/v1/me?ticket=", 401);
    (void)client_get(fd, "/v1/me?ticket=regress-2", 401);
    assert_ok(ea_redis_set(redis, "ea:ticket:regress-3", jwt, strlen(jwt), 60000));
    (void)client_get(fd, "/v1/staff?ticket=regress-3", 401); /* not a route for tickets */
    ea_redis_free(redis);
}

static void close_session(const struct person *p)
{
    PGconn *pg = servers_pg_open();
    char sql[600];
    (void)snprintf(
        sql, sizeof sql,
        "INSERT INTO events (id, topic, kind, payload) SELECT coalesce(max(id), 0) + 1, 'u:%s', 'session.revoked', "
        "'{\"session_id\": \"%s\", \"until\": %lld}' FROM events",
        p->claims.user.s, p->claims.session.s, (long long)p->claims.expires_s);
    servers_pg_exec(pg, sql);
    PQfinish(pg);
}

static void await_status(const struct person *p, int wanted)
{
    int status = 0;
    for (int i = 0; i < TIMEOUT_MS / 10 && status != wanted; i++) {
        status = status_as(p->bearer);
        (void)nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    }
    assert_int_equal(status, wanted);
}

static void a_closed_session_is_out(void **state)
{
    struct person p, other;
    (void)state;
    person_new(&s, &p);
    person_new(&s, &other);
    get_as("/v1/me", p.bearer, 200);
    close_session(&p);
    await_status(&p, 401); /* nobody wakes the follower: it looks by itself */
    get_as("/v1/me", other.bearer, 200);
    /* another token of the same session */
    ea_id_new(&p.claims.jti);
    person_sign(&s, &p);
    get_as("/v1/me", p.bearer, 401);
}

static void a_closed_session_is_out_after_a_restart(void **state)
{
    struct person p;
    char sql[300];
    (void)state;
    person_new(&s, &p);
    PGconn *pg = servers_pg_open();
    (void)snprintf(sql, sizeof sql, "INSERT INTO revocations VALUES ('%s', now() + interval '10 minutes')",
                   p.claims.session.s);
    servers_pg_exec(pg, sql);
    PQfinish(pg);
    get_as("/v1/me", p.bearer, 200); /* a row alone is no news */
    close(fd);
    assert_int_equal(kill(s.pid, SIGTERM), 0);
    assert_int_equal(subject_wait(&s), 0);
    subject_start(&s, people_env());
    people_await(&s);
    fd = client_connect(&s);
    get_as("/v1/me", p.bearer, 401);
}

/* Without the event log nobody knows which session was closed meanwhile. */
static void who_cannot_know_trusts_nobody(void **state)
{
    struct subject blind = { 0 };
    struct person p;
    struct reply r;
    (void)state;
    subject_start(&blind, NULL);
    person_new(&blind, &p);
    int c = client_connect(&blind);
    client_ask(c, &(struct ask){ .uri = "/v1/me", .headers = { "HTTP_AUTHORIZATION", p.bearer } });
    client_reply(c, &r);
    assert_int_equal(r.status, 503);
    assert_non_null(header_of(&r, "Retry-After"));
    assert_non_null(strstr(r.body.p, "/problems/unavailable"));
    reply_free(&r);
    (void)client_get(c, "/v1/me", 401);
    (void)client_get(c, "/v1/echo", 200);
    close(c);
    subject_stop(&blind);
}

/* nginx asks another process with the same ticket. */
static void who_cannot_know_uses_no_ticket_up(void **state)
{
    char redis[300];
    const char *const env[] = { redis, NULL };
    struct subject blind = { 0 };
    struct person p;
    struct ea_redis *r = ea_redis_new(servers_redis());
    struct ea_buf kept = { 0 };
    (void)state;
    (void)snprintf(redis, sizeof redis, "EA_REDIS=%s", servers_redis());
    subject_start(&blind, env);
    person_new(&blind, &p);
    const char *jwt = p.bearer + strlen("Bearer ");
    assert_ok(ea_redis_set(r, "ea:ticket:regress-4", jwt, strlen(jwt), 60000));
    int c = client_connect(&blind);
    (void)client_get(c, "/v1/me?ticket=regress-4", 503);
    assert_ok(ea_redis_getdel(r, "ea:ticket:regress-4", &kept));
    assert_string_equal(kept.p, jwt);
    ea_buf_free(&kept);
    ea_redis_free(r);
    close(c);
    subject_stop(&blind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens),
        cmocka_unit_test(a_remembered_token_expires),
        cmocka_unit_test(challenges),
        cmocka_unit_test(roles),
        cmocka_unit_test(cookies_need_the_csrf_header),
        cmocka_unit_test(tickets_are_good_once),
        cmocka_unit_test(a_closed_session_is_out),
        cmocka_unit_test(a_closed_session_is_out_after_a_restart),
        cmocka_unit_test(who_cannot_know_trusts_nobody),
        cmocka_unit_test(who_cannot_know_uses_no_ticket_up),
    };
    return cmocka_run_group_tests(tests, up, down);
}
