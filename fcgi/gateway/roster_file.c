#include "fcgi/gateway/roster_file.h"

#include "lib/json.h"
#include "lib/password.h"
#include "lib/scalar.h"

#include <csv.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_MAX 64 /* columns of a row */
#define SPAN_MAX   20 /* lines of a row: a quote that nobody closed must not swallow the file */

enum column { COL_ROLE, COL_GIVEN, COL_FAMILY, COL_EMAIL, COL_COURSE, COL_PASSWORD, COL__MAX };

static const char *const role_words[] = { "student", "assistant", "teacher", "staff", "member", NULL };
enum { ROLE_STUDENT, ROLE_ASSISTANT, ROLE_TEACHER, ROLE_STAFF, ROLE_MEMBER };

static const struct {
    const char *name, *plain; /* as reported; as compared: letters only */
    bool required;
    struct ea_rule rule;
} columns[COL__MAX] = {
    [COL_ROLE] = { "role", "role", true, { .type = EA_T_ENUM, .values = role_words } },
    [COL_GIVEN] = { "given name",
                    "givenname",
                    true,
                    { .type = EA_T_STR, .flags = EA_ONE_LINE, .min = 1, .max = 99 } },
    [COL_FAMILY] = { "family name",
                     "familyname",
                     true,
                     { .type = EA_T_STR, .flags = EA_ONE_LINE, .min = 1, .max = 99 } },
    [COL_EMAIL] = { "email", "email", true, { .type = EA_T_EMAIL, .max = 254 } },
    [COL_COURSE] = { "course code",
                     "coursecode",
                     false,
                     { .type = EA_T_STR, .flags = EA_ONE_LINE, .min = 1, .max = 50 } },
    [COL_PASSWORD] = { "password",
                       "password",
                       false,
                       { .type = EA_T_STR, .min = EA_PASSWORD_MIN, .max = EA_PASSWORD_MAX } },
};

struct reader {
    struct gateway_roster *out;
    struct ea_arena *a;
    struct csv_parser csv;
    struct ea_text fields[FIELDS_MAX];
    size_t fields_n, header_n;
    int place[COL__MAX]; /* of a column among the fields; -1: not there */
    bool have_header, ended;
    size_t line, start; /* the line being read, and where its row began */
    enum ea_err err;
};

/* --- one row ------------------------------------------------------------------------------------------------------------- */

static struct ea_text trimmed(struct ea_text t)
{
    while (t.n > 0 && (t.p[0] == ' ' || t.p[0] == '\t'))
        t.p++, t.n--;
    while (t.n > 0 && (t.p[t.n - 1] == ' ' || t.p[t.n - 1] == '\t'))
        t.n--;
    return t;
}

static struct ea_text field_of(const struct reader *r, enum column c)
{
    int place = r->place[c];
    if (place < 0 || (size_t)place >= r->fields_n)
        return (struct ea_text){ "", 0 };
    return c == COL_PASSWORD ? r->fields[place] : trimmed(r->fields[place]);
}

static void fault(struct reader *r, enum column c, const char *code, const char *detail)
{
    gateway_roster_error(r->out, r->start, columns[c].name, code, detail);
}

/* One value by the rule of its column. False: it was reported. */
static bool read_field(struct reader *r, enum column c, void *dest)
{
    struct ea_text t = field_of(r, c);
    struct ea_faults faults = { 0 };
    struct ea_reading reading = { .a = r->a, .faults = &faults };
    if (t.n == 0) {
        if (columns[c].required)
            fault(r, c, "required", "this column must not be empty");
        return !columns[c].required;
    }
    t.p = ea_reading_claim(&reading, ea_arena_ndup(r->a, t.p, t.n));
    if (t.p)
        ea_scalar_read(&reading, &columns[c].rule, NULL, t, dest);
    if (reading.err || (faults.more && !faults.n)) {
        r->err = EA_ENOMEM;
        return false;
    }
    if (faults.n > 0)
        fault(r, c, faults.v[0].code, faults.v[0].detail);
    return faults.n == 0;
}

struct values {
    struct ea_int role;
    struct ea_str given, family, email, course, password;
};

static bool read_values(struct reader *r, struct values *v)
{
    void *const dest[COL__MAX] = {
        [COL_ROLE] = &v->role,   [COL_GIVEN] = &v->given,   [COL_FAMILY] = &v->family,
        [COL_EMAIL] = &v->email, [COL_COURSE] = &v->course, [COL_PASSWORD] = &v->password
    };
    bool ok = true;
    for (enum column c = 0; c < COL__MAX; c++)
        ok = read_field(r, c, dest[c]) && ok;
    if (ok && v->course.v && v->role.v >= ROLE_STAFF) {
        fault(r, COL_COURSE, "invalid", "only teachers, assistants and students belong to a course");
        ok = false;
    }
    return ok;
}

