/* Those who hear what a swarm says: over server-sent events, or over long polls where their path ends with /poll. Each holds what it hears against what the others heard: the same
 * messages, each once, in one order. Plain HTTP; one thread. What cannot be expected in a benchmark ends the program with a sentence. */
#ifndef BENCH_AUDIENCE_H
#define BENCH_AUDIENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIENCE_MARK "swarm:" /* what is said has the mark and the message's number in it */
enum { AUDIENCE_MESSAGES = 100000 };

struct audience {
    size_t n, ready; /* ready: whoever is asked for from now on will be heard */
    size_t opening;
    int64_t heard, wrong, cut, refused;
    int64_t last_ns; /* when the newest message was heard by somebody */
    int64_t pages;   /* answers of long polls that had something to say */
    uint32_t *times; /* by a message's number: how many have it */
    char first_wrong[200];
};
extern struct audience audience;

/* FILE: a path and a token ("-": none) per line. */
void audience_read(const char *file, size_t n);
bool audience_open_some(void); /* opens some who are not there, as a backlog is finite; true: all are ready */
bool audience_has(const void *p);
void audience_step(void *p);                   /* what epoll has said of one of them */
void audience_leave(void);                     /* all, at once; they keep their cursors */
extern void (*audience_told)(uint32_t number); /* may be NULL; somebody has heard it */

#endif
