/* Sends the e-mails that wait in the table `mails`: a thread of its own with its own database connection, so that a slow mail server holds up no job. A mail is claimed for
 * a while before it is sent and marked after; a crash in between sends it again, with the same Message-ID. */
#ifndef NOTIFIER_MAILER_H
#define NOTIFIER_MAILER_H

#include "lib/cfg.h"
#include "lib/err.h"

struct notifier_mailer;

enum ea_err notifier_mailer_start(const struct ea_cfg *cfg, struct notifier_mailer **out) EA_MUST;
void notifier_mailer_wake(struct notifier_mailer *m); /* there is a new one */
void notifier_mailer_stop(struct notifier_mailer *m); /* finishes the mail in hand; accepts NULL */

#endif
