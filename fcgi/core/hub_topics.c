/* What people may follow: from memory when it is kept (kept.h), for whoever was here of late; else asked of the database for many at once: while one thread asks, those who come meanwhile are
 * parked and make the next question together. So a storm of clients new to this process is a handful of statements, and one who comes alone waits for nobody. */
#include "fcgi/core/hub_private.h"

#include "fcgi/core/pool.h"
#include "fcgi/core/server_private.h"
#include "lib/clock.h"
#include "lib/pg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASK_MAX = 256 }; /* of one statement */

enum { PLACE, TOPIC }; /* columns of topics_of_users, in the order of PLACE */

/* ---- lists ---- */

static uint32_t now_s(void)
{
    return (uint32_t)(ea_clock_mono_ns() / EA_NS_PER_S);
}

static bool copy_topics(const PGresult *res, int from, int to, struct ea_topic_list *out)
{
    uint32_t n = (uint32_t)(to - from);
    size_t bytes = n * sizeof(*out->v) + 1; /* nothing to follow is no NULL */
    for (int i = from; i < to; i++)
        bytes += strlen(ea_pg_str(res, i, TOPIC)) + 1;
    out->v = malloc(bytes);
    if (out->v == NULL)
        return false;
    char *text = (char *)(out->v + n);
    for (; out->n < n; out->n++) {
        out->v[out->n] = text;
        text = stpcpy(text, ea_pg_str(res, from + (int)out->n, TOPIC)) + 1;
    }
    return true;
}

enum ea_err ea_hub_topics_load(const struct ea_hub *h, struct ea_pg *pg, const struct ea_id *user, int64_t at,
                               struct ea_topic_list *out)
{
    PGresult *res;
    char one[EA_ID_LEN + 3], then[24];
    *out = (struct ea_topic_list){ .at = at, .read_s = now_s() };
    (void)stpcpy(stpcpy(stpcpy(one, "{"), user->s), "}");
    (void)snprintf(then, sizeof(then), "{%" PRId64 "}", at);
    ea_metric_add(h->topic_loads, 1);
    ea_metric_add(h->topics_asked, 1);
    enum ea_err err = ea_pg_run(pg, STMT_TOPICS_OF_USERS, (const char *const[]){ one, then }, 2, &res);
    if (err == EA_OK && !copy_topics(res, 0, PQntuples(res), out))
        err = EA_ENOMEM;
    PQclear(res);
    return err;
}

/* ---- many at once ---- */

static struct ea_hub_asking *take_askers(struct ea_hub *h)
{
    pthread_mutex_lock(&h->mutex);
    struct ea_hub_asking *list = h->askers, **end = &h->askers;
    for (int n = 0; *end != NULL && n < ASK_MAX; n++)
        end = &(*end)->next;
    h->askers = *end;
    if (h->askers == NULL)
        h->askers_tail = &h->askers;
    *end = NULL;
    pthread_mutex_unlock(&h->mutex);
    return list;
}

/* The next question is asked by whoever is free first. Before anybody of the last one is answered: with the last answer the hub may end. */
static void pass_on(struct ea_hub *h)
{
    pthread_mutex_lock(&h->mutex);
    h->asking = h->askers != NULL;
    bool more = h->asking;
    pthread_mutex_unlock(&h->mutex);
    if (more)
        ea_pool_hurry(h->server->pool, &h->ask_work);
}

static enum ea_err ask_for(struct ea_hub *h, struct ea_hub_asking *list, struct ea_pg *pg, PGresult **res)
{
    struct ea_buf users = { 0 }, ats = { 0 };
    enum ea_err err = EA_ENOMEM;
    ea_metric_add(h->topic_loads, 1);
    for (struct ea_hub_asking *a = list; a != NULL; a = a->next) {
        char before = a == list ? '{' : ',';
        a->topics.read_s = now_s();
        ea_metric_add(h->topics_asked, 1);
        ea_buf_printf(&users, "%c%s", before, a->r->caller.claims.user.s);
        ea_buf_printf(&ats, "%c%" PRId64, before, a->topics.at);
    }
    ea_buf_char(&users, '}');
    ea_buf_char(&ats, '}');
    if (!users.failed && !ats.failed)
        err = ea_pg_run(pg, STMT_TOPICS_OF_USERS, (const char *const[]){ users.p, ats.p }, 2, res);
    ea_buf_free(&users);
    ea_buf_free(&ats);
    return err;
}

