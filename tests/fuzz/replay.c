/* Runs a fuzz target over every file of its corpus, once; EA_FUZZ_TARGET is its name. */
#include "lib/buf.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void replay(const char *path)
{
    struct ea_buf b = { 0 };
    char part[4096];
    FILE *f = fopen(path, "rb");

    if (!f) {
        (void)fprintf(stderr, "%s cannot be opened\n", path);
        exit(1);
    }
    for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
        ea_buf_add(&b, part, n);
    (void)fclose(f);
    (void)LLVMFuzzerTestOneInput((const uint8_t *)(b.p ? b.p : ""), b.len);
    ea_buf_free(&b);
}

int main(void)
{
    const char *source = getenv("srcdir");
    char folder[1024], path[2048];
    int files = 0;

    (void)snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/" EA_FUZZ_TARGET, source ? source : ".");
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.') {
            (void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
            replay(path);
            files++;
        }
    if (d)
        (void)closedir(d);
    (void)printf("%d files of %s\n", files, folder);
    return files ? 0 : 1;
}