static void read_row(struct reader *r)
{
    struct values v = { 0 };
    struct gateway_roster *out = r->out;
    if (r->fields_n > r->header_n) {
        gateway_roster_error(out, r->start, "", "too-long", "the row has more fields than the header");
        return;
    }
    if (!read_values(r, &v))
        return;
    if (out->n == GATEWAY_ROSTER_ROWS) {
        gateway_roster_error(out, r->start, "", "too-long", "a file may have at most 10000 rows");
        return;
    }
    const char *name = ea_arena_printf(r->a, "%s %s", v.given.v, v.family.v);
    if (!name) {
        r->err = EA_ENOMEM;
        return;
    }
    out->rows[out->n++] = (struct gateway_roster_row){
        .line = r->start,
        .email = v.email.v,
        .name = name,
        .school_role = v.role.v == ROLE_TEACHER || v.role.v == ROLE_STAFF ? "staff" : "member",
        .course_role = v.course.v ? role_words[v.role.v] : NULL,
        .course = v.course.v,
        .password = v.password.v,
    };
}

/* --- the header ------------------------------------------------------------------------------------------------------------ */

static enum column column_named(struct ea_text t)
{
    char plain[32];
    size_t n = 0;
    for (size_t i = 0; i < t.n && n < sizeof plain - 1; i++)
        if (isalpha((unsigned char)t.p[i]))
            plain[n++] = (char)tolower((unsigned char)t.p[i]);
    plain[n] = '\0';
    enum column c = 0;
    while (c < COL__MAX && strcmp(columns[c].plain, plain) != 0)
        c++;
    return c;
}

static void unusable(struct reader *r, const char *why)
{
    r->out->unusable = why;
    r->err = why ? EA_EINPUT : EA_ENOMEM;
}

static void read_header(struct reader *r)
{
    r->have_header = true;
    r->header_n = r->fields_n;
    for (enum column c = 0; c < COL__MAX; c++)
        r->place[c] = -1;
    for (size_t i = 0; i < r->fields_n; i++) {
        enum column c = column_named(r->fields[i]);
        if (c == COL__MAX)
            continue; /* exports have columns that are nothing to us */
        if (r->place[c] >= 0) {
            unusable(r, ea_arena_printf(r->a, "The header names the column \"%s\" twice.", columns[c].name));
            return;
        }
        r->place[c] = (int)i;
    }
    for (enum column c = 0; c < COL__MAX; c++)
        if (columns[c].required && r->place[c] < 0) {
            unusable(r, ea_arena_printf(r->a, "The header row has no column \"%s\".", columns[c].name));
            return;
        }
}

/* --- libcsv ------------------------------------------------------------------------------------------------------------------ */

static void on_field(void *p, size_t n, void *arg)
{
    struct reader *r = arg;
    if (r->fields_n < FIELDS_MAX)
        r->fields[r->fields_n] = (struct ea_text){ ea_arena_ndup(r->a, p ? p : "", n), n };
    if (r->fields_n < FIELDS_MAX && !r->fields[r->fields_n].p)
        r->err = EA_ENOMEM;
    if (r->fields_n < FIELDS_MAX)
        r->fields_n++;
    else
        gateway_roster_error(r->out, r->start, "", "too-long", "the row has more than 64 fields");
}

static void on_row(int end, void *arg)
{
    struct reader *r = arg;
    (void)end;
    r->ended = true;
    if (!r->err && r->have_header)
        read_row(r);
    else if (!r->err)
        read_header(r);
    r->fields_n = 0;
}

static bool csv_start(struct reader *r)
{
    if (csv_init(&r->csv, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL) != 0)
        return false;
    r->fields_n = 0;
    return true;
}

/* One past the end of the line at p: LF, CRLF or CR. */
static const char *line_end(const char *p, const char *end)
{
    while (p < end && *p != '\n' && *p != '\r')
        p++;
    if (p < end && *p == '\r' && p + 1 < end && p[1] == '\n')
        p++;
    return p < end ? p + 1 : p;
}

static bool is_blank(const char *p, const char *end)
{
    while (p < end && isspace((unsigned char)*p))
        p++;
    return p == end;
}

/* Reads one row, which begins at p. Returns where the next begins: after a fault, the next line. */
static const char *next_row(struct reader *r, const char *p, const char *end)
{
    const char *second = line_end(p, end);
    r->ended = false;
    r->start = ++r->line;
    for (size_t lines = 1; lines <= SPAN_MAX; lines++) {
        const char *stop = line_end(p, end);
        bool ok = csv_parse(&r->csv, p, (size_t)(stop - p), on_field, on_row, r) == (size_t)(stop - p);
        if (ok && stop == end)
            ok = csv_fini(&r->csv, on_field, on_row, r) == 0;
        if (!ok || (stop == end && !r->ended))
            break;
        if (r->ended) {
            r->line = r->start + lines - 1;
            return stop;
        }
        p = stop;
    }
    gateway_roster_error(r->out, r->start, "", "format", "the quotes of this row do not match");
    csv_free(&r->csv);
    if (!csv_start(r))
        r->err = EA_ENOMEM;
    return second;
}

