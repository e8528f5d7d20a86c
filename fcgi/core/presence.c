#include "fcgi/core/presence.h"

#include "fcgi/core/shelf.h"
#include "lib/events.h"
#include "lib/id.h"
#include "lib/json.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { PEOPLE_MAX = 16384, ROOMS_MAX = 16384, SEATS_MAX = 1 << 18 };

struct person {
    struct ea_id id; /* first */
    int64_t at_ms;
    size_t told; /* number of the frame that they are in; frames count from 1 */
};

struct room {
    struct ea_id id; /* first */
    int64_t members;
    uint32_t first; /* of its seats; 0: none */
};

struct seat { /* somebody who was seen in a room */
    uint32_t person, next;
};

struct ea_presence {
    struct ea_shelf people, rooms;
    struct seat *seats; /* the first is nobody's */
    size_t seats_n, seats_size;
};

/* ---- what gathers ---- */

struct ea_presence *ea_presence_new(void)
{
    struct ea_presence *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return NULL;
    p->people = (struct ea_shelf){ .width = sizeof(struct person), .max = PEOPLE_MAX };
    p->rooms = (struct ea_shelf){ .width = sizeof(struct room), .max = ROOMS_MAX };
    p->seats_n = 1;
    return p;
}

/* Back to holding nothing, memory included. */
static void clear(struct ea_presence *p)
{
    ea_shelf_clear(&p->people);
    ea_shelf_clear(&p->rooms);
    free(p->seats);
    p->seats = NULL;
    p->seats_n = 1;
    p->seats_size = 0;
}

void ea_presence_free(struct ea_presence *p)
{
    if (p == NULL)
        return;
    clear(p);
    free(p);
}

bool ea_presence_empty(const struct ea_presence *p)
{
    return p->seats_n == 1;
}

static bool seat_room(struct ea_presence *p)
{
    if (p->seats_n < p->seats_size)
        return true;
    size_t size = p->seats_size == 0 ? 256 : p->seats_size * 2;
    struct seat *seats = size <= SEATS_MAX ? realloc(p->seats, size * sizeof(*seats)) : NULL;
    if (seats == NULL)
        return false;
    p->seats = seats;
    p->seats_size = size;
    return true;
}

/* Who is seen twice in a room sits there twice; a frame names them once. */
bool ea_presence_add(struct ea_presence *p, const char *room, int64_t members, const char *user,
                     int64_t at_ms)
{
    struct person *who = ea_shelf_put(&p->people, user);
    struct room *where = ea_shelf_put(&p->rooms, room);
    if (who == NULL || where == NULL || !seat_room(p))
        return false;
    if (at_ms > who->at_ms)
        who->at_ms = at_ms;
    where->members = members;
    p->seats[p->seats_n] = (struct seat){ .person = ea_shelf_place(&p->people, who), .next = where->first };
    where->first = (uint32_t)p->seats_n++;
    return true;
}

/* ---- who is told of what ---- */

/* Receivers who follow the same rooms are of one kind. Kinds are a tree: each is its parent's rooms and one more. */
struct kind {
    size_t parent;
    const struct room *room;  /* NULL: of those who follow none */
    const struct room *split; /* the last room that some of them follow as well … */
    size_t child;             /* … and what those are */
    bool made;                /* its frame was made, or could not be: NULL */
    struct ea_frame *frame;
};

struct receiver {
    void *subscriber; /* NULL: a free slot */
    size_t kind;
};

struct telling {
    struct ea_presence *p;
    struct ea_topics *topics;
    const struct ea_presence_ops *ops;
    int64_t now_ms;
    struct kind *kinds; /* the first is that of no rooms */
    size_t kinds_n, kinds_size;
    struct receiver *receivers; /* open addressing */
    size_t slots;
    size_t frames, bytes;
};

static struct ea_listen *listeners_of(const struct telling *t, const struct room *room)
{
    char topic[EA_TOPIC_SIZE];
    return ea_topics_first(t->topics, ea_topic(EA_TOPIC_ROOM, room->id.s, topic));
}

static struct receiver *receiver_of(const struct telling *t, void *subscriber)
{
    size_t i = ((((uintptr_t)subscriber >> 4) * 0x9e3779b97f4a7c15u) >> 32) & (t->slots - 1);
    while (t->receivers[i].subscriber != NULL && t->receivers[i].subscriber != subscriber)
        i = (i + 1) & (t->slots - 1);
    t->receivers[i].subscriber = subscriber;
    return &t->receivers[i];
}

/* False: no memory. */
static bool kind_add(struct telling *t, struct kind kind)
{
    if (t->kinds_n == t->kinds_size) {
        size_t size = t->kinds_size == 0 ? 64 : t->kinds_size * 2;
        struct kind *kinds = realloc(t->kinds, size * sizeof(*kinds));
        if (kinds == NULL)
            return false;
        t->kinds = kinds;
        t->kinds_size = size;
    }
    t->kinds[t->kinds_n++] = kind;
    return true;
}

/* From here on r follows this room too. */
static bool refine(struct telling *t, struct receiver *r, const struct room *room)
{
    if (t->kinds[r->kind].split != room) {
        if (!kind_add(t, (struct kind){ .parent = r->kind, .room = room }))
            return false;
        t->kinds[r->kind].split = room;
        t->kinds[r->kind].child = t->kinds_n - 1;
    }
    r->kind = t->kinds[r->kind].child;
    return true;
}

