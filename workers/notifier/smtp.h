/* Sending one e-mail by libcurl. The connection to the server is kept between mails. One thread. */
#ifndef NOTIFIER_SMTP_H
#define NOTIFIER_SMTP_H

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>

struct notifier_smtp;

/* abort: asked now and then while something is sent; true ends it. A server that is given a password must speak TLS. */
struct notifier_smtp *notifier_smtp_new(const char *url, const char *from, bool (*abort)(void));
void notifier_smtp_free(struct notifier_smtp *s);

/* EA_OK: the server has taken it. EA_EINPUT: it refused this mail (5xx). EA_ERETRY: not now (4xx, or the connection broke). EA_EUNAVAILABLE: the server cannot be reached.
 * why: words for all but EA_OK. */
enum ea_err notifier_smtp_send(struct notifier_smtp *s, const char *to, const char *text, size_t len,
                               char *why, size_t size) EA_MUST;

#endif
