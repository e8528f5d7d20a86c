#include "workers/grader/check.h"

#include "lib/json.h"
#include "workers/grader/late.h"
#include "workers/grader/text.h"

#include <string.h>

/* The document as the checks see it: all that was handed in, taken together. */
struct view {
    struct ea_arena *a;
    size_t words;
    const char **texts; /* folded, one per document */
    size_t texts_n;
    const char **headings; /* folded, without numbers */
    size_t headings_n;
    const char **hosts; /* of links to the web */
    size_t hosts_n;
};

/* What one check found. */
struct finding {
    int64_t earned;
    const char *detail;         /* words for a person */
    const char **found, **not ; /* of `required`; or in `not` the forbidden hosts */
    size_t found_n, not_n;
    const char *not_name; /* what `not` holds: "missing", "forbidden" */
};

typedef enum ea_err check_fn(const struct ea_check *check, const struct view *v, struct finding *out);

static enum ea_err fold_all(struct view *v, const struct grader_work *work)
{
    size_t headings = 0, links = 0;

    for (size_t i = 0; i < work->docs_n; i++) {
        headings += work->docs[i].headings_n;
        links += work->docs[i].links_n;
    }
    v->texts = ea_arena_array(v->a, work->docs_n + 1, sizeof(*v->texts));
    v->headings = ea_arena_array(v->a, headings + 1, sizeof(*v->headings));
    v->hosts = ea_arena_array(v->a, links + 1, sizeof(*v->hosts));
    return v->texts && v->headings && v->hosts ? EA_OK : EA_ENOMEM;
}

static enum ea_err add_document(struct view *v, const struct ea_md_facts *doc)
{
    const char *folded = grader_text_fold(v->a, doc->plain);

    if (!folded)
        return EA_ENOMEM;
    v->words += doc->words;
    v->texts[v->texts_n++] = folded;
    for (size_t i = 0; i < doc->headings_n; i++) {
        folded = grader_text_fold(v->a, doc->headings[i].text);
        if (!folded)
            return EA_ENOMEM;
        v->headings[v->headings_n++] = grader_text_unnumbered(folded);
    }
    for (size_t i = 0; i < doc->links_n; i++) {
        const char *host = grader_text_host(v->a, doc->links[i]);
        if (host)
            v->hosts[v->hosts_n++] = host;
    }
    return EA_OK;
}

static enum ea_err view_of(struct view *v, const struct grader_work *work)
{
    enum ea_err err = fold_all(v, work);

    for (size_t i = 0; i < work->docs_n && !err; i++)
        err = add_document(v, &work->docs[i]);
    return err;
}

static enum ea_err check_word_count(const struct ea_check *check, const struct view *v, struct finding *out)
{
    bool enough = !check->min.given || v->words >= (size_t)check->min.v;
    bool short_enough = !check->max.given || v->words <= (size_t)check->max.v;
    const char *wanted = !check->max.given   ? ea_arena_printf(v->a, "at least %lld", (long long)check->min.v)
                         : !check->min.given ? ea_arena_printf(v->a, "at most %lld", (long long)check->max.v)
                                             : ea_arena_printf(v->a, "%lld to %lld", (long long)check->min.v,
                                                               (long long)check->max.v);

    out->earned = enough && short_enough ? check->points.v : 0;
    out->detail = wanted ? ea_arena_printf(v->a, "%zu words; %s wanted", v->words, wanted) : NULL;
    return out->detail ? EA_OK : EA_ENOMEM;
}

static bool heading_there(const struct view *v, const char *wanted)
{
    for (size_t i = 0; i < v->headings_n; i++)
        if (strcmp(v->headings[i], wanted) == 0)
            return true;
    return false;
}

static bool term_there(const struct view *v, const char *wanted)
{
    for (size_t i = 0; i < v->texts_n; i++)
        if (grader_text_has(v->texts[i], wanted))
            return true;
    return false;
}

/* Points in proportion to how many of the required are there, rounded half up. */
static enum ea_err check_required(const struct ea_check *check, const struct view *v, struct finding *out,
                                  const char *what, bool (*there)(const struct view *v, const char *wanted))
{
    const struct ea_str *required = check->required.items;
    size_t n = check->required.n;
    bool heading = there == heading_there;

    out->found = ea_arena_array(v->a, n + 1, sizeof(*out->found));
    out->not = ea_arena_array(v->a, n + 1, sizeof(*out->not ));
    out->not_name = "missing";
    if (!out->found || !out->not )
        return EA_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const char *wanted = grader_text_fold(v->a, required[i].v);
        if (!wanted)
            return EA_ENOMEM;
        if (there(v, heading ? grader_text_unnumbered(wanted) : wanted))
            out->found[out->found_n++] = required[i].v;
        else
            out->not [out->not_n++] = required[i].v;
    }
    if (n > 0)
        out->earned = (check->points.v * (int64_t)out->found_n + (int64_t)n / 2) / (int64_t)n;
    out->detail = ea_arena_printf(v->a, "%zu of %zu required %s found", out->found_n, n, what);
    return out->detail ? EA_OK : EA_ENOMEM;
}

static enum ea_err check_headings(const struct ea_check *check, const struct view *v, struct finding *out)
{
    return check_required(check, v, out, "headings", heading_there);
}

static enum ea_err check_terms(const struct ea_check *check, const struct view *v, struct finding *out)
{
    return check_required(check, v, out, "terms", term_there);
}

static bool is_forbidden(const struct ea_list *domains, const char *host)
{
    const struct ea_str *domain = domains->items;

    for (size_t i = 0; i < domains->n; i++)
        if (grader_text_in_domain(host, domain[i].v))
            return true;
    return false;
}

