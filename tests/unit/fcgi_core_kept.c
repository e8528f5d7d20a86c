/* What people follow, kept: found as it was at the place asked for, or not at all, whatever is changed, and whenever an answer of the database arrives. */
#include "fcgi/core/kept.h"

#include "lib/clock.h"
#include "lib/metrics.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { S = 1 };

static const struct ea_kept_bounds wide = { 1 << 20, 300 * EA_NS_PER_S, 3600 * EA_NS_PER_S };

static struct ea_id person(unsigned n)
{
    struct ea_id who;
    (void)snprintf(who.s, sizeof(who.s), "018f0000-0000-7000-8000-%012x", n);
    return who;
}

static struct ea_kept *opened(const struct ea_kept_bounds *bounds, int64_t after)
{
    struct ea_kept *k = ea_kept_new(bounds);
    assert_non_null(k);
    (void)ea_kept_close(k);
    ea_kept_open(k, after);
    return k;
}

/* As the database tells it, read at second 0. */
static struct ea_topic_list list(const char **v, uint32_t n, int64_t at)
{
    return (struct ea_topic_list){ .v = v, .n = n, .at = at };
}

static void put(struct ea_kept *k, unsigned n, int64_t now_s, const struct ea_topic_list *topics)
{
    struct ea_id who = person(n);
    ea_kept_put(k, ea_kept_era(k), &who, now_s * EA_NS_PER_S, topics);
}

/* The topics with a blank behind each; "-": not found. */
static const char *found(struct ea_kept *k, unsigned n, int64_t now_s, int64_t at)
{
    static char text[512];
    struct ea_id who = person(n);
    struct ea_topic_list t = { .at = at };
    if (!ea_kept_find(k, ea_kept_era(k), &who, now_s * EA_NS_PER_S, &t))
        return "-";
    assert_int_equal(t.at, at);
    text[0] = '\0';
    for (uint32_t i = 0; i < t.n; i++)
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ", t.v[i]);
    ea_topic_list_clear(&t);
    return text;
}

static void an_answer_holds_from_its_place_on(void **state)
{
    (void)state;
    struct ea_kept *k = opened(&wide, 0);
    char own[] = "u:1";
    const struct ea_topic_list t = list((const char *[]){ own, "c:a", "r:b" }, 3, 10);
    assert_string_equal(found(k, 1, S, 10), "-");
    put(k, 1, S, &t);
    own[0] = '?'; /* it was copied */
    assert_string_equal(found(k, 1, S, 10), "u:1 c:a r:b ");
    assert_string_equal(found(k, 1, S, 99), "u:1 c:a r:b ");
    assert_string_equal(found(k, 1, S, 9), "-");
    assert_string_equal(found(k, 2, S, 10), "-");
    assert_string_equal(found(k, 1, S, 10), "u:1 c:a r:b ");
    ea_kept_free(k);
}

static void a_change_of_any_of_its_topics_ends_that(void **state)
{
    (void)state;
    static const char *const changed[] = { "u:1", "c:a" };
    for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++) {
        struct ea_kept *k = opened(&wide, 0);
        const struct ea_topic_list before = list((const char *[]){ "u:1", "c:a" }, 2, 10),
                                   then = list((const char *[]){ "u:1", "c:a", "r:b" }, 3, 20),
                                   other = list((const char *[]){ "u:2" }, 1, 10);
        put(k, 1, S, &before);
        put(k, 2, S, &other);
        ea_kept_changed(k, changed[i], 20);
        assert_string_equal(found(k, 1, S, 20), "-");
        put(k, 1, S, &before); /* it was on its way */
        assert_string_equal(found(k, 1, S, 20), "-");
        assert_string_equal(found(k, 1, S, 10), "-"); /* true, but not known to be */
        put(k, 1, S, &then);
        assert_string_equal(found(k, 1, S, 20), "u:1 c:a r:b ");
        put(k, 1, S, &before); /* what is late does no harm */
        assert_string_equal(found(k, 1, S, 20), "u:1 c:a r:b ");
        assert_string_equal(found(k, 2, S, 20), "u:2 ");
        ea_kept_free(k);
    }
}

