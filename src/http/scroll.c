/* SPDX-License-Identifier: Apache-2.0
 * Only so many files are open at once: a descriptor that is taken here is one that a store might
 * lack. Reading and writing go to the memory of the system, not to a disk that anybody waits for.
 */
#include "http/scroll.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TAIL_MAX  ((size_t)64 << 10)
#define FILES_MAX 64

static _Atomic int files; /* open, of all scrolls */

void scroll_init(struct scroll *s)
{
    *s = (struct scroll){.fd = -1};
}

static void file_close(int fd)
{
    if (fd >= 0) {
        close(fd);
        atomic_fetch_sub(&files, 1);
    }
}

void scroll_clear(struct scroll *s)
{
    buf_clear(&s->tail);
    file_close(s->fd);
    scroll_init(s);
}

/** -1: no place for it. */
static int file_open(void)
{
    const char *folder = getenv("TMPDIR");
    if (atomic_fetch_add(&files, 1) >= FILES_MAX) {
        atomic_fetch_sub(&files, 1);
        return -1;
    }
    int fd = open(folder != NULL && folder[0] == '/' ? folder : "/tmp",
                  O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        atomic_fetch_sub(&files, 1);
    }
    return fd;
}

static bool file_write(int fd, const struct buf *b)
{
    for (size_t at = 0; at < b->len;) {
        ssize_t n = write(fd, b->p + at, b->len - at);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool tail_write(struct scroll *s)
{
    s->fd = s->fd >= 0 ? s->fd : file_open();
    if (s->fd < 0 || s->written + s->tail.len > SCROLL_MAX) {
        return false;
    }
    if (!file_write(s->fd, &s->tail)) { /* a part may be in it: as if it were not */
        (void)!ftruncate(s->fd, (off_t)s->written);
        (void)lseek(s->fd, (off_t)s->written, SEEK_SET);
        return false;
    }
    s->written += s->tail.len;
    buf_reset(&s->tail);
    return true;
}

bool scroll_put(struct scroll *s, struct text t)
{
    if (s->failed || (s->tail.len + t.len > TAIL_MAX && s->tail.len > 0 && !tail_write(s))) {
        s->failed = true;
        return false;
    }
    buf_put_text(&s->tail, t);
    return true;
}

void scroll_end(struct scroll *s, struct text t)
{
    buf_put_text(&s->tail, t);
}

/* --- sending -----------------------------------------------------------------------------------*/

struct outlet {
    struct source source; /* first: it leads back */
    struct scroll scroll;
    uint64_t at;
};

static long outlet_read(struct source *source, uint8_t *to, size_t size)
{
    struct outlet *o = (struct outlet *)source;
    const struct scroll *s = &o->scroll;
    uint64_t end = s->written + s->tail.len;
    if (o->at == end) {
        return SOURCE_END;
    }
    if (o->at < s->written) {
        uint64_t rest = s->written - o->at;
        ssize_t n = pread(s->fd, to, rest < size ? (size_t)rest : size, (off_t)o->at);
        o->at += n > 0 ? (uint64_t)n : 0;
        return n > 0 ? (long)n : SOURCE_BROKEN;
    }
    size_t from = (size_t)(o->at - s->written);
    size_t n = s->tail.len - from < size ? s->tail.len - from : size;
    memcpy(to, s->tail.p + from, n);
    o->at += n;
    return (long)n;
}

static void outlet_close(struct source *source)
{
    struct outlet *o = (struct outlet *)source;
    scroll_clear(&o->scroll);
    pthread_mutex_destroy(&source->lock);
    free(o);
}

struct source *scroll_source(struct scroll *s)
{
    struct outlet *o = calloc(1, sizeof *o);
    METE_ASSERT(o != NULL);
    source_init(&o->source, outlet_read, outlet_close);
    o->scroll = *s;
    scroll_init(s);
    return &o->source;
}