static enum ea_err check_links(const struct ea_check *check, const struct view *v, struct finding *out)
{
    out->not = ea_arena_array(v->a, v->hosts_n + 1, sizeof(*out->not ));
    out->not_name = "forbidden";
    if (!out->not )
        return EA_ENOMEM;
    for (size_t i = 0; i < v->hosts_n; i++)
        if (is_forbidden(&check->forbidden_hosts, v->hosts[i]))
            out->not [out->not_n++] = v->hosts[i];
    bool enough = !check->min.given || v->hosts_n >= (size_t)check->min.v;
    out->earned = enough && out->not_n == 0 ? check->points.v : 0;
    out->detail = ea_arena_printf(v->a, "%zu links, at least %lld wanted; %zu to forbidden hosts", v->hosts_n,
                                  check->min.given ? (long long)check->min.v : 0LL, out->not_n);
    return out->detail ? EA_OK : EA_ENOMEM;
}

static check_fn *const checks[EA_CHECK__MAX] = {
    [EA_CHECK_WORD_COUNT] = check_word_count,
    [EA_CHECK_HEADINGS] = check_headings,
    [EA_CHECK_TERMS] = check_terms,
    [EA_CHECK_LINKS] = check_links,
};

static void write_strings(struct ea_jw *w, const char *key, const char *const *v, size_t n)
{
    ea_jw_key(w, key);
    ea_jw_arr(w);
    for (size_t i = 0; i < n; i++)
        ea_jw_str(w, v[i]);
    ea_jw_end(w);
}

static void write_score(struct ea_jw *w, const char *key, int64_t points, int64_t of)
{
    ea_jw_key(w, key);
    ea_jw_obj(w);
    ea_jw_kmilli(w, "points", points);
    ea_jw_kmilli(w, "of", of);
    ea_jw_end(w);
}

static void write_finding(struct ea_jw *w, const struct ea_check *check, const struct finding *f)
{
    ea_jw_obj(w);
    ea_jw_kstr(w, "kind", ea_check_kinds[check->kind.v]);
    if (check->label.v)
        ea_jw_kstr(w, "label", check->label.v);
    write_score(w, "score", f->earned, check->points.v);
    ea_jw_kstr(w, "detail", f->detail);
    if (f->found)
        write_strings(w, "found", f->found, f->found_n);
    if (f->not )
        write_strings(w, f->not_name, f->not, f->not_n);
    ea_jw_end(w);
}

static enum ea_err run_checks(const struct grader_work *work, const struct view *v, struct ea_jw *w,
                              int64_t *raw)
{
    const struct ea_check *check = work->rules->checks.items;
    enum ea_err err = EA_OK;

    ea_jw_key(w, "checks");
    ea_jw_arr(w);
    for (size_t i = 0; i < work->rules->checks.n && !err; i++) {
        struct finding f = { 0 };
        err = checks[check[i].kind.v](&check[i], v, &f);
        if (err)
            break;
        write_finding(w, &check[i], &f);
        *raw += f.earned;
    }
    ea_jw_end(w);
    return err;
}

/* raw -> late -> cap -> final, each step told. */
static int64_t write_steps(struct ea_jw *w, const struct grader_work *work, int64_t raw)
{
    struct grader_late late = grader_late_of(&work->rules->late, work->late_us);
    int64_t after = grader_late_apply(late, raw);
    int64_t final = after < work->points ? after : work->points;

    ea_jw_kmilli(w, "raw", raw);
    ea_jw_key(w, "late");
    ea_jw_obj(w);
    ea_jw_kint(w, "days", late.days);
    ea_jw_kmilli(w, "kept_percent", late.kept);
    ea_jw_kmilli(w, "points", after);
    ea_jw_end(w);
    write_score(w, "cap", final, work->points);
    ea_jw_kmilli(w, "final", final);
    return final;
}

/* Why a person must mark it; NULL when the checks decide. */
static const char *why_a_person(const struct grader_work *work)
{
    if (work->rules->checks.n == 0)
        return "This assignment has no automatic checks: it is to be marked by a person.";
    if (work->docs_n == 0)
        return "No part of it can be read as text: it is to be marked by a person.";
    if (work->unread_n > 0)
        return "Some files cannot be read as text: the checks saw only the rest, and it is to be marked by a person.";
    return NULL;
}

enum ea_err grader_check(const struct grader_work *work, struct ea_arena *a, struct grader_verdict *out)
{
    struct view v = { .a = a };
    struct ea_buf json = { 0 };
    struct ea_jw w;
    const char *why = why_a_person(work);
    int64_t raw = 0;
    enum ea_err err;

    *out = (struct grader_verdict){ .decided = !why };
    ea_jw_init(&w, &json);
    ea_jw_obj(&w);
    ea_jw_kstr(&w, "method", why ? "person" : "checks");
    ea_jw_kstr(&w, "rule", GRADER_CHECK_RULE);
    ea_jw_kint(&w, "rules_version", work->rules_version);
    if (why)
        ea_jw_kstr(&w, "reason", why);
    if (work->unread_n > 0)
        write_strings(&w, "unread", work->unread, work->unread_n);
    err = view_of(&v, work);
    if (!err && work->docs_n > 0)
        err = run_checks(work, &v, &w, &raw);
    if (err)
        goto out;
    if (!why)
        out->score = write_steps(&w, work, raw);
    ea_jw_end(&w);
    out->explanation = json.failed ? NULL : ea_arena_ndup(a, json.p, json.len);
    err = out->explanation ? EA_OK : EA_ENOMEM;
out:
    ea_buf_free(&json);
    return err;
}
