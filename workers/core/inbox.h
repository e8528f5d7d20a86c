/* Jobs that have arrived and are not settled yet, as copies, in the order of their arrival. Bounded by the prefetch. Owned by the worker's thread. */
#ifndef EA_INBOX_H
#define EA_INBOX_H

#include "lib/err.h"
#include "lib/mq.h"

#include <stdbool.h>
#include <stddef.h>

struct ea_worker_route;
struct json_object;

enum ea_outcome { /* what became of a job */
                  EA_JOB_OPEN,
                  EA_JOB_DONE,
                  EA_JOB_DUPLICATE, /* it was done before */
                  EA_JOB_FAILED,    /* to be tried again later, if there are steps left */
                  EA_JOB_DEAD,      /* to be given up at once */
                  EA_JOB__MAX
};

struct ea_inbox_job {
    struct ea_inbox_job *next;
    struct ea_mq_message m; /* its texts follow the struct */
    const struct ea_worker_route *route;
    struct json_object *payload;
    enum ea_outcome outcome;
    int breaks;       /* how often the database connection broke while it ran alone */
    bool started;     /* noted as a suspect by this delivery */
    char reason[200]; /* FAILED, DEAD: why */
};

struct ea_inbox {
    struct ea_inbox_job *head, **tail;
    unsigned connection; /* of which the tags are; counts losses */
};

void ea_inbox_init(struct ea_inbox *in);
/* Takes in what has arrived, without waiting. EA_EUNAVAILABLE: the connection is lost; what was in the inbox is gone too, it will be delivered again. */
enum ea_err ea_inbox_fill(struct ea_inbox *in, struct ea_mq *mq) EA_MUST;
/* The next jobs that may share a batch: those never delivered before that come first, or one that was. The caller's to ea_inbox_drop. */
size_t ea_inbox_take(struct ea_inbox *in, struct ea_inbox_job **jobs, size_t max);
void ea_inbox_drop(struct ea_inbox_job **jobs, size_t n);
void ea_inbox_clear(struct ea_inbox *in);

#endif
