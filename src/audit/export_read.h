/* SPDX-License-Identifier: Apache-2.0
 * Reading the export (doc/format.md, "Export for the auditor"): one JSON object a line. */
#ifndef METE_AUDIT_EXPORT_READ_H
#define METE_AUDIT_EXPORT_READ_H

#include <stdio.h>

#include "base/arena.h"
#include "base/time.h"
#include "base/types.h"
#include "mete/error.h"
#include "wire/json.h"

struct export_reader {
    FILE *file;
    char *line; /* of getline */
    size_t line_size;
    uint64_t number;    /* of the line last read, from 1 */
    struct arena arena; /* of the line last read */
};

enum export_read {
    EXPORT_LINE,
    EXPORT_END,
    EXPORT_BAD,   /* not a JSON object; err says why */
    EXPORT_FAILED /* the file cannot be read */
};

/** One line. Lives until the next one is read. */
struct export_line {
    struct text kind;
    const struct json *object;
    const struct json *event; /* kind event: the event; its `raw` are the bytes as they stand */
};

void export_open(struct export_reader *r, FILE *file);
enum export_read export_next(struct export_reader *r, struct export_line *line,
                             struct mete_err *err);
void export_close(struct export_reader *r);

/* Members of a line; false when absent or of another form. */
bool export_text(const struct json *object, const char *key, struct text *out) METE_MUST_CHECK;
/** An unsigned integer, as a string of digits or as a number. */
bool export_u64(const struct json *object, const char *key, uint64_t *out) METE_MUST_CHECK;
/** A string of digits, perhaps with a minus. */
bool export_i128(const struct json *object, const char *key, i128 *out) METE_MUST_CHECK;
bool export_time(const struct json *object, const char *key, mete_time *out) METE_MUST_CHECK;
/** Base64; the bytes live in `a`. */
bool export_bytes(struct arena *a, const struct json *object, const char *key,
                  struct bytes *out) METE_MUST_CHECK;

#endif
