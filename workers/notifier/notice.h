/* A notification: what a user is told of an event that concerns them, kept until read, shown live, and mailed if they want it so. */
#ifndef NOTIFIER_NOTICE_H
#define NOTIFIER_NOTICE_H

#include "workers/core/worker.h"

/* For every kind of event that notifies the user named in its payload: submission.graded, attempt.graded. */
ea_job_handler notifier_notice_add;

#endif
