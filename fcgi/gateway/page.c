#include "fcgi/gateway/page.h"

#include <inttypes.h>

enum ea_err gateway_page_read(struct ea_req *r, const struct gateway_page *page, struct gateway_window *out)
{
    out->rows = page->limit.given ? page->limit.v : EA_PAGE_DEFAULT;
    out->fetch = ea_arena_printf(r->arena, "%" PRId64, out->rows + 1);
    if (!out->fetch)
        return EA_ENOMEM;
    return ea_page_cursor(r, page->cursor.v ? page->cursor.v : "", &out->after);
}
