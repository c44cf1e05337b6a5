/* SPDX-License-Identifier: Apache-2.0
 * Reading the secrets of webhooks. */
#include "http/webhook_secret.h"

#include "crypto/seal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static ssize_t file_read(const char *path, char *out, size_t max)
{
    struct stat st;
    ssize_t n = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077) == 0) {
        n = read(fd, out, max);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return n;
}

bool webhook_secrets_read(const char *path, struct webhook_secrets *out)
{
    memset(out, 0, sizeof *out);
    ssize_t len = file_read(path, out->room, sizeof out->room);
    if (len <= 0 || (size_t)len == sizeof out->room) {
        webhook_secrets_wipe(out);
        return false;
    }
    for (size_t i = 0; i < (size_t)len;) {
        size_t end = i;
        while (end < (size_t)len && (unsigned char)out->room[end] > ' ') {
            end++;
        }
        if (end > i && out->count < WEBHOOK_SECRETS_MAX) {
            out->secret[out->count++] = (struct text){out->room + i, end - i};
        }
        i = end + 1;
    }
    return out->count > 0;
}

void webhook_secrets_wipe(struct webhook_secrets *s)
{
    secret_wipe(s, sizeof *s);
}
