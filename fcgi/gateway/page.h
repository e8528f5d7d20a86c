/* What every list of the gateway takes: ?limit= and ?cursor=. */
#ifndef EA_GATEWAY_PAGE_H
#define EA_GATEWAY_PAGE_H

#include "fcgi/core/req.h"

struct gateway_page { /* the member `page` of a list's query */
    struct ea_int limit;
    struct ea_str cursor;
};

/* The two fields of a query struct. */
#define GATEWAY_PAGE_LIMIT(query)                                                                            \
    {                                                                                                        \
        .name = "limit", .type = EA_T_INT, .offset = offsetof(query, page.limit), .min = 1,                  \
        .max = EA_PAGE_MAX                                                                                   \
    }
#define GATEWAY_PAGE_CURSOR(query)                                                                           \
    {                                                                                                        \
        .name = "cursor", .type = EA_T_STR, .offset = offsetof(query, page.cursor), .max = 1024              \
    }

struct gateway_window {
    int64_t rows;      /* to show */
    const char *fetch; /* to ask for: one more, as text */
    const char *after; /* the decoded cursor; "" at the start */
};
enum ea_err gateway_page_read(struct ea_req *r, const struct gateway_page *page,
                              struct gateway_window *out) EA_MUST;

#endif
