/* Tables as text/csv (RFC 4180) that people open in spreadsheets. Writing only; a buffer that fails stays failed, as always. */
#ifndef EA_CSV_H
#define EA_CSV_H

#include "lib/buf.h"

/* One cell, quoted where that is needed; NULL is an empty one. What a spreadsheet would take for a formula (it begins with = + - @, a tab or CR) gets an
 * apostrophe in front. */
void ea_csv_cell(struct ea_buf *out, const char *s);

/* A whole line of n cells. */
void ea_csv_line(struct ea_buf *out, const char *const *cells, size_t n);

#endif
