/* Who is there. Handlers only leave a name. A tenth of a tick after the first one a pool thread takes them all: stamps them in Redis, asks the database in one statement in which rooms they are to be told of, and
 * tells every hub, its own too, by one letter: {"from","kind","at","rooms": [[room, members, [user, …]], …]}. A hub gathers such letters (presence.h) and tells its streams once per tick at most, at once
 * when it has told nothing for as long. Without Redis a hub knows of its own process's people only; without the database nobody is told, and what was left is forgotten. */
#include "fcgi/core/hub_private.h"

#include "fcgi/core/presence.h"
#include "fcgi/core/server.h"
#include "fcgi/core/server_private.h"
#include "fcgi/core/stamps.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/pg.h"
#include "lib/redis.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

/* Of one gathering; who comes when there are more is seen the next time. */
enum { NAMES_MAX = 16384, GATHERINGS = 10 /* in a tick */ };

struct ea_hub_presence {
    int64_t tick_ns;
    pthread_mutex_t lock; /* of what handlers leave */
    struct ea_id *names;
    size_t n, size;
    int64_t first_ms; /* when the first of them came, by the wall clock */
    bool told;        /* the hub knows that there are some */
    bool lost;        /* the gathering thread's: the last stamps were not written */
    /* the hub thread's own */
    struct ea_presence *sighted;
    bool gathering;    /* a pool thread is */
    int64_t gather_ns; /* when to; 0: there is nobody */
    int64_t next_ns;   /* streams are told of nobody before */
    struct ea_metric *frames, *messages;
};

/* One gathering. */
struct gather {
    struct ea_hub_command command; /* first: it is how it comes back, and what frees it */
    struct ea_work work;
    struct ea_hub *hub;
};

/* ---- handlers ---- */

static bool name_room(struct ea_hub_presence *p)
{
    if (p->n < p->size)
        return true;
    size_t size = p->size == 0 ? 64 : p->size * 2;
    struct ea_id *names = size <= NAMES_MAX ? realloc(p->names, size * sizeof(*names)) : NULL;
    if (names == NULL)
        return false;
    p->names = names;
    p->size = size;
    return true;
}

/* True: the hub is to be told. */
static bool leave_name(struct ea_hub_presence *p, const struct ea_id *user)
{
    pthread_mutex_lock(&p->lock);
    if (name_room(p)) {
        if (p->n == 0)
            p->first_ms = ea_clock_wall_us() / 1000;
        p->names[p->n++] = *user;
    }
    bool tell = p->n > 0 && !p->told;
    p->told = p->told || tell;
    pthread_mutex_unlock(&p->lock);
    return tell;
}

