/* SPDX-License-Identifier: Apache-2.0
 * Reading streams. Signals are blocked and read from a descriptor, in every thread of the process:
 * so nothing is interrupted halfway, and a read that waits for ever still ends. */
#include "cli/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct input {
    int fd;
    int failed; /* errno */
    struct input_watch *watch;
};

void input_watch_begin(struct input_watch *w)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    w->stop = 0;
    w->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (w->fd >= 0) {
        sigprocmask(SIG_BLOCK, &set, NULL);
    }
}

void input_watch_end(struct input_watch *w)
{
    if (w->fd >= 0) {
        close(w->fd);
        w->fd = -1;
    }
}

/** Waits until there is something to read; true when the wait ended by a signal instead. */
static bool is_interrupted(struct input *i)
{
    if (i->watch == NULL || i->watch->fd < 0) {
        return false;
    }
    struct pollfd fds[2] = {{.fd = i->watch->fd, .events = POLLIN},
                            {.fd = i->fd, .events = POLLIN}};
    while (poll(fds, 2, -1) < 0 && errno == EINTR) {
    }
    if ((fds[0].revents & POLLIN) != 0) {
        i->watch->stop = 1;
    }
    return i->watch->stop != 0;
}

static long input_read(void *ctx, void *buf, size_t size)
{
    struct input *i = ctx;
    ssize_t n = 0;
    if (is_interrupted(i)) {
        return 0; /* the engine sees that it is to stop */
    }
    do {
        n = read(i->fd, buf, size);
    } while (n < 0 && errno == EINTR);
    i->failed = n < 0 ? errno : 0;
    return n;
}

enum mete_code input_ingest(struct engine *e, const char *path, struct input_watch *watch,
                            struct ingest *in, struct ingest_counts *counts, struct mete_err *err)
{
    struct input i = {.watch = watch};
    i.fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (i.fd < 0) {
        return mete_fail(err, METE_FILE, "", "%s: %s", path, strerror(errno));
    }
    in->read = input_read;
    in->read_ctx = &i;
    in->stop = watch != NULL ? &watch->stop : NULL;
    enum mete_code code = ingest_stream(e, in, counts, err);
    if (code == METE_FILE && i.failed != 0) {
        (void)mete_fail(err, METE_FILE, "", "%s: %s", path, strerror(i.failed));
    }
    if (i.fd != STDIN_FILENO) {
        close(i.fd);
    }
    return code;
}
