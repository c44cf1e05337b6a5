/* SPDX-License-Identifier: Apache-2.0
 * The requests of a file, one a line. Lines that are neither URL nor object are refused with their
 * number, before anything of them is sent. The file may be a pipe whose writer waits for answers:
 * it is read when something is there. */
#include "cli/fetch.h"

#include "base/text.h"
#include "wire/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_LEN_MAX ((size_t)4 << 20)
#define READ_SIZE    ((size_t)64 << 10)

struct fetch_batch {
    int fd;
    const char *path;
    struct buf read;
    size_t at;     /* in it: where the next line begins */
    bool has_line; /* its end is there, too */
    bool is_over;  /* nothing more comes */
    int why;       /* errno; 0: it was read to its end */
    uint64_t number;
};

static int failed(struct cli *c, const char *path, int why)
{
    struct mete_err err;
    (void)mete_fail(&err, METE_FILE, "", "%s: %s", path, strerror(why));
    return cli_fail(c, &err);
}

int fetch_batch_open(struct cli *c, const char *path, struct fetch_batch **out)
{
    const int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return failed(c, path, errno);
    }
    struct fetch_batch *b = calloc(1, sizeof *b);
    METE_ASSERT(b != NULL);
    b->fd = fd;
    b->path = path;
    *out = b;
    return CLI_OK;
}

void fetch_batch_close(struct fetch_batch *b)
{
    if (b->fd != STDIN_FILENO) {
        (void)close(b->fd);
    }
    buf_clear(&b->read);
    free(b);
}

int fetch_batch_fd(const struct fetch_batch *b)
{
    return b->fd;
}

bool fetch_batch_is_ready(const struct fetch_batch *b)
{
    return b->has_line || b->is_over || b->read.len - b->at > LINE_LEN_MAX;
}

bool fetch_batch_is_end(const struct fetch_batch *b)
{
    return b->is_over && b->why == 0 && b->at == b->read.len;
}

void fetch_batch_read(struct fetch_batch *b)
{
    struct buf *r = &b->read;
    METE_ASSERT(!fetch_batch_is_ready(b));
    buf_reserve(r, READ_SIZE);
    r->len -= b->at;
    memmove(r->p, r->p + b->at, r->len);
    b->at = 0;
    const ssize_t n = read(b->fd, r->p + r->len, READ_SIZE);
    if (n > 0) {
        b->has_line = memchr(r->p + r->len, '\n', (size_t)n) != NULL;
        r->len += (size_t)n;
    } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
        b->is_over = true;
        b->why = n < 0 ? errno : 0;
    }
}

/** The next line without what ends it; it lives until more is read. */
static struct text line_take(struct fetch_batch *b)
{
    const char *from = (const char *)b->read.p + b->at;
    const size_t left = b->read.len - b->at;
    const char *end = memchr(from, '\n', left);
    const size_t whole = end != NULL ? (size_t)(end - from) + 1 : left;
    size_t len = whole;
    while (len > 0 && (unsigned char)from[len - 1] <= ' ') {
        len--;
    }
    b->at += whole;
    b->has_line = whole < left && memchr(from + whole, '\n', left - whole) != NULL;
    b->number++;
    return (struct text){from, len};
}

static int refuse(struct cli *c, const struct fetch_batch *b, const char *why)
{
    return cli_usage(c, "%s, line %llu: %s", b->path, (unsigned long long)b->number, why);
}

/** A text member, in the arena; NULL when it is not there. */
static bool member(const struct json *j, struct arena *a, const char *name, const char **out)
{
    const struct json *m = json_get(j, name);
    if (m == NULL || m->type == JSON_NULL) {
        return true;
    }
    *out = m->type == JSON_STRING ? arena_text(a, m->text).p : NULL;
    return m->type == JSON_STRING && memchr(m->text.p, '\0', m->text.len) == NULL;
}

static bool headers_take(const struct json *j, struct arena *a, struct fetch_job *job)
{
    const struct json *all = json_get(j, "headers");
    size_t n = 0;
    while (n < FETCH_HEADERS_MAX && job->header[n] != NULL) {
        n++;
    }
    if (all == NULL || all->type == JSON_NULL) {
        return true;
    }
    if (all->type != JSON_OBJECT || all->count + n > FETCH_HEADERS_MAX) {
        return false;
    }
    for (const struct json *m = all->child; m != NULL; m = m->next) {
        if (m->type != JSON_STRING) {
            return false;
        }
        job->header[n++] =
            arena_printf(a, "%.*s: %.*s", (int)m->key.len, m->key.p, (int)m->text.len, m->text.p).p;
    }
    job->header[n] = NULL;
    return true;
}

/** A text is sent as it is, anything else as JSON. */
static void body_take(const struct json *j, struct arena *a, struct fetch_job *job)
{
    const struct json *m = json_get(j, "body");
    if (m != NULL && m->type != JSON_NULL) {
        job->body = text_bytes(arena_text(a, m->type == JSON_STRING ? m->text : m->raw));
    }
}

static int object_take(struct cli *c, const struct fetch_batch *b, struct text line,
                       struct arena *a, struct fetch_job *job)
{
    struct json *j;
    struct mete_err err;
    if (json_parse(a, line, &j, &err) != METE_OK) {
        return refuse(c, b, err.text);
    }
    if (!member(j, a, "url", &job->url) || !member(j, a, "method", &job->method) ||
        !member(j, a, "output", &job->output) || !member(j, a, "id", &job->id) ||
        !headers_take(j, a, job)) {
        return refuse(c, b, "url, method, output and id are texts, headers an object of texts");
    }
    if (job->url == NULL) {
        return refuse(c, b, "there is no url");
    }
    body_take(j, a, job);
    return CLI_OK;
}

int fetch_batch_next(struct cli *c, struct fetch_batch *b, struct arena *a, struct fetch_job *job,
                     bool *has_job)
{
    METE_ASSERT(fetch_batch_is_ready(b) && !fetch_batch_is_end(b));
    *has_job = false;
    if (b->why != 0) {
        return failed(c, b->path, b->why);
    }
    const struct text line = line_take(b);
    if (line.len > LINE_LEN_MAX) {
        return refuse(c, b, "the line is too long");
    }
    if (line.len == 0 || line.p[0] == '#') {
        return CLI_OK;
    }
    *has_job = true;
    if (line.p[0] == '{') {
        return object_take(c, b, arena_text(a, line), a, job);
    }
    job->url = arena_text(a, line).p;
    return CLI_OK;
}
