/* The connections that nobody works on, and who waits for one of them to have something to read. A pool thread with nothing to do waits here itself, so
 * a request goes from the kernel straight to the thread that runs it: no queue, no second wake-up. Only while every thread works does the
 * reactor look instead (every few milliseconds), so that a request's time of receipt is right however long it then waits for a thread.
 * Each connection is watched with EPOLLONESHOT (rule 7 of libfcgi): one event gives it to one owner until it is watched again. */
#ifndef EA_IDLE_H
#define EA_IDLE_H

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>

struct ea_conn;
struct ea_idle;

enum ea_err ea_idle_new(struct ea_idle **out) EA_MUST;
void ea_idle_free(struct ea_idle *i); /* accepts NULL */

/* Any thread. On EA_OK c is nobody's, touch it no more; first: it was never watched before. */
enum ea_err ea_idle_watch(struct ea_idle *i, struct ea_conn *c, bool first) EA_MUST;
void ea_idle_forget(struct ea_idle *i, const struct ea_conn *c); /* c is the caller's and stays open */

/* Pool threads. The next connection with something to read, its received_ns set; NULL: woken, or `more` said that there is other work. `more` is asked after
 * this thread counts as waiting, so who brings work and finds nobody waiting can rely on its being seen. */
struct ea_conn *ea_idle_wait(struct ea_idle *i, bool (*more)(void *arg), void *arg);
/* One waiting thread, if there is one and no other is on its way: who takes one piece of work of several calls this again. So a batch of a hundred replies costs as many
 * wake-ups as it takes threads to write them, not a hundred. */
void ea_idle_wake(struct ea_idle *i);
void ea_idle_wake_all(struct ea_idle *i); /* from now on nobody waits any more */

/* The reactor. */
bool ea_idle_all_busy(const struct ea_idle *i); /* no thread waits */
/* What is ready now, without waiting; received_ns set. */
size_t ea_idle_take(struct ea_idle *i, struct ea_conn **out, size_t n) EA_MUST;
int ea_idle_call_fd(
    const struct ea_idle *i);         /* an eventfd that becomes readable when the reactor is wanted */
void ea_idle_call(struct ea_idle *i); /* any thread: makes it so */
/* The reactor is about to sleep: it will be called when the last thread stops waiting. False: that is so already, do not sleep. */
bool ea_idle_doze(struct ea_idle *i) EA_MUST;

#endif
