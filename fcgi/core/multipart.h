/* multipart/form-data (RFC 7578), parsed incrementally: a pure state machine over chunks of any size, bounded memory (boundary + one header block of 8 KiB).
 * No I/O, no threads. Names are given in `name`, file parts have `filename` (base name only, control characters removed). */
#ifndef EA_MULTIPART_H
#define EA_MULTIPART_H

#include "lib/err.h"

#include <stddef.h>

struct ea_multipart;

struct ea_multipart_ops { /* any may fail: the parse ends with that error */
    enum ea_err (*on_part)(const char *name, const char *filename /* NULL: a field */,
                           const char *content_type, void *arg);
    enum ea_err (*on_data)(const char *p, size_t n, void *arg);
    enum ea_err (*on_part_end)(void *arg);
};

/* content_type_header: the full Content-Type with its boundary. EA_EMEDIA when it is not multipart/form-data with a valid boundary. */
enum ea_err ea_multipart_new(const char *content_type_header, size_t max_parts,
                             const struct ea_multipart_ops *ops, void *arg,
                             struct ea_multipart **out) EA_MUST;
enum ea_err ea_multipart_feed(struct ea_multipart *m, const char *p,
                              size_t n) EA_MUST; /* EA_EBADREQUEST for bad syntax */
enum ea_err
ea_multipart_end(struct ea_multipart *m) EA_MUST; /* EA_EBADREQUEST when the closing boundary is missing */
void ea_multipart_free(struct ea_multipart *m);

#endif
