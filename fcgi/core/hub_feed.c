/* Joining, and streams that are behind. What they were not given yet comes from the window or, where that no longer reaches, from the database: a pool thread
 * reads a page, and the next one only once the reader has taken it. So whoever is behind, and however slow, holds little memory and no thread. At most half of the pool reads
 * pages at a time: those who ask for something do not wait for all who catch up. */
#include "fcgi/core/hub_private.h"

#include "fcgi/core/auth.h"
#include "fcgi/core/pool.h"
#include "fcgi/core/server_private.h"
#include "lib/log.h"
#include "lib/pg.h"

#include <stdlib.h>
#include <sys/epoll.h>

enum { PAGE_ROWS = 200 }; /* at most */

struct ea_page {
    struct ea_hub_command command; /* first: it is how the page comes back, and what frees it */
    struct ea_work work;
    struct ea_page *next; /* of those that wait for their turn */
    struct ea_hub *hub;
    struct ea_sub *sub; /* the hub thread's; a pool thread only carries it */
    struct ea_id user;
    int64_t cursor; /* where it begins, and, once read, where it ends */
    int64_t upto;   /* the newest event as it was read */
    int rows; /* to be read; then how many the next page should ask for: what does not fit is read in vain */
    enum ea_err err;
    struct ea_topic_list topics; /* right after the cursor */
    struct ea_frame *frame;      /* its events, one after the other; NULL: none */
};

/* ---- on a pool thread ---- */

static struct ea_page *page_of(struct ea_work *w)
{
    return (struct ea_page *)((char *)w - offsetof(struct ea_page, work));
}

static void put_event(struct ea_buf *b, const PGresult *res, int row)
{
    if (ea_event_internal(ea_pg_str(res, row, 1)))
        return;
    /* jsonb as text has no line breaks */
    ea_buf_printf(b, "id: %s\nevent: %s\ndata: %s\n\n", ea_pg_str(res, row, 0), ea_pg_str(res, row, 1),
                  ea_pg_str(res, row, 3));
}

/* Where the log has lost what the page should begin with. */
static void put_reset(struct ea_page *p, struct ea_buf *b)
{
    p->cursor = p->upto;
    p->rows = PAGE_ROWS;
    ea_hub_put_reset(b, p->cursor);
}

static void put_rows(struct ea_page *p, struct ea_buf *b, const PGresult *res)
{
    int row = 0, rows = PQntuples(res);
    while (row < rows && b->len < EA_HUB_PAGE_BYTES)
        put_event(b, res, row++);
    if (row < rows || rows == p->rows)
        p->cursor = ea_pg_i64(res, row - 1, 0);
    else if (p->cursor < p->upto)
        p->cursor = p->upto;
    p->rows = row < rows ? row : row < PAGE_ROWS / 2 ? row * 2 : PAGE_ROWS;
}

static enum ea_err make_frame(struct ea_page *p, const PGresult *res, bool whole)
{
    struct ea_buf b = { 0 };
    if (whole)
        put_rows(p, &b, res);
    else
        put_reset(p, &b);
    if (b.len > 0)
        p->frame = ea_frame_new(b.p, b.len);
    bool ok = !b.failed && (b.len == 0 || p->frame != NULL);
    ea_buf_free(&b);
    return ok ? EA_OK : EA_ENOMEM;
}

static enum ea_err read_rows(struct ea_page *p, struct ea_pg *pg, struct ea_arena *a)
{
    PGresult *res;
    bool whole;
    const struct ea_hub_stretch of = { &p->user, &p->topics, p->cursor, p->upto, p->rows };
    enum ea_err err = ea_hub_read(p->hub, pg, a, &of, &res, &whole);
    return err == EA_OK ? make_frame(p, res, whole) : err;
}

static enum ea_err read_page(struct ea_page *p, struct ea_pg *pg)
{
    struct ea_arena *a = ea_arena_new();
    if (a == NULL)
        return EA_ENOMEM;
    p->upto = ea_hub_newest(p->hub);
    enum ea_err err = ea_hub_topics_load(p->hub, pg, &p->user, p->cursor, &p->topics);
    if (err == EA_OK)
        err = read_rows(p, pg, a);
    ea_topic_list_clear(&p->topics);
    if (err == EA_OK)
        err = ea_hub_topics_load(p->hub, pg, &p->user, p->cursor, &p->topics);
    ea_arena_free(a);
    return err;
}

static void run_page(struct ea_work *work, struct ea_worker *self)
{
    struct ea_page *p = page_of(work);
    p->err = read_page(p, self->pg);
    ea_hub_put(p->hub, &p->command);
}

/* ---- on the hub's thread ---- */

void ea_hub_feed_init(struct ea_hub *h)
{
    int64_t threads = ea_server_cfg(h->server)->threads;
    h->reading_max = threads > 1 ? (size_t)threads / 2 : 1;
    h->unread_tail = &h->unread;
}

static struct ea_page *take_unread(struct ea_hub *h)
{
    struct ea_page *p = h->unread;
    h->unread = p->next;
    if (h->unread == NULL)
        h->unread_tail = &h->unread;
    return p;
}

