/* SPDX-License-Identifier: Apache-2.0
 * What the system says about this process and about the file of its store. The names that begin
 * with process_ are those that every Prometheus client has. */
#include "base/text.h"
#include "http/metrics.h"
#include "store/store.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PATH_MAX_ 4096

/* --- the process -------------------------------------------------------------------------------*/

/** Pages in memory: the second number of /proc/self/statm. */
static int64_t resident_bytes(void)
{
    char line[128] = {0};
    int64_t pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f == NULL) {
        return 0;
    }
    const char *p = fgets(line, sizeof line, f) != NULL ? strchr(line, ' ') : NULL;
    for (p = p != NULL ? p + 1 : line; *p >= '0' && *p <= '9'; p++) {
        pages = pages * 10 + (*p - '0');
    }
    (void)fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

/** Without the one that is open for counting. */
static int64_t open_files(void)
{
    int64_t count = -1;
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL) {
        return 0;
    }
    for (const struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
        count += d->d_name[0] != '.';
    }
    closedir(dir);
    return count;
}

static int64_t cpu_us(void)
{
    struct rusage used;
    (void)getrusage(RUSAGE_SELF, &used);
    return ((int64_t)used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
           used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

/* --- the file ----------------------------------------------------------------------------------*/

static int64_t file_bytes(const char *file, const char *suffix)
{
    char path[PATH_MAX_];
    struct stat s;
    int len = snprintf(path, sizeof path, "%s%s", file, suffix);
    return len > 0 && (size_t)len < sizeof path && stat(path, &s) == 0 ? s.st_size : 0;
}

static int64_t free_bytes(const char *file)
{
    struct statvfs s;
    return statvfs(file, &s) == 0 ? (int64_t)(s.f_bavail * s.f_frsize) : 0;
}

static void store_write(struct exposition *e, const char *file)
{
    const struct metric list[] = {
        {"mete_store_size_bytes", "gauge", UNIT_NONE, "Size of the file of the store.",
         file_bytes(file, "")},
        {"mete_store_wal_bytes", "gauge", UNIT_NONE,
         "Size of the write-ahead log beside it: what was written and not moved over yet.",
         file_bytes(file, "-wal")},
        {"mete_store_free_bytes", "gauge", UNIT_NONE,
         "What the file system of the store has left for this user.", free_bytes(file)}};
    exposition_list(e, list, ARRAY_LEN(list));
}

void metrics_process_write(struct exposition *e, const char *store, mete_time started_at)
{
    struct rlimit files = {0};
    (void)getrlimit(RLIMIT_NOFILE, &files);
    const struct metric list[] = {
        {"process_start_time_seconds", "gauge", UNIT_SECONDS, "When the server started.",
         started_at},
        {"process_cpu_seconds_total", "counter", UNIT_SECONDS, "Time on a processor.", cpu_us()},
        {"process_resident_memory_bytes", "gauge", UNIT_NONE, "Memory that is in use.",
         resident_bytes()},
        {"process_open_fds", "gauge", UNIT_NONE, "Open files and sockets.", open_files()},
        {"process_max_fds", "gauge", UNIT_NONE, "Open files and sockets at most.",
         files.rlim_cur == RLIM_INFINITY ? INT64_MAX : (int64_t)files.rlim_cur}};
    exposition_list(e, list, ARRAY_LEN(list));
    if (store_file(store) != NULL) {
        store_write(e, store_file(store));
    }
}
