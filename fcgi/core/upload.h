/* What is sent as multipart/form-data, part by part as the bytes come: a text into a bounded buffer, files straight into the blob store. Nothing is ever whole in memory but the text.
 * Everything lives in the request's arena. The files are in the store by the time ea_upload_read returns. They go again when the request ends without COMMIT, unless `commits` is set and
 * the connection was lost: then what names them may be there, and they must be. */
#ifndef EA_UPLOAD_H
#define EA_UPLOAD_H

#include "fcgi/core/req.h"
#include "lib/blob.h"
#include "lib/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EA_UPLOAD_FILES_MAX 20

struct ea_upload_limits {
    bool text, file;
    size_t text_max; /* bytes */
    size_t max_files;
    int64_t max_bytes;      /* of one file */
    const char *extensions; /* space-separated, lower case; NULL: any */
};

struct ea_upload_file {
    struct ea_id id;
    const char *name, *media_type; /* the type is ours, from the extension; never the client's word */
    struct ea_blob blob;
};

struct ea_upload {
    struct ea_req *r;
    struct ea_blobs *blobs;
    const char *text; /* NULL: none; NUL-terminated UTF-8 */
    size_t text_len;
    const char *html; /* of the text; set by the handler */
    struct ea_upload_file files[EA_UPLOAD_FILES_MAX];
    size_t files_n;
    bool commits; /* set by the handler, last of all */
};

/* Reads the multipart body. Faults of single parts are collected (EA_EINPUT); a file that is too large is EA_ETOOLARGE, a full disk EA_ENOSPACE. */
enum ea_err ea_upload_read(struct ea_req *r, struct ea_blobs *blobs, const struct ea_upload_limits *limits,
                           struct ea_upload **out) EA_MUST;
/* The same for a body that was JSON with only a text. */
enum ea_err ea_upload_text(struct ea_req *r, const char *text, size_t n, struct ea_upload **out) EA_MUST;

#endif
