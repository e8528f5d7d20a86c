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

struct ea_item_kind_ops {
    const char *list; /* name of its list; NULL: not known yet */
    const struct ea_schema *schema;
    enum ea_err (*read)(const struct ea_item_look *l, const void *in, struct ea_item *out);
    enum ea_err (*settle)(const struct ea_item_look *l, struct ea_item *item);
    void (*write)(const struct ea_item *item,
                  struct ea_jw *w); /* between [ of the list and } of the definition */
};
extern const struct ea_item_kind_ops ea_item_ops[EA_ITEM__MAX];

extern const struct ea_schema ea_item_choice_schema, ea_item_numeric_schema, ea_item_accept_schema;
size_t ea_item_in_n(const void *in); /* entries of what such a schema has read */
enum ea_err ea_item_read_choices(const struct ea_item_look *l, const void *from, struct ea_item *out);
enum ea_err ea_item_read_numeric(const struct ea_item_look *l, const void *from, struct ea_item *out);
enum ea_err ea_item_read_accept(const struct ea_item_look *l, const void *from, struct ea_item *out);
enum ea_err ea_item_settle_choices(const struct ea_item_look *l, struct ea_item *item);
enum ea_err ea_item_settle_numeric(const struct ea_item_look *l, struct ea_item *item);
enum ea_err ea_item_settle_accept(const struct ea_item_look *l, struct ea_item *item);
void ea_item_write_choices(const struct ea_item *item, struct ea_jw *w);
void ea_item_write_numeric(const struct ea_item *item, struct ea_jw *w);
void ea_item_write_accept(const struct ea_item *item, struct ea_jw *w);

#endif
