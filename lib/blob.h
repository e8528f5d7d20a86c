/* Uploaded files. An interface of few calls so that an object store can stand behind it later; today files below one directory.
 * A blob is written to a temporary file, hashed on the way, and appears under its key only whole: fsync, rename, fsync of the directory.
 * A writer belongs to one thread. Keys are made here (`ab/cd/<uuid>`), safe as path and URL. */
#ifndef EA_BLOB_H
#define EA_BLOB_H

#include "lib/err.h"
#include "lib/id.h"
#include "lib/token.h"

#include <stdint.h>

struct ea_blobs;
struct ea_blob_writer;

struct ea_blob {
    char key[48];
    char sha256[EA_SHA256_HEX];
    int64_t size;
};

enum ea_err ea_blobs_open(const char *dir, struct ea_blobs **out)
    EA_MUST; /* creates dir/tmp and dir/data; removes temporary files older than a day */
void ea_blobs_close(struct ea_blobs *b);

enum ea_err ea_blob_create(struct ea_blobs *b, struct ea_blob_writer **out) EA_MUST;
enum ea_err ea_blob_write(struct ea_blob_writer *w, const void *p,
                          size_t n) EA_MUST; /* EA_ENOSPACE on ENOSPC/EDQUOT/EFBIG */
enum ea_err ea_blob_commit(struct ea_blob_writer *w,
                           struct ea_blob *out) EA_MUST; /* frees w either way; on failure nothing is left */
void ea_blob_abort(struct ea_blob_writer *w);            /* accepts NULL */

enum ea_err ea_blob_delete(struct ea_blobs *b, const char *key) EA_MUST;
enum ea_err ea_blob_read(struct ea_blobs *b, const char *key, int *fd,
                         int64_t *size) EA_MUST; /* the caller closes fd */

/* Says whose store this is: the first to claim it is its owner for good. EA_ECONFLICT: it is another's. Before anything is removed for not being known, or a process with
 * the settings of one installation and the database of another would empty the store. */
enum ea_err ea_blobs_claim(struct ea_blobs *b, const char owner[EA_ID_LEN + 1]) EA_MUST;

/* All blobs, in short steps: fn gets the key of each one of directory `dir` (0 <= dir < EA_BLOB_DIRS) that was written more than older_s seconds ago, and may
 * delete it. What fn returns but EA_OK ends the step and is its result. A directory that is not there yet holds none. */
#define EA_BLOB_DIRS 65536U
typedef enum ea_err ea_blob_on_key(const char *key, void *arg);
enum ea_err ea_blob_each(struct ea_blobs *b, unsigned dir, int64_t older_s, ea_blob_on_key *fn,
                         void *arg) EA_MUST;

#endif
