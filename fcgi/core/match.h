/* The router: which route a method and a path belong to. Tables are compiled once at start; const and thread-safe from then on, but for the counters. */
#ifndef EA_MATCH_H
#define EA_MATCH_H

#include "fcgi/core/route.h"
#include "lib/arena.h"
#include "lib/buf.h"

#include <stdint.h>

struct ea_router;
struct ea_route_stats; /* the metrics of one route */

struct ea_match {
    const struct ea_route *route;
    struct ea_route_stats *stats;
    const char *path; /* decoded */
    const char *vars[EA_REQ_VARS_MAX];
    const char *allow; /* of the path, when a route matches but not the method; also for OPTIONS */
};

/* tables: NULL-terminated list of tables, each ended by EA_ROUTES_END; borrowed for ever. EA_EINPUT (logged): a pattern is not one. */
enum ea_err ea_router_new(const struct ea_route *const *tables, struct ea_router **out) EA_MUST;
void ea_router_free(struct ea_router *rt);

/* raw_path: undecoded, without query. HEAD finds the GET route. EA_ENOTFOUND, EA_EMETHOD (allow is set, also for OPTIONS), EA_EBADREQUEST: bad %-escape. */
enum ea_err ea_router_find(struct ea_router *rt, struct ea_arena *a, enum ea_method m, const char *raw_path,
                           struct ea_match *out) EA_MUST;

/* Counts one request; stats NULL: of no route. */
void ea_router_count(struct ea_router *rt, struct ea_route_stats *stats, int status, int64_t ns);

/* The tables as JSON lines: method, path, who, body, query, flags. */
void ea_router_print(const struct ea_route *const *tables, struct ea_buf *out);

enum ea_method ea_method_of(const char *name); /* EA_METHOD__MAX: none of ours */
const char *ea_method_name(enum ea_method m);

#endif