/* False: the subscriber is ending or gone. */
static bool end_reading(struct ea_hub *h, struct ea_page *p)
{
    struct ea_sub *s = p->sub;
    bool gone = s->gone, stays = !gone && !s->ending;
    h->reads--;
    s->reading = false;
    if (gone)
        ea_sub_forget(h, s);
    return stays;
}

/* In the order of their asking. Who left meanwhile, or is told to leave, needs no page. */
static void read_next(struct ea_hub *h)
{
    while (h->unread != NULL && h->reading < h->reading_max) {
        struct ea_page *p = take_unread(h);
        if (p->sub->gone || p->sub->ending) {
            end_reading(h, p);
            free(p);
        } else {
            h->reading++;
            ea_pool_add(h->server->pool, &p->work);
        }
    }
}

static void read_on(struct ea_hub *h, struct ea_sub *s)
{
    struct ea_page *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        ea_sub_end(h, s, EA_CUT_MEMORY);
        return;
    }
    p->command.type = EA_HUB_PAGE;
    p->command.page = p;
    p->work.run = run_page;
    p->hub = h;
    p->sub = s;
    p->user = s->user;
    p->cursor = s->cursor;
    p->rows = s->page_rows > 0 ? s->page_rows : PAGE_ROWS;
    s->reading = true;
    h->reads++;
    *h->unread_tail = p;
    h->unread_tail = &p->next;
    read_next(h);
}

static bool in_window(const struct ea_hub *h, const struct ea_sub *s)
{
    return s->cursor >= h->window.after && s->topics.at >= h->window.after;
}

/* From the first event that it was not given, or that may change what it is given. */
static size_t window_start(const struct ea_hub *h, const struct ea_sub *s)
{
    return ea_window_find(&h->window, s->topics.at < s->cursor ? s->topics.at : s->cursor);
}

void ea_hub_feed(struct ea_hub *h, struct ea_sub *s)
{
    if (s->reading)
        return;
    if (!in_window(h, s)) {
        read_on(h, s);
        return;
    }
    for (size_t i = window_start(h, s); i < h->window.count; i++)
        if (ea_outbox_left(&s->out) >= EA_HUB_PAGE_BYTES || s->out.count >= EA_OUTBOX_FRAMES / 2 ||
            !ea_hub_examine(h, s, ea_window_at(&h->window, i)))
            return;
    s->behind = false;
}

static void take_page(struct ea_hub *h, struct ea_sub *s, struct ea_page *p)
{
    struct ea_topic_list topics = s->topics;
    if (p->err != EA_OK) { /* it comes again, and finds the database well or hears that it is not */
        ea_sub_end(h, s, EA_CUT_LOG);
        return;
    }
    s->topics = p->topics;
    p->topics = topics;
    if (!ea_sub_listen(h, s)) {
        ea_sub_end(h, s, EA_CUT_MEMORY);
        return;
    }
    s->cursor = p->cursor;
    s->page_rows = p->rows;
    if (p->frame == NULL)
        ea_hub_feed(h, s);
    else
        (void)ea_sub_send(h, s, p->frame); /* once it is taken, ea_hub_feed goes on */
}

void ea_hub_page(struct ea_hub *h, struct ea_page *p)
{
    struct ea_sub *s = p->sub;
    h->reading--;
    if (end_reading(h, p))
        take_page(h, s, p);
    ea_frame_unref(p->frame);
    ea_topic_list_clear(&p->topics);
    read_next(h);
}

static enum ea_err no_memory(struct ea_req *r)
{
    (void)r;
    return EA_ENOMEM;
}

static bool watch(struct ea_hub *h, struct ea_sub *s)
{
    struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = s };
    return epoll_ctl(h->epoll, EPOLL_CTL_ADD, s->fd, &ev) == 0;
}

/* Answered this round when it may not wait, or has something to say; or when it is for the database to tell. One that waits is watched, or each that a bad network cuts off would keep its
 * person's place until its time is up. */
static void join_poll(struct ea_hub *h, struct ea_sub *s)
{
    bool there = true;
    if (s->end_ns == 0 || !in_window(h, s))
        ea_sub_mark(h, s);
    for (size_t i = window_start(h, s); i < h->window.count && there && in_window(h, s); i++)
        there = ea_hub_examine(h, s, ea_window_at(&h->window, i));
    if (there && (s->dirty_link != NULL || !watch(h, s)))
        s->fd = -1;
}

void ea_hub_join(struct ea_hub *h, struct ea_sub *s)
{
    ea_sub_link(h, s);
    bool ok = ea_sub_listen(h, s) && (s->poll != NULL || watch(h, s));
    bool closed =
        ea_auth_closed(h->server->auth, s->session.s); /* on its way here: from here on an event tells */
    s->behind = s->poll == NULL;
    if (!ok && s->poll != NULL)
        ea_sub_answer(h, s, no_memory);
    else if (!ok)
        ea_sub_cut(h, s, EA_CUT_MEMORY);
    else if (closed)
        (void)ea_sub_close_session(h, s);
    else if (s->poll != NULL)
        join_poll(h, s);
    else
        ea_hub_feed(h, s);
}
