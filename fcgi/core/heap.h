/* The heap of a process after a rush: full of holes that glibc keeps, in one arena for each thread. They go back to the system, so that the memory of a process says what it needs now. */
#ifndef EA_HEAP_H
#define EA_HEAP_H

#include <stdint.h>

/* Call about once a second, from one thread: it looks every ten seconds, and gives back when there is much to be given. */
void ea_heap_tidy(int64_t now_ns);

#endif
