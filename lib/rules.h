/* Rules a document is graded by: automatic checks and the late policy, as teachers write them and as they are stored.
 * The schemas are shared by who accepts rules (fcgi/assignment) and who applies them (workers/grader), so that both mean the same. Thread-safe. */
#ifndef EA_RULES_H
#define EA_RULES_H

#include "lib/schema.h"

#define EA_CHECKS_MAX 10

enum ea_check_kind {
    EA_CHECK_WORD_COUNT, /* min, max: words that a reader sees */
    EA_CHECK_HEADINGS,   /* required: headings, whatever their level, number or case */
    EA_CHECK_TERMS,      /* required: whole words or phrases, whatever their case */
    EA_CHECK_LINKS,      /* min: links to the web; forbidden_hosts: and what lies below them */
    EA_CHECK__MAX
};
extern const char *const ea_check_kinds[EA_CHECK__MAX + 1]; /* "word_count" …, NULL-terminated */

struct ea_check {
    struct ea_int given;
    struct ea_int kind;   /* enum ea_check_kind */
    struct ea_int points; /* 1/1000 */
    struct ea_str label;
    struct ea_int min, max;
    struct ea_list required, forbidden_hosts; /* of struct ea_str */
};
extern const struct ea_schema ea_check_schema;

/* Of the score, per_day_percent is lost for each day begun after the due date, never below floor_percent; nothing within grace_minutes. */
struct ea_late_policy {
    struct ea_int given;
    struct ea_int per_day_percent, floor_percent; /* 1/1000 percent */
    struct ea_int grace_minutes;
};
extern const struct ea_schema ea_late_policy_schema;

/* What the schema cannot say: which members a kind takes and needs, and that min <= max. Faults are added below `pointer` ("/checks"). */
void ea_checks_judge(const struct ea_list *checks, const char *pointer, struct ea_arena *a,
                     struct ea_faults *faults);

/* Stored rules, {"checks": [...], "late_policy": {...} | null}, back into structs of the arena. */
struct ea_rules {
    struct ea_list checks; /* of struct ea_check */
    struct ea_late_policy late;
};
enum ea_err ea_rules_read(const char *json, size_t n, struct ea_arena *a,
                          const struct ea_rules **out) EA_MUST;

#endif
