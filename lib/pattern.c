#include "lib/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdint.h>
#include <string.h>

#define STEPS_MAX    100000
#define DEPTH_MAX    500
#define HEAP_MAX_KIB 1024
#define PARENS_MAX   50
#define PATTERN      (PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C)

struct engine {
    pcre2_general_context *memory;
    pcre2_code *code;
};

static void *take(size_t n, void *a)
{
    return ea_arena_alloc(a, n);
}

/* The arena frees all at once. */
static void give_back(void *p, void *a)
{
    (void)p;
    (void)a;
}

static enum ea_err compile(struct ea_arena *a, const char *pattern, uint32_t options, struct engine *out,
                           const char **why)
{
    int error;
    PCRE2_SIZE at;
    PCRE2_UCHAR words[200];

    out->memory = pcre2_general_context_create(take, give_back, a);
    pcre2_compile_context *limits = out->memory ? pcre2_compile_context_create(out->memory) : NULL;
    if (!limits)
        return EA_ENOMEM;
    pcre2_set_max_pattern_length(limits, EA_PATTERN_MAX);
    pcre2_set_parens_nest_limit(limits, PARENS_MAX);
    out->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                              options | PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED, &error, &at, limits);
    if (out->code)
        return EA_OK;
    if (error == PCRE2_ERROR_HEAP_FAILED)
        return EA_ENOMEM;
    if (why) {
        (void)pcre2_get_error_message(error, words, sizeof(words));
        *why = ea_arena_printf(a, "%s, at byte %zu", (const char *)words, (size_t)at + 1);
    }
    return EA_EINPUT;
}

static enum ea_err run(const struct engine *e, const char *text, enum ea_pattern_answer *out)
{
    pcre2_match_data *data = pcre2_match_data_create(1, e->memory);
    pcre2_match_context *limits = pcre2_match_context_create(e->memory);

    if (!data || !limits)
        return EA_ENOMEM;
    pcre2_set_match_limit(limits, STEPS_MAX);
    pcre2_set_depth_limit(limits, DEPTH_MAX);
    pcre2_set_heap_limit(limits, HEAP_MAX_KIB);
    int found = pcre2_match(e->code, (PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0, 0, data, limits);
    if (found == PCRE2_ERROR_NOMEMORY)
        return EA_ENOMEM;
    *out = found >= 0 ? EA_PATTERN_YES : found == PCRE2_ERROR_NOMATCH ? EA_PATTERN_NO : EA_PATTERN_GAVE_UP;
    return EA_OK;
}

enum ea_err ea_pattern_check(struct ea_arena *a, const char *pattern, const char **why)
{
    struct engine e;

    return compile(a, pattern, PATTERN, &e, why);
}

enum ea_err ea_pattern_match(struct ea_arena *a, const char *pattern, bool case_sensitive, const char *text,
                             enum ea_pattern_answer *out)
{
    struct engine e;
    enum ea_err err = compile(a, pattern, PATTERN | (case_sensitive ? 0 : PCRE2_CASELESS), &e, NULL);

    return err ? err : run(&e, text, out);
}

enum ea_err ea_pattern_same(struct ea_arena *a, const char *one, const char *other, bool *same)
{
    struct engine e;
    enum ea_pattern_answer answer;

    *same = strcmp(one, other) == 0;
    if (*same || strlen(one) > EA_PATTERN_MAX)
        return EA_OK;
    enum ea_err err = compile(a, one, PCRE2_LITERAL | PCRE2_CASELESS, &e, NULL);
    if (!err)
        err = run(&e, other, &answer);
    *same = !err && answer == EA_PATTERN_YES;
    return err;
}
