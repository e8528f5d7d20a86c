/* The hub without its thread: a test runs it round by round, so what it says is decided by the test alone. Around it stands what the rest of a responder would do: connections are closed,
 * parked requests and work for pool threads are taken note of. */
#include "tests/unit/unit.h"

#include "fcgi/core/auth.h"
#include "fcgi/core/conn.h"
#include "fcgi/core/hub_private.h"
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

#define PERSON  "0193b0c2-7c1e-7b3a-9d2e-000000000001"
#define SESSION "0193b0c2-7c1e-7b3a-9d2e-00000000000a"
#define MINE    "u:" PERSON
#define ROOM    "r:0193b0c2-7c1e-7b3a-9d2e-0000000000b1"
#define FAR_NS  (3600 * EA_NS_PER_S)

enum { WORK_MAX = 64, TEXT = 1000 };

static struct ea_cfg cfg = { .threads = 4, .streams_per_user = 50, .presence_s = 30, .stream_age_s = 3600 };
static struct ea_server server = { .cfg = &cfg };
static struct ea_hub *hub;
static struct ea_work *queued[WORK_MAX]; /* for pool threads */
static size_t queued_n, done_n;
static struct ea_req asker, *resumed;
static const char *closed_session;

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
    return closed_session != NULL && strcmp(closed_session, session_id) == 0;
}

