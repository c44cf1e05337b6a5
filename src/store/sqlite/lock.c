/* SPDX-License-Identifier: Apache-2.0
 * One writer a file: an advisory lock on a file beside it, which the system drops when the process
 * ends, however it ends. The lock file stays: removing it would race with who waits for it. */
#include "store/sqlite/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define PID_TEXT_MAX 32

/** Who has the lock, as it wrote itself down: " (process 123)" or nothing. */
static void holder(int fd, char out[64])
{
    char pid[PID_TEXT_MAX];
    ssize_t len = pread(fd, pid, sizeof pid - 1, 0);
    size_t digits = 0;
    while (len > 0 && digits < (size_t)len && pid[digits] >= '0' && pid[digits] <= '9') {
        digits++;
    }
    out[0] = '\0';
    if (digits > 0) {
        snprintf(out, 64, " (process %.*s)", (int)digits, pid);
    }
}

enum mete_code sqlite_lock(const char *path, int *fd, struct mete_err *err)
{
    char name[4096];
    int n = snprintf(name, sizeof name, "%s.lock", path);
    if (n < 0 || (size_t)n >= sizeof name) {
        return mete_fail(err, METE_FILE, NULL, "the file name is too long");
    }
    *fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (*fd < 0) {
        return mete_fail(err, METE_FILE, NULL, "%.150s: %s", name, strerror(errno));
    }
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0) {
        char pid[PID_TEXT_MAX];
        int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
        bool written = ftruncate(*fd, 0) == 0 && pwrite(*fd, pid, (size_t)len, 0) == len;
        (void)written; /* only for the words of a message */
        return METE_OK;
    }
    int why = errno;
    char who[64];
    holder(*fd, who);
    close(*fd);
    *fd = -1;
    if (why != EWOULDBLOCK) {
        return mete_fail(err, METE_FILE, NULL, "%.150s: %s", name, strerror(why));
    }
    return mete_fail(err, METE_STORE_BUSY, NULL, "%.120s is being written by another process%s",
                     path, who);
}

void sqlite_unlock(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}
