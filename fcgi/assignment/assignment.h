/* ea-assignment: assignments, what is handed in, its files and grades. One file per noun, each with its routes; what they share is here. */
#ifndef EA_ASSIGNMENT_H
#define EA_ASSIGNMENT_H

#include "fcgi/core/route.h"
#include "lib/blob.h"
#include "lib/id.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern const struct ea_route assignment_routes[];            /* assignment.c */
extern const struct ea_route assignment_submission_routes[]; /* submission.c */
extern const struct ea_route assignment_file_routes[];       /* file.c */
extern const struct ea_route assignment_grade_routes[];      /* grade.c */

struct assignment_service { /* ea_server_data; made by main.c, read-only afterwards */
    struct ea_blobs *blobs;
};

#define ASSIGNMENT_FILES_MAX  20
#define ASSIGNMENT_UPLOAD_MAX EA_MB(64)  /* a whole multipart body; nginx is told the same */
#define ASSIGNMENT_TEXT_MAX   EA_KB(256) /* of the text part; longer work is handed in as a file */

/* The reply's body and ETag from a row (JSON, version); EA_ENOTFOUND without one. */
enum ea_err assignment_reply(struct ea_req *r, const PGresult *res) EA_MUST;
/* Markdown as HTML of the arena; NULL for NULL. */
enum ea_err assignment_html(struct ea_req *r, const char *text, size_t n, const char **out) EA_MUST;
bool assignment_marks(const struct ea_req *r, const struct ea_access *access); /* sees everybody's work */

/* One submission, whole, as the caller may see it: body and ETag. submission.c */
enum ea_err assignment_submission_show(struct ea_req *r, const char *id, bool marks) EA_MUST;

/* Several events submission.graded from rows (user id, payload). grade.c */
enum ea_err assignment_tell_graded(struct ea_req *r, const PGresult *rows) EA_MUST;

/* What is handed in, as it comes. upload.c
 * The files are in the blob store by the time assignment_upload_read returns. They go again when the request ends without COMMIT, unless `commits` is set and
 * the connection was lost: then the submission may be there, and its files must be. */
struct assignment_limits {
    bool text, file;
    size_t max_files;
    int64_t max_bytes;
    const char *extensions; /* space-separated, lower case; NULL: any */
};

struct assignment_file {
    struct ea_id id;
    const char *name, *media_type;
    struct ea_blob blob;
};

struct assignment_upload {
    struct ea_req *r;
    struct ea_blobs *blobs;
    const char *text; /* NULL: none; NUL-terminated UTF-8 */
    size_t text_len;
    const char *html; /* of the text; set by the handler */
    struct assignment_file files[ASSIGNMENT_FILES_MAX];
    size_t files_n;
    bool commits; /* set by the handler, last of all */
};

/* Reads the multipart body. Faults of single parts are collected (EA_EINPUT); a file that is too large is EA_ETOOLARGE, a full disk EA_ENOSPACE. */
enum ea_err assignment_upload_read(struct ea_req *r, const struct assignment_limits *limits,
                                   struct assignment_upload **out) EA_MUST;
/* The same for a body that was JSON with only a text. */
enum ea_err assignment_upload_text(struct ea_req *r, const char *text, size_t n,
                                   struct assignment_upload **out) EA_MUST;

#endif
