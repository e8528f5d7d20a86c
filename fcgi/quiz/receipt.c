/* GET /v1/attempts/{id}/receipt: the receipt with the texts that it holds the hashes of, so that everything in it can be worked out again.
 * Nothing is stored for it: answers are frozen by the submit, and the same payload under the same key is the same signature. */
#include "lib/receipt.h"
#include "fcgi/core/server.h"
#include "fcgi/quiz/quiz.h"
#include "lib/pg.h"

#include <string.h>

/* rows: of attempt_receipt. An attempt without answers has one row without a name. */
static enum ea_err read_parts(struct ea_req *r, const PGresult *rows, struct quiz_receipt *out)
{
    size_t n = (size_t)PQntuples(rows), used = 0;
    struct ea_receipt_part *parts = ea_arena_array(r->arena, n, sizeof *parts);
    const char **texts = ea_arena_array(r->arena, n, sizeof *texts);
    char(*hashes)[EA_SHA256_HEX] = ea_arena_array(r->arena, n, sizeof *hashes);

    if (!parts || !texts || !hashes)
        return EA_ENOMEM;
    for (int i = 0; i < PQntuples(rows); i++) {
        const char *name = ea_pg_str(rows, i, 3), *text = ea_pg_str(rows, i, 4);
        if (!name || !text)
            continue;
        size_t size = strlen(text);
        ea_sha256_hex(text, size, hashes[used]);
        texts[used] = text;
        parts[used] = (struct ea_receipt_part){ .name = name, .sha256 = hashes[used], .size = (int64_t)size };
        used++;
    }
    out->parts = parts;
    out->texts = texts;
    out->parts_n = used;
    return EA_OK;
}

enum ea_err quiz_receipt_sign(struct ea_req *r, const char *attempt, const char *quiz, const char *user,
                              struct quiz_receipt *out)
{
    const struct ea_receipt what = { .kind = "attempt",
                                     .id = attempt,
                                     .of_kind = "quiz",
                                     .of_id = quiz,
                                     .user_id = user,
                                     .submitted_at = out->submitted_at,
                                     .parts = out->parts,
                                     .parts_n = out->parts_n };
    struct ea_buf json = { 0 };
    enum ea_err err = ea_receipt_json(ea_server_receipt_key(r->server), &what, &json);

    if (!err && !(out->json = ea_arena_ndup(r->arena, json.p, json.len)))
        err = EA_ENOMEM;
    ea_buf_free(&json);
    return err;
}

enum ea_err quiz_receipt_make(struct ea_req *r, const char *attempt, struct quiz_receipt *out)
{
    PGresult *rows;
    enum ea_err err = EA_PG(r->pg, r->arena, &rows, STMT_ATTEMPT_RECEIPT, attempt);

    *out = (struct quiz_receipt){ 0 };
    if (err)
        return err;
    if (PQntuples(rows) == 0)
        return ea_fail(r, EA_ECONFLICT,
                       "The attempt is still in progress: a receipt is given for what is handed in.");
    out->submitted_at = ea_pg_str(rows, 0, 2);
    err = read_parts(r, rows, out);
    return err ? err : quiz_receipt_sign(r, attempt, ea_pg_str(rows, 0, 0), ea_pg_str(rows, 0, 1), out);
}

static void write_reply(struct ea_jw *w, const struct quiz_receipt *receipt)
{
    ea_jw_obj(w);
    ea_jw_kraw(w, "receipt", receipt->json);
    ea_jw_key(w, "parts");
    ea_jw_arr(w);
    for (size_t i = 0; i < receipt->parts_n; i++) {
        ea_jw_obj(w);
        ea_jw_kstr(w, "name", receipt->parts[i].name);
        ea_jw_kint(w, "size", receipt->parts[i].size);
        ea_jw_kstr(w, "sha256", receipt->parts[i].sha256);
        ea_jw_kstr(w, "text", receipt->texts[i]);
        ea_jw_end(w);
    }
    ea_jw_end(w);
    ea_jw_end(w);
}

static enum ea_err get(struct ea_req *r)
{
    struct quiz_receipt receipt;
    enum ea_err err = ea_authz(r->pg, r->arena, &r->caller, EA_OBJ_ATTEMPT, r->vars[0], EA_CAP_VIEW, NULL);

    if (err || (err = quiz_attempt_touch(r, r->vars[0])) ||
        (err = quiz_receipt_make(r, r->vars[0], &receipt)))
        return err;
    write_reply(&r->resp.json, &receipt);
    return EA_OK;
}

const struct ea_route quiz_receipt_routes[] = {
    { .method = EA_GET, .pattern = "/v1/attempts/{id}/receipt", .handler = get, .who = EA_SIGNED_IN },
    EA_ROUTES_END,
};
