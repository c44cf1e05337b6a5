/* SPDX-License-Identifier: Apache-2.0
 * Where files are put: a folder that the bank's programs look into, or a URL. A file appears whole
 * or not at all, is never written over, and leaves a mark beside the folder, so that one that was
 * fetched is not put there once more. */
#include "rails/bank/bank_parts.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARKS "/.mete-sent" /* below the folder */
#define CHUNK ((size_t)65536)

/* --- the folder --------------------------------------------------------------------------------*/

static const char *path_of(const struct rail *r, struct arena *a, const char *below,
                           const char *name)
{
    return arena_printf(a, "%s%s/%s", r->folder, below, name).p;
}

static enum bank_place untold(struct arena *a, const char *doing, const char **why)
{
    *why = arena_printf(a, "%s: %s", doing, strerror(errno)).p;
    return BANK_UNTOLD;
}

/** Whether a file holds exactly these bytes. PLACED, ABSENT, OTHER, UNTOLD. */
static enum bank_place file_compare(const char *path, struct bytes want, struct arena *a,
                                    const char **why)
{
    struct stat st;
    uint8_t chunk[CHUNK];
    size_t at = 0;
    ssize_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno == ENOENT ? BANK_ABSENT : untold(a, "the outgoing file cannot be read", why);
    }
    bool same = fstat(fd, &st) == 0 && (want.p == NULL || (size_t)st.st_size == want.len);
    while (want.p != NULL && same && (n = read(fd, chunk, sizeof chunk)) > 0) {
        same = at + (size_t)n <= want.len && memcmp(chunk, want.p + at, (size_t)n) == 0;
        at += (size_t)n;
    }
    (void)close(fd);
    return n < 0 ? BANK_UNTOLD : same ? BANK_PLACED : BANK_OTHER;
}

static bool folder_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return good;
}

static bool all_write(int fd, struct bytes b)
{
    for (size_t at = 0; at < b.len;) {
        ssize_t n = write(fd, b.p + at, b.len - at);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    return fsync(fd) == 0;
}

/** Banks do not know a NACHA file again: one that may have been fetched before its mark was made is
 *  for people to look after. */
static const char *begun_path(const struct rail *r, struct arena *a, const char *name)
{
    return arena_printf(a, "%s" MARKS "/%s.begun", r->folder, name).p;
}

/** The file under its name, then its mark. `temp` holds the bytes, durably. */
static enum bank_place temp_place(struct rail *r, const char *temp, const char *name,
                                  struct bytes file, struct arena *a, const char **why)
{
    const char *to = path_of(r, a, "", name);
    const char *begun = begun_path(r, a, name);
    if (r->s.format == BANK_NACHA &&
        (link(temp, begun) != 0 || !folder_sync(arena_printf(a, "%s" MARKS, r->folder).p))) {
        return untold(a, "the outgoing folder cannot be written", why);
    }
    if (link(temp, to) != 0) {
        enum bank_place there = errno == EEXIST ? file_compare(to, file, a, why)
                                                : untold(a, "the file cannot be put there", why);
        if (there != BANK_PLACED) {
            return there;
        }
    }
    if (!folder_sync(r->folder) || rename(temp, path_of(r, a, MARKS, name)) != 0 ||
        !folder_sync(arena_printf(a, "%s" MARKS, r->folder).p)) {
        return untold(a, "the outgoing folder cannot be written", why);
    }
    (void)unlink(begun);
    return BANK_PLACED;
}

static enum bank_place begun_look(const struct rail *r, struct arena *a, const char *name,
                                  const char **why)
{
    struct stat st;
    if (r->s.format != BANK_NACHA || stat(begun_path(r, a, name), &st) != 0) {
        return BANK_ABSENT;
    }
    *why = "the program ended while it put the file out: ask the bank whether it has it; if not, "
           "remove .mete-sent/NAME.begun";
    return BANK_UNTOLD;
}

static enum bank_place folder_look(const struct rail *r, const char *name, struct bytes file,
                                   struct arena *a, const char **why)
{
    enum bank_place there = file_compare(path_of(r, a, "", name), file, a, why);
    if (there == BANK_ABSENT) {
        there = file_compare(path_of(r, a, MARKS, name), file, a, why);
    }
    return there == BANK_ABSENT ? begun_look(r, a, name, why) : there;
}

static enum bank_place folder_put(struct rail *r, const char *name, struct bytes file,
                                  struct arena *a, const char **why)
{
    const char *marks = arena_printf(a, "%s" MARKS, r->folder).p;
    if (mkdir(marks, 0700) != 0 && errno != EEXIST) {
        return untold(a, "the outgoing folder cannot be written", why);
    }
    enum bank_place there = file_compare(path_of(r, a, MARKS, name), file, a, why);
    if (there == BANK_ABSENT && r->s.format == BANK_NACHA) {
        there = folder_look(r, name, file, a, why);
    }
    if (there != BANK_ABSENT) {
        return there;
    }
    char *temp = (char *)(uintptr_t)arena_printf(a, "%s/put-XXXXXX", marks).p;
    int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0) {
        return untold(a, "the outgoing folder cannot be written", why);
    }
    bool written = fchmod(fd, 0640) == 0 && all_write(fd, file);
    there = written ? BANK_PLACED : untold(a, "the file cannot be written", why);
    (void)close(fd);
    there = written ? temp_place(r, temp, name, file, a, why) : there;
    (void)unlink(temp);
    return there;
}

