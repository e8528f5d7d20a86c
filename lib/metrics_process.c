#include "lib/metrics_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static void print_value(struct ea_buf *out, const char *name, const char *help, const char *type, double v,
                        int decimals)
{
    ea_metrics_print_head(out, name, help, type);
    ea_buf_printf(out, "%s %.*f\n", name, decimals, v);
}

static bool read_file(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

static double seconds_of(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Fields of /proc/self/stat after the command, which may hold anything, are counted from the third: state. */
static bool stat_field(int field, unsigned long long *out)
{
    char text[1024];
    if (!read_file("/proc/self/stat", text, sizeof text))
        return false;
    char *p = strrchr(text, ')');
    for (int i = 2; p && i < field; i++)
        p = strchr(p + 1, ' ');
    if (!p)
        return false;
    *out = strtoull(p, NULL, 10);
    return true;
}

static int open_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    if (!d)
        return -1;
    int n = -3; /* ".", ".." and this directory */
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

void ea_metrics_print_head(struct ea_buf *out, const char *name, const char *help, const char *type)
{
    ea_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void ea_metrics_print_process(struct ea_buf *out)
{
    char text[128];
    unsigned long long ticks;
    struct rlimit limit;
    int fds = open_fds();
    print_value(out, "process_cpu_seconds_total", "User and system time", "counter",
                seconds_of(CLOCK_PROCESS_CPUTIME_ID), 6);
    const char *pages = read_file("/proc/self/statm", text, sizeof text) ? strchr(text, ' ') : NULL;
    if (pages)
        print_value(out, "process_resident_memory_bytes", "Memory that is in RAM", "gauge",
                    strtod(pages, NULL) * (double)sysconf(_SC_PAGESIZE), 0);
    if (stat_field(22, &ticks)) /* since boot */
        print_value(out, "process_start_time_seconds", "When it started, since 1970", "gauge",
                    seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME) +
                        (double)ticks / (double)sysconf(_SC_CLK_TCK),
                    2);
    if (fds >= 0)
        print_value(out, "process_open_fds", "File descriptors in use", "gauge", fds, 0);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        print_value(out, "process_max_fds", "File descriptors it may use", "gauge", (double)limit.rlim_cur,
                    0);
}
