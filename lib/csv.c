#include "lib/csv.h"

#include <string.h>

void ea_csv_cell(struct ea_buf *out, const char *s)
{
    if (!s || !*s)
        return;
    bool formula = strchr("=+-@\t\r", *s) != NULL;
    if (!formula && !strpbrk(s, ",\"\r\n")) {
        ea_buf_str(out, s);
        return;
    }
    ea_buf_str(out, formula ? "\"'" : "\"");
    for (; *s; s++) {
        if (*s == '"')
            ea_buf_char(out, '"');
        ea_buf_char(out, *s);
    }
    ea_buf_char(out, '"');
}

void ea_csv_line(struct ea_buf *out, const char *const *cells, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            ea_buf_char(out, ',');
        ea_csv_cell(out, cells[i]);
    }
    ea_buf_str(out, "\r\n");
}
