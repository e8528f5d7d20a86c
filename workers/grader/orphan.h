/* Uploaded files that no submission names: their request was killed, or lost its connection, between storing them and COMMIT. They are removed once they are older than any request
 * may be, because until then the row that names them may still come. A walk over the store every hour, one short step per call; several graders may walk at once.
 * Nothing is removed from a store that another database has claimed. What fails is logged, and found by the next walk. Called by the sweep's thread. */
#ifndef EA_GRADER_ORPHAN_H
#define EA_GRADER_ORPHAN_H

#include <stdint.h>

struct ea_arena;
struct ea_blobs;
struct ea_metric;
struct ea_pg;

struct grader_orphans { /* the rest zeroed: begins at once */
    struct ea_blobs *blobs;
    int64_t older_s;
    struct ea_metric *removed, *walks, *refused;
    unsigned dir; /* the next one to look at */
    int64_t due_ns;
};

void grader_orphans_step(struct grader_orphans *o, struct ea_pg *pg, struct ea_arena *arena);

#endif
