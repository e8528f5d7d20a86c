#include "lib/rules.h"

#include "lib/json.h"

#define POINTS_MAX  1000000000 /* a million points */
#define PERCENT_MAX 100000
#define WORDS_MAX   1000000
#define MINUTE_MAX  (60 * 24 * 365)

const char *const ea_check_kinds[EA_CHECK__MAX + 1] = {
    [EA_CHECK_WORD_COUNT] = "word_count",
    [EA_CHECK_HEADINGS] = "headings",
    [EA_CHECK_TERMS] = "terms",
    [EA_CHECK_LINKS] = "links",
};

#define CHECK(member) offsetof(struct ea_check, member)
static const struct ea_field check_fields[] = {
    { "kind", EA_T_ENUM, CHECK(kind), EA_REQUIRED, .values = ea_check_kinds },
    { "points", EA_T_MILLI, CHECK(points), EA_REQUIRED, .min = 1, .max = POINTS_MAX },
    { "label", EA_T_STR, CHECK(label), .min = 0, .max = 200 },
    { "min", EA_T_INT, CHECK(min), .min = 0, .max = WORDS_MAX },
    { "max", EA_T_INT, CHECK(max), .min = 1, .max = WORDS_MAX },
    { "required", EA_T_LIST, CHECK(required), .min = 1, .max = 30, .item = EA_T_STR, .item_min = 1,
      .item_max = 200 },
    { "forbidden_hosts", EA_T_LIST, CHECK(forbidden_hosts), .min = 1, .max = 30, .item = EA_T_STR,
      .item_min = 1, .item_max = 253 },
};
const struct ea_schema ea_check_schema = { "check", sizeof(struct ea_check), check_fields,
                                           sizeof(check_fields) / sizeof(check_fields[0]) };

#define LATE(member) offsetof(struct ea_late_policy, member)
static const struct ea_field late_policy_fields[] = {
    { "per_day_percent", EA_T_MILLI, LATE(per_day_percent), EA_REQUIRED, .min = 0, .max = PERCENT_MAX },
    { "floor_percent", EA_T_MILLI, LATE(floor_percent), .min = 0, .max = PERCENT_MAX },
    { "grace_minutes", EA_T_INT, LATE(grace_minutes), .min = 0, .max = MINUTE_MAX },
};
const struct ea_schema ea_late_policy_schema = { "late_policy", sizeof(struct ea_late_policy),
                                                 late_policy_fields,
                                                 sizeof(late_policy_fields) / sizeof(late_policy_fields[0]) };

#define RULES(member) offsetof(struct ea_rules, member)
static const struct ea_field rules_fields[] = {
    { "checks", EA_T_LIST, RULES(checks), EA_REQUIRED, 0, EA_CHECKS_MAX, .sub = &ea_check_schema },
    { "late_policy", EA_T_OBJ, RULES(late), EA_NULLABLE, .sub = &ea_late_policy_schema },
};
static const struct ea_schema rules_schema = { "rules", sizeof(struct ea_rules), rules_fields,
                                               sizeof(rules_fields) / sizeof(rules_fields[0]) };

enum { MIN = 1, MAX = 2, REQUIRED = 4, FORBIDDEN_HOSTS = 8 };

/* Per kind: what it may have, and of what it needs at least one. */
static const struct {
    unsigned takes, needs;
    const char *words;
} kinds[EA_CHECK__MAX] = {
    [EA_CHECK_WORD_COUNT] = { MIN | MAX, MIN | MAX, "A word count needs min or max." },
    [EA_CHECK_HEADINGS] = { REQUIRED, REQUIRED, "Say which headings are required." },
    [EA_CHECK_TERMS] = { REQUIRED, REQUIRED, "Say which terms are required." },
    [EA_CHECK_LINKS] = { MIN | FORBIDDEN_HOSTS, MIN | FORBIDDEN_HOSTS, "Links need min or forbidden_hosts." },
};

static unsigned members_of(const struct ea_check *c)
{
    return (c->min.given ? MIN : 0u) | (c->max.given ? MAX : 0u) | (c->required.given ? REQUIRED : 0u) |
           (c->forbidden_hosts.given ? FORBIDDEN_HOSTS : 0u);
}

static void judge_one(const struct ea_check *c, const char *at, struct ea_arena *a, struct ea_faults *faults)
{
    static const struct {
        unsigned member;
        const char *name;
    } names[] = {
        { MIN, "min" }, { MAX, "max" }, { REQUIRED, "required" }, { FORBIDDEN_HOSTS, "forbidden_hosts" }
    };
    unsigned members = members_of(c);

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (members & names[i].member & ~kinds[c->kind.v].takes)
            ea_faults_add(faults, a, ea_arena_printf(a, "%s/%s", at, names[i].name), "unknown",
                          "A check of kind %s has no %s.", ea_check_kinds[c->kind.v], names[i].name);
    if (!(members & kinds[c->kind.v].needs))
        ea_faults_add(faults, a, at, "required", "%s", kinds[c->kind.v].words);
    if (c->min.given && c->max.given && c->min.v > c->max.v)
        ea_faults_add(faults, a, ea_arena_printf(a, "%s/max", at), "out-of-range", "max is less than min.");
}

void ea_checks_judge(const struct ea_list *checks, const char *pointer, struct ea_arena *a,
                     struct ea_faults *faults)
{
    const struct ea_check *items = checks->items;

    for (size_t i = 0; i < checks->n; i++)
        judge_one(&items[i], ea_arena_printf(a, "%s/%zu", pointer, i), a, faults);
}

enum ea_err ea_rules_read(const char *json, size_t n, struct ea_arena *a, const struct ea_rules **out)
{
    struct ea_faults faults = { 0 };
    void *rules = NULL;
    enum ea_err err = ea_schema_text(&rules_schema, json, n, a, &rules, &faults);

    *out = rules;
    return err;
}
