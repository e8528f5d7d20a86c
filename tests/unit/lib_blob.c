/* Files: whole or not at all, on disk before they are named, nothing left behind when it fails. */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the module asks of the disk, in order: f = fsync of a file, r = rename, d = fsync of a directory. The call number `fail_at` fails. */
static char calls[64];
static size_t fail_at;

static int spy(char what)
{
    size_t n = strlen(calls);
    if (n + 1 < sizeof calls)
        calls[n] = what;
    errno = EIO;
    return fail_at && n + 1 == fail_at ? -1 : 0;
}

static int spy_fsync(int fd)
{
    struct stat st;
    (void)fstat(fd, &st);
    return spy(S_ISDIR(st.st_mode) ? 'd' : 'f') ? -1 : fsync(fd);
}

static int spy_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return spy('r') ? -1 : renameat(from_dir, from, to_dir, to);
}

#define fsync    spy_fsync
#define renameat spy_renameat
#include "lib/blob.c"
#undef fsync
#undef renameat

static char dir[64];
static struct ea_blobs *blobs;

static int setup(void **state)
{
    (void)state;
    fail_at = 0;
    (void)snprintf(dir, sizeof dir, "/tmp/ea-blob-XXXXXX");
    if (!mkdtemp(dir) || ea_blobs_open(dir, &blobs))
        return -1;
    memset(calls, 0, sizeof calls);
    return 0;
}

static void remove_tree(const char *path)
{
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

static int teardown(void **state)
{
    (void)state;
    ea_blobs_close(blobs);
    remove_tree(dir);
    return 0;
}

/* Regular files below dir/<name>. */
static int files_in(const char *name)
{
    char command[128];
    int n = -1;
    (void)snprintf(command, sizeof command, "find '%s/%s' -type f | wc -l", dir, name);
    FILE *f = popen(command, "r");
    assert_true(f && fscanf(f, "%d", &n) == 1);
    pclose(f);
    return n;
}

static enum ea_err store(const char *text, struct ea_blob *out)
{
    struct ea_blob_writer *w;
    enum ea_err err = ea_blob_create(blobs, &w);
    if (err)
        return err;
    size_t half = strlen(text) / 2;
    err = ea_blob_write(w, text, half);
    if (!err)
        err = ea_blob_write(w, text + half, strlen(text) - half);
    enum ea_err committed = ea_blob_commit(w, out);
    return err ? err : committed;
}

static void test_stored_and_read(void **state)
{
    (void)state;
    struct ea_blob blob;
    int fd;
    int64_t size;
    char back[16] = "";
    assert_ok(store("abc", &blob));
    assert_string_equal(blob.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(blob.size, 3);
    assert_int_equal(files_in("tmp"), 0);
    assert_int_equal(files_in("data"), 1);
    assert_ok(ea_blob_read(blobs, blob.key, &fd, &size));
    assert_int_equal(size, 3);
    assert_int_equal(read(fd, back, sizeof back), 3);
    assert_string_equal(back, "abc");
    close(fd);
    assert_ok(ea_blob_delete(blobs, blob.key));
    assert_err(ea_blob_delete(blobs, blob.key), EA_ENOTFOUND);
    assert_err(ea_blob_read(blobs, blob.key, &fd, &size), EA_ENOTFOUND);
    assert_int_equal(fd, -1);
}

static void test_empty(void **state)
{
    (void)state;
    struct ea_blob blob;
    assert_ok(store("", &blob));
    assert_string_equal(blob.sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(blob.size, 0);
}

static void test_keys_lead_nowhere_else(void **state)
{
    (void)state;
    static const char *const bad[] = { "",
                                       "../../etc/passwd",
                                       "/etc/passwd",
                                       "ab/cd/0190a8c0-0000-7000-8000-000000000001",
                                       "../0190a8c0-0000-7000-8000-000000000001",
                                       "00/01/0190a8c0-0000-7000-8000-0000000000/." };
    int fd;
    int64_t size;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_err(ea_blob_read(blobs, bad[i], &fd, &size), EA_ENOTFOUND);
        assert_err(ea_blob_delete(blobs, bad[i]), EA_ENOTFOUND);
    }
}

static void test_abort_leaves_nothing(void **state)
{
    (void)state;
    struct ea_blob_writer *w;
    assert_ok(ea_blob_create(blobs, &w));
    assert_ok(ea_blob_write(w, "abc", 3));
    assert_int_equal(files_in("tmp"), 1);
    ea_blob_abort(w);
    ea_blob_abort(NULL);
    assert_int_equal(files_in("tmp"), 0);
    assert_int_equal(files_in("data"), 0);
}

/* The content is on disk before it has its name, and the name before the caller hears of it. */
static void test_synced_before_named(void **state)
{
    (void)state;
    struct ea_blob blob;
    assert_ok(store("abc", &blob));
    assert_string_equal(calls, "frddd");
}

static void test_whatever_fails_nothing_is_left(void **state)
{
    (void)state;
    for (fail_at = 1; fail_at <= strlen("frddd"); fail_at++) {
        struct ea_blob blob;
        memset(calls, 0, sizeof calls);
        assert_err(store("abc", &blob), EA_EINTERNAL);
        assert_int_equal(files_in("tmp"), 0);
        assert_int_equal(files_in("data"), 0);
    }
}

/* In a process of its own: 0 when all is as it must be, else the line that says otherwise. */
static void in_child(int (*body)(void))
{
    int status = -1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(body());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}
#define CHECK(condition)                                                                                     \
    if (!(condition))                                                                                        \
    return __LINE__ & 0x7f ? __LINE__ & 0x7f : 1

static int write_until_full(size_t room)
{
    struct ea_blob_writer *w;
    struct ea_blob blob;
    char page[4096];
    memset(page, 'x', sizeof page);
    enum ea_err err = ea_blob_create(blobs, &w);
    CHECK(err == EA_OK);
    for (size_t at = 0; at < 2 * room && !err; at += sizeof page)
        err = ea_blob_write(w, page, sizeof page);
    CHECK(err == EA_ENOSPACE);
    CHECK(ea_blob_write(w, "", 0) == EA_ENOSPACE);
    CHECK(ea_blob_commit(w, &blob) == EA_ENOSPACE);
    CHECK(files_in("tmp") == 0);
    CHECK(files_in("data") == 0);
    CHECK(store("there is room again", &blob) == EA_OK);
    return 0;
}

static bool put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, text, strlen(text)) > 0;
    if (fd >= 0)
        close(fd);
    return done;
}

