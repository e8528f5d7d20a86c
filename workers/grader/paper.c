#include "workers/grader/paper.h"

#include "lib/id.h"
#include "lib/pg.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

#define TEXT(n)   TEXT_(n)
#define TEXT_(n)  #n
#define AT_ONCE_S TEXT(GRADER_PAPERS_AT_ONCE)

/* Inside the transaction. Who is faster, a student who begins or another grader, has made it. */
static enum ea_err make(struct ea_pg *pg, struct ea_arena *arena, const char *quiz, const char *user)
{
    int64_t chance = (int64_t)randombytes_random() << 31 ^ (int64_t)randombytes_random();
    char seed[24];
    struct ea_id id;
    PGresult *res;
    enum ea_err err;

    ea_id_new(&id);
    (void)snprintf(seed, sizeof seed, "%" PRId64, chance);
    if ((err = EA_PG(pg, arena, &res, STMT_PAPER_FORGET, quiz, user)) ||
        (err = EA_PG(pg, arena, &res, STMT_PAPER_MAKE, id.s, quiz, user, seed)) || PQntuples(res) == 0)
        return err;
    return EA_PG(pg, arena, &res, STMT_ATTEMPT_DRAW, quiz, user, id.s);
}

static enum ea_err make_one(struct ea_pg *pg, struct ea_arena *arena, const char *quiz, const char *user)
{
    enum ea_err err = ea_pg_begin(pg);

    if (!err)
        err = make(pg, arena, quiz, user);
    if (!err)
        err = ea_pg_commit(pg);
    if (ea_pg_in_tx(pg))
        ea_pg_rollback(pg);
    return err;
}

enum ea_err grader_papers_make(struct ea_pg *pg, struct ea_arena *arena, int64_t ahead_s, int *n)
{
    char ahead[24];
    PGresult *due;
    enum ea_err err;

    (void)snprintf(ahead, sizeof ahead, "%" PRId64, ahead_s);
    *n = 0;
    err = EA_PG(pg, arena, &due, STMT_PAPERS_DUE, ahead, AT_ONCE_S);
    if (!err)
        *n = PQntuples(due);
    for (int i = 0; !err && i < *n; i++)
        err = make_one(pg, arena, ea_pg_str(due, i, 0), ea_pg_str(due, i, 1));
    ea_arena_reset(arena);
    return err;
}
