#include "tests/unit/hub_rig.h"

#include "fcgi/core/auth.h"
#include "fcgi/core/conn.h"
#include "fcgi/core/server_private.h"
#include "fcgi/core/stamps.h"
#include "lib/clock.h"
#include "lib/pg.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WORK_MAX = 64 };

struct rig rig;

static struct ea_cfg cfg = { .threads = 4, .streams_per_user = 50, .presence_s = 30, .stream_age_s = 3600 };
static struct ea_server server = { .cfg = &cfg };
static struct ea_work *queued[WORK_MAX];

/* ---- the rest of a responder ---- */

const struct ea_cfg *ea_server_cfg(const struct ea_server *s)
{
    return s->cfg;
}

struct ea_hub *ea_server_hub(const struct ea_server *s)
{
    return s->hub;
}

int64_t ea_follow_age_ns(const struct ea_follow *f)
{
    (void)f;
    return 0;
}

bool ea_auth_closed(const struct ea_auth *a, const char *session_id)
{
    (void)a;
    return rig.closed != NULL && strcmp(rig.closed, session_id) == 0;
}

void ea_pool_add(struct ea_pool *p, struct ea_work *w)
{
    (void)p;
    assert_in_range(rig.queued, 0, WORK_MAX - 1);
    queued[rig.queued++] = w;
}

void ea_pool_hurry(struct ea_pool *p, struct ea_work *w)
{
    ea_pool_add(p, w);
}

void ea_conn_give_back(struct ea_server *s, int fd, bool keep)
{
    (void)s;
    (void)keep;
    close(fd);
}

void ea_req_resume(struct ea_req *r, ea_handler *fn)
{
    rig.resumed = r;
    (void)fn;
}

enum ea_err ea_fail(struct ea_req *r, enum ea_err err, const char *fmt, ...)
{
    (void)r;
    (void)fmt;
    return err;
}

void ea_resp_etag_weak(struct ea_req *r, const char *etag)
{
    (void)r;
    (void)etag;
}

/* Only handlers call these. */
enum ea_err ea_conn_detach(struct ea_req *r, int *fd, int *request_id, bool *keep)
{
    (void)r;
    (void)fd;
    (void)request_id;
    (void)keep;
    return EA_EINTERNAL;
}

void ea_req_release(struct ea_req *r)
{
    (void)r;
}

enum ea_err ea_resp_header(struct ea_req *r, const char *name, const char *value)
{
    (void)r;
    (void)name;
    (void)value;
    return EA_EINTERNAL;
}

enum ea_err ea_resp_flush(struct ea_req *r)
{
    (void)r;
    return EA_EINTERNAL;
}

enum ea_err ea_stamps_put(struct ea_redis *r, const char *const *users, size_t n, int64_t at_ms,
                          int64_t now_ms, bool lost)
{
    (void)r;
    (void)users;
    (void)n;
    (void)at_ms;
    (void)now_ms;
    (void)lost;
    return EA_EUNAVAILABLE;
}

/* ---- a hub and who is there ---- */

int rig_begin(void **state)
{
    (void)state;
    rig = (struct rig){ 0 };
    return ea_hub_make(&server, &rig.hub) == EA_OK ? 0 : -1;
}

void rig_settle(void)
{
    while (rig.hub->inbox != NULL || rig.hub->todo != NULL || rig.hub->dirty != NULL)
        ea_hub_round(rig.hub);
}

bool rig_do_next(void)
{
    struct ea_worker self = { .server = &server };
    if (rig.done == rig.queued)
        return false;
    self.pg = ea_pg_new("host=/nonexistent", "test");
    queued[rig.done]->run(queued[rig.done], &self);
    rig.done++;
    ea_pg_free(self.pg);
    rig_settle();
    return true;
}

