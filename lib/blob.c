#include "lib/blob.h"

#include "lib/alloc.h"
#include "lib/id.h"
#include "lib/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEMPORARY_MAX_AGE_S 86400
#define OWNER               "owner" /* in data: whose store it is */

struct ea_blobs {
    int tmp, data; /* directories */
};

struct ea_blob_writer {
    const struct ea_blobs *in;
    int fd; /* -1: closed */
    struct ea_id id;
    int64_t size;
    enum ea_err err; /* of the first failed write */
    crypto_hash_sha256_state sha256;
};

static enum ea_err failed(const char *what, const char *path)
{
    int e = errno;
    char why[128];
    enum ea_err err = e == ENOSPC || e == EDQUOT || e == EFBIG ? EA_ENOSPACE
                      : e == ENOENT                            ? EA_ENOTFOUND
                                                               : EA_EINTERNAL;
    (void)snprintf(why, sizeof why, "%s: %s", what, strerrordesc_np(e));
    ea_log(err == EA_ENOTFOUND ? EA_LOG_INFO : EA_LOG_ERROR, "file storage failed", EA_F_STR(FILE_PATH, path),
           EA_F_STR(ERROR, why));
    return err;
}

static int open_dir(int at, const char *name)
{
    if (mkdirat(at, name, 0750) != 0 && errno != EEXIST)
        return -1;
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

typedef enum ea_err on_file(int dir, const char *name, void *arg);

/* The files of one directory that were written more than older_s ago. */
static enum ea_err each_old(int at, const char *path, int64_t older_s, on_file *fn, void *arg)
{
    int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? EA_OK : failed("open", path);
    DIR *d = fdopendir(fd);
    if (!d) {
        enum ea_err err = failed("list", path);
        close(fd);
        return err;
    }
    struct stat st;
    enum ea_err err = EA_OK;
    for (struct dirent *e; !err && (e = readdir(d));)
        if (ea_id_valid(e->d_name) && fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode) && time(NULL) - st.st_mtime > older_s)
            err = fn(fd, e->d_name, arg);
    (void)closedir(d);
    return err;
}

static enum ea_err remove_file(int dir, const char *name, void *arg)
{
    (void)arg;
    (void)unlinkat(dir, name, 0);
    return EA_OK;
}

enum ea_err ea_blobs_open(const char *dir, struct ea_blobs **out)
{
    *out = NULL;
    struct ea_blobs *b = ea_alloc(sizeof *b);
    if (!b || sodium_init() < 0) {
        free(b);
        return EA_ENOMEM;
    }
    b->tmp = b->data = -1;
    int root = open_dir(AT_FDCWD, dir);
    if (root >= 0) {
        b->tmp = open_dir(root, "tmp");
        b->data = open_dir(root, "data");
    }
    enum ea_err err = root < 0 || b->tmp < 0 || b->data < 0 || fsync(root) != 0 ? failed("open", dir) : EA_OK;
    if (root >= 0)
        close(root);
    if (!err) /* what a crash left behind */
        err = each_old(b->tmp, ".", TEMPORARY_MAX_AGE_S, remove_file, NULL);
    if (err)
        ea_blobs_close(b);
    else
        *out = b;
    return err;
}

void ea_blobs_close(struct ea_blobs *b)
{
    if (!b)
        return;
    if (b->tmp >= 0)
        close(b->tmp);
    if (b->data >= 0)
        close(b->data);
    free(b);
}

