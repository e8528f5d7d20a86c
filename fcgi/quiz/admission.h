/* The gate before the start of an attempt. In a rush those who are inside come first: a start that has waited too long for a thread is sent away at once, and the
 * thread is free for saves. The rule is CoDel's (Nichols and Jacobson, ACM Queue, 2012), as servers use it: a queue that only absorbs a burst is good and empties by
 * itself, one that stands is not. A start that waited longer than `target` is let in while the queue has been standing for less than an interval (five
 * targets); from then on only those are let in that waited less, until no start has waited longer for a whole interval. Saves are never asked. */
#ifndef EA_QUIZ_ADMISSION_H
#define EA_QUIZ_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

struct quiz_admission { /* the pure rule; zeroed but for the target */
    int64_t target_ns;
    int64_t since_ns; /* the queue has stood since then; 0: it does not */
    int64_t last_ns;  /* when a start last had waited too long */
    bool strict;
};

/* now_ns: monotonic, > 0, never less than before. */
bool quiz_admission_judge(struct quiz_admission *a, int64_t now_ns, int64_t waited_ns);

struct quiz_gate; /* the rule, locked and counted; any thread */

struct quiz_gate *quiz_gate_new(int64_t target_ns); /* NULL: no memory */
void quiz_gate_free(struct quiz_gate *g);           /* accepts NULL */
bool quiz_gate_admit(struct quiz_gate *g, int64_t now_ns, int64_t waited_ns);

#endif
