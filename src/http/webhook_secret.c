/* SPDX-License-Identifier: Apache-2.0
 * Invariant: secrets leave memory with the call that read them. */
#include "http/webhook_secret.h"

#include "crypto/seal.h"
#include "http/reply.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRETS_MAX 2

struct secrets {
    struct text secret[SECRETS_MAX]; /* in `room` */
    size_t count;
    char room[1024];
};

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

/** False: there is no such file, others may read it, or it holds no secret. */
static bool secrets_read(const char *path, struct secrets *out)
{
    memset(out, 0, sizeof *out);
    ssize_t len = path != NULL ? file_read(path, out->room, sizeof out->room) : -1;
    if (len <= 0 || (size_t)len == sizeof out->room) {
        return false;
    }
    for (size_t i = 0; i < (size_t)len;) {
        size_t end = i;
        while (end < (size_t)len && (unsigned char)out->room[end] > ' ') {
            end++;
        }
        if (end > i && out->count < SECRETS_MAX) {
            out->secret[out->count++] = (struct text){out->room + i, end - i};
        }
        i = end + 1;
    }
    return out->count > 0;
}

/** The best that one of them says, for the answer: that it is too old is more than that it does not
 *  fit. */
static enum webhook_verdict judge_all(const struct exchange *x, const struct secrets *s,
                                      webhook_judge *judge)
{
    enum webhook_verdict v = WEBHOOK_HEADER;
    for (size_t i = 0; i < s->count && v != WEBHOOK_GOOD; i++) {
        enum webhook_verdict one = judge(x, s->secret[i]);
        v = i == 0 || one == WEBHOOK_GOOD || one == WEBHOOK_STALE ? one : v;
    }
    return v;
}

bool webhook_is_signed(struct exchange *x, const struct webhook_door *door)
{
    struct secrets s;
    enum webhook_verdict v = WEBHOOK_HEADER;
    bool read = secrets_read(door->path, &s);
    if (read) {
        v = judge_all(x, &s, door->judge);
    }
    secret_wipe(&s, sizeof s);
    if (!read) {
        reply_fail(x, METE_WEBHOOK_PROVIDER, NULL, "%s", door->missing);
    } else if (v == WEBHOOK_STALE) {
        reply_fail(x, METE_WEBHOOK_STALE, NULL, "it was signed more than %s ago, or in the future",
                   door->window);
    } else if (v != WEBHOOK_GOOD) {
        reply_fail(x, METE_WEBHOOK_SIGNATURE, NULL, "%s",
                   v == WEBHOOK_HEADER ? "it has no signature that can be read"
                                       : "its signature does not fit the body");
    }
    return v == WEBHOOK_GOOD;
}
