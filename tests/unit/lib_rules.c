#include "lib/rules.h"
#include "tests/unit/arena.h"

#include <stdio.h>
#include <string.h>

static enum ea_err read_check(const char *check, const struct ea_rules **rules)
{
    char json[512];
    (void)snprintf(json, sizeof(json), "{\"checks\":[%s],\"late_policy\":null}", check);
    return ea_rules_read(json, strlen(json), arena, rules);
}

static void reads_what_is_stored(void **state)
{
    (void)state;
    const struct ea_rules *rules;
    const char *json = "{\"checks\":[{\"kind\":\"links\",\"points\":0.5,\"min\":2,\"label\":\"sources\"}],"
                       "\"late_policy\":{\"per_day_percent\":12.5,\"grace_minutes\":10}}";

    assert_int_equal(ea_rules_read(json, strlen(json), arena, &rules), EA_OK);
    const struct ea_check *check = rules->checks.items;
    assert_int_equal(rules->checks.n, 1);
    assert_int_equal(check->kind.v, EA_CHECK_LINKS);
    assert_int_equal(check->points.v, 500);
    assert_string_equal(check->label.v, "sources");
    assert_int_equal(rules->late.per_day_percent.v, 12500);
    assert_int_equal(rules->late.grace_minutes.v, 10);
    assert_int_equal(rules->late.floor_percent.v, 0);
}

static void refuses_what_is_no_rule(void **state)
{
    (void)state;
    const struct ea_rules *rules;

    assert_int_equal(read_check("{\"kind\":\"magic\",\"points\":1}", &rules), EA_EINPUT);
    assert_int_equal(read_check("{\"kind\":\"terms\",\"points\":0,\"required\":[\"x\"]}", &rules), EA_EINPUT);
    assert_int_equal(read_check("{\"kind\":\"terms\",\"points\":1,\"required\":[]}", &rules), EA_EINPUT);
    assert_int_equal(read_check("{\"kind\":\"terms\",\"points\":1,\"bonus\":2}", &rules), EA_EINPUT);
    assert_int_equal(read_check("{", &rules), EA_ESYNTAX);
}

/* Faults that need the kind: code and pointer of the first. */
static void judged(const char *check, const char *code, const char *pointer)
{
    const struct ea_rules *rules;
    struct ea_faults faults = { 0 };

    assert_int_equal(read_check(check, &rules), EA_OK);
    ea_checks_judge(&rules->checks, "/checks", arena, &faults);
    if (!code) {
        assert_int_equal(faults.n, 0);
        return;
    }
    assert_int_equal(faults.n, 1);
    assert_string_equal(faults.v[0].code, code);
    assert_string_equal(faults.v[0].pointer, pointer);
}

static void judges_members_by_kind(void **state)
{
    (void)state;
    judged("{\"kind\":\"word_count\",\"points\":1,\"min\":3,\"max\":3}", NULL, NULL);
    judged("{\"kind\":\"word_count\",\"points\":1,\"min\":4,\"max\":3}", "out-of-range", "/checks/0/max");
    judged("{\"kind\":\"word_count\",\"points\":1}", "required", "/checks/0");
    judged("{\"kind\":\"headings\",\"points\":1}", "required", "/checks/0");
    judged("{\"kind\":\"terms\",\"points\":1,\"required\":[\"x\"],\"min\":1}", "unknown", "/checks/0/min");
    judged("{\"kind\":\"links\",\"points\":1,\"forbidden_hosts\":[\"x.example\"]}", NULL, NULL);
    judged("{\"kind\":\"links\",\"points\":1,\"min\":0,\"max\":3}", "unknown", "/checks/0/max");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_stored),
        cmocka_unit_test(refuses_what_is_no_rule),
        cmocka_unit_test(judges_members_by_kind),
    };
    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
