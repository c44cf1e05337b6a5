/* SPDX-License-Identifier: Apache-2.0
 * Reading streams. A read that a signal interrupted comes back to the engine, which then looks
 * whether it should stop. */
#include "cli/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct input {
    int fd;
    int failed; /* errno */
    const struct ingest *in;
};

static long input_read(void *ctx, void *buf, size_t size)
{
    struct input *i = ctx;
    for (;;) {
        ssize_t n = read(i->fd, buf, size);
        bool stopped = i->in->stop != NULL && *i->in->stop != 0;
        if (n >= 0 || errno != EINTR || stopped) {
            i->failed = n < 0 ? errno : 0;
            return n;
        }
    }
}

enum mete_code input_ingest(struct engine *e, const char *path, struct ingest *in,
                            struct ingest_counts *counts, struct mete_err *err)
{
    struct input i = {.in = in};
    i.fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (i.fd < 0) {
        return mete_fail(err, METE_FILE, "", "%s: %s", path, strerror(errno));
    }
    in->read = input_read;
    in->read_ctx = &i;
    enum mete_code code = ingest_stream(e, in, counts, err);
    if (code == METE_FILE && i.failed != 0) {
        (void)mete_fail(err, METE_FILE, "", "%s: %s", path, strerror(i.failed));
    }
    if (i.fd != STDIN_FILENO) {
        close(i.fd);
    }
    return code;
}
