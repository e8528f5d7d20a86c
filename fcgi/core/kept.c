#include "fcgi/core/kept.h"

#include "fcgi/core/slab.h"
#include "fcgi/core/topics.h"
#include "lib/clock.h"
#include "lib/metrics.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096, TAIL = 8, MARKS = 8192 /* a power of two */ };

struct entry {
    struct entry *next, **link;  /* of the bucket */
    struct entry *newer, *older; /* by use */
    struct ea_id who;
    int64_t used_ns;
    size_t bytes;
    struct ea_topic_list topics;
};

struct ea_kept {
    struct ea_kept_bounds bounds;
    pthread_mutex_t lock;
    bool open;
    uint64_t era;
    int64_t after;          /* all changes behind it are marked */
    int64_t changed[MARKS]; /* by the topic's hash: the newest change of any topic with it */
    struct entry *buckets[BUCKETS];
    struct entry *newest, *oldest;
    size_t bytes;
    struct ea_slab *cells;
    struct ea_metric *people, *evicted;
};

/* ---- lists ---- */

static size_t bytes_of(const struct ea_topic_list *t)
{
    size_t bytes = t->n * sizeof(*t->v) + 1; /* nothing to follow is no NULL */
    for (size_t i = 0; i < t->n; i++)
        bytes += strlen(t->v[i]) + 1;
    return bytes;
}

/* All but the place. */
static bool copy(const struct ea_topic_list *from, struct ea_topic_list *to)
{
    const char **v = malloc(bytes_of(from));
    if (v == NULL)
        return false;
    char *text = (char *)(v + from->n);
    for (size_t i = 0; i < from->n; i++) {
        v[i] = text;
        text = stpcpy(text, from->v[i]) + 1;
    }
    to->v = v;
    to->n = from->n;
    to->read_s = from->read_s;
    return true;
}

void ea_topic_list_clear(struct ea_topic_list *t)
{
    free(t->v);
    *t = (struct ea_topic_list){ 0 };
}

/* ---- what has changed ---- */

static int64_t *mark_of(struct ea_kept *k, const char *topic)
{
    uint64_t h = ea_topics_hash(topic);
    return &k->changed[(h ^ h >> 32) % MARKS];
}

static bool holds(struct ea_kept *k, const struct ea_topic_list *t)
{
    bool so = t->at >= k->after;
    for (size_t i = 0; i < t->n && so; i++)
        so = *mark_of(k, t->v[i]) <= t->at;
    return so;
}

/* ---- entries, under the lock ---- */

/* The last digits of a UUIDv7 are random. */
static struct entry **bucket_of(struct ea_kept *k, const struct ea_id *who)
{
    return &k->buckets[strtoul(who->s + EA_ID_LEN - TAIL, NULL, 16) % BUCKETS];
}

static struct entry *find(struct ea_kept *k, const struct ea_id *who)
{
    struct entry *e = *bucket_of(k, who);
    while (e != NULL && strcmp(e->who.s, who->s) != 0)
        e = e->next;
    return e;
}

static void unlink_use(struct ea_kept *k, struct entry *e)
{
    *(e->newer != NULL ? &e->newer->older : &k->newest) = e->older;
    *(e->older != NULL ? &e->older->newer : &k->oldest) = e->newer;
}

static void link_use(struct ea_kept *k, struct entry *e, int64_t now_ns)
{
    e->used_ns = now_ns;
    e->newer = NULL;
    e->older = k->newest;
    *(k->newest != NULL ? &k->newest->newer : &k->oldest) = e;
    k->newest = e;
}

static void entry_free(struct ea_kept *k, struct entry *e)
{
    if (e == NULL)
        return;
    ea_topic_list_clear(&e->topics);
    ea_slab_put(k->cells, e);
}

static void drop(struct ea_kept *k, struct entry *e)
{
    *e->link = e->next;
    if (e->next != NULL)
        e->next->link = e->link;
    unlink_use(k, e);
    k->bytes -= e->bytes;
    ea_metric_add(k->people, -1);
    entry_free(k, e);
}

static void add(struct ea_kept *k, struct entry *e, int64_t now_ns)
{
    struct entry *before = find(k, &e->who);
    if (before != NULL)
        drop(k, before);
    e->link = bucket_of(k, &e->who);
    e->next = *e->link;
    if (e->next != NULL)
        e->next->link = &e->next;
    *e->link = e;
    link_use(k, e, now_ns);
    k->bytes += e->bytes;
    ea_metric_add(k->people, 1);
    for (; k->bytes > k->bounds.bytes_max; ea_metric_add(k->evicted, 1))
        drop(k, k->oldest);
}

