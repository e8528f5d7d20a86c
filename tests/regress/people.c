#include "tests/regress/people.h"

#include "lib/clock.h"
#include "tests/unit/servers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void person_sign(const struct subject *s, struct person *p)
{
    struct ea_key *key = NULL;
    struct ea_buf jwt = { 0 };
    assert_ok(ea_key_load(s->key, true, &key));
    assert_ok(ea_token_sign(key, &p->claims, &jwt));
    (void)snprintf(p->bearer, sizeof p->bearer, "Bearer %s", jwt.p);
    (void)snprintf(p->cookie, sizeof p->cookie, "theme=dark; __Host-ea_session=%s; x=y", jwt.p);
    ea_buf_free(&jwt);
    ea_key_free(key);
}

void person_new(const struct subject *s, struct person *p)
{
    memset(p, 0, sizeof *p);
    ea_id_new(&p->claims.user);
    ea_id_new(&p->claims.session);
    ea_id_new(&p->claims.jti);
    p->claims.issued_s = ea_clock_wall_us() / 1000000;
    p->claims.expires_s = p->claims.issued_s + 900;
    person_sign(s, p);
}

const char *const *people_env(void)
{
    static char pg[2200], redis[300];
    static const char *env[] = { pg, redis, NULL };
    (void)snprintf(pg, sizeof pg, "EA_PG=%s", servers_pg());
    (void)snprintf(redis, sizeof redis, "EA_REDIS=%s", servers_redis());
    return env;
}

void people_await(const struct subject *s)
{
    struct person p;
    int status = 503, fd = client_connect(s);
    person_new(s, &p);
    for (int i = 0; i < TIMEOUT_MS / 5 && status == 503; i++) {
        struct reply r;
        client_ask(fd, &(struct ask){ .uri = "/v1/me", .headers = { "HTTP_AUTHORIZATION", p.bearer } });
        client_reply(fd, &r);
        status = r.status;
        reply_free(&r);
        (void)nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
    }
    assert_int_equal(status, 200);
    (void)close(fd);
}
