/* SPDX-License-Identifier: Apache-2.0
 * The requests of a file, one a line. Lines that are neither URL nor object are refused with their
 * number, before anything of them is sent. */
#include "cli/fetch.h"

#include "base/text.h"
#include "wire/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINE_LEN_MAX ((size_t)4 << 20)

struct fetch_batch {
    FILE *file;
    const char *path;
    char *line;
    size_t cap;
    uint64_t number;
};

int fetch_batch_open(struct cli *c, const char *path, struct fetch_batch **out)
{
    struct mete_err err;
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (f == NULL) {
        (void)mete_fail(&err, METE_FILE, "", "%s: %s", path, strerror(errno));
        return cli_fail(c, &err);
    }
    struct fetch_batch *b = calloc(1, sizeof *b);
    METE_ASSERT(b != NULL);
    b->file = f;
    b->path = path;
    *out = b;
    return CLI_OK;
}

void fetch_batch_close(struct fetch_batch *b)
{
    if (b != NULL) {
        if (b->file != stdin) {
            (void)fclose(b->file);
        }
        free(b->line);
        free(b);
    }
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
                     bool *is_end)
{
    for (;;) {
        ssize_t len = getline(&b->line, &b->cap, b->file);
        *is_end = len < 0;
        if (len < 0) {
            return CLI_OK;
        }
        b->number++;
        while (len > 0 && (unsigned char)b->line[len - 1] <= ' ') {
            len--;
        }
        if ((size_t)len > LINE_LEN_MAX) {
            return refuse(c, b, "the line is too long");
        }
        const struct text line = {b->line, (size_t)len};
        if (line.len == 0 || line.p[0] == '#') {
            continue;
        }
        if (line.p[0] == '{') {
            return object_take(c, b, arena_text(a, line), a, job);
        }
        job->url = arena_text(a, line).p;
        return CLI_OK;
    }
}
