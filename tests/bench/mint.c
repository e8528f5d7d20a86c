/* Access tokens for people who did not sign in, made with the instance's own key: three thousand logins would take minutes of argon2 each time.
 *
 *   mint KEYFILE SECONDS <users >tokens     a user's id a line in, a token a line out; each has a session of its own that no table knows */
#include "lib/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int mint(const struct ea_key *key, const char *user, int64_t seconds)
{
    struct ea_claims c = { .role = EA_ROLE_MEMBER, .issued_s = time(NULL) };
    struct ea_buf token = { 0 };

    memcpy(c.user.s, user, sizeof c.user.s - 1);
    ea_id_new(&c.session);
    ea_id_new(&c.jti);
    c.expires_s = c.issued_s + seconds;
    int failed = ea_token_sign(key, &c, &token) || token.failed || puts(token.p) < 0;
    ea_buf_free(&token);
    return failed;
}

int main(int argc, char **argv)
{
    struct ea_key *key;
    char user[64];
    int failed = 0;

    if (argc != 3) {
        fprintf(stderr, "usage: mint KEYFILE SECONDS <users >tokens\n");
        return 2;
    }
    if (ea_key_load(argv[1], true, &key))
        return 1;
    while (!failed && scanf("%63s", user) == 1)
        failed = !ea_id_valid(user) || mint(key, user, strtoll(argv[2], NULL, 10));
    ea_key_free(key);
    return failed || fflush(stdout) != 0;
}
