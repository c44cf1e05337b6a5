/* SPDX-License-Identifier: Apache-2.0
 * What is remembered of files that were put out: "NAME" in the folder of marks when it is out,
 * "NAME.begun" of a NACHA file while it is put out. A mark holds the file's digest and when, no
 * name and no account. Marks appear whole, and are durable before anything rests on them. */
#include "rails/bank/bank_parts.h"

#include "base/encode.h"
#include "base/i128.h"
#include "base/text.h"
#include "crypto/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PREFIX     "put-" /* of what is being written */
#define LEFT_S     3600   /* seconds after which that was left behind */
#define DIGEST_LEN 64u    /* hexadecimal digits */
#define MARK_MAX   120u   /* bytes of a mark */

static const char *path_of(const struct bank_job *j, const char *end)
{
    return arena_printf(j->a, "%s/%s%s", j->rail->marks, j->name, end).p;
}

enum bank_place bank_untold(struct bank_job *j, const char *doing)
{
    j->why = arena_printf(j->a, "%s: %s", doing, strerror(errno)).p;
    return BANK_UNTOLD;
}

bool bank_folder_sync(const char *path)
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

const char *bank_temp_write(struct bank_job *j, struct bytes b, unsigned mode)
{
    char *temp = (char *)(uintptr_t)arena_printf(j->a, "%s/" PREFIX "XXXXXX", j->rail->marks).p;
    int fd = mkostemp(temp, O_CLOEXEC);
    bool good = fd >= 0 && fchmod(fd, mode) == 0 && all_write(fd, b);
    if (!good) {
        (void)bank_untold(j, "the folder of marks cannot be written");
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (fd >= 0 && !good) {
        (void)unlink(temp);
    }
    return good ? temp : NULL;
}

/* --- reading -----------------------------------------------------------------------------------*/

static bool mark_read(struct text t, char digest[DIGEST_LEN + 1], mete_time *at)
{
    u128 v = 0;
    if (t.len < DIGEST_LEN + 3 || t.p[DIGEST_LEN] != ' ' || t.p[t.len - 1] != '\n' ||
        !u128_parse((struct text){t.p + DIGEST_LEN + 1, t.len - DIGEST_LEN - 2}, &v) ||
        v > INT64_MAX) {
        return false;
    }
    memcpy(digest, t.p, DIGEST_LEN);
    digest[DIGEST_LEN] = '\0';
    *at = (mete_time)v;
    return true;
}

enum bank_place bank_mark_look(struct bank_job *j, const char *end)
{
    char text[MARK_MAX];
    char is[DIGEST_LEN + 1];
    char want[DIGEST_LEN + 1];
    mete_time at;
    int fd = open(path_of(j, end), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno == ENOENT ? BANK_ABSENT : bank_untold(j, "the marks cannot be read");
    }
    const ssize_t len = read(fd, text, sizeof text);
    (void)close(fd);
    if (len < 0) {
        return bank_untold(j, "the marks cannot be read");
    }
    if (!mark_read((struct text){text, (size_t)len}, is, &at)) {
        return BANK_OTHER;
    }
    const struct hash h = sha256(j->file);
    hash_hex(&h, want);
    j->at = at;
    return j->file.p == NULL || strcmp(is, want) == 0 ? BANK_PLACED : BANK_OTHER;
}

/* --- making ------------------------------------------------------------------------------------*/

static const char *mark_write(struct bank_job *j)
{
    char hex[DIGEST_LEN + 1];
    const struct hash h = sha256(j->file);
    hash_hex(&h, hex);
    const struct text t = arena_printf(j->a, "%s %lld\n", hex, (long long)j->now);
    return bank_temp_write(j, text_bytes(t), 0600);
}

enum bank_place bank_mark_begin(struct bank_job *j)
{
    const char *temp = mark_write(j);
    if (temp == NULL) {
        return BANK_UNTOLD;
    }
    const bool made = link(temp, path_of(j, BANK_BEGUN)) == 0;
    enum bank_place there = made              ? BANK_ABSENT
                            : errno == EEXIST ? bank_mark_begun(j)
                                              : bank_untold(j, "the marks cannot be written");
    (void)unlink(temp);
    if (!made) {
        return there;
    }
    if (!bank_folder_sync(j->rail->marks)) {
        return bank_untold(j, "the marks cannot be written");
    }
    /* Whoever had it before may have finished between the first look and now. */
    there = bank_mark_look(j, "");
    if (there != BANK_ABSENT) {
        (void)unlink(path_of(j, BANK_BEGUN));
    }
    return there;
}

enum bank_place bank_mark_begun(struct bank_job *j)
{
    struct stat st;
    if (stat(path_of(j, BANK_BEGUN), &st) != 0) {
        return errno == ENOENT ? BANK_ABSENT : bank_untold(j, "the marks cannot be read");
    }
    j->why = "its putting out was cut short: ask the bank whether it has the file; if not, remove "
             "NAME.begun from the folder of marks";
    return BANK_UNTOLD;
}

enum bank_place bank_mark_done(struct bank_job *j)
{
    const char *to = path_of(j, "");
    bool made = j->rail->s.format == BANK_NACHA && rename(path_of(j, BANK_BEGUN), to) == 0;
    if (!made && bank_mark_look(j, "") != BANK_PLACED) { /* else another worker has made it */
        const char *from = mark_write(j);
        if (from == NULL) {
            return BANK_UNTOLD;
        }
        made = rename(from, to) == 0;
        if (!made) {
            (void)unlink(from);
            return bank_untold(j, "the marks cannot be written");
        }
    }
    return !made || bank_folder_sync(j->rail->marks)
               ? BANK_PLACED
               : bank_untold(j, "the marks cannot be written");
}

void bank_mark_drop(struct bank_job *j)
{
    (void)unlink(path_of(j, BANK_BEGUN));
}

bool bank_marks_make(const char *folder)
{
    const time_t left = time(NULL) - LEFT_S;
    DIR *d = mkdir(folder, 0700) == 0 || errno == EEXIST ? opendir(folder) : NULL;
    if (d == NULL) {
        return false;
    }
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        struct stat st;
        if (strncmp(e->d_name, PREFIX, strlen(PREFIX)) == 0 &&
            fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtime < left) {
            (void)unlinkat(dirfd(d), e->d_name, 0);
        }
    }
    (void)closedir(d);
    return true;
}
