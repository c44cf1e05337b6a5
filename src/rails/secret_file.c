/* SPDX-License-Identifier: Apache-2.0
 * Reading secrets. */
#include "rails/secret_file.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_LEN_MAX 4096

char *secret_text(struct text t)
{
    METE_ASSERT(sodium_init() >= 0);
    char *out = sodium_malloc(t.len + 1);
    METE_ASSERT(out != NULL);
    if (t.len > 0) {
        memcpy(out, t.p, t.len);
    }
    out[t.len] = '\0';
    return out;
}

void secret_text_free(char *t)
{
    sodium_free(t); /* wipes it */
}

void secret_file_clear(struct secret_file *s)
{
    sodium_free(s->text);
    *s = (struct secret_file){0};
}

/* --- which file --------------------------------------------------------------------------------*/

/** The path that is meant; *is_credential: systemd guards it. */
static const char *path_of(const char *given, char room[PATH_LEN_MAX], bool *is_credential)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    struct stat st;
    *is_credential = false;
    if (folder == NULL || folder[0] == '\0') {
        return given;
    }
    const size_t len = strlen(folder);
    if (strchr(given, '/') != NULL) {
        *is_credential = strncmp(given, folder, len) == 0 && given[len] == '/' &&
                         strstr(given + len, "/..") == NULL;
        return given;
    }
    const int n = snprintf(room, PATH_LEN_MAX, "%s/%s", folder, given);
    *is_credential = n > 0 && n < PATH_LEN_MAX && stat(room, &st) == 0;
    return *is_credential ? room : given;
}

static enum mete_code refuse(struct mete_err *err, const char *path, const char *why)
{
    return mete_fail(err, METE_USAGE, "", "%.200s: %s", path, why);
}

static enum mete_code file_open(const char *given, int *fd, struct mete_err *err)
{
    char room[PATH_LEN_MAX];
    bool is_credential;
    struct stat st;
    const char *path = path_of(given, room, &is_credential);
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (*fd < 0 || fstat(*fd, &st) != 0) {
        return mete_fail(err, errno == ENOENT ? METE_NOT_FOUND : METE_FILE, "",
                         "%.200s cannot be read: %s", path, strerror(errno));
    }
    if (!S_ISREG(st.st_mode)) {
        return refuse(err, path, "it is no ordinary file");
    }
    return is_credential || (st.st_mode & (S_IRWXG | S_IRWXO)) == 0
               ? METE_OK
               : refuse(err, path, "others may read or write it: chmod 600 it");
}

/* --- reading -----------------------------------------------------------------------------------*/

/** At most `room` bytes; -1: errno says why. */
static ssize_t fd_read(int fd, char *out, size_t room)
{
    size_t len = 0;
    ssize_t n = 1;
    while (len < room && n != 0) {
        n = read(fd, out + len, room - len);
        if (n < 0 && errno != EINTR) {
            return -1;
        }
        len += n > 0 ? (size_t)n : 0;
    }
    return (ssize_t)len;
}

enum mete_code secret_file_read(struct secret_file *out, const char *path, size_t max,
                                struct mete_err *err)
{
    int fd = -1;
    METE_ASSERT(sodium_init() >= 0);
    *out = (struct secret_file){0};
    enum mete_code code = file_open(path, &fd, err);
    if (code == METE_OK) {
        out->text = sodium_malloc(max + 1);
        METE_ASSERT(out->text != NULL);
        const ssize_t len = fd_read(fd, out->text, max + 1); /* one more tells that it is longer */
        code = len < 0    ? mete_fail(err, METE_FILE, "", "%.200s cannot be read: %s", path,
                                      strerror(errno))
               : len == 0 ? refuse(err, path, "it is empty")
               : (size_t)len > max
                   ? mete_fail(err, METE_USAGE, "", "%.200s is longer than %zu bytes", path, max)
                   : METE_OK;
        out->len = code == METE_OK ? (size_t)len : 0;
        out->text[out->len] = '\0';
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (code != METE_OK) {
        secret_file_clear(out);
    }
    return code;
}

/** What was read becomes its line, or is given back. */
static enum mete_code line_cut(struct secret_file *s, const char *name, size_t max,
                               struct mete_err *err)
{
    while (s->len > 0 && (s->text[s->len - 1] == '\n' || s->text[s->len - 1] == '\r')) {
        s->text[--s->len] = '\0';
    }
    bool is_good = s->len > 0 && s->len <= max;
    for (size_t i = 0; is_good && i < s->len; i++) {
        is_good = s->text[i] > ' ' && s->text[i] < 127;
    }
    if (is_good) {
        return METE_OK;
    }
    secret_file_clear(s);
    return mete_fail(err, METE_USAGE, "",
                     "%.200s is not one line of at most %zu characters without spaces", name, max);
}

enum mete_code secret_file_line(struct secret_file *out, const char *path, size_t max,
                                struct mete_err *err)
{
    enum mete_code code = secret_file_read(out, path, max + 2, err); /* an end of two characters */
    return code == METE_OK ? line_cut(out, path, max, err) : code;
}

enum mete_code secret_value_line(struct secret_file *out, const char *name, const char *value,
                                 size_t max, struct mete_err *err)
{
    const struct text t = text_of(value);
    *out = (struct secret_file){secret_text(t), t.len};
    return line_cut(out, name, max, err);
}
