/* /.well-known/jwks.json: the public keys of tokens and of receipts, for anyone who wants to check either; also of receipts that an earlier key has signed. */
#include "fcgi/gateway/gateway.h"
#include "lib/keyring.h"
#include "lib/token.h"

enum ea_err gateway_keys_new(const struct ea_server *s, struct ea_buf *out)
{
    const struct ea_key *receipt = ea_server_receipt_key(s);
    const char *retired = ea_server_cfg(s)->receipt_retired;
    enum ea_err err = EA_OK;

    ea_buf_str(out, "{\"keys\":[");
    ea_key_jwk(ea_server_token_key(s), out);
    if (receipt) {
        ea_buf_char(out, ',');
        ea_key_jwk(receipt, out);
    }
    if (retired[0])
        err = ea_keyring_jwks(retired, receipt, out);
    ea_buf_str(out, "]}");
    return !err && out->failed ? EA_ENOMEM : err;
}

enum ea_err gateway_keys_read(struct ea_req *r)
{
    const struct ea_buf *keys = &gateway_of(r)->keys;

    ea_buf_add(&r->resp.body, keys->p, keys->len);
    return ea_resp_header(r, "Cache-Control", "public, max-age=300");
}