static void nothing_outlives_another_reading_of_the_log(void **state)
{
    (void)state;
    struct ea_kept *k = opened(&wide, 0);
    struct ea_id who = person(1);
    const struct ea_topic_list t = list((const char *[]){ "u:1" }, 1, 50);
    struct ea_topic_list out = { .at = 60 };
    uint64_t old = ea_kept_era(k);
    put(k, 1, S, &t);
    uint64_t next = ea_kept_close(k);
    assert_int_equal(ea_kept_era(k), 0);
    ea_kept_put(k, old, &who, S, &t);
    ea_kept_put(k, next, &who, S, &t); /* nobody has it yet */
    ea_kept_put(k, 0, &who, S, &t);
    assert_false(ea_kept_find(k, next, &who, S, &out));
    assert_false(ea_kept_find(k, 0, &who, S, &out));
    ea_kept_open(k, 50);
    assert_int_equal(ea_kept_era(k), next);
    assert_string_equal(found(k, 1, S, 60), "-");
    ea_kept_put(k, old, &who, S, &t);
    assert_string_equal(found(k, 1, S, 60), "-");
    put(k, 1, S, &t);
    assert_string_equal(found(k, 1, S, 60), "u:1 ");
    assert_false(ea_kept_find(k, old, &who, S, &out)); /* who asks may speak of another log */
    ea_kept_free(k);
}

static void changes_before_the_beginning_are_not_known(void **state)
{
    (void)state;
    struct ea_kept *k = ea_kept_new(&wide);
    const struct ea_topic_list early = list((const char *[]){ "u:1" }, 1, 99),
                               late = list((const char *[]){ "u:1" }, 1, 100),
                               later = list((const char *[]){ "u:1" }, 1, 120);
    (void)ea_kept_close(k);
    ea_kept_changed(k, "u:1", 110); /* as the log is read */
    ea_kept_open(k, 100);
    put(k, 1, S, &early);
    assert_string_equal(found(k, 1, S, 120), "-");
    put(k, 1, S, &late);
    assert_string_equal(found(k, 1, S, 120), "-");
    put(k, 1, S, &later);
    assert_string_equal(found(k, 1, S, 120), "u:1 ");
    ea_kept_free(k);
}

static void it_is_bounded(void **state)
{
    (void)state;
    enum { PEOPLE = 5000, BYTES = 100000 };
    const struct ea_kept_bounds narrow = { BYTES, 300 * EA_NS_PER_S, 3600 * EA_NS_PER_S };
    struct ea_kept *k = opened(&narrow, 0);
    const struct ea_metric *people = ea_metric_gauge("ea_hub_kept", "", "");
    struct ea_metric *evicted = ea_metric_counter("ea_hub_kept_evicted_total", "", "");
    const struct ea_topic_list t = list((const char *[]){ "u:1", "c:a", "r:b" }, 3, 10);
    int64_t before = ea_metric_value(evicted);
    assert_int_equal(ea_metric_value(people), 0);
    for (unsigned n = 0; n < PEOPLE; n++) {
        put(k, n, S, &t);
        assert_string_not_equal(found(k, n, S, 10), "-");
        assert_string_not_equal(found(k, 0, S, 10), "-"); /* who is there every time stays */
    }
    int64_t left = ea_metric_value(people);
    assert_true(left > BYTES / 1000 && left < BYTES / 50);
    assert_int_equal(ea_metric_value(evicted) - before, PEOPLE - left);
    unsigned there = 0;
    for (unsigned n = 1; n < PEOPLE; n++) {
        bool is = strcmp(found(k, n, S, 10), "-") != 0;
        assert_true(is == (n > PEOPLE - left)); /* of the others, those who came last */
        there += is;
    }
    assert_int_equal(there, left - 1);
    ea_kept_free(k);
    assert_int_equal(ea_metric_value(people), 0);
}

static void one_that_is_too_large_is_not_kept(void **state)
{
    (void)state;
    const struct ea_kept_bounds none = { 10, 300 * EA_NS_PER_S, 3600 * EA_NS_PER_S };
    struct ea_kept *k = opened(&none, 0);
    const struct ea_topic_list t = list((const char *[]){ "u:1" }, 1, 10);
    put(k, 1, S, &t);
    assert_string_equal(found(k, 1, S, 10), "-");
    ea_kept_free(k);
}

