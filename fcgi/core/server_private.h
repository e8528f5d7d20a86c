/* What the files of core share of a server. Set up by server.c before the pool and the follower start; constant afterwards but for what says otherwise. */
#ifndef EA_SERVER_PRIVATE_H
#define EA_SERVER_PRIVATE_H

#include "fcgi/core/server.h"

#include <pthread.h>
#include <stdatomic.h>

struct ea_auth;
struct ea_idle;
struct ea_pool;
struct ea_reactor;
struct ea_router;

struct ea_server {
    const struct ea_service *service;
    const struct ea_cfg *cfg;
    struct ea_key *token_key, *receipt_key;
    struct ea_router *router;
    struct ea_auth *auth;
    struct ea_idle *idle;
    struct ea_reactor *reactor;
    struct ea_pool *pool;
    struct ea_follow *follow;
    struct ea_hub *hub;
    void *data;
    struct ea_metric *requests_open;
    atomic_bool serving, draining; /* each set once, in this order */
    pthread_mutex_t probe_lock;    /* of probe */
    struct ea_redis *probe;        /* for readiness only */
    pthread_t drainer;             /* ends the hub's streams */
    bool drainer_runs;
    atomic_bool streams_ended;
};

#endif
