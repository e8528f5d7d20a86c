/* A process that cannot read the log knows neither what was said nor whose session was closed. As it lets nobody in then (auth.c), it keeps nobody: streams end with their last id, to
 * go on where the log is read, and waiting polls are told to come again. The alternative, streams that stay and look quiet, lies to both sides. On the hub's thread. */
#include "fcgi/core/hub_private.h"

#include "fcgi/core/server_private.h"
#include "lib/log.h"

static enum ea_err poll_blind(struct ea_req *r)
{
    return ea_fail(r, EA_EUNAVAILABLE, "What happens cannot be read here at the moment.");
}

static int64_t end_all(struct ea_hub *h)
{
    int64_t ended = 0;
    struct ea_sub *next;
    for (struct ea_sub *s = h->subs; s != NULL; s = next) {
        next = s->next;
        ended += !s->ending;
        if (s->poll != NULL)
            ea_sub_answer(h, s, poll_blind);
        else
            ea_sub_end(h, s, EA_CUT_BLIND);
    }
    return ended;
}

void ea_hub_check_sight(struct ea_hub *h)
{
    /* Who has subscribed came after the follower was started. */
    if (h->subs == NULL || ea_follow_age_ns(h->server->follow) <= EA_FOLLOW_STALE_NS)
        return;
    int64_t ended = end_all(h);
    if (ended > 0)
        ea_log(EA_LOG_WARN, "the event log cannot be read: streams and polls were ended",
               EA_F_INT(COUNT, ended));
}