static void what_nobody_uses_goes(void **state)
{
    (void)state;
    struct ea_kept *k = opened(&wide, 0);
    const struct ea_topic_list t = list((const char *[]){ "u:1" }, 1, 10);
    put(k, 1, 100, &t);
    put(k, 2, 100, &t);
    assert_string_equal(found(k, 1, 350, 10), "u:1 ");
    ea_kept_tidy(k, 400 * EA_NS_PER_S);
    assert_string_equal(found(k, 2, 400, 10), "u:1 "); /* not yet */
    ea_kept_tidy(k, 651 * EA_NS_PER_S);
    assert_string_equal(found(k, 1, 651, 10), "-");
    assert_string_equal(found(k, 2, 651, 10), "u:1 ");
    ea_kept_free(k);
}

/* However often it is used. */
static void the_database_is_asked_again_in_the_end(void **state)
{
    (void)state;
    struct ea_kept *k = opened(&wide, 0);
    struct ea_topic_list t = list((const char *[]){ "u:1" }, 1, 10);
    t.read_s = 1000;
    put(k, 1, 1000, &t);
    for (int64_t now = 1000; now <= 4600; now += 100)
        assert_string_equal(found(k, 1, now, 10), "u:1 ");
    assert_string_equal(found(k, 1, 4601, 10), "-");
    ea_kept_free(k);
}

/* ---- a school in which everything changes: what is found is what was so then ---- */

enum { PEOPLE = 40, ROOMS = 8, PLACES = 20000, UNDERWAY = 64 };

struct answer { /* of the database, on its way */
    uint64_t era;
    unsigned who;
    int64_t at;
};

struct school {
    uint32_t seed;
    int64_t newest;
    uint8_t heard[PEOPLE][PLACES + 1]; /* the rooms, a bit each, right after an event */
    struct answer underway[UNDERWAY];
    int n;
    int64_t found, asked;
};

static uint32_t draw(struct school *s, uint32_t below)
{
    s->seed ^= s->seed << 13;
    s->seed ^= s->seed >> 17;
    s->seed ^= s->seed << 5;
    return s->seed % below;
}

/* Into names, for v: the person, and the rooms that they hear. */
static struct ea_topic_list heard_at(const struct school *s, unsigned who, int64_t at,
                                     char names[ROOMS + 1][16], const char **v)
{
    struct ea_topic_list t = { .v = v, .at = at };
    (void)snprintf(names[0], 16, "u:%u", who);
    v[t.n++] = names[0];
    for (unsigned room = 0; room < ROOMS; room++) {
        if ((s->heard[who][at] >> room & 1u) == 0)
            continue;
        (void)snprintf(names[t.n], 16, "r:%u", room);
        v[t.n] = names[t.n];
        t.n++;
    }
    return t;
}

/* An event is written and read: somebody comes or goes. */
static void happen(struct school *s, struct ea_kept *k)
{
    char topic[16];
    unsigned who = draw(s, PEOPLE);
    int64_t id = s->newest + 1;
    for (unsigned p = 0; p < PEOPLE; p++)
        s->heard[p][id] = s->heard[p][id - 1];
    if (draw(s, 4) == 0) {
        s->heard[who][id] ^= (uint8_t)(1u << draw(s, ROOMS));
        (void)snprintf(topic, sizeof(topic), "u:%u", who);
        ea_kept_changed(k, topic, id);
    }
    s->newest = id;
}

/* Somebody comes with a cursor; what is not found is asked for, and the answer takes its time. */
static void come(struct school *s, struct ea_kept *k)
{
    char names[ROOMS + 1][16];
    const char *v[ROOMS + 1];
    unsigned who = draw(s, PEOPLE);
    struct ea_id id = person(who);
    uint64_t era = ea_kept_era(k);
    int64_t back = draw(s, 8) == 0 ? draw(s, 200) : draw(s, 3),
            at = back < s->newest ? s->newest - back : s->newest;
    struct ea_topic_list out = { .at = at }, was = heard_at(s, who, at, names, v);
    if (ea_kept_find(k, era, &id, S, &out)) {
        s->found++;
        assert_int_equal(out.n, was.n);
        for (uint32_t i = 0; i < out.n; i++)
            assert_string_equal(out.v[i], was.v[i]);
        ea_topic_list_clear(&out);
    } else if (s->n < UNDERWAY) {
        s->asked++;
        s->underway[s->n++] = (struct answer){ era, who, at };
    }
}

