/* What an item asks and accepts: its definition as a plain struct, read from and written to the JSON of the API and of item_versions.
 * Everything lives in the arena it was read with; strings are UTF-8. Pure functions, thread-safe. Fractions are exact, in units of 10^-7. */
#ifndef EA_ITEM_H
#define EA_ITEM_H

#include "lib/arena.h"
#include "lib/err.h"
#include "lib/exact.h"
#include "lib/json.h"
#include "lib/schema.h"

#include <stdbool.h>
#include <stdint.h>

/* The kinds of the API. */
enum ea_item_kind {
    EA_ITEM_CHOICE,
    EA_ITEM_NUMERIC,
    EA_ITEM_SHORT_TEXT,
    EA_ITEM_MATCH,
    EA_ITEM_ORDER,
    EA_ITEM_CLOZE,
    EA_ITEM_FORMULA,
    EA_ITEM_ESSAY,
    EA_ITEM__MAX
};
extern const char *const ea_item_kinds[EA_ITEM__MAX + 1]; /* names, NULL-terminated */
bool ea_item_known(enum ea_item_kind kind);          /* has a definition that can be read: each of them */
enum ea_item_kind ea_item_kind_of(const char *name); /* EA_ITEM__MAX: none of that name */

#define EA_FRACTION_DECIMALS  7
#define EA_FRACTION_ONE       INT64_C(10000000)
#define EA_ITEM_LIST_MAX      100 /* choices, answers, accepted texts, prompts, options, entries */
#define EA_ITEM_GAPS_MAX      50
#define EA_ITEM_VARIABLES_MAX 10
#define EA_ITEM_VALUES_MAX    1000000 /* values that a variable can take */
#define EA_ITEM_ID_MAX        32
#define EA_ITEM_CLOZE_MAX     20000 /* bytes of a cloze text */
#define EA_ITEM_WORDS_MAX     20000
#define EA_ITEM_FIGURES_MAX   15
#define EA_ITEM_TEXT_MAX      4000
#define EA_ITEM_DEF_MAX       (256 * 1024) /* bytes of a definition */

enum ea_scoring {
    EA_SCORE_ALL_OR_NOTHING,
    EA_SCORE_PROPORTIONAL,
    EA_SCORE_PROPORTIONAL_WITH_PENALTY,
    EA_SCORE__MAX
};
extern const char *const ea_scorings[EA_SCORE__MAX + 1];

/* A fraction is the share of the points that picking or writing this gets. */
struct ea_choice {
    const char *id, *text, *html, *feedback, *feedback_html; /* html as rendered; feedback may be NULL */
    bool correct;
    int64_t fraction; /* when the item is weighted */
};

struct ea_numeric {
    struct ea_exact value, tolerance;
    bool relative;    /* the tolerance is a share of the value */
    int64_t figures;  /* significant figures that it must be written with; 0: any */
    const char *unit; /* NULL: none is asked for */
    int64_t fraction;
    const char *feedback, *feedback_html;
};

struct ea_accept { /* text or pattern, the other is NULL; text is normalised (ea_text_normal) */
    const char *text, *pattern;
    bool case_sensitive, ignore_accents;
    int64_t fraction;
    const char *feedback, *feedback_html;
};

/* An entry that is put in order, an option that is matched, or a prompt: then `option` is the id of the one that belongs to it. */
struct ea_entry {
    const char *id, *text, *html;
    const char *option;
};

struct ea_variable {
    const char *name;               /* a letter, then letters, digits and _ */
    struct ea_exact min, max, step; /* min, min + step … up to max */
};

struct ea_gap;

struct ea_item {
    enum ea_item_kind kind;
    size_t n; /* entries of its list; 0 of an essay */
    union {
        struct ea_choice *choices;
        struct ea_numeric *numeric;
        struct ea_accept *accept;
        struct ea_entry *prompts;      /* of match */
        struct ea_entry *entries;      /* of order: in the right order */
        struct ea_gap *gaps;           /* of cloze: in the order of its text */
        struct ea_variable *variables; /* of formula */
    };
    /* of choice, match, order; the last two take no penalty */
    enum ea_scoring scoring;
    bool shuffle; /* of choice, match (its options) */
    /* of choice */
    bool multiple, weighted; /* weighted: fractions were given, for every choice */
    /* of match: what the prompts choose from; some may belong to none */
    struct ea_entry *options;
    size_t options_n;
    /* of cloze: {{name}} stands for each gap, once */
    const char *text, *html;
    /* of numeric and formula: the share of the points for a right number with a wrong unit or none, or with other significant figures */
    int64_t wrong_unit, wrong_figures;
    /* of formula */
    const char *answer; /* expression, lib/formula.h */
    struct ea_exact tolerance;
    bool relative;
    int64_t figures;
    const char *unit;
    /* of essay; 0: no bound */
    int64_t min_words, max_words;
};

struct ea_gap {
    const char *name;
    int64_t weight;      /* its share of the points is weight / sum of weights */
    struct ea_item item; /* choice, numeric or short_text */
};

/* A definition from its JSON text; all faults are added with pointers below `at` ("/definition"). EA_EINPUT then. */
enum ea_err ea_item_read(enum ea_item_kind kind, const char *json, size_t n, struct ea_arena *a,
                         const char *at, struct ea_faults *faults, struct ea_item *out) EA_MUST;
/* Checks a definition however it was made and brings it into its one form: ids given, fractions for all or none, texts normalised. */
enum ea_err ea_item_settle(struct ea_item *item, struct ea_arena *a, const char *at,
                           struct ea_faults *faults) EA_MUST;
enum ea_err ea_item_render(struct ea_item *item, struct ea_arena *a) EA_MUST; /* fills the html members */
void ea_item_write(const struct ea_item *item, struct ea_jw *w);              /* one JSON object */
/* The id that entry i of a list gets when none has an id: a, b … z, then c27, c28 … Returns out. */
const char *ea_item_nth_id(size_t i, char out[EA_ITEM_ID_MAX + 1]);

#endif
