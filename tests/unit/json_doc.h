/* SPDX-License-Identifier: Apache-2.0
 * What the JSON tests share. Inputs are copied to memory of exactly their size, so that the address
 * sanitizer sees a read past the end. */
#ifndef METE_TESTS_JSON_DOC_H
#define METE_TESTS_JSON_DOC_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "wire/json.h"

struct doc {
    struct arena arena;
    char *bytes;
    struct text input;
    struct json *root; /* NULL when it was refused */
    enum mete_code code;
    struct mete_err err;
};

static inline void doc_read(struct doc *d, struct text input)
{
    memset(d, 0, sizeof *d);
    arena_init(&d->arena, JSON_ARENA_MAX(input.len));
    d->bytes = malloc(input.len > 0 ? input.len : 1);
    assert_non_null(d->bytes);
    if (input.len > 0)
        memcpy(d->bytes, input.p, input.len);
    d->input = (struct text){d->bytes, input.len};
    d->code = json_parse(&d->arena, d->input, &d->root, &d->err);
    assert_int_equal(d->code == METE_OK, d->root != NULL);
}

static inline void doc_clear(struct doc *d)
{
    arena_clear(&d->arena);
    free(d->bytes);
}

static inline void read_path(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        fail_msg("%s: %s", path, strerror(errno));
    char chunk[4096];
    size_t len;
    buf_reset(out);
    while ((len = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_put(out, chunk, len);
    fclose(f);
}

static inline const char *data_path(char *path, size_t size, const char *folder, const char *file)
{
    const char *base = getenv("METE_TEST_DATA");
    int len = snprintf(path, size, "%s/%s/%s", base != NULL ? base : "tests/data", folder, file);
    assert_true(len > 0 && (size_t)len < size);
    return path;
}

static inline void assert_text(struct text actual, const char *expected)
{
    if (!text_is(actual, expected))
        fail_msg("'%.*s' is not '%s'", (int)actual.len, actual.p, expected);
}

#endif