static void arrive(struct school *s, struct ea_kept *k)
{
    char names[ROOMS + 1][16];
    const char *v[ROOMS + 1];
    if (s->n == 0)
        return;
    uint32_t which = draw(s, (uint32_t)s->n);
    const struct answer a = s->underway[which];
    s->underway[which] = s->underway[--s->n];
    struct ea_topic_list t = heard_at(s, a.who, a.at, names, v);
    struct ea_id id = person(a.who);
    ea_kept_put(k, a.era, &id, S, &t);
}

/* The log is read anew: the changes of some stretch of it are told again. */
static void read_anew(struct school *s, struct ea_kept *k)
{
    char topic[16];
    int64_t after = s->newest - draw(s, 50);
    if (after < 0)
        after = 0;
    (void)ea_kept_close(k);
    for (int64_t id = after + 1; id <= s->newest; id++)
        for (unsigned p = 0; p < PEOPLE; p++)
            if (s->heard[p][id] != s->heard[p][id - 1]) {
                (void)snprintf(topic, sizeof(topic), "u:%u", p);
                ea_kept_changed(k, topic, id);
            }
    ea_kept_open(k, after);
}

static void what_is_found_was_so(void **state)
{
    (void)state;
    struct school *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    s->seed = 20261125;
    struct ea_kept *k = opened(&wide, 0);
    while (s->newest < PLACES) {
        uint32_t what = draw(s, 1000);
        if (what == 0)
            read_anew(s, k);
        else if (what < 300)
            happen(s, k);
        else if (what < 800)
            come(s, k);
        else
            arrive(s, k);
    }
    assert_true(s->found > 2000);
    assert_true(s->asked > 2000);
    ea_kept_free(k);
    free(s);
}

/* ---- many threads: a change is told before its place is ---- */

enum { THREADS = 3, CHANGES = 20000 };

struct shared {
    struct ea_kept *k;
    _Atomic int64_t newest; /* whose number is the one topic beside their own */
    _Atomic int64_t found;
};

static void *follow(void *arg)
{
    struct shared *s = arg;
    struct ea_id who = person(1);
    while (atomic_load(&s->newest) < CHANGES) {
        char name[24];
        uint64_t era = ea_kept_era(s->k);
        struct ea_topic_list out = { .at = atomic_load(&s->newest) };
        (void)snprintf(name, sizeof(name), "r:%lld", (long long)out.at);
        if (ea_kept_find(s->k, era, &who, S, &out)) {
            if (out.n != 2 || strcmp(out.v[1], name) != 0)
                abort();
            atomic_fetch_add(&s->found, 1);
            ea_topic_list_clear(&out);
        } else {
            struct ea_topic_list t = list((const char *[]){ "u:1", name }, 2, out.at);
            ea_kept_put(s->k, era, &who, S, &t);
        }
    }
    return NULL;
}

static void threads_find_what_was_so(void **state)
{
    (void)state;
    struct shared s = { .k = opened(&wide, 0) };
    pthread_t t[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, follow, &s), 0);
    for (int64_t id = 1; id <= CHANGES;) {
        if (atomic_load(&s.found) < id / 4) /* so that there is something to be found */
            continue;
        ea_kept_changed(s.k, "u:1", id);
        atomic_store(&s.newest, id++);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
    ea_kept_free(s.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_holds_from_its_place_on),
        cmocka_unit_test(a_change_of_any_of_its_topics_ends_that),
        cmocka_unit_test(nothing_outlives_another_reading_of_the_log),
        cmocka_unit_test(changes_before_the_beginning_are_not_known),
        cmocka_unit_test(it_is_bounded),
        cmocka_unit_test(one_that_is_too_large_is_not_kept),
        cmocka_unit_test(what_nobody_uses_goes),
        cmocka_unit_test(the_database_is_asked_again_in_the_end),
        cmocka_unit_test(what_is_found_was_so),
        cmocka_unit_test(threads_find_what_was_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
