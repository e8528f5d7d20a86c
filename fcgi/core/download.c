#include "fcgi/core/download.h"

#include <ctype.h>
#include <string.h>

/* RFC 6266: an ASCII filename for old clients, filename* (RFC 8187) for the rest. */
static void write_disposition(struct ea_buf *out, const char *name)
{
    ea_buf_str(out, "attachment; filename=\"");
    for (const char *p = name; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if ((c & 0xC0) != 0x80) /* one sign for each character that is not ASCII */
            ea_buf_char(out, c >= ' ' && c < 0x7F && !strchr("\"\\%/", c) ? (char)c : '_');
    }
    ea_buf_str(out, "\"; filename*=UTF-8''");
    for (const char *p = name; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c < 0x80 && (isalnum(c) || strchr("!#$&+-.^_`|~", c)))
            ea_buf_char(out, (char)c);
        else
            ea_buf_printf(out, "%%%02X", c);
    }
}

enum ea_err ea_download(struct ea_req *r, const char *name, const char *media_type, const char *blob)
{
    struct ea_buf disposition = { 0 };
    const char *redirect = ea_arena_printf(r->arena, "/_blob/%s", blob);
    enum ea_err err = EA_ENOMEM;

    write_disposition(&disposition, name);
    if (disposition.failed || !redirect)
        goto out;
    /* not r->resp.content_type: that is for a body, and here nginx has it */
    if ((err = ea_resp_header(r, "Content-Type", media_type)) ||
        (err = ea_resp_header(r, "Content-Disposition", disposition.p)) ||
        (err = ea_resp_header(r, "X-Content-Type-Options", "nosniff")) ||
        (err = ea_resp_header(r, "Cache-Control", "private, no-cache")))
        goto out;
    err = ea_resp_header(r, "X-Accel-Redirect", redirect);
out:
    ea_buf_free(&disposition);
    return err;
}
