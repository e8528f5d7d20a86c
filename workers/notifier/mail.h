/* The text of an e-mail: RFC 5322, UTF-8, plain. Whatever a title or a name holds, no header can be forged with it. Any thread. */
#ifndef NOTIFIER_MAIL_H
#define NOTIFIER_MAIL_H

#include "lib/buf.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stdint.h>

struct notifier_mail { /* borrowed */
    int64_t event_id;
    const char *user_id, *to, *name; /* whom */
    const char *kind, *title;        /* of the event */
    const char *points, *of;         /* "" when the score is not shown yet */
    const char *subject_id;          /* of the submission or attempt */
};

/* EA_EINPUT: there is no such e-mail (an unknown kind). The same mail always gets the same Message-ID, so that one that is sent twice can be recognised. */
enum ea_err notifier_mail_write(const struct notifier_mail *m, const char *from, const char *public_url,
                                int64_t wall_us, struct ea_buf *out) EA_MUST;

bool notifier_mail_address(
    const char *address); /* one that can stand in a header and in SMTP without quoting */

#endif