/* --- the URL -----------------------------------------------------------------------------------*/

static void ask(struct rail *r, const char *method, const char *name, struct bytes file,
                struct arena *a)
{
    struct web_request q = {.method = method, .body = file};
    size_t n = 0;
    q.url = arena_printf(a, "%s/%s", r->url, name).p;
    if (r->token != NULL) {
        q.header[n++] = arena_printf(a, "Authorization: Bearer %s", r->token).p;
    }
    if (file.len > 0) {
        q.header[n++] = r->s.format == BANK_NACHA ? "Content-Type: text/plain"
                                                  : "Content-Type: application/xml";
        q.header[n++] = "If-None-Match: *";
    }
    web_do(r->web, &q, &r->answer);
}

static enum bank_place url_untold(const struct rail *r, struct arena *a, const char **why)
{
    *why = r->answer.outcome == WEB_ANSWERED
               ? arena_printf(a, "the bank's server answered %u", r->answer.status).p
               : arena_printf(a, "the bank's server: %s", r->answer.error).p;
    return BANK_UNTOLD;
}

/** It takes files and shows none. What has been put there is then put again: banks know a pain.001
 *  by its message id. */
static bool shows_none(const struct rail *r)
{
    return r->answer.outcome == WEB_ANSWERED &&
           (r->answer.status == 405 || r->answer.status == 501);
}

static enum bank_place url_look(struct rail *r, const char *name, struct bytes file,
                                struct arena *a, const char **why)
{
    ask(r, "GET", name, (struct bytes){0}, a);
    if (r->answer.outcome == WEB_ANSWERED && r->answer.status == 404) {
        return BANK_ABSENT;
    }
    if (shows_none(r)) {
        *why = "the bank's server does not show its files, and a NACHA file is not sent twice";
        return r->s.format == BANK_NACHA ? BANK_UNTOLD : BANK_ABSENT;
    }
    if (r->answer.outcome != WEB_ANSWERED || r->answer.status != 200) {
        return url_untold(r, a, why);
    }
    struct bytes got = buf_bytes(&r->answer.body);
    return file.p == NULL || (got.len == file.len && memcmp(got.p, file.p, got.len) == 0)
               ? BANK_PLACED
               : BANK_OTHER;
}

static enum bank_place url_put(struct rail *r, const char *name, struct bytes file, struct arena *a,
                               const char **why)
{
    ask(r, "PUT", name, file, a);
    unsigned status = r->answer.outcome == WEB_ANSWERED ? r->answer.status : 0;
    if (status == 409 || status == 412) { /* it stands there already */
        enum bank_place there = url_look(r, name, file, a, why);
        if (shows_none(r)) { /* its name follows from what is in it */
            return BANK_PLACED;
        }
        *why = there == BANK_ABSENT ? "the bank's server says that the file stands there, and that "
                                      "it does not"
                                    : *why;
        return there == BANK_ABSENT ? BANK_UNTOLD : there;
    }
    return status == 200 || status == 201 || status == 204 ? BANK_PLACED : url_untold(r, a, why);
}

enum bank_place bank_place_put(struct rail *r, const char *name, struct bytes file, struct arena *a,
                               const char **why)
{
    return r->folder != NULL ? folder_put(r, name, file, a, why) : url_put(r, name, file, a, why);
}

enum bank_place bank_place_look(struct rail *r, const char *name, struct bytes file,
                                struct arena *a, const char **why)
{
    return r->folder != NULL ? folder_look(r, name, file, a, why) : url_look(r, name, file, a, why);
}