static void read_all(struct reader *r, const char *p, const char *end)
{
    if (end - p >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0)
        p += 3;
    while (p < end && !r->err) {
        const char *stop = line_end(p, end);
        if (is_blank(p, stop)) {
            r->line++;
            p = stop;
        } else {
            p = next_row(r, p, end);
        }
    }
    if (!r->err && !r->have_header)
        unusable(r, "The file has no header row.");
}

/* --- what only the whole file shows ---------------------------------------------------------------------------------------------- */

static int compare(const char *x, const char *y)
{
    return strcmp(x ? x : "", y ? y : "");
}

struct ref { /* rows are looked at in other orders than their own */
    struct gateway_roster_row *row;
};

static int by_person(const void *a, const void *b)
{
    const struct gateway_roster_row *x = ((const struct ref *)a)->row, *y = ((const struct ref *)b)->row;
    int order = strcmp(x->email, y->email);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

static int by_person_and_course(const void *a, const void *b)
{
    const struct gateway_roster_row *x = ((const struct ref *)a)->row, *y = ((const struct ref *)b)->row;
    int order = strcmp(x->email, y->email);
    if (!order)
        order = compare(x->course, y->course);
    return order ? order : by_person(a, b);
}

static struct ref *sorted(const struct gateway_roster *r, struct ea_arena *a,
                          int (*order)(const void *, const void *))
{
    struct ref *v = ea_arena_array(a, r->n + 1, sizeof *v);
    for (size_t i = 0; v && i < r->n; i++)
        v[i].row = &r->rows[i];
    if (v)
        qsort(v, r->n, sizeof *v, order);
    return v;
}

static bool is_marked(struct gateway_roster *r, const struct gateway_roster_row *row, void *arg)
{
    const bool *marks = arg;
    return marks[row - r->rows];
}

/* The same person twice in the same course: the first row counts. */
static enum ea_err refuse_repeats(struct gateway_roster *out, struct ea_arena *a)
{
    struct ref *v = sorted(out, a, by_person_and_course);
    bool *marks = ea_arena_array(a, out->n + 1, sizeof *marks);
    if (!v || !marks)
        return EA_ENOMEM;
    for (size_t i = 1; i < out->n; i++)
        if (strcmp(v[i - 1].row->email, v[i].row->email) == 0 &&
            compare(v[i - 1].row->course, v[i].row->course) == 0) {
            marks[v[i].row - out->rows] = true;
            gateway_roster_error(out, v[i].row->line, columns[COL_EMAIL].name, "duplicate",
                                 "an earlier row says this about the same person");
        }
    gateway_roster_filter(out, is_marked, marks);
    return EA_OK;
}

enum ea_err gateway_roster_mark_accounts(struct gateway_roster *r, struct ea_arena *a)
{
    struct ref *v = sorted(r, a, by_person);
    if (!v)
        return EA_ENOMEM;
    for (size_t i = 0; i < r->n; i++)
        v[i].row->account = i == 0 || strcmp(v[i - 1].row->email, v[i].row->email) != 0;
    return EA_OK;
}

static int by_line(const void *a, const void *b)
{
    const struct gateway_roster_error *x = a, *y = b;
    return (x->line > y->line) - (x->line < y->line);
}

void gateway_roster_sort_errors(struct gateway_roster *r)
{
    qsort(r->errors, r->errors_n, sizeof *r->errors, by_line);
}

void gateway_roster_error(struct gateway_roster *r, size_t line, const char *column, const char *code,
                          const char *detail)
{
    if (r->errors_n == GATEWAY_ROSTER_ERRORS)
        r->more_errors++;
    else
        r->errors[r->errors_n++] = (struct gateway_roster_error){ line, column, code, detail };
}

void gateway_roster_filter(struct gateway_roster *r,
                           bool (*drop)(struct gateway_roster *r, const struct gateway_roster_row *row,
                                        void *arg),
                           void *arg)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->n; i++)
        if (!drop(r, &r->rows[i], arg))
            r->rows[kept++] = r->rows[i];
    r->n = kept;
}

enum ea_err gateway_roster_parse(const char *csv, size_t n, struct ea_arena *a, struct gateway_roster *out)
{
    struct reader *r = ea_arena_alloc(a, sizeof *r);
    size_t lines = 1;
    for (size_t i = 0; i < n && lines < GATEWAY_ROSTER_ROWS; i++)
        lines += csv[i] == '\n' || csv[i] == '\r';
    *out = (struct gateway_roster){ .rows = ea_arena_array(a, lines, sizeof *out->rows),
                                    .errors = ea_arena_array(a, GATEWAY_ROSTER_ERRORS, sizeof *out->errors) };
    if (!r || !out->rows || !out->errors)
        return EA_ENOMEM;
    r->out = out;
    r->a = a;
    if (!csv_start(r))
        return EA_ENOMEM;
    read_all(r, csv, csv + n);
    csv_free(&r->csv);
    enum ea_err err = r->err ? r->err : refuse_repeats(out, a);
    gateway_roster_sort_errors(out);
    return err;
}
