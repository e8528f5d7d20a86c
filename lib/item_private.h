/* What the files of lib/item share: where faults go while one definition is looked at, and the three things each kind can do. */
#ifndef EA_ITEM_PRIVATE_H
#define EA_ITEM_PRIVATE_H

#include "lib/item.h"

struct ea_item_look {
    struct ea_arena *a;
    struct ea_faults *faults;
    const char *at;   /* of the definition */
    const char *list; /* name of its list */
    size_t before;    /* faults there were */
};

/* "/definition/choices/3/text"; arena-owned. i < 0: the list itself; member "": the entry itself. */
const char *ea_item_pointer(const struct ea_item_look *l, long i, const char *member);
#define EA_ITEM_FAULT(l, i, member, ...)                                                                     \
    ea_faults_add((l)->faults, (l)->a, ea_item_pointer(l, i, member), __VA_ARGS__)

/* What a definition's schema reads into, of whichever kind; `of` is the struct of its file. */
struct ea_item_kind_ops {
    const char *list; /* name of its list, or "" */
    const struct ea_schema *schema;
    enum ea_err (*read)(const struct ea_item_look *l, const void *in, struct ea_item *out);
    enum ea_err (*settle)(const struct ea_item_look *l, struct ea_item *item);
    void (*write)(const struct ea_item *item, struct ea_jw *w); /* the members of the definition */
};
extern const struct ea_item_kind_ops ea_item_ops[EA_ITEM__MAX];

/* choice, numeric, short_text: item_read.c, item_settle.c, item_write.c */
struct ea_item_in {
    struct ea_list list;
    struct ea_int multiple, shuffle, scoring;
    struct ea_str wrong_unit, wrong_figures;
};
extern const struct ea_schema ea_item_choice_schema, ea_item_numeric_schema, ea_item_accept_schema;
extern const struct ea_schema ea_item_choice_entry, ea_item_numeric_entry, ea_item_accept_entry;
enum ea_err ea_item_read_choices(const struct ea_item_look *l, const void *from, struct ea_item *out);
enum ea_err ea_item_read_numeric(const struct ea_item_look *l, const void *from, struct ea_item *out);
enum ea_err ea_item_read_accept(const struct ea_item_look *l, const void *from, struct ea_item *out);
enum ea_err ea_item_settle_choices(const struct ea_item_look *l, struct ea_item *item);
enum ea_err ea_item_settle_numeric(const struct ea_item_look *l, struct ea_item *item);
enum ea_err ea_item_settle_accept(const struct ea_item_look *l, struct ea_item *item);
void ea_item_write_choices(const struct ea_item *item, struct ea_jw *w);
void ea_item_write_numeric(const struct ea_item *item, struct ea_jw *w);
void ea_item_write_accept(const struct ea_item *item, struct ea_jw *w);

/* match, order: item_match.c */
extern const struct ea_schema ea_item_match_schema, ea_item_order_schema;
enum ea_err ea_item_read_match(const struct ea_item_look *l, const void *from, struct ea_item *out);
enum ea_err ea_item_read_order(const struct ea_item_look *l, const void *from, struct ea_item *out);
enum ea_err ea_item_settle_match(const struct ea_item_look *l, struct ea_item *item);
enum ea_err ea_item_settle_order(const struct ea_item_look *l, struct ea_item *item);
void ea_item_write_match(const struct ea_item *item, struct ea_jw *w);
void ea_item_write_order(const struct ea_item *item, struct ea_jw *w);

/* cloze: item_cloze.c */
extern const struct ea_schema ea_item_cloze_schema;
enum ea_err ea_item_read_cloze(const struct ea_item_look *l, const void *from, struct ea_item *out);
enum ea_err ea_item_settle_cloze(const struct ea_item_look *l, struct ea_item *item);
void ea_item_write_cloze(const struct ea_item *item, struct ea_jw *w);

/* formula: item_formula.c */
extern const struct ea_schema ea_item_formula_schema;
enum ea_err ea_item_read_formula(const struct ea_item_look *l, const void *from, struct ea_item *out);
enum ea_err ea_item_settle_formula(const struct ea_item_look *l, struct ea_item *item);
void ea_item_write_formula(const struct ea_item *item, struct ea_jw *w);

/* essay: item_essay.c */
extern const struct ea_schema ea_item_essay_schema;
enum ea_err ea_item_read_essay(const struct ea_item_look *l, const void *from, struct ea_item *out);
enum ea_err ea_item_settle_essay(const struct ea_item_look *l, struct ea_item *item);
void ea_item_write_essay(const struct ea_item *item, struct ea_jw *w);

/* What they share. Pointers are of the member itself. */
#define EA_ITEM_NUMBER_MAX 150 /* characters */
#define EA_ITEM_UNIT_MAX   40
enum ea_err ea_item_tidy(struct ea_arena *a,
                         const char **text); /* NULL stays NULL, and an empty text becomes it */
bool ea_item_is_id(const char *s);
/* Each entry gets an id: those that have none a, b … z, then `more`27, `more`28 … id(list, i) is where the i-th one's is. */
enum ea_err ea_item_give_ids(const struct ea_item_look *l, size_t n, const char **(*id)(void *list, size_t i),
                             void *list);
/* A number that may come as a JSON number or as a string of one. */
void ea_item_read_exact(const struct ea_item_look *l, const char *pointer, struct ea_str raw,
                        struct ea_exact *out);
void ea_item_read_share(const struct ea_item_look *l, const char *pointer, struct ea_str raw, int64_t *out);
void ea_item_check_share(const struct ea_item_look *l, const char *member, int64_t share);
void ea_item_write_str(struct ea_jw *w, const char *key, const char *s); /* unless NULL */
void ea_item_write_share(struct ea_jw *w, const char *key, int64_t share);
void ea_item_write_exact(struct ea_jw *w, const char *key, const struct ea_exact *x);

#endif
