/* A kept HTTP/1.1 connection of a load generator, plain or TLS, driven by an edge-triggered epoll loop of one thread. One request at a time. What cannot be expected in a
 * benchmark (no memory, no such certificate, a reply that is no HTTP) ends the program with a sentence. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ssl_st;

struct wire {
    int fd; /* -1: closed */
    struct ssl_st *ssl;
    bool waits; /* a request is out, its reply is not whole */
    char *out, *in;
    size_t out_n, out_at, in_n, in_size;
    int status;       /* of the last reply */
    const char *body; /* of the last reply, NUL-terminated; until the next wire_send */
};

enum wire_state { WIRE_WAITS, WIRE_REPLY, WIRE_CLOSED };

/* Once, first: http://A.B.C.D:PORT, or https:// with the CA to trust. `files`: connections that will be open at once. */
void wire_target(const char *url, const char *ca, size_t files);
int wire_epoll(void);                                    /* whose events carry the wire as data.ptr */
void wire_open(struct wire *w);                          /* begins to connect */
void wire_send(struct wire *w, const char *p, size_t n); /* copies; opens the connection if it is closed */
enum wire_state wire_step(struct wire *w);               /* after each event: goes on as far as it can */
void wire_close(struct wire *w);
const char *wire_header(const struct wire *w,
                        const char *name); /* value of the last reply's, up to \r; NULL: none */

int64_t wire_now_ns(void);
void wire_die(const char *what) __attribute__((noreturn));

/* Latencies in microseconds; how many were kept, their quantile (0..1), the greatest. */
struct samples {
    uint32_t *v;
    size_t n, size;
    bool sorted;
};
void samples_add(struct samples *s, int64_t ns);
double samples_ms(struct samples *s, double quantile);

#endif