/* *row: where the rows of this place in the list begin, then those of the next. */
static enum ea_err take_answer(struct ea_hub *h, struct ea_hub_asking *a, const PGresult *res, int64_t place,
                               int *row)
{
    int from = *row;
    while (*row < PQntuples(res) && ea_pg_i64(res, *row, PLACE) == place)
        (*row)++;
    if (!copy_topics(res, from, *row, &a->topics))
        return EA_ENOMEM;
    if (a->keep)
        ea_kept_put(h->kept, a->era, &a->r->caller.claims.user, ea_clock_mono_ns(), &a->topics);
    return EA_OK;
}

/* Asks for all of the list, and answers those who are parked. */
static void ask_and_answer(struct ea_hub *h, struct ea_pg *pg, struct ea_hub_asking *list)
{
    PGresult *res = NULL;
    int64_t place = 0;
    int row = 0;
    enum ea_err err = ask_for(h, list, pg, &res);
    pass_on(h);
    for (struct ea_hub_asking *next, *a = list; a != NULL; a = next) {
        next = a->next;
        a->err = err != EA_OK ? err : take_answer(h, a, res, place++, &row);
        if (a->then != NULL)
            ea_req_resume(a->r, a->then);
    }
    PQclear(res);
}

static void run_asking(struct ea_work *work, struct ea_worker *self)
{
    struct ea_hub *h = (struct ea_hub *)((char *)work - offsetof(struct ea_hub, ask_work));
    ask_and_answer(h, self->pg, take_askers(h));
}

void ea_hub_topics_init(struct ea_hub *h)
{
    h->askers_tail = &h->askers;
    h->ask_work.run = run_asking;
}

static bool remember(struct ea_hub *h, struct ea_hub_asking *a)
{
    bool kept = ea_kept_find(h->kept, a->era, &a->r->caller.claims.user, ea_clock_mono_ns(), &a->topics);
    ea_metric_add(h->topics_kept, kept);
    return kept;
}

enum ea_err ea_hub_topics_ask(struct ea_hub *h, struct ea_hub_asking *a, ea_handler *then)
{
    if (remember(h, a))
        return EA_OK;
    struct ea_pg *pg = a->r->pg;
    pthread_mutex_lock(&h->mutex);
    bool alone = !h->asking;
    h->asking = true;
    a->next = NULL;
    a->then = alone ? NULL : then;
    if (!alone) {
        *h->askers_tail = a;
        h->askers_tail = &a->next;
    }
    pthread_mutex_unlock(&h->mutex);
    if (!alone)
        return EA_PARKED; /* and a is another thread's */
    ask_and_answer(h, pg, a);
    return EA_OK;
}

/* ---- on the hub's thread ---- */

/* What the stream listens to is right after the last event examined for it; of one that is not behind that is everybody's, or a little further. */
void ea_hub_topics_keep(struct ea_hub *h, const struct ea_sub *s)
{
    struct ea_topic_list now = { .at = s->behind ? s->topics.at : h->examined, .read_s = s->topics.read_s };
    uint32_t n = 0;
    for (const struct ea_listen *l = s->listens; l != NULL; l = l->next)
        n++;
    now.v = calloc(n + 1, sizeof(*now.v));
    if (now.v == NULL)
        return;
    for (const struct ea_listen *l = s->listens; l != NULL; l = l->next)
        now.v[now.n++] = ea_topics_name(l);
    ea_kept_put(h->kept, h->era, &s->user, ea_clock_mono_ns(), &now);
    free(now.v);
}
