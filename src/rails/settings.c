/* SPDX-License-Identifier: Apache-2.0
 * Invariant: a secret is nowhere but in guarded memory (libsodium: not swapped, pages around it
 * that nobody may touch). */
#include "rails/settings.h"

#include "base/text.h"
#include "wire/url.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** All of a file, at most `max` bytes; -1: it cannot be read, or has more. */
static ssize_t file_read(const char *file, char *out, size_t max)
{
    size_t len = 0;
    ssize_t n = 0;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    while (len < max && (n = read(fd, out + len, max - len)) > 0) {
        len += (size_t)n;
    }
    (void)close(fd);
    return n < 0 || len == max ? -1 : (ssize_t)len;
}

/** Guarded memory, with room for an end of line of two bytes. */
static char *room_new(size_t max)
{
    METE_ASSERT(sodium_init() >= 0);
    char *out = sodium_malloc(max + 2);
    METE_ASSERT(out != NULL);
    return out;
}

/** Gives `out` back, or frees it. */
static char *line_take(char *out, ssize_t len, size_t max)
{
    while (len > 0 && (out[len - 1] == '\n' || out[len - 1] == '\r')) {
        len--;
    }
    bool good = len > 0 && (size_t)len < max;
    for (ssize_t i = 0; good && i < len; i++) {
        good = out[i] > ' ' && out[i] < 127;
    }
    if (!good) {
        sodium_free(out);
        return NULL;
    }
    out[len] = '\0';
    return out;
}

char *rail_secret_read(const char *file, size_t max)
{
    char *out = room_new(max);
    return line_take(out, file_read(file, out, max + 2), max);
}

char *rail_secret_copy(const char *text, size_t max)
{
    char *out = room_new(max);
    size_t len = strlen(text);
    bool fits = len <= max + 2;
    if (fits) {
        memcpy(out, text, len);
    }
    return line_take(out, fits ? (ssize_t)len : -1, max);
}

void rail_secret_free(char *secret)
{
    sodium_free(secret);
}

enum mete_code rail_url_check(const char *name, const char *url, struct mete_err *err)
{
    struct url u;
    const char *wrong = url_read(text_of(url), &u);
    if (wrong != NULL) {
        return mete_fail(err, METE_USAGE, NULL, "%s: the URL %s", name, wrong);
    }
    if (u.has_query || u.fragment.len > 0) {
        return mete_fail(err, METE_USAGE, NULL, "%s: the URL may have no query", name);
    }
    return u.is_https || host_is_loopback(u.host)
               ? METE_OK
               : mete_fail(err, METE_USAGE, NULL,
                           "%s: a secret is sent there, so https, or http of this machine", name);
}

char *rail_url_base(const char *url)
{
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/') {
        len--;
    }
    char *out = strndup(url, len);
    METE_ASSERT(out != NULL);
    return out;
}
