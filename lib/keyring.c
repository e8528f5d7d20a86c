#include "lib/keyring.h"

#include "lib/log.h"
#include "lib/token.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PUB ".pub"

static enum ea_err fail(const char *path, const char *why)
{
    ea_log(EA_LOG_ERROR, "the keyring cannot be used", EA_F_STR(FILE_PATH, path), EA_F_STR(ERROR, why));
    return EA_EINTERNAL;
}

EA_PRINTF(2, 3) static bool path_of(char out[PATH_MAX], const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(out, PATH_MAX, fmt, ap);
    va_end(ap);
    return n > 0 && n < PATH_MAX;
}

/* A name that was written is there after a crash of the machine only once its directory is on disk. */
static enum ea_err sync_directory(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 || fsync(fd) < 0 ? errno : 0;

    if (fd >= 0)
        close(fd);
    return rc ? fail(dir, strerror(rc)) : EA_OK;
}

static enum ea_err sync_parent(const char *path)
{
    char dir[PATH_MAX];
    const char *end = strrchr(path, '/');

    if (!end)
        return sync_directory(".");
    return path_of(dir, "%.*s", (int)(end > path ? end - path : 1), path) ? sync_directory(dir)
                                                                          : EA_EINTERNAL;
}

/* Whole or not at all: what an interrupted rotation has left of it is written again, and its name is made from the key. */
static enum ea_err retire(const char *path, const char *dir)
{
    char pub[PATH_MAX], new[PATH_MAX];
    struct ea_key *old = NULL;
    enum ea_err err = ea_key_load(path, true, &old);

    if (err)
        return err;
    if (!path_of(pub, "%s/%s" PUB, dir, ea_key_id(old)) || !path_of(new, "%s.new", pub)) {
        err = fail(dir, strerror(ENAMETOOLONG));
    } else {
        (void)unlink(new);
        if (ea_key_publish(old, new) || rename(new, pub) < 0)
            err = fail(pub, "the public part of the old key cannot be put there");
    }
    ea_key_free(old);
    return err ? err : sync_directory(dir);
}

static enum ea_err replace(const char *path)
{
    char new[PATH_MAX], new_pub[PATH_MAX], pub[PATH_MAX];

    if (!path_of(new, "%s.new", path) || !path_of(new_pub, "%s.new" PUB, path) ||
        !path_of(pub, "%s" PUB, path))
        return fail(path, strerror(ENAMETOOLONG));
    (void)unlink(new); /* of a rotation that was interrupted: it has signed nothing */
    (void)unlink(new_pub);
    if (ea_key_create(new))
        return fail(new, "it cannot be written");
    if (rename(new, path) < 0 || rename(new_pub, pub) < 0)
        return fail(path, strerror(errno));
    return sync_parent(path);
}

enum ea_err ea_keyring_rotate(const char *path, const char *dir)
{
    enum ea_err err = retire(path, dir);

    return err ? err : replace(path);
}

static int is_public(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);

    return n > strlen(PUB) && strcmp(entry->d_name + n - strlen(PUB), PUB) == 0;
}

static enum ea_err add(const char *dir, const char *name, const struct ea_key *current, struct ea_buf *out)
{
    char path[PATH_MAX];
    struct ea_key *k = NULL;

    if (!path_of(path, "%s/%.*s", dir, (int)(strlen(name) - strlen(PUB)), name))
        return fail(dir, strerror(ENAMETOOLONG));
    enum ea_err err = ea_key_load(path, false, &k);
    if (!err && (!current || strcmp(ea_key_id(k), ea_key_id(current)) != 0)) {
        ea_buf_char(out, ',');
        ea_key_jwk(k, out);
        err = out->failed ? EA_ENOMEM : EA_OK;
    }
    ea_key_free(k);
    return err;
}

enum ea_err ea_keyring_jwks(const char *dir, const struct ea_key *current, struct ea_buf *out)
{
    struct dirent **names = NULL;
    int n = scandir(dir, &names, is_public, alphasort);
    enum ea_err err = n < 0 ? fail(dir, strerror(errno)) : EA_OK;

    for (int i = 0; i < n; i++) {
        if (!err)
            err = add(dir, names[i]->d_name, current, out);
        free(names[i]);
    }
    free(names);
    return err;
}