enum ea_err ea_blob_create(struct ea_blobs *b, struct ea_blob_writer **out)
{
    *out = NULL;
    struct ea_blob_writer *w = ea_alloc(sizeof *w);
    if (!w)
        return EA_ENOMEM;
    w->in = b;
    ea_id_new(&w->id);
    crypto_hash_sha256_init(&w->sha256);
    w->fd = openat(b->tmp, w->id.s, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (w->fd < 0) {
        enum ea_err err = failed("create", w->id.s);
        free(w);
        return err;
    }
    *out = w;
    return EA_OK;
}

enum ea_err ea_blob_write(struct ea_blob_writer *w, const void *p, size_t n)
{
    const unsigned char *at = p;
    while (n > 0 && !w->err) {
        ssize_t done = write(w->fd, at, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0) {
            w->err = failed("write", w->id.s);
            break;
        }
        crypto_hash_sha256_update(&w->sha256, at, (size_t)done);
        w->size += done;
        at += done;
        n -= (size_t)done;
    }
    return w->err;
}

void ea_blob_abort(struct ea_blob_writer *w)
{
    if (!w)
        return;
    if (w->fd >= 0)
        close(w->fd);
    (void)unlinkat(w->in->tmp, w->id.s, 0);
    free(w);
}

/* Directories by the id's last, random digits: its first ones are the time. */
static void make_key(const struct ea_id *id, char key[48])
{
    const char *r = id->s + EA_ID_LEN - 4;
    (void)snprintf(key, 48, "%.2s/%.2s/%s", r, r + 2, id->s);
}

static enum ea_err sync_and_close(struct ea_blob_writer *w)
{
    enum ea_err err = w->err;
    if (!err && fsync(w->fd) != 0)
        err = failed("fsync", w->id.s);
    if (close(w->fd) != 0 && !err)
        err = failed("close", w->id.s);
    w->fd = -1;
    return err;
}

/* The file's directory and its parents are synced each time: another process may have made them a moment ago and not come so far. */
static enum ea_err publish(const struct ea_blob_writer *w, const char *key)
{
    const struct ea_blobs *b = w->in;
    char first[3] = { key[0], key[1], '\0' }, second[3] = { key[3], key[4], '\0' };
    enum ea_err err = EA_OK;
    int ab = open_dir(b->data, first);
    int cd = ab >= 0 ? open_dir(ab, second) : -1;
    if (cd < 0)
        err = failed("mkdir", key);
    else if (renameat(b->tmp, w->id.s, cd, w->id.s) != 0)
        err = failed("rename", key);
    else if (fsync(cd) != 0 || fsync(ab) != 0 || fsync(b->data) != 0) {
        err = failed("fsync", key);
        (void)unlinkat(cd, w->id.s, 0);
    }
    if (cd >= 0)
        close(cd);
    if (ab >= 0)
        close(ab);
    return err;
}

enum ea_err ea_blob_commit(struct ea_blob_writer *w, struct ea_blob *out)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    memset(out, 0, sizeof *out);
    make_key(&w->id, out->key);
    enum ea_err err = sync_and_close(w);
    if (!err)
        err = publish(w, out->key);
    crypto_hash_sha256_final(&w->sha256, digest);
    (void)sodium_bin2hex(out->sha256, sizeof out->sha256, digest, sizeof digest);
    out->size = w->size;
    ea_blob_abort(w); /* after the rename there is nothing to remove */
    return err;
}

/* Keys come back from the database; one that we did not make must not reach elsewhere. */
static bool key_valid(const char *key)
{
    char made[48];
    struct ea_id id;
    if (strlen(key) != EA_ID_LEN + 6 || !ea_id_valid(key + 6))
        return false;
    memcpy(id.s, key + 6, sizeof id.s);
    make_key(&id, made);
    return strcmp(made, key) == 0;
}

enum ea_err ea_blob_delete(struct ea_blobs *b, const char *key)
{
    if (!key_valid(key))
        return EA_ENOTFOUND;
    return unlinkat(b->data, key, 0) == 0 ? EA_OK : failed("delete", key);
}

/* EA_ENOTFOUND: nobody's yet. */
static enum ea_err compare_owner(const struct ea_blobs *b, const char *owner)
{
    char is[EA_ID_LEN + 1] = "";
    int fd = openat(b->data, OWNER, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? EA_ENOTFOUND : failed("open", OWNER);
    ssize_t n = read(fd, is, EA_ID_LEN);
    close(fd);
    if (n < 0)
        return failed("read", OWNER);
    return strcmp(is, owner) == 0 ? EA_OK : EA_ECONFLICT;
}

/* Whole or not at all, and by one only, as blobs are: a link does not replace what is there. */
static enum ea_err set_owner(struct ea_blobs *b, const char *owner)
{
    struct ea_blob_writer *w;
    enum ea_err err = ea_blob_create(b, &w);
    if (err)
        return err;
    err = ea_blob_write(w, owner, EA_ID_LEN);
    if (!err)
        err = sync_and_close(w);
    if (!err && ((linkat(b->tmp, w->id.s, b->data, OWNER, 0) != 0 && errno != EEXIST) || fsync(b->data) != 0))
        err = failed("link", OWNER);
    ea_blob_abort(w);
    return err;
}

enum ea_err ea_blobs_claim(struct ea_blobs *b, const char owner[EA_ID_LEN + 1])
{
    enum ea_err err = compare_owner(b, owner);
    if (err != EA_ENOTFOUND)
        return err;
    err = set_owner(b, owner);
    return err ? err : compare_owner(b, owner);
}

enum ea_err ea_blob_read(struct ea_blobs *b, const char *key, int *fd, int64_t *size)
{
    struct stat st;
    *fd = -1;
    *size = 0;
    if (!key_valid(key))
        return EA_ENOTFOUND;
    int file = openat(b->data, key, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0)
        return failed("open", key);
    if (fstat(file, &st) != 0) {
        close(file);
        return failed("stat", key);
    }
    *fd = file;
    *size = st.st_size;
    return EA_OK;
}

struct keys {
    ea_blob_on_key *fn;
    void *arg;
};

static enum ea_err tell_key(int dir, const char *name, void *arg)
{
    (void)dir;
    const struct keys *keys = arg;
    char key[48];
    struct ea_id id;
    memcpy(id.s, name, sizeof id.s);
    make_key(&id, key);
    return keys->fn(key, keys->arg);
}

enum ea_err ea_blob_each(struct ea_blobs *b, unsigned dir, int64_t older_s, ea_blob_on_key *fn, void *arg)
{
    struct keys keys = { fn, arg };
    char path[8];
    (void)snprintf(path, sizeof path, "%02x/%02x", dir >> 8 & 0xff, dir & 0xff);
    return each_old(b->data, path, older_s, tell_key, &keys);
}
