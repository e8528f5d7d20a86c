/* ea-assignment: assignments, what is handed in, its files and grades. One file per noun, each with its routes; what they share is here. */
#ifndef EA_ASSIGNMENT_H
#define EA_ASSIGNMENT_H

#include "fcgi/core/route.h"
#include "fcgi/core/upload.h"
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

#define ASSIGNMENT_FILES_MAX  EA_UPLOAD_FILES_MAX
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

#endif