void ea_hub_seen(struct ea_hub *h, const struct ea_id *user)
{
    struct ea_hub_presence *p = h->presence;
    if (!leave_name(p, user))
        return;
    struct ea_hub_command *c = ea_hub_command_new(EA_HUB_SEEN);
    if (c != NULL) {
        ea_hub_put(h, c);
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->told = false; /* by the next one, then */
    pthread_mutex_unlock(&p->lock);
}

/* ---- a pool thread gathers ---- */

/* Everybody who has come since the last gathering; the array is the caller's. */
static struct ea_id *take_names(struct ea_hub_presence *p, size_t *n, int64_t *first_ms)
{
    pthread_mutex_lock(&p->lock);
    struct ea_id *names = p->names;
    *n = p->n;
    *first_ms = p->first_ms;
    p->names = NULL;
    p->n = p->size = 0;
    p->told = false;
    pthread_mutex_unlock(&p->lock);
    return names;
}

/* *rooms: JSON of the arena; NULL: there are none. */
static enum ea_err find_rooms(struct ea_pg *pg, struct ea_arena *a, const char *const *users, size_t n,
                              const char **rooms)
{
    const char *list = ea_pg_array(a, users, n);
    const char *most = ea_arena_printf(a, "%d", EA_PRESENCE_ROOM_MAX);
    PGresult *res;
    *rooms = NULL;
    if (list == NULL || most == NULL)
        return EA_ENOMEM;
    enum ea_err err = EA_PG(pg, a, &res, STMT_PRESENCE_ROOMS, list, most);
    if (err == EA_OK && strcmp(ea_pg_str(res, 0, 0), "[]") != 0)
        *rooms = ea_pg_str(res, 0, 0);
    return err;
}

static bool make_letter(struct ea_buf *b, const struct ea_hub *h, int64_t at_ms, const char *rooms)
{
    struct ea_jw w;
    ea_jw_init(&w, b);
    ea_jw_obj(&w);
    ea_jw_kstr(&w, "from", h->id.s);
    ea_jw_kstr(&w, "kind", EA_HUB_PRESENCE);
    ea_jw_kint(&w, "at", at_ms);
    ea_jw_kraw(&w, "rooms", rooms);
    ea_jw_end(&w);
    return !b->failed;
}

/* To this hub and, as far as Redis carries it, to the others. */
static void send_letter(struct ea_hub *h, struct ea_redis *redis, int64_t at_ms, const char *rooms)
{
    struct ea_buf letter = { 0 };
    struct json_object *own = NULL;
    size_t where;
    const char *why;
    if (make_letter(&letter, h, at_ms, rooms)) {
        enum ea_err ignored = ea_redis_publish(redis, EA_CHANNEL_LIVE, letter.p);
        (void)ignored; /* it was not to be kept */
        if (ea_json_parse(letter.p, letter.len, &own, &where, &why) == EA_OK)
            ea_hub_sighted(h, &own);
    }
    json_object_put(own);
    ea_buf_free(&letter);
}

/* False: it is not known any more that they were seen. */
static bool gather_all(struct ea_hub *h, struct ea_worker *self, struct ea_arena *a,
                       const struct ea_id *names, size_t n, int64_t first_ms)
{
    struct ea_hub_presence *p = h->presence;
    /* Rounded down, all in a gathering alike: so nobody's stamp fits the moment of an anonymous question better than a neighbour's. */
    const int64_t at_ms = first_ms - first_ms % (p->tick_ns / EA_NS_PER_MS);
    const char **users = ea_arena_array(a, n, sizeof(*users)), *rooms;
    if (users == NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        users[i] = names[i].s;
    enum ea_err stamped = ea_stamps_put(self->redis, users, n, at_ms, ea_clock_wall_us() / 1000, p->lost);
    if (find_rooms(self->pg, a, users, n, &rooms) == EA_OK && rooms != NULL)
        send_letter(h, self->redis, at_ms, rooms);
    return stamped == EA_OK;
}

static void run_gather(struct ea_work *work, struct ea_worker *self)
{
    struct gather *g = (struct gather *)((char *)work - offsetof(struct gather, work));
    struct ea_arena *a = ea_arena_new();
    size_t n;
    int64_t first_ms;
    struct ea_hub_presence *p = g->hub->presence;
    struct ea_id *names = take_names(p, &n, &first_ms);
    if (n > 0)
        p->lost = a == NULL || !gather_all(g->hub, self, a, names, n, first_ms);
    ea_arena_free(a);
    free(names);
    ea_hub_put(g->hub, &g->command);
}

/* ---- any thread: a letter ---- */

void ea_hub_sighted(struct ea_hub *h, struct json_object **letter)
{
    struct ea_hub_command *c = ea_hub_command_new(EA_HUB_SIGHTED);
    if (c == NULL)
        return; /* nobody's loss: it was not to be kept */
    c->seen = *letter;
    *letter = NULL; /* whose references are counted by one thread only */
    ea_hub_put(h, c);
}

/* ---- the hub's thread ---- */

void ea_hub_presence_seen(struct ea_hub *h)
{
    struct ea_hub_presence *p = h->presence;
    if (p->gather_ns == 0)
        p->gather_ns = ea_clock_mono_ns() + p->tick_ns / GATHERINGS;
}

static void begin_gather(struct ea_hub *h)
{
    struct ea_hub_presence *p = h->presence;
    struct gather *g = calloc(1, sizeof(*g));
    p->gather_ns = 0;
    if (g == NULL) {
        ea_hub_presence_seen(h); /* a little later, then */
        return;
    }
    g->command.type = EA_HUB_GATHERED;
    g->work.run = run_gather;
    g->hub = h;
    p->gathering = true;
    h->reads++;
    ea_pool_add(h->server->pool, &g->work);
}

void ea_hub_presence_gathered(struct ea_hub *h)
{
    h->reads--;
    h->presence->gathering = false;
}

/* One of [room, members, [user, …]]. False: it is something else. */
static bool take_room(struct ea_presence *p, struct json_object *room, int64_t at_ms)
{
    struct json_object *users = json_object_array_get_idx(room, 2);
    const char *id = json_object_get_string(json_object_array_get_idx(room, 0));
    int64_t members = json_object_get_int64(json_object_array_get_idx(room, 1));
    if (id == NULL || !json_object_is_type(users, json_type_array))
        return false;
    for (size_t i = 0; i < json_object_array_length(users); i++) {
        const char *user = json_object_get_string(json_object_array_get_idx(users, i));
        if (user == NULL)
            return false;
        if (!ea_presence_add(p, id, members, user, at_ms))
            break; /* left out */
    }
    return true;
}

static bool take_rooms(struct ea_presence *p, const struct json_object *letter)
{
    struct json_object *at, *rooms;
    bool ok = json_object_object_get_ex(letter, "at", &at) &&
              json_object_object_get_ex(letter, "rooms", &rooms) &&
              json_object_is_type(rooms, json_type_array);
    for (size_t i = 0; ok && i < json_object_array_length(rooms); i++) {
        struct json_object *room = json_object_array_get_idx(rooms, i);
        ok = json_object_is_type(room, json_type_array) && json_object_array_length(room) == 3 &&
             take_room(p, room, json_object_get_int64(at));
    }
    return ok;
}

void ea_hub_presence_sighted(struct ea_hub *h, struct json_object *letter)
{
    if (!take_rooms(h->presence->sighted, letter))
        ea_log0(EA_LOG_WARN, "what another process told of people is not understood");
    json_object_put(letter);
}

static bool takes(const void *subscriber)
{
    return ea_sub_is_live(subscriber);
}

static void give(void *subscriber, struct ea_frame *f, void *arg)
{
    struct ea_hub *h = arg;
    if (ea_sub_tell(h, subscriber, f))
        ea_metric_add(h->presence->messages, 1);
}

/* The next telling is a tick away, whenever this one was due. */
static void tell(struct ea_hub *h, int64_t now)
{
    static const struct ea_presence_ops ops = { takes, give };
    struct ea_hub_presence *p = h->presence;
    p->next_ns = now + p->tick_ns;
    size_t frames = ea_presence_tell(p->sighted, h->topics, ea_clock_wall_us() / 1000, &ops, h);
    ea_metric_add(p->frames, (int64_t)frames);
}

void ea_hub_presence_run(struct ea_hub *h)
{
    struct ea_hub_presence *p = h->presence;
    int64_t now = ea_clock_mono_ns();
    if (p->gather_ns != 0 && now >= p->gather_ns && !p->gathering && !h->stopping)
        begin_gather(h);
    if (!ea_presence_empty(p->sighted) && now >= p->next_ns)
        tell(h, now);
}

int ea_hub_presence_wait_ms(const struct ea_hub *h)
{
    const struct ea_hub_presence *p = h->presence;
    int64_t now = ea_clock_mono_ns(), due = INT64_MAX;
    if (p->gather_ns != 0 && !p->gathering && !h->stopping)
        due = p->gather_ns;
    if (!ea_presence_empty(p->sighted) && p->next_ns < due)
        due = p->next_ns;
    if (due == INT64_MAX)
        return -1;
    return due <= now ? 0 : (int)((due - now + EA_NS_PER_MS - 1) / EA_NS_PER_MS);
}

/* ---- life ---- */

enum ea_err ea_hub_presence_new(struct ea_hub *h)
{
    struct ea_hub_presence *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return EA_ENOMEM;
    p->sighted = ea_presence_new();
    if (p->sighted == NULL) {
        free(p);
        return EA_ENOMEM;
    }
    pthread_mutex_init(&p->lock, NULL);
    p->tick_ns = ea_server_cfg(h->server)->presence_s * EA_NS_PER_S;
    p->frames = ea_metric_counter("ea_hub_presence_frames_total", "Presence messages encoded", "");
    p->messages = ea_metric_counter("ea_hub_presence_total", "Presence messages queued to a stream", "");
    h->presence = p;
    return EA_OK;
}

void ea_hub_presence_free(struct ea_hub *h)
{
    struct ea_hub_presence *p = h->presence;
    if (p == NULL)
        return;
    ea_presence_free(p->sighted);
    pthread_mutex_destroy(&p->lock);
    free(p->names);
    free(p);
}
