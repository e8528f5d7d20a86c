/* What one stream still has to send: shared frames, bounded in number and bytes, sent with as few system calls as they fit in. One thread (the hub's). */
#ifndef EA_OUTBOX_H
#define EA_OUTBOX_H

#include "fcgi/core/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EA_OUTBOX_FRAMES 1024
#define EA_OUTBOX_BYTES  ((size_t)256 * 1024)

struct ea_outbox {
    struct ea_frame **ring; /* NULL while empty: an idle stream holds no queue */
    uint32_t size, first, count;
    size_t offset; /* bytes of the first frame that are sent */
    size_t bytes;
};

/* False: the bound on how far a reader may fall behind is reached. It is for the caller to heed: what ends a stream is queued all the same. */
bool ea_outbox_takes(const struct ea_outbox *o, const struct ea_frame *f);
/* Takes a reference of its own. EA_ENOMEM. */
enum ea_err ea_outbox_add(struct ea_outbox *o, struct ea_frame *f) EA_MUST;
/* Sends what the (non-blocking) socket takes. EA_OK: look at ea_outbox_empty; EA_ECLOSED: the peer is gone. */
enum ea_err ea_outbox_send(struct ea_outbox *o, int fd) EA_MUST;
bool ea_outbox_empty(const struct ea_outbox *o);
size_t ea_outbox_left(const struct ea_outbox *o); /* bytes still to be sent */
void ea_outbox_free(struct ea_outbox *o);

#endif
