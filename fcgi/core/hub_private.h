/* Between hub.c (the thread) and hub_ask.c (the handlers' side). */
#ifndef EA_HUB_PRIVATE_H
#define EA_HUB_PRIVATE_H

#include "fcgi/core/hub.h"
#include "fcgi/core/outbox.h"
#include "fcgi/core/topics.h"
#include "fcgi/core/wheel.h"
#include "lib/id.h"

#include <stdbool.h>

#define EA_HUB_HEARTBEAT_NS (15 * 1000000000LL)

/* One open stream or one waiting poll. Made by a pool thread, the hub thread's from ea_hub_subscribe on. */
struct ea_sub {
    struct ea_timer timer; /* first: a timer is its subscriber */
    struct ea_sub *next, **link;
    struct ea_sub *next_dirty;
    bool dirty, ending, writable_wait;
    struct ea_listen *listens;
    const char **topics; /* as asked for; freed once listening */
    size_t topics_n;
    int64_t topics_at;
    int64_t cursor; /* the newest event examined for it */
    struct ea_id user, session;
    int64_t end_ns; /* stream: maximum age or the token's end; poll: its deadline */
    int64_t heartbeat_ns;
    struct ea_req *poll; /* NULL: a stream */
    int64_t limit;       /* polls */
    int fd;              /* streams */
    bool keep;           /* nginx wants the connection back */
    struct ea_outbox out;
};

struct ea_sub *ea_sub_new(const struct ea_req *r, const struct ea_hub_ask *ask,
                          int64_t cursor); /* NULL: no memory */
void ea_sub_free(struct ea_sub *s);
enum ea_err
ea_hub_subscribe(struct ea_hub *h,
                 struct ea_sub *s) EA_MUST; /* EA_EOVERLOAD while draining; then s is still the caller's */
int64_t ea_hub_window_after(const struct ea_hub *h);
int ea_hub_retry_ms(void); /* jittered, so that many clients do not return at once */

/* {"events": […], "cursor": n} piece by piece, for both sides. */
void ea_poll_event(struct ea_jw *w, int64_t id, const char *kind, const char *at, const char *payload);

#endif
