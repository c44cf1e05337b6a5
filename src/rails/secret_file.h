/* SPDX-License-Identifier: Apache-2.0
 * The one reader of files that hold a secret of rails and workers. What it reads is nowhere but in
 * guarded memory (libsodium: not swapped, not dumped, pages around it that nobody may touch). */
#ifndef METE_RAILS_SECRET_FILE_H
#define METE_RAILS_SECRET_FILE_H

#include "base/types.h"
#include "mete/error.h"

struct secret_file {
    char *text; /* guarded, a NUL behind; NULL: nothing was read */
    size_t len;
};

/** Reads all of it: 1 to `max` bytes of an ordinary file that nobody but its owner may use. One
 *  among systemd's credentials is systemd's to guard; a bare name is looked for there first.
 *  Errors: METE_NOT_FOUND, METE_FILE (it cannot be read), METE_USAGE (what is wrong with it). */
enum mete_code secret_file_read(struct secret_file *out, const char *path, size_t max,
                                struct mete_err *err) METE_MUST_CHECK;
/** The same of a file with one line of visible characters, without its end. */
enum mete_code secret_file_line(struct secret_file *out, const char *path, size_t max,
                                struct mete_err *err) METE_MUST_CHECK;
/** The same of a value that came by itself, from the environment; `name` says which. */
enum mete_code secret_value_line(struct secret_file *out, const char *name, const char *value,
                                 size_t max, struct mete_err *err) METE_MUST_CHECK;
/** Wipes it. */
void secret_file_clear(struct secret_file *s);

/** A copy in guarded memory, a NUL behind; secret_text_free wipes it. */
char *secret_text(struct text t);
void secret_text_free(char *t);

#endif
