/* A FastCGI client that speaks the protocol record by record, so that it can also speak it wrongly, and the responder that it talks to.
 * Whatever does not go as a test needs it fails the test; nothing here returns an error. Waits end after TIMEOUT_MS. */
#ifndef EA_REGRESS_CLIENT_H
#define EA_REGRESS_CLIENT_H

#include "tests/unit/unit.h"

#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define TIMEOUT_MS 60000

/* --- the responder: ./tests/regress/subject ---------------------------------------------------------------------------------------- */

struct subject {
    pid_t pid;
    char dir[64], socket[100], key[100], log[100];
};

/* env: further settings "EA_X=…", NULL-terminated, or NULL. Without EA_PG it has no database. Returns when it accepts connections. */
void subject_start(struct subject *s, const char *const *env);
void subject_spawn(struct subject *s,
                   const char *const *env); /* the same without waiting, in the directory it has */
void subject_stop(struct subject *s);       /* SIGTERM; it must end with 0, sanitizers included */
int subject_wait(struct subject *s);        /* its wait status once it has ended by itself */
void subject_remove(struct subject *s);
/* The value of one metric, by its line's beginning, e.g. `ea_fcgi_connections`; 0 when absent. */
long subject_metric(const struct subject *s, const char *line);
/* Waits until it is that. */
void subject_await_metric(const struct subject *s, const char *line, long value);
bool subject_logged(const struct subject *s, const char *text);

/* --- records ---------------------------------------------------------------------------------------------------------------------- */

enum { BEGIN = 1, ABORT = 2, END = 3, PARAMS = 4, STDIN = 5, STDOUT = 6, STDERR = 7, GET_VALUES = 9 };

void put_record(struct ea_buf *b, int type, int id, const void *p, size_t n);
void put_begin(struct ea_buf *b, int id, bool keep);
void put_param(struct ea_buf *params, const char *name,
               const char *value); /* into a PARAMS record's content */

struct ask {
    const char *method, *uri; /* GET unless set */
    const char *type, *body;  /* Content-Type; the body, or NULL */
    size_t body_len;          /* 0: strlen(body) */
    const char *headers[17];  /* parameter, value, …, e.g. "HTTP_IF_MATCH", "\"7\"" */
    bool close;               /* without FCGI_KEEP_CONN */
};
/* The whole request. *at[0..3): where its params, its body and its end begin; may be NULL. */
void put_request(struct ea_buf *b, const struct ask *a, size_t at[3]);

/* --- connections ------------------------------------------------------------------------------------------------------------------ */

struct reply {
    int status;
    char head[4096];    /* lines of the reply's head */
    struct ea_buf body; /* free with reply_free */
    bool ended;         /* END_REQUEST came; else the connection ended */
    size_t records;     /* STDOUT records with content */
    size_t after;       /* bytes of the records that came in one piece with END_REQUEST, after it */
};

int client_connect(const struct subject *s);
void client_send(int fd, const void *p, size_t n);
void client_ask(int fd, const struct ask *a); /* sends it */
void client_reply(int fd, struct reply *r);   /* reads one */
void reply_free(struct reply *r);
bool client_is_closed(
    int fd); /* waits for the end of what it sends: true at the end, false when bytes come */

/* Asks on fd and checks the status; the reply's body is returned in static storage, NUL-terminated. */
const char *client_get(int fd, const char *uri, int status);
const char *client_call(int fd, const struct ask *a, int status);
const char *header_of(const struct reply *r, const char *name); /* NULL: absent; static storage */

#endif