/* Where mounting is allowed: to root, or to anybody in a user namespace. */
static bool may_mount(void)
{
    char users[40], groups[40];
    if (unshare(CLONE_NEWNS) == 0)
        return true;
    (void)snprintf(users, sizeof users, "0 %d 1", (int)getuid());
    (void)snprintf(groups, sizeof groups, "0 %d 1", (int)getgid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && put("/proc/self/setgroups", "deny") &&
           put("/proc/self/uid_map", users) && put("/proc/self/gid_map", groups);
}

static int on_small_disk(void)
{
    if (!may_mount() || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", dir, "tmpfs", 0, "size=256k") != 0)
        return 77;
    ea_blobs_close(blobs);
    CHECK(ea_blobs_open(dir, &blobs) == EA_OK);
    return write_until_full((size_t)256 * 1024);
}

static void test_disk_full(void **state)
{
    (void)state;
    in_child(on_small_disk);
}

static int under_file_limit(void)
{
    const struct rlimit limit = { 64 * 1024, 64 * 1024 };
    (void)signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    return write_until_full(64 * 1024);
}

static void test_file_limit(void **state)
{
    (void)state;
    in_child(under_file_limit);
}

static int die_while_writing(void)
{
    struct ea_blob_writer *w;
    CHECK(ea_blob_create(blobs, &w) == EA_OK);
    CHECK(ea_blob_write(w, "abc", 3) == EA_OK);
    _exit(0);
}

static void age_temporary_files(void)
{
    char command[128];
    (void)snprintf(command, sizeof command, "touch -d '2 days ago' '%s'/tmp/*", dir);
    assert_int_equal(system(command), 0);
}

static void test_a_crash_leaves_a_temporary_file_that_goes_in_time(void **state)
{
    (void)state;
    in_child(die_while_writing);
    assert_int_equal(files_in("tmp"), 1);
    assert_int_equal(files_in("data"), 0);
    ea_blobs_close(blobs);
    assert_ok(ea_blobs_open(dir, &blobs));
    assert_int_equal(files_in("tmp"), 1); /* somebody may be writing it */
    ea_blobs_close(blobs);
    age_temporary_files();
    assert_ok(ea_blobs_open(dir, &blobs));
    assert_int_equal(files_in("tmp"), 0);
}

/* Keys that a walk over the whole store meets, counted by those that are asked for. */
struct walk {
    const char *want;
    int met, all;
    bool removes;
};

static enum ea_err meet(const char *key, void *arg)
{
    struct walk *w = arg;
    w->met += strcmp(key, w->want) == 0;
    w->all++;
    return w->removes ? ea_blob_delete(blobs, key) : EA_OK;
}

static void walk(struct walk *w, int64_t older_s)
{
    for (unsigned at = 0; at < EA_BLOB_DIRS; at++)
        assert_ok(ea_blob_each(blobs, at, older_s, meet, w));
}

static void age(const char *key)
{
    char command[200];
    (void)snprintf(command, sizeof command, "touch -d '2 hours ago' '%s/data/%.47s'", dir, key);
    assert_int_equal(system(command), 0);
}

static void test_a_walk_meets_each_old_file_once_and_no_young_one(void **state)
{
    (void)state;
    struct ea_blob old, young;
    assert_ok(store("old", &old));
    assert_ok(store("young", &young));
    age(old.key);
    struct walk w = { .want = old.key };
    walk(&w, 3600);
    assert_int_equal(w.met, 1);
    assert_int_equal(w.all, 1);
    w = (struct walk){ .want = old.key };
    walk(&w, 3 * 3600);
    assert_int_equal(w.all, 0);
}

static void test_a_walk_may_remove_what_it_meets(void **state)
{
    (void)state;
    enum { FILES = 20 };
    struct ea_blob blob[FILES];
    for (int i = 0; i < FILES; i++) {
        assert_ok(store("abc", &blob[i]));
        age(blob[i].key);
    }
    struct walk w = { .want = blob[0].key, .removes = true };
    walk(&w, 3600);
    assert_int_equal(w.met, 1);
    assert_int_equal(w.all, FILES);
    assert_int_equal(files_in("data"), 0);
}

static enum ea_err refuse(const char *key, void *arg)
{
    (void)key;
    ++*(int *)arg;
    return EA_ENOSPACE;
}

static void test_a_walk_ends_when_it_is_told_to(void **state)
{
    (void)state;
    struct ea_blob blob;
    unsigned first, second;
    int told = 0;
    assert_ok(store("abc", &blob));
    age(blob.key);
    assert_int_equal(sscanf(blob.key, "%2x/%2x/", &first, &second), 2);
    assert_err(ea_blob_each(blobs, first << 8 | second, 3600, refuse, &told), EA_ENOSPACE);
    assert_int_equal(told, 1);
}

static void test_a_store_has_one_owner(void **state)
{
    static const char one[] = "0190a0a0-0000-7000-8000-000000000001",
                      other[] = "0190a0a0-0000-7000-8000-000000000002";
    struct ea_blob blob;
    (void)state;
    assert_ok(store("abc", &blob));
    assert_ok(ea_blobs_claim(blobs, one));
    assert_err(ea_blobs_claim(blobs, other), EA_ECONFLICT);
    assert_ok(ea_blobs_claim(blobs, one));
}

static void test_no_directory(void **state)
{
    (void)state;
    struct ea_blobs *b;
    assert_err(ea_blobs_open("/proc/nonexistent/x", &b), EA_ENOTFOUND);
    assert_null(b);
    ea_blobs_close(NULL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_stored_and_read),
        TEST(test_empty),
        TEST(test_keys_lead_nowhere_else),
        TEST(test_abort_leaves_nothing),
        TEST(test_synced_before_named),
        TEST(test_whatever_fails_nothing_is_left),
        TEST(test_disk_full),
        TEST(test_file_limit),
        TEST(test_a_crash_leaves_a_temporary_file_that_goes_in_time),
        TEST(test_a_walk_meets_each_old_file_once_and_no_young_one),
        TEST(test_a_walk_may_remove_what_it_meets),
        TEST(test_a_walk_ends_when_it_is_told_to),
        TEST(test_a_store_has_one_owner),
        TEST(test_no_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
