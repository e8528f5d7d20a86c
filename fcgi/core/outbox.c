#include "fcgi/core/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { RING_START = 8, IOV_MAX_SENT = 64 };

static struct ea_frame **at(const struct ea_outbox *o, uint32_t i)
{
    return &o->ring[(o->first + i) % o->size];
}

static enum ea_err grow(struct ea_outbox *o)
{
    uint32_t size = o->size == 0 ? RING_START : o->size * 2;
    struct ea_frame **ring = calloc(size, sizeof(struct ea_frame *));
    if (ring == NULL)
        return EA_ENOMEM;
    for (uint32_t i = 0; i < o->count; i++)
        ring[i] = *at(o, i);
    free(o->ring);
    o->ring = ring;
    o->size = size;
    o->first = 0;
    return EA_OK;
}

/* One frame always fits, however large. */
bool ea_outbox_takes(const struct ea_outbox *o, const struct ea_frame *f)
{
    return o->count < EA_OUTBOX_FRAMES && (o->count == 0 || o->bytes + f->len <= EA_OUTBOX_BYTES);
}

enum ea_err ea_outbox_add(struct ea_outbox *o, struct ea_frame *f)
{
    if (o->count == o->size) {
        enum ea_err err = grow(o);
        if (err != EA_OK)
            return err;
    }
    *at(o, o->count++) = ea_frame_ref(f);
    o->bytes += f->len;
    return EA_OK;
}

static void sent(struct ea_outbox *o, size_t n)
{
    while (o->count > 0) {
        struct ea_frame *f = *at(o, 0);
        size_t left = f->len - o->offset;
        if (n < left) {
            o->offset += n;
            return;
        }
        n -= left; /* also of a frame with nothing in it, which no send would take */
        o->offset = 0;
        o->bytes -= f->len;
        o->first = (o->first + 1) % o->size;
        o->count--;
        ea_frame_unref(f);
    }
}

static ssize_t send_some(const struct ea_outbox *o, int fd)
{
    struct iovec v[IOV_MAX_SENT];
    size_t n = o->count < IOV_MAX_SENT ? o->count : IOV_MAX_SENT;
    for (uint32_t i = 0; i < n; i++) {
        struct ea_frame *f = *at(o, i);
        v[i] = (struct iovec){ .iov_base = f->bytes, .iov_len = f->len };
    }
    v[0].iov_base = (*at(o, 0))->bytes + o->offset;
    v[0].iov_len -= o->offset;
    struct msghdr m = { .msg_iov = v, .msg_iovlen = n };
    return sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

enum ea_err ea_outbox_send(struct ea_outbox *o, int fd)
{
    while (o->count > 0) {
        ssize_t n = send_some(o, fd);
        if (n >= 0)
            sent(o, (size_t)n);
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return EA_OK;
        else if (errno != EINTR)
            return EA_ECLOSED;
    }
    ea_outbox_free(o);
    return EA_OK;
}

bool ea_outbox_empty(const struct ea_outbox *o)
{
    return o->count == 0;
}

size_t ea_outbox_left(const struct ea_outbox *o)
{
    return o->bytes - o->offset;
}

void ea_outbox_free(struct ea_outbox *o)
{
    for (uint32_t i = 0; i < o->count; i++)
        ea_frame_unref(*at(o, i));
    free(o->ring);
    memset(o, 0, sizeof(*o));
}