void ea_pool_add(struct ea_pool *p, struct ea_work *w)
{
    (void)p;
    assert_in_range(queued_n, 0, WORK_MAX - 1);
    queued[queued_n++] = w;
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
    resumed = r;
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

static int begin(void **state)
{
    (void)state;
    queued_n = done_n = 0;
    resumed = NULL;
    closed_session = NULL;
    return ea_hub_make(&server, &hub) == EA_OK ? 0 : -1;
}

/* Until nothing is left to be done. */
static void settle(void)
{
    while (hub->inbox != NULL || hub->todo != NULL || hub->dirty != NULL)
        ea_hub_round(hub);
}

/* What is queued for the pool, in order: there is no database. False: nothing is. */
static bool do_next(void)
{
    struct ea_worker self = { .server = &server };
    if (done_n == queued_n)
        return false;
    self.pg = ea_pg_new("host=/nonexistent", "test");
    queued[done_n]->run(queued[done_n], &self);
    done_n++;
    ea_pg_free(self.pg);
    settle();
    return true;
}

static int end(void **state)
{
    (void)state;
    while (do_next()) {
    }
    ea_hub_close_with(hub, &hub->stop);
    ea_hub_run(hub);
    assert_int_equal(hub->held, 0);
    assert_int_equal(ea_topics_count(hub->topics), 0);
    ea_hub_destroy(hub);
    ea_buf_free(&asker.resp.body);
    return 0;
}

static void tell(int64_t id, const char *topic, const char *kind, const char *payload)
{
    const struct ea_event ev = { .id = id, .topic = topic, .kind = kind, .payload = payload, .at = "now" };
    ea_hub_event(hub, &ev);
    ea_hub_examined(hub, id);
}

/* Messages of a kilobyte, from one id to another. */
static void tell_many(int64_t from, int64_t to, const char *topic)
{
    char payload[TEXT + 20];
    (void)snprintf(payload, sizeof payload, "{\"text\": \"%0*d\"}", TEXT, 7);
    for (int64_t id = from; id <= to; id++)
        tell(id, topic, "message.created", payload);
}

static struct ea_sub *sub_of(struct ea_req *r, int64_t cursor, const char *room)
{
    struct ea_topic_list topics = { .at = cursor };
    (void)snprintf(r->caller.claims.user.s, sizeof r->caller.claims.user.s, "%s", PERSON);
    (void)snprintf(r->caller.claims.session.s, sizeof r->caller.claims.session.s, "%s", SESSION);
    topics.v = calloc(2, sizeof *topics.v);
    assert_non_null(topics.v);
    topics.v[topics.n++] = MINE;
    if (room != NULL)
        topics.v[topics.n++] = room;
    struct ea_sub *s = ea_sub_new(hub, r, &topics, cursor);
    assert_non_null(s);
    s->end_ns = ea_clock_mono_ns() + FAR_NS;
    return s;
}

/* What its client reads from. */
static int open_stream(int64_t cursor, const char *room)
{
    struct ea_req r = { 0 };
    int fd[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    assert_int_equal(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
    struct ea_sub *s = sub_of(&r, cursor, room);
    s->fd = fd[0];
    assert_ok(ea_hub_subscribe(hub, s));
    return fd[1];
}

static struct ea_sub *open_poll(int64_t cursor, const char *room)
{
    memset(&asker, 0, sizeof asker);
    ea_jw_init(&asker.resp.json, &asker.resp.body);
    struct ea_sub *s = sub_of(&asker, cursor, room);
    s->poll = &asker;
    s->asked = cursor;
    s->limit = 100;
    assert_ok(ea_hub_subscribe(hub, s));
    return s;
}

static size_t waiting_in(int fd)
{
    int n = 0;
    assert_int_equal(ioctl(fd, FIONREAD, &n), 0);
    return (size_t)n;
}

/* ---- what a client has read ---- */

struct reading {
    struct ea_buf text;
    bool ended;
};

/* All that is there now; FastCGI's headers stay in it, no test looks where they lie. */
static void read_on(struct reading *in, int fd)
{
    char some[8192];
    ssize_t n;
    while ((n = recv(fd, some, sizeof some, MSG_DONTWAIT)) > 0)
        ea_buf_add(&in->text, some, (size_t)n);
    in->ended = in->ended || n == 0;
    assert_false(in->text.failed);
}

static size_t count(const struct reading *in, const char *what)
{
    size_t n = 0, len = strlen(what);
    const char *at = in->text.p, *end = at + in->text.len;
    while (at != NULL && (at = memmem(at, (size_t)(end - at), what, len)) != NULL) {
        at += len;
        n++;
    }
    return n;
}

static bool has_event(const struct reading *in, int64_t id)
{
    char line[64];
    (void)snprintf(line, sizeof line, "id: %" PRId64 "\nevent:", id);
    size_t n = count(in, line);
    assert_in_range(n, 0, 1);
    return n == 1;
}

static void forget(struct reading *in, int fd)
{
    ea_buf_free(&in->text);
    close(fd);
}

/* ---- who hears what ---- */

#define ADDED   "{\"add\": [\"" ROOM "\"], \"remove\": []}"
#define REMOVED "{\"add\": [], \"remove\": [\"" ROOM "\"]}"

static void come_and_go(void)
{
    tell(11, ROOM, "message.created", "{}");
    tell(12, MINE, "membership.changed", ADDED);
    tell(13, ROOM, "message.created", "{}");
    tell(14, MINE, "membership.changed", REMOVED);
    tell(15, ROOM, "message.created", "{}");
    tell(16, MINE, "notification", "{}");
}

/* From exactly where they were taken in to exactly where they were let go, whether they were here or came back from any place between. */
static void each_hears_what_was_theirs_then(void **state)
{
    (void)state;
    static const struct {
        int64_t cursor;
        const char *room; /* what they might follow right after it */
        bool hears_13;
    } cases[] = { { 10, NULL, true },  { 11, NULL, true },  { 12, ROOM, true },
                  { 13, ROOM, false }, { 14, NULL, false }, { 15, NULL, false } };
    tell(10, ROOM, "message.created", "{}");
    struct reading live = { 0 };
    int there = open_stream(10, NULL);
    settle();
    come_and_go();
    settle();
    read_on(&live, there);
    assert_false(has_event(&live, 10) || has_event(&live, 11) || has_event(&live, 15));
    assert_true(has_event(&live, 13) && has_event(&live, 16));
    assert_int_equal(count(&live, "membership"), 0);
    forget(&live, there);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reading back = { 0 };
        int fd = open_stream(cases[i].cursor, cases[i].room);
        settle();
        read_on(&back, fd);
        assert_false(has_event(&back, 10) || has_event(&back, 11) || has_event(&back, 15));
        assert_int_equal(has_event(&back, 13), cases[i].hears_13);
        assert_true(has_event(&back, 16));
        forget(&back, fd);
    }
}

/* Its revocation was told before the hub had the stream: no event will tell of it again. */
static void a_session_that_was_closed_on_the_way_is_closed(void **state)
{
    (void)state;
    struct reading in = { 0 };
    tell(1, MINE, "notification", "{}");
    closed_session = SESSION;
    int fd = open_stream(1, NULL);
    (void)open_poll(1, NULL);
    settle();
    read_on(&in, fd);
    assert_true(in.ended && count(&in, "retry:") == 1);
    assert_ptr_equal(resumed, &asker);
    assert_int_equal(asker.resp.body.len, 0); /* a problem, which is not the hub's to write */
    forget(&in, fd);
}

/* ---- polls ---- */

/* More was told than the window holds, none of it for this poll; then something is. */
static void a_poll_that_waits_outlives_the_window(void **state)
{
    (void)state;
    const int64_t last = 2 * EA_HUB_WINDOW_EVENTS;
    (void)open_poll(0, ROOM);
    settle();
    for (int64_t id = 1; id < last; id++)
        tell(id, "u:somebody else", "notification", "{}");
    settle();
    assert_null(resumed);
    assert_true(hub->window.after > 0);
    tell(last, ROOM, "message.created", "{\"text\": \"for you\"}");
    settle();
    assert_ptr_equal(resumed, &asker);
    char end[64];
    (void)snprintf(end, sizeof end, "\"cursor\":%" PRId64 "}", last);
    assert_non_null(strstr(asker.resp.body.p, "for you"));
    assert_non_null(strstr(asker.resp.body.p, end));
}

/* Who waited in vain goes on from where it was in vain. */
static void a_wait_in_vain_moves_the_cursor_on(void **state)
{
    (void)state;
    const int64_t last = 2 * EA_HUB_WINDOW_EVENTS;
    struct ea_sub *s = open_poll(0, ROOM);
    settle();
    for (int64_t id = 1; id <= last; id++)
        tell(id, "u:somebody else", "notification", "{}");
    settle();
    s->end_ns = ea_clock_mono_ns();
    ea_wheel_set(&hub->wheel, &s->timer, s->end_ns);
    while (resumed == NULL)
        ea_hub_round(hub);
    char all[64];
    (void)snprintf(all, sizeof all, "{\"events\":[],\"cursor\":%" PRId64 "}", last);
    assert_string_equal(asker.resp.body.p, all);
}

/* ---- turns ---- */

/* However fast one reads who is far behind, in each round it gets one page, and all others have theirs. */
static void who_catches_up_takes_turns(void **state)
{
    (void)state;
    enum { EVENTS = 600 };
    struct reading in = { 0 }, other = { 0 };
    tell_many(1, EVENTS, ROOM);
    settle();
    int fd = open_stream(0, ROOM), next = open_stream(EVENTS, NULL);
    ea_hub_round(hub);
    assert_in_range(waiting_in(fd), EA_HUB_PAGE_BYTES / 2, EA_HUB_PAGE_BYTES + 2 * TEXT);
    tell(EVENTS + 1, MINE, "notification", "{}");
    ea_hub_round(hub);
    read_on(&other, next);
    assert_true(has_event(&other, EVENTS + 1));
    read_on(&in, fd);
    assert_false(has_event(&in, EVENTS));
    while (!has_event(&in, EVENTS + 1)) {
        ea_hub_round(hub);
        read_on(&in, fd);
    }
    for (int64_t id = 1; id <= EVENTS; id++)
        assert_true(has_event(&in, id));
    forget(&in, fd);
    forget(&other, next);
}

/* What has been asked for is done in parts: in between streams are told what there is. */
static void much_that_is_asked_for_holds_nobody_up(void **state)
{
    (void)state;
    enum { EVENTS = 1000 };
    struct reading in = { 0 };
    int fd = open_stream(0, ROOM);
    settle();
    for (int64_t id = 1; id <= EVENTS; id++)
        tell(id, ROOM, "message.created", "{}");
    ea_hub_round(hub);
    assert_non_null(hub->todo);
    read_on(&in, fd);
    assert_true(has_event(&in, 1));
    while (!has_event(&in, EVENTS)) {
        ea_hub_round(hub);
        read_on(&in, fd);
    }
    for (int64_t id = 1; id <= EVENTS; id++)
        assert_true(has_event(&in, id));
    forget(&in, fd);
}

/* Time is kept for what is stored: somebody's writing is told when there is some, and costs some. */
static void what_is_not_stored_takes_its_share_of_time(void **state)
{
    (void)state;
    struct reading in = { 0 };
    int fd = open_stream(0, ROOM);
    const int64_t now = ea_clock_mono_ns();
    hub->live_ns = now + FAR_NS;
    ea_hub_say(hub, ROOM, "typing", "{}", NULL);
    tell(1, ROOM, "message.created", "{}");
    settle();
    read_on(&in, fd);
    assert_int_equal(count(&in, "event: typing"), 0);
    assert_true(has_event(&in, 1));
    hub->live_ns = 0;
    for (int i = 0; i < 2; i++)
        ea_hub_say(hub, ROOM, "typing", "{}", i == 0 ? NULL : PERSON);
    settle();
    read_on(&in, fd);
    assert_int_equal(count(&in, "event: typing"), 1);
    assert_true(hub->live_ns > now);
    forget(&in, fd);
}

/* Pages of the log are read by half of the pool at most; who has left before their turn costs none. */
static void who_catches_up_leaves_the_pool_to_others(void **state)
{
    (void)state;
    enum { STREAMS = 6 };
    int fd[STREAMS];
    tell(1000, MINE, "notification", "{}");
    settle();
    ea_window_start(&hub->window, 1000);
    for (int i = 0; i < STREAMS; i++)
        fd[i] = open_stream(5, ROOM);
    settle();
    assert_int_equal(queued_n, 2);
    close(fd[2]); /* it waits for its turn */
    ea_hub_round(hub);
    assert_int_equal(hub->held, STREAMS);
    while (do_next()) /* each stream ends */
        assert_in_range(queued_n - done_n, 0, 2);
    assert_int_equal(queued_n, STREAMS - 1);
    assert_int_equal(hub->held, 0);
    assert_int_equal(hub->reads, 0);
    for (int i = 0; i < STREAMS; i++) {
        struct reading in = { 0 };
        if (i == 2)
            continue;
        read_on(&in, fd[i]);
        assert_true(in.ended && count(&in, "id: 5\n") == 1);
        forget(&in, fd[i]);
    }
}

/* ---- whatever happens ---- */

/* A person of four rooms, who is taken in and let go as chance will have it; what they are told is to be what was said while they were there, whatever they open, and however they read. */
enum { RUNS = 20, STEPS = 10000, LOG_MAX = STEPS + 1, ROOMS = 4, STREAMS_MAX = 12, POLLS_MAX = 60 };

struct follower {
    int64_t cursor;
    int fd; /* a stream's */
    struct reading in;
    struct ea_req *poll;
};

static struct {
    int64_t newest, read;
    unsigned room[LOG_MAX],
        theirs[LOG_MAX]; /* of a message: its room; which rooms were theirs right after it */
    bool message[LOG_MAX];
    struct follower streams[STREAMS_MAX], polls[POLLS_MAX];
    size_t streams_n, polls_n;
} world;

static unsigned long long seed;

static unsigned chance(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

static const char *room_name(unsigned room)
{
    static const char *const names[ROOMS] = { "r:a", "r:b", "r:c", "r:d" };
    return names[room];
}

/* It is written in the log. */
static void happens(void)
{
    unsigned room = chance(ROOMS), theirs = world.theirs[world.newest];
    int64_t id = ++world.newest;
    world.room[id] = room;
    world.message[id] = chance(20) != 0;
    world.theirs[id] = world.message[id] ? theirs : theirs ^ 1u << room;
}

/* This process reads on in it: it may be behind others. */
static void is_read(void)
{
    char payload[2 * TEXT];
    if (world.read == world.newest)
        return;
    int64_t id = ++world.read;
    const char *room = room_name(world.room[id]);
    if (world.message[id]) {
        (void)snprintf(payload, sizeof payload, "{\"n\": %" PRId64 ", \"text\": \"%0*d\"}", id,
                       (int)chance(TEXT) + 1, 7);
        tell(id, room, "message.created", payload);
    } else {
        (void)snprintf(payload, sizeof payload, "{\"%s\": [\"%s\"]}",
                       world.theirs[id] >> world.room[id] & 1 ? "add" : "remove", room);
        tell(id, MINE, "membership.changed", payload);
    }
}

/* As a handler does it: what they might follow where they come from, or as far as this process has read. */
static struct ea_sub *sub_from(struct ea_req *r, int64_t cursor)
{
    struct ea_sub *s = sub_of(r, cursor, NULL);
    int64_t at = cursor < world.read ? cursor : world.read;
    const char **v = calloc(1 + ROOMS, sizeof *v);
    assert_non_null(v);
    free(s->topics.v);
    s->topics = (struct ea_topic_list){ .v = v, .at = at };
    v[s->topics.n++] = MINE;
    for (unsigned room = 0; room < ROOMS; room++)
        if (world.theirs[at] >> room & 1)
            v[s->topics.n++] = room_name(room);
    return s;
}

static int64_t some_cursor(void)
{
    return chance(2) == 0 ? world.newest : (int64_t)chance((unsigned)world.newest + 1);
}

static void somebody_opens_a_stream(void)
{
    if (world.streams_n == STREAMS_MAX)
        return;
    struct follower *f = &world.streams[world.streams_n++];
    struct ea_req r = { 0 };
    int fd[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    assert_int_equal(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
    *f = (struct follower){ .cursor = some_cursor(), .fd = fd[1] };
    struct ea_sub *s = sub_from(&r, f->cursor);
    s->fd = fd[0];
    assert_ok(ea_hub_subscribe(hub, s));
}

static void somebody_polls(void)
{
    if (world.polls_n == POLLS_MAX)
        return;
    struct follower *f = &world.polls[world.polls_n++];
    *f = (struct follower){ .cursor = some_cursor(), .poll = calloc(1, sizeof *f->poll) };
    assert_non_null(f->poll);
    ea_jw_init(&f->poll->resp.json, &f->poll->resp.body);
    struct ea_sub *s = sub_from(f->poll, f->cursor);
    s->poll = f->poll;
    s->asked = f->cursor;
    s->limit = 1 + chance(50);
    s->end_ns = chance(2) == 0 ? 0 : s->end_ns;
    assert_ok(ea_hub_subscribe(hub, s));
}

static void somebody_reads(void)
{
    if (world.streams_n == 0)
        return;
    struct follower *f = &world.streams[chance((unsigned)world.streams_n)];
    read_on(&f->in, f->fd);
}

static void step(void)
{
    unsigned what = chance(100);
    if (what < 43)
        happens();
    else if (what < 86)
        is_read();
    else if (what < 87)
        somebody_opens_a_stream();
    else if (what < 90)
        somebody_polls();
    else if (what < 91)
        somebody_reads();
    else if (hub->inbox != NULL || hub->todo != NULL || hub->dirty != NULL)
        ea_hub_round(hub);
}

/* The next message that was theirs, after id and up to the end. */
static int64_t next_of(int64_t id, int64_t upto)
{
    do
        id++;
    while (id <= upto && !(world.message[id] && world.theirs[id] >> world.room[id] & 1));
    return id;
}

/* The text names each, in order, and nothing else. Returns how far it goes. */
static int64_t assert_told(const struct ea_buf *text, int64_t cursor, int64_t upto)
{
    static const char mark[] = "\"n\": ";
    const char *at = text->p, *end = at + text->len;
    int64_t expected = next_of(cursor, upto);
    while (at != NULL && (at = memmem(at, (size_t)(end - at), mark, sizeof mark - 1)) != NULL) {
        at += sizeof mark - 1;
        assert_int_equal(strtoll(at, NULL, 10), expected);
        expected = next_of(expected, upto);
    }
    return expected;
}

static void everybody_reads_to_the_end(void)
{
    bool more = true;
    while (more) {
        more = false;
        settle();
        for (size_t i = 0; i < world.streams_n; i++) {
            struct follower *f = &world.streams[i];
            size_t before = f->in.text.len;
            read_on(&f->in, f->fd);
            more = more || f->in.text.len > before;
        }
        if (more)
            ea_hub_round(hub); /* there is room in some socket now */
    }
}

static void judge(void)
{
    for (size_t i = 0; i < world.streams_n; i++) {
        struct follower *f = &world.streams[i];
        assert_false(f->in.ended);
        assert_int_equal(assert_told(&f->in.text, f->cursor, world.newest), world.newest + 1);
        forget(&f->in, f->fd);
    }
    for (size_t i = 0; i < world.polls_n; i++) {
        struct follower *f = &world.polls[i];
        struct ea_req *r = f->poll;
        if (r->resp.body.len > 0)
            assert_int_equal(assert_told(&r->resp.body, f->cursor, r->cursor), r->cursor + 1);
        else /* it waits: then there was nothing */
            assert_int_equal(next_of(f->cursor, world.newest), world.newest + 1);
    }
}

static void whatever_happens_each_is_told_what_was_theirs_once_and_in_order(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    for (int i = 0; i < STEPS; i++)
        step();
    while (world.read < world.newest)
        is_read();
    everybody_reads_to_the_end();
    judge();
}

static int begin_by_chance(void **state)
{
    static unsigned long long run;
    seed = ++run;
    print_message("seed %llu\n", seed);
    return begin(state);
}

static int end_by_chance(void **state)
{
    int rc = end(state);
    for (size_t i = 0; i < world.polls_n; i++) {
        ea_buf_free(&world.polls[i].poll->resp.body);
        free(world.polls[i].poll);
    }
    return rc;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(each_hears_what_was_theirs_then),
        TEST(a_session_that_was_closed_on_the_way_is_closed),
        TEST(a_poll_that_waits_outlives_the_window),
        TEST(a_wait_in_vain_moves_the_cursor_on),
        TEST(who_catches_up_takes_turns),
        TEST(much_that_is_asked_for_holds_nobody_up),
        TEST(what_is_not_stored_takes_its_share_of_time),
        TEST(who_catches_up_leaves_the_pool_to_others),
    };
    struct CMUnitTest runs[RUNS];
    for (size_t i = 0; i < RUNS; i++)
        runs[i] = (struct CMUnitTest)cmocka_unit_test_setup_teardown(
            whatever_happens_each_is_told_what_was_theirs_once_and_in_order, begin_by_chance, end_by_chance);
    return cmocka_run_group_tests(tests, NULL, NULL) + cmocka_run_group_tests(runs, NULL, NULL);
}
