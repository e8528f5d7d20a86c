#include "lib/pg.h"

#include <stdlib.h>
#include <string.h>

const char *ea_pg_str(const PGresult *res, int row, int col)
{
    return PQgetisnull(res, row, col) ? NULL : PQgetvalue(res, row, col);
}

int64_t ea_pg_i64(const PGresult *res, int row, int col)
{
    return PQgetisnull(res, row, col) ? 0 : strtoll(PQgetvalue(res, row, col), NULL, 10);
}

bool ea_pg_bool(const PGresult *res, int row, int col)
{
    return !PQgetisnull(res, row, col) && PQgetvalue(res, row, col)[0] == 't';
}

static char *put(char *at, const char *s)
{
    if (!s)
        return stpcpy(at, "NULL");
    *at++ = '"';
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            *at++ = '\\';
        *at++ = *s;
    }
    *at++ = '"';
    return at;
}

char *ea_pg_array(struct ea_arena *a, const char *const *v, size_t n)
{
    size_t size = 3; /* the braces and NUL */
    for (size_t i = 0; i < n; i++)
        size += v[i] ? 2 * strlen(v[i]) + 3 : 5;
    char *text = ea_arena_alloc(a, size);
    if (!text)
        return NULL;
    char *at = text;
    *at++ = '{';
    for (size_t i = 0; i < n; i++) {
        if (i)
            *at++ = ',';
        at = put(at, v[i]);
    }
    *at++ = '}';
    *at = '\0';
    return text;
}
