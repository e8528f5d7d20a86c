#include "lib/problem.h"

#include "lib/json.h"

#include <stdio.h>

static void optional(struct ea_jw *w, const char *key, const char *s)
{
    if (s)
        ea_jw_kstr(w, key, s);
}

static void write_faults(struct ea_jw *w, const struct ea_faults *faults)
{
    ea_jw_key(w, "errors");
    ea_jw_arr(w);
    for (size_t i = 0; i < faults->n; i++) {
        ea_jw_obj(w);
        ea_jw_kstr(w, "pointer", faults->v[i].pointer);
        ea_jw_kstr(w, "code", faults->v[i].code);
        ea_jw_kstr(w, "detail", faults->v[i].detail);
        ea_jw_end(w);
    }
    ea_jw_end(w);
    if (faults->more)
        ea_jw_kint(w, "errors_not_shown", (int64_t)faults->more);
}

void ea_problem_write(const struct ea_problem *p, struct ea_buf *out)
{
    char type[80];
    struct ea_jw w;
    (void)snprintf(type, sizeof type, "/problems/%s", ea_err_slug(p->err));
    ea_jw_init(&w, out);
    ea_jw_obj(&w);
    ea_jw_kstr(&w, "type", type);
    ea_jw_kstr(&w, "title", ea_err_title(p->err));
    ea_jw_kint(&w, "status", ea_err_status(p->err));
    optional(&w, "detail", p->detail);
    optional(&w, "instance", p->instance);
    optional(&w, "request_id", p->request_id);
    if (p->faults && (p->faults->n || p->faults->more))
        write_faults(&w, p->faults);
    for (const struct ea_problem_member *m = p->members; m; m = m->next)
        ea_jw_kraw(&w, m->name, m->json);
    ea_jw_end(&w);
}
