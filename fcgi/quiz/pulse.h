/* The pulse of the quiz processes: what outages are measured by. While it serves and can read the event log, each process writes one row every second, by
 * the database's clock and over a session of its own: so the row is fresh as long as one of them can take in answers. Who finds it older than
 * QUIZ_OUTAGE_MIN_S has found an outage. In one transaction with the next beat, or with the last of several when many are to get time back, it is
 * recorded and credited to the attempts that were open, by the rules of their quizzes (sql/queries/quiz_outage.sql). Until then no end later than
 * the last beat stands (ea_end_stands), whoever looks: so nothing ends before it was credited, and processes need not agree on anything but the row.
 *
 * Not seen is what lies before the process (nginx, the school's network), and whatever stalls single requests only.
 * One thread, from start to stop. */
#ifndef EA_QUIZ_PULSE_H
#define EA_QUIZ_PULSE_H

#include "lib/err.h"

#define QUIZ_OUTAGE_MIN_S 5 /* several beats; a restart of the only process is no outage */

struct ea_server;
struct quiz_pulse;

/* The first beat comes once the server serves. Counts in ea_outages_total, ea_outage_seconds_total, ea_outage_credits_total. */
enum ea_err quiz_pulse_start(struct ea_server *server, struct quiz_pulse **out) EA_MUST;
void quiz_pulse_stop(struct quiz_pulse *p); /* joins the thread; accepts NULL */

#endif
