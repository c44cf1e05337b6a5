/* SPDX-License-Identifier: Apache-2.0
 * Where a body goes that is not for stdout. The file is opened before anything is asked, so that
 * nothing is paid for that cannot be kept; it is written beside its place and takes it when it is
 * whole, and on the disk. What is no ordinary file is written as it is. */
#include "cli/fetch.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_LEN_MAX 4096
#define MODE_NEW     0666
#define MODE_OWN     0600
#define MODE_MASK    07777

const char *fetch_remote_name(struct arena *a, const char *url)
{
    const char *from = strstr(url, "://");
    const size_t len = strcspn(from != NULL ? from + 3 : url, "?#");
    const char *start = from != NULL ? from + 3 : url;
    const char *slash = memrchr(start, '/', len);
    const char *name = slash != NULL ? slash + 1 : start + len;
    const size_t name_len = (size_t)(start + len - name);
    const bool is_fine = name_len > 0 && name[0] != '.' && memchr(name, '%', name_len) == NULL;
    return is_fine ? arena_text(a, (struct text){name, name_len}).p : NULL;
}

static bool wrong(const struct fetch_output *o, const char *why)
{
    fprintf(stderr, "mete: %s: %s\n", o->path, why);
    return false;
}

/** A folder is refused, a device or a link is written as it is. */
static bool place_judge(struct fetch_output *o)
{
    struct stat st;
    if (lstat(o->path, &st) != 0) {
        return errno == ENOENT || wrong(o, strerror(errno));
    }
    o->is_direct = !S_ISREG(st.st_mode);
    o->mode = st.st_mode & MODE_MASK;
    return S_ISDIR(st.st_mode) ? wrong(o, strerror(EISDIR))
                               : access(o->path, W_OK) == 0 || wrong(o, strerror(errno));
}

/** Whether nobody else writes it, or has just given it its place. */
static bool is_ours(const struct fetch_output *o)
{
    struct stat a;
    struct stat b;
    return flock(o->fd, LOCK_EX | LOCK_NB) == 0 && fstat(o->fd, &a) == 0 &&
           lstat(o->partial, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/** A link that somebody put there is not followed. What takes the place of a file is never open to
 *  more than that file was. */
static int partial_open(const struct fetch_output *o)
{
    return open(o->partial, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                o->mode != 0 ? MODE_OWN : MODE_NEW);
}

/** What stands there is not ours, and stays. */
static bool let_go(struct fetch_output *o, const char *why)
{
    fprintf(stderr, "mete: %s: %s\n", o->partial != NULL ? o->partial : o->path, why);
    if (o->fd >= 0) {
        (void)close(o->fd);
    }
    free(o->partial);
    *o = (struct fetch_output){.fd = -1};
    return false;
}

bool fetch_output_open(struct fetch_output *o, const char *path)
{
    *o = (struct fetch_output){.path = path, .fd = -1};
    if (!place_judge(o)) {
        return false;
    }
    if (!o->is_direct && asprintf(&o->partial, "%s.partial", path) < 0) {
        o->partial = NULL;
        return wrong(o, strerror(ENOMEM));
    }
    o->fd = o->is_direct ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, MODE_NEW) : partial_open(o);
    if (o->fd < 0) {
        const bool is_link = !o->is_direct && errno == ELOOP;
        return let_go(o, is_link ? "it is a link, and not followed: remove it" : strerror(errno));
    }
    if (!o->is_direct && !is_ours(o)) {
        return let_go(o, "it is written by another request");
    }
    if (!o->is_direct && o->mode != 0 && fchmod(o->fd, o->mode) != 0) {
        return let_go(o, strerror(errno));
    }
    return true;
}

/** What an earlier answer left is gone; where nothing goes back, as in a pipe, it stays. */
static bool begin_anew(const struct fetch_output *o)
{
    struct stat st;
    if (fstat(o->fd, &st) != 0 || (S_ISREG(st.st_mode) && ftruncate(o->fd, 0) != 0)) {
        return wrong(o, strerror(errno));
    }
    return !o->has_bytes || lseek(o->fd, 0, SEEK_SET) == 0 ||
           wrong(o, "it has some of an answer already, and cannot begin anew");
}

bool fetch_output_put(struct fetch_output *o, uint64_t at, const void *piece, size_t len)
{
    const char *p = piece;
    if (at == 0 && len == 0 && !begin_anew(o)) {
        return false;
    }
    while (len > 0) {
        const ssize_t n = write(o->fd, p, len);
        if (n < 0 && errno != EINTR) {
            return wrong(o, strerror(errno));
        }
        o->has_bytes = o->has_bytes || n > 0;
        p += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

bool fetch_output_close(struct fetch_output *o, bool is_whole)
{
    bool fine = true;
    if (o->fd >= 0 && !o->is_direct && is_whole) {
        fine = fsync(o->fd) == 0 && rename(o->partial, o->path) == 0;
    }
    if (!fine) { /* it may be paid for: it is not thrown away */
        fprintf(stderr, "mete: %s: %s; what came is in %s\n", o->path, strerror(errno), o->partial);
    } else if (o->partial != NULL && !is_whole) {
        (void)unlink(o->partial);
    }
    if (o->fd >= 0 && close(o->fd) != 0) {
        fine = wrong(o, strerror(errno));
    }
    free(o->partial);
    *o = (struct fetch_output){.fd = -1};
    return fine;
}
