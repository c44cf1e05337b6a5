/* SPDX-License-Identifier: Apache-2.0
 * Where the file of the history is, and opening it: for its owner alone, and there after a power
 * failure. */
#include "client/pay_history.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_LEN_MAX 4096

bool history_usual(char *out, size_t size)
{
    const char *own = secure_getenv("METE_PAY_HISTORY");
    const char *state = secure_getenv("XDG_STATE_HOME");
    const char *home = secure_getenv("HOME");
    int len = -1;
    if (own != NULL && own[0] != '\0') {
        len = snprintf(out, size, "%s", own);
    } else if (state != NULL && state[0] != '\0') {
        len = snprintf(out, size, "%s/mete/payments.ndjson", state);
    } else if (home != NULL && home[0] != '\0') {
        len = snprintf(out, size, "%s/.local/state/mete/payments.ndjson", home);
    }
    return len > 0 && (size_t)len < size;
}

/** All folders above a file. */
static void folders_make(const char *path)
{
    char room[PATH_LEN_MAX];
    if (!text_copy(room, sizeof room, text_of(path))) {
        return;
    }
    for (char *at = strchr(room + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        (void)mkdir(room, 0700); /* what is wrong shows when the file is opened */
        *at = '/';
    }
}

/** The name itself survives a power failure too. */
static void folder_sync(const char *path)
{
    char room[PATH_LEN_MAX];
    const char *slash = strrchr(path, '/');
    const size_t len = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    if (!text_copy(room, sizeof room, len > 0 ? (struct text){path, len} : TEXT("."))) {
        return;
    }
    int fd = open(room, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
}

static const char *mode_wrong(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return strerror(errno);
    }
    return !S_ISREG(st.st_mode)                      ? "it is no ordinary file"
           : (st.st_mode & (S_IRWXG | S_IRWXO)) != 0 ? "others may read it: chmod 600 it"
           : (uint64_t)st.st_size > HISTORY_SIZE_MAX ? "it is too large"
                                                     : NULL;
}

int history_file_open(const char *path, char *why)
{
    folders_make(path);
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const char *wrong = fd < 0 ? strerror(errno) : mode_wrong(fd);
    if (wrong == NULL) {
        folder_sync(path);
        return fd;
    }
    snprintf(why, METE_CLIENT_ERROR_MAX, "the history %s: %s", path, wrong);
    if (fd >= 0) {
        (void)close(fd);
    }
    return -1;
}