static bool sort_receivers(struct telling *t, const struct room *const *rooms)
{
    bool ok = kind_add(t, (struct kind){ 0 });
    for (size_t i = 0; i < t->p->rooms.n && ok; i++)
        for (struct ea_listen *l = listeners_of(t, rooms[i]); l != NULL && ok; l = l->next_of_topic)
            if (t->ops->takes(l->subscriber))
                ok = refine(t, receiver_of(t, l->subscriber), rooms[i]);
    return ok;
}

/* ---- frames ---- */

static void put_person(struct ea_jw *w, const struct person *who)
{
    ea_jw_obj(w);
    ea_jw_kstr(w, "user_id", who->id.s);
    ea_jw_key(w, "last_seen_at");
    ea_jw_time(w, who->at_ms * 1000);
    ea_jw_end(w);
}

/* Those of a room who are not in this frame yet. Returns how many people the frame has then. */
static size_t put_room(struct telling *t, struct ea_jw *w, const struct room *room, size_t n)
{
    for (uint32_t i = room->first; i != 0 && n < EA_PRESENCE_FRAME_PEOPLE; i = t->p->seats[i].next) {
        struct person *who = ea_shelf_at(&t->p->people, t->p->seats[i].person);
        if (who->told == t->frames)
            continue;
        who->told = t->frames;
        put_person(w, who);
        n++;
    }
    return n;
}

/* NULL: no memory. */
static struct ea_frame *make_frame(struct telling *t, const struct kind *kind)
{
    struct ea_buf b = { 0 };
    struct ea_jw w;
    size_t n = 0;
    t->frames++;
    ea_jw_init(&w, &b);
    ea_jw_obj(&w);
    ea_jw_key(&w, "items");
    ea_jw_arr(&w);
    for (; kind->room != NULL; kind = &t->kinds[kind->parent])
        n = put_room(t, &w, kind->room, n);
    ea_jw_end(&w);
    ea_jw_key(&w, "server_time");
    ea_jw_time(&w, t->now_ms * 1000);
    ea_jw_end(&w);
    struct ea_frame *f = b.failed ? NULL : ea_frame_event(0, "presence", b.p);
    ea_buf_free(&b);
    return f;
}

/* NULL: there is no memory for it, or it would be too much. */
static struct ea_frame *frame_of(struct telling *t, struct kind *kind)
{
    if (!kind->made && t->bytes < EA_PRESENCE_BYTES) {
        kind->made = true;
        kind->frame = make_frame(t, kind);
        t->bytes += kind->frame != NULL ? kind->frame->len : 0;
    }
    return kind->frame;
}

/* From anywhere, so that it is not always the same who get nothing when it is too much. */
static void give_all(struct telling *t, void *arg)
{
    size_t from = randombytes_uniform((uint32_t)t->slots);
    for (size_t i = 0; i < t->slots; i++) {
        const struct receiver *r = &t->receivers[(from + i) & (t->slots - 1)];
        struct ea_frame *f = r->subscriber == NULL ? NULL : frame_of(t, &t->kinds[r->kind]);
        if (f != NULL)
            t->ops->give(r->subscriber, f, arg);
    }
}

/* ---- all of it ---- */

/* The largest first: a frame goes from its kind up the tree, so the smallest come first in it. */
static int by_size(const void *a, const void *b)
{
    const struct room *const *x = a, *const *y = b;
    return ((*y)->members > (*x)->members) - ((*y)->members < (*x)->members);
}

static const struct room **rooms_by_size(const struct ea_presence *p)
{
    const struct room **rooms = malloc(p->rooms.n * sizeof(const struct room *));
    for (size_t i = 0; rooms != NULL && i < p->rooms.n; i++)
        rooms[i] = ea_shelf_at(&p->rooms, i);
    if (rooms != NULL)
        qsort(rooms, p->rooms.n, sizeof(const struct room *), by_size);
    return rooms;
}

/* As many slots that there is always a free one, whoever listens to what. */
static size_t slots_for(const struct telling *t)
{
    size_t n = 0, slots = 64;
    for (size_t i = 0; i < t->p->rooms.n; i++)
        for (struct ea_listen *l = listeners_of(t, ea_shelf_at(&t->p->rooms, i)); l != NULL;
             l = l->next_of_topic)
            n++;
    while (slots < 2 * n)
        slots *= 2;
    return slots;
}

size_t ea_presence_tell(struct ea_presence *p, struct ea_topics *topics, int64_t now_ms,
                        const struct ea_presence_ops *ops, void *arg)
{
    struct telling t = { .p = p, .topics = topics, .ops = ops, .now_ms = now_ms };
    const struct room **rooms = rooms_by_size(p);
    t.slots = slots_for(&t);
    t.receivers = calloc(t.slots, sizeof(*t.receivers));
    if (rooms != NULL && t.receivers != NULL && sort_receivers(&t, rooms))
        give_all(&t, arg);
    for (size_t i = 0; i < t.kinds_n; i++)
        ea_frame_unref(t.kinds[i].frame);
    free(t.kinds);
    free(t.receivers);
    free(rooms);
    clear(p);
    return t.frames;
}