int rig_end(void **state)
{
    (void)state;
    while (rig_do_next()) {
    }
    ea_hub_close_with(rig.hub, &rig.hub->stop);
    ea_hub_run(rig.hub);
    assert_int_equal(rig.hub->held, 0);
    assert_int_equal(ea_topics_count(rig.hub->topics), 0);
    ea_hub_destroy(rig.hub);
    ea_buf_free(&rig.asker.resp.body);
    return 0;
}

void rig_tell(int64_t id, const char *topic, const char *kind, const char *payload)
{
    const struct ea_event ev = { .id = id, .topic = topic, .kind = kind, .payload = payload, .at = "now" };
    ea_hub_event(rig.hub, &ev);
    ea_hub_examined(rig.hub, id);
}

void rig_tell_many(int64_t from, int64_t to, const char *topic)
{
    char payload[TEXT + 20];
    (void)snprintf(payload, sizeof payload, "{\"text\": \"%0*d\"}", TEXT, 7);
    for (int64_t id = from; id <= to; id++)
        rig_tell(id, topic, "message.created", payload);
}

struct ea_sub *rig_sub(struct ea_req *r, int64_t cursor, const char *room)
{
    struct ea_topic_list topics = { .at = cursor };
    (void)snprintf(r->caller.claims.user.s, sizeof r->caller.claims.user.s, "%s", PERSON);
    (void)snprintf(r->caller.claims.session.s, sizeof r->caller.claims.session.s, "%s", SESSION);
    topics.v = calloc(2, sizeof *topics.v);
    assert_non_null(topics.v);
    topics.v[topics.n++] = MINE;
    if (room != NULL)
        topics.v[topics.n++] = room;
    struct ea_sub *s = ea_sub_new(rig.hub, r, &topics, cursor);
    assert_non_null(s);
    s->end_ns = ea_clock_mono_ns() + FAR_NS;
    return s;
}

int rig_connect(struct ea_sub *s)
{
    int fd[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    assert_int_equal(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
    s->fd = fd[0];
    assert_ok(ea_hub_subscribe(rig.hub, s));
    return fd[1];
}

int rig_stream(int64_t cursor, const char *room)
{
    struct ea_req r = { 0 };
    return rig_connect(rig_sub(&r, cursor, room));
}

struct ea_sub *rig_poll(int64_t cursor, const char *room)
{
    memset(&rig.asker, 0, sizeof rig.asker);
    ea_jw_init(&rig.asker.resp.json, &rig.asker.resp.body);
    struct ea_sub *s = rig_sub(&rig.asker, cursor, room);
    s->poll = &rig.asker;
    s->asked = cursor;
    s->limit = 100;
    assert_ok(ea_hub_subscribe(rig.hub, s));
    return s;
}

size_t rig_waiting(int fd)
{
    int n = 0;
    assert_int_equal(ioctl(fd, FIONREAD, &n), 0);
    return (size_t)n;
}

/* ---- what a client has read ---- */

void rig_read(struct reading *in, int fd)
{
    char some[8192];
    ssize_t n;
    while ((n = recv(fd, some, sizeof some, MSG_DONTWAIT)) > 0)
        ea_buf_add(&in->text, some, (size_t)n);
    in->ended = in->ended || n == 0;
    assert_false(in->text.failed);
}

size_t rig_count(const struct reading *in, const char *what)
{
    size_t n = 0, len = strlen(what);
    const char *at = in->text.p, *end = at + in->text.len;
    while (at != NULL && (at = memmem(at, (size_t)(end - at), what, len)) != NULL) {
        at += len;
        n++;
    }
    return n;
}

bool rig_has(const struct reading *in, int64_t id)
{
    char line[64];
    (void)snprintf(line, sizeof line, "id: %" PRId64 "\nevent:", id);
    size_t n = rig_count(in, line);
    assert_in_range(n, 0, 1);
    return n == 1;
}

void rig_forget(struct reading *in, int fd)
{
    ea_buf_free(&in->text);
    close(fd);
}
