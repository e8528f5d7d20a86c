/* Catches what is written to stderr, in a file that has no name. */
#ifndef EA_TEST_CAPTURE_H
#define EA_TEST_CAPTURE_H

#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int captured_fd, kept_stderr;

static void capture_begin(void)
{
    captured_fd = memfd_create("stderr", MFD_CLOEXEC);
    kept_stderr = dup(STDERR_FILENO);
    if (captured_fd < 0 || kept_stderr < 0 || dup2(captured_fd, STDERR_FILENO) < 0)
        abort();
}

/* The text since capture_begin, for the caller to free. */
static char *capture_end(void)
{
    struct stat st;
    dup2(kept_stderr, STDERR_FILENO);
    close(kept_stderr);
    if (fstat(captured_fd, &st))
        abort();
    char *text = calloc(1, (size_t)st.st_size + 1);
    if (!text || pread(captured_fd, text, (size_t)st.st_size, 0) != st.st_size)
        abort();
    close(captured_fd);
    return text;
}

#endif
