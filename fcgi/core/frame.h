/* What a stream sends: bytes that are encoded once and shared by every stream that sends them. A frame is one or more complete FastCGI STDOUT records
 * (FastCGI 1.0, 3.3; type 6) of request 1: nginx numbers every request so. Owned by counting references; one thread (the hub's) after it was made. */
#ifndef EA_FRAME_H
#define EA_FRAME_H

#include "lib/err.h"

#include <stddef.h>
#include <stdint.h>

struct ea_frame {
    unsigned refs;
    size_t len;
    unsigned char bytes[];
};

#define EA_FCGI_REQUEST_ID 1

struct ea_frame *ea_frame_new(const void *text, size_t n); /* one reference; NULL: no memory */
/* An event as text/event-stream (HTML standard, 9.2): id (none when 0), event, data. Line breaks in data become further data lines. */
struct ea_frame *ea_frame_event(int64_t id, const char *kind, const char *data);
struct ea_frame *ea_frame_printf(const char *fmt, ...) EA_PRINTF(1, 2);
struct ea_frame *ea_frame_end(void); /* the empty STDOUT record and END_REQUEST: the reply is complete */
struct ea_frame *ea_frame_ref(struct ea_frame *f);
void ea_frame_unref(struct ea_frame *f); /* accepts NULL */

#endif
