/* SPDX-License-Identifier: Apache-2.0
 * Reads what the control groups allow. What cannot be read limits nothing. */
#include "store/memory_limit.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define UNKNOWN  ((size_t)8 << 30)
#define PATH_LEN 4096

/* The group's path in the unified hierarchy, without its last '/'; false: there is none. */
static bool group_read(const char *membership, char group[PATH_LEN])
{
    bool found = false;
    FILE *f = fopen(membership, "re");
    while (f != NULL && !found && fgets(group, PATH_LEN, f) != NULL) {
        found = strncmp(group, "0::/", 4) == 0;
    }
    if (f != NULL) {
        fclose(f);
    }
    if (found) {
        memmove(group, group + 3, strlen(group + 3) + 1);
        group[strcspn(group, "\n")] = '\0';
    }
    return found;
}

/* `most` when the file says "max", something else that is no number, or nothing. */
static size_t limit_read(const char *root, const char *group, size_t most)
{
    char path[PATH_LEN + 64];
    char line[32] = "";
    int len = snprintf(path, sizeof path, "%s%s/memory.max", root, group);
    FILE *f = len > 0 && (size_t)len < sizeof path ? fopen(path, "re") : NULL;
    if (f != NULL) {
        line[fgets(line, sizeof line, f) == NULL ? 0 : sizeof line - 1] = '\0';
        fclose(f);
    }
    size_t limit = 0;
    size_t digits = strspn(line, "0123456789");
    for (size_t i = 0; i < digits && limit < most; i++) {
        limit = limit * 10 + (size_t)(line[i] - '0');
    }
    return digits > 0 && limit < most ? limit : most;
}

size_t memory_limit_of(const char *membership, const char *root, size_t physical)
{
    char group[PATH_LEN];
    size_t limit = physical;
    if (!group_read(membership, group)) {
        return limit;
    }
    for (char *end = group + strlen(group); end != NULL; end = strrchr(group, '/')) {
        *end = '\0';
        limit = limit_read(root, group, limit);
    }
    return limit;
}

size_t memory_limit(void)
{
    static _Atomic size_t known;
    if (known == 0) {
        long pages = sysconf(_SC_PHYS_PAGES);
        long size = sysconf(_SC_PAGESIZE);
        known = memory_limit_of("/proc/self/cgroup", "/sys/fs/cgroup",
                                pages > 0 && size > 0 ? (size_t)pages * (size_t)size : UNKNOWN);
    }
    return known;
}
