/* ea-token: makes the key files of lib/token.h and shows their public part.
 *   ea-token keygen <file>   writes <file> (0600) and <file>.pub
 *   ea-token show <file>     prints the public key as a JWK
 *   ea-token rotate <file> <directory>   a new key, and <kid>.pub of the old one in the directory (lib/keyring.h) */
#include "lib/keyring.h"
#include "lib/token.h"

#include <stdio.h>
#include <string.h>

static int show(const char *path, const char *dir)
{
    struct ea_key *k = NULL;
    struct ea_buf jwk = { 0 };
    int rc = 1;

    (void)dir;
    if (ea_key_load(path, false, &k))
        goto out;
    ea_key_jwk(k, &jwk);
    if (!jwk.failed && printf("%s\n", jwk.p) > 0 && fflush(stdout) == 0)
        rc = 0;
out:
    ea_buf_free(&jwk);
    ea_key_free(k);
    return rc;
}

static int keygen(const char *path, const char *dir)
{
    enum ea_err err = ea_key_create(path);
    if (err == EA_ECONFLICT)
        fprintf(stderr, "ea-token: %s or %s.pub exists already; it is left as it is\n", path, path);
    else if (err)
        fprintf(stderr, "ea-token: %s cannot be written\n", path);
    return err ? 1 : show(path, dir);
}

static int rotate(const char *path, const char *dir)
{
    return ea_keyring_rotate(path, dir) ? 1 : show(path, NULL);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int argc;
        int (*run)(const char *path, const char *dir);
    } commands[] = { { "keygen", 3, keygen }, { "show", 3, show }, { "rotate", 4, rotate } };
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (argc == commands[i].argc && strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argv[2], argv[3]);
    fprintf(stderr, "usage: ea-token keygen <file> | show <file> | rotate <file> <directory>\n");
    return 2;
}
