/* Things made by chance for property tests: the same seed makes the same things. A failed assertion names the round; EA_TEST_SEED repeats another run. */
#ifndef EA_TEST_CHANCE_H
#define EA_TEST_CHANCE_H

#include "lib/answer.h"

struct chance {
    uint64_t state;
};

struct chance chance_new(void);
struct chance chance_any(void); /* another seed each time, which is printed; EA_TEST_SEED repeats it */
uint64_t chance_below(struct chance *c, uint64_t n); /* 0..n-1 */
bool chance_one_in(struct chance *c, uint64_t n);
/* 1..max pieces: letters, digits, spaces, signs and words that formats care about, any character of Unicode; not empty and tidy (ea_text_tidy). */
const char *chance_text(struct chance *c, struct ea_arena *a, size_t max, bool one_line);
struct ea_exact chance_number(struct chance *c);
/* A settled definition of any kind. plain: one that GIFT can say. */
struct ea_item chance_item(struct chance *c, struct ea_arena *a, bool plain);
/* An answer of any shape; often one that fits the item. */
struct ea_answer chance_answer(struct chance *c, struct ea_arena *a, const struct ea_item *item);

#endif
