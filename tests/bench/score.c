/* How fast the grader's pure functions are on one core: definition and answer read, scored, as for each slot of an attempt.   score SECONDS
 * Prints one JSON line: items per second with reading them, and of the scoring alone. */
#include "workers/grader/score.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    enum ea_item_kind kind;
    const char *definition, *answer;
} cases[] = {
    { EA_ITEM_CHOICE,
      "{\"choices\":[{\"id\":\"o2\",\"text\":\"Oxygen\"},{\"id\":\"co2\",\"text\":\"Carbon dioxide\",\"correct\":true},"
      "{\"id\":\"n2\",\"text\":\"Nitrogen\"}]}",
      "{\"choices\":[\"co2\"]}" },
    { EA_ITEM_NUMERIC,
      "{\"answers\":[{\"value\":662,\"tolerance\":10},{\"value\":662,\"tolerance\":50,\"fraction\":0.5}]}",
      "{\"value\":\"640.5\"}" },
    { EA_ITEM_SHORT_TEXT,
      "{\"accept\":[{\"text\":\"Chlorophyll\"},{\"pattern\":\"chloro.*\",\"fraction\":0.5}]}",
      "{\"text\":\" chlorophyl \"}" },
};
enum { CASES = sizeof cases / sizeof *cases, OF = 1000, LOOK_EVERY = 300 };

static double cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(enum ea_err err, const char *what)
{
    if (err) {
        fprintf(stderr, "score: %s failed\n", what);
        exit(1);
    }
}

static void read_case(size_t i, struct ea_arena *a, struct ea_item *item, struct ea_answer *answer)
{
    struct ea_faults faults = { 0 };

    must(ea_item_read(cases[i].kind, cases[i].definition, strlen(cases[i].definition), a, "", &faults, item),
         "reading an item");
    must(ea_answer_read(cases[i].answer, strlen(cases[i].answer), a, "", &faults, answer),
         "reading an answer");
}

static double with_reading(struct ea_arena *a, double seconds)
{
    double begin = cpu_s(), took = 0;
    size_t n = 0;

    for (; took < seconds; took = cpu_s() - begin)
        for (int i = 0; i < LOOK_EVERY; i++, n++) {
            struct ea_item item;
            struct ea_answer answer;
            struct grader_score score;
            read_case(n % CASES, a, &item, &answer);
            must(grader_score(&item, OF, &answer, NULL, a, &score), "scoring");
            ea_arena_reset(a);
        }
    return (double)n / took;
}

static double scoring(struct ea_arena *kept, struct ea_arena *a, double seconds)
{
    struct ea_item items[CASES];
    struct ea_answer answers[CASES];
    size_t n = 0;

    for (size_t i = 0; i < CASES; i++)
        read_case(i, kept, &items[i], &answers[i]);
    double begin = cpu_s(), took = 0;
    for (; took < seconds; took = cpu_s() - begin)
        for (int i = 0; i < LOOK_EVERY; i++, n++) {
            struct grader_score score;
            must(grader_score(&items[n % CASES], OF, &answers[n % CASES], NULL, a, &score), "scoring");
            ea_arena_reset(a);
        }
    return (double)n / took;
}

int main(int argc, char **argv)
{
    struct ea_arena *kept = ea_arena_new(), *a = ea_arena_new();
    double seconds = argc == 2 ? strtod(argv[1], NULL) : 0;

    if (seconds <= 0 || !kept || !a) {
        fprintf(stderr, "usage: score SECONDS\n");
        return 2;
    }
    double whole = with_reading(a, seconds), pure = scoring(kept, a, seconds);
    printf("{\"read_and_scored\": %.0f, \"scored\": %.0f}\n", whole, pure);
    ea_arena_free(a);
    ea_arena_free(kept);
    return 0;
}
