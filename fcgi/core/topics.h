/* Who listens to what: topic -> subscribers. One thread (the hub's), but for ea_topics_hash. A topic exists while somebody listens to it. Whether somebody listens to one is found in the same
 * time however many they listen to: the hub asks for every event that somebody missed. */
#ifndef EA_TOPICS_H
#define EA_TOPICS_H

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ea_topic;
struct ea_listen { /* one subscriber on one topic; made by ea_topics_add, freed by ea_topics_remove */
    struct ea_topic *topic;
    void *subscriber;
    struct ea_listen *next_of_topic, **link_of_topic;
    struct ea_listen *next; /* the subscriber's own list */
    struct ea_listen *next_of_pair;
};

struct ea_topics;

struct ea_topics *ea_topics_new(void);
void ea_topics_free(struct ea_topics *t); /* nobody may listen any more */
/* Adds to *list; listening twice to the same topic is one listening. EA_ENOMEM; EA_EINTERNAL: no topic has such a long name. */
enum ea_err ea_topics_add(struct ea_topics *t, const char *topic, void *subscriber,
                          struct ea_listen **list) EA_MUST;
void ea_topics_remove(struct ea_topics *t, const char *topic, struct ea_listen **list);
void ea_topics_remove_all(struct ea_topics *t, struct ea_listen **list);
struct ea_listen *ea_topics_first(struct ea_topics *t, const char *topic); /* walk by next_of_topic */
uint64_t ea_topics_hash(const char *topic);                                /* any thread */
const char *ea_topics_name(const struct ea_listen *l);
bool ea_topics_has(const struct ea_topics *t, const char *topic, uint64_t hash, const void *subscriber);
size_t ea_topics_count(const struct ea_topics *t);

#endif
