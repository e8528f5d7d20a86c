/* An answer as a student's client sends it and as it is stored: JSON of one of a few shapes. Which shape an item takes is said by ea_answer_shape_of.
 * Everything lives in the arena. Pure functions, thread-safe. */
#ifndef EA_ANSWER_H
#define EA_ANSWER_H

#include "lib/item.h"

enum ea_answer_shape {
    EA_ANSWER_NONE,    /* null: taken back, or never given */
    EA_ANSWER_CHOICES, /* {"choices": [id]} */
    EA_ANSWER_VALUE,   /* {"value": "3.20", "unit": "m"} */
    EA_ANSWER_TEXT,    /* {"text": "…"} */
    EA_ANSWER_PAIRS,   /* {"pairs": {prompt: option}} */
    EA_ANSWER_ORDER,   /* {"order": [id]} */
    EA_ANSWER_GAPS,    /* {"gaps": {gap: an answer of the first three shapes}} */
    EA_ANSWER__MAX
};
extern const char *const ea_answer_shapes
    [EA_ANSWER__MAX]; /* "none", "choices", "value", "text", "pairs", "order", "gaps": as the statements know them */

#define EA_ANSWER_MAX (64 * 1024) /* bytes of one answer's JSON */

struct ea_answer_pair {
    const char *prompt, *option;
};
struct ea_answer_gap;

struct ea_answer {
    enum ea_answer_shape shape;
    size_t n; /* of the list of its shape */
    union {
        const char *const *choices;         /* distinct ids; also of an order */
        const struct ea_answer_pair *pairs; /* distinct prompts */
        const struct ea_answer_gap *gaps;   /* distinct names */
    };
    const char *value, *unit; /* unit may be NULL */
    const char *text;
};

struct ea_answer_gap {
    const char *name;
    struct ea_answer answer; /* choices, value, text, or none */
};

/* Every id that the answer names, as a JSON array; "[]" when it names none. An answer may be given to a slot when its shape is that of the slot's kind and its names are
 * contained in those of the slot (ea_slot_names of the migrations, which writes them in the same way):
 *   choices, order  the ids
 *   pairs           prompt, =option
 *   gaps            gap:shape for each gap that is answered, and gap=choice for each choice picked in it
 * Ids hold neither = nor : so nothing is taken for anything else. Arena-owned; NULL: no memory. */
const char *ea_answer_names(const struct ea_answer *answer, struct ea_arena *a) EA_MUST;

enum ea_answer_shape ea_answer_shape_of(enum ea_item_kind kind);

/* EA_EINPUT with faults below `at` ("/answer") when it is an answer of no shape. */
enum ea_err ea_answer_read(const char *json, size_t n, struct ea_arena *a, const char *at,
                           struct ea_faults *faults, struct ea_answer *out) EA_MUST;

/* Text as it is compared: without spaces at its ends, runs of (Unicode) spaces as one. Arena-owned; NULL: no memory. */
const char *ea_text_normal(struct ea_arena *a, const char *text) EA_MUST;

/* Text without accents and other marks (é as e); letters that are letters of their own (ø, ß) stay. Arena-owned; NULL: no memory. */
const char *ea_text_plain(struct ea_arena *a, const char *text) EA_MUST;

/* Text as it is kept: line breaks as \n, no white space at its ends. Arena-owned; NULL: no memory. */
const char *ea_text_tidy(struct ea_arena *a, const char *text) EA_MUST;

#endif