/* NULL: there is none that holds. */
static struct entry *use(struct ea_kept *k, const struct ea_id *who, int64_t now_ns)
{
    struct entry *e = find(k, who);
    if (e == NULL)
        return NULL;
    if (!holds(k, &e->topics) || now_ns - e->topics.read_s * EA_NS_PER_S > k->bounds.age_ns) {
        drop(k, e);
        return NULL;
    }
    unlink_use(k, e);
    link_use(k, e, now_ns);
    return e;
}

static bool is_now(const struct ea_kept *k, uint64_t era)
{
    return k->open && era == k->era;
}

/* ---- life ---- */

struct ea_kept *ea_kept_new(const struct ea_kept_bounds *bounds)
{
    struct ea_kept *k = calloc(1, sizeof(*k));
    if (k == NULL)
        return NULL;
    k->bounds = *bounds;
    k->cells = ea_slab_new(sizeof(struct entry));
    if (k->cells == NULL) {
        free(k);
        return NULL;
    }
    pthread_mutex_init(&k->lock, NULL);
    k->people =
        ea_metric_gauge("ea_hub_kept", "People whose topics are in memory though they may have left", "");
    k->evicted = ea_metric_counter("ea_hub_kept_evicted_total",
                                   "People whose topics were let go for want of room", "");
    return k;
}

void ea_kept_free(struct ea_kept *k)
{
    if (k == NULL)
        return;
    (void)ea_kept_close(k);
    ea_slab_free(k->cells);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

/* ---- who reads the log ---- */

uint64_t ea_kept_close(struct ea_kept *k)
{
    pthread_mutex_lock(&k->lock);
    k->open = false;
    uint64_t era = ++k->era;
    memset(k->changed, 0, sizeof(k->changed));
    while (k->oldest != NULL)
        drop(k, k->oldest);
    pthread_mutex_unlock(&k->lock);
    return era;
}

void ea_kept_open(struct ea_kept *k, int64_t after)
{
    pthread_mutex_lock(&k->lock);
    k->open = true;
    k->after = after;
    pthread_mutex_unlock(&k->lock);
}

void ea_kept_changed(struct ea_kept *k, const char *topic, int64_t id)
{
    pthread_mutex_lock(&k->lock);
    *mark_of(k, topic) = id;
    pthread_mutex_unlock(&k->lock);
}

void ea_kept_tidy(struct ea_kept *k, int64_t now_ns)
{
    pthread_mutex_lock(&k->lock);
    while (k->oldest != NULL && now_ns - k->oldest->used_ns > k->bounds.idle_ns)
        drop(k, k->oldest);
    pthread_mutex_unlock(&k->lock);
}

/* ---- who follows ---- */

uint64_t ea_kept_era(struct ea_kept *k)
{
    pthread_mutex_lock(&k->lock);
    uint64_t era = k->open ? k->era : 0; /* the first is 1 */
    pthread_mutex_unlock(&k->lock);
    return era;
}

bool ea_kept_find(struct ea_kept *k, uint64_t era, const struct ea_id *who, int64_t now_ns,
                  struct ea_topic_list *out)
{
    pthread_mutex_lock(&k->lock);
    const struct entry *e = is_now(k, era) ? use(k, who, now_ns) : NULL;
    bool found = e != NULL && e->topics.at <= out->at && copy(&e->topics, out);
    pthread_mutex_unlock(&k->lock);
    return found;
}

static struct entry *entry_new(struct ea_kept *k, const struct ea_id *who, const struct ea_topic_list *topics)
{
    struct entry *e = ea_slab_get(k->cells);
    if (e == NULL)
        return NULL;
    if (!copy(topics, &e->topics)) {
        ea_slab_put(k->cells, e);
        return NULL;
    }
    e->topics.at = topics->at;
    e->who = *who;
    e->bytes = sizeof(*e) + bytes_of(topics);
    return e;
}

void ea_kept_put(struct ea_kept *k, uint64_t era, const struct ea_id *who, int64_t now_ns,
                 const struct ea_topic_list *topics)
{
    struct entry *e = entry_new(k, who, topics);
    if (e == NULL)
        return;
    pthread_mutex_lock(&k->lock);
    if (is_now(k, era) && holds(k, topics)) {
        add(k, e, now_ns);
        e = NULL;
    }
    pthread_mutex_unlock(&k->lock);
    entry_free(k, e);
}
