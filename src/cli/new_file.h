/* SPDX-License-Identifier: Apache-2.0
 * A file that appears whole or not at all: written under a name that nobody takes for it, in the
 * same folder, then renamed. What an interruption by a signal leaves is removed at once, what a
 * killed process left by the next one on this machine. One at a time. */
#ifndef METE_CLI_NEW_FILE_H
#define METE_CLI_NEW_FILE_H

#include "cli/cli.h"

struct new_file {
    const char *path;    /* where the file shall be */
    const char *folder;  /* its folder */
    const char *partial; /* where it is written: there already, empty, mode 0600 */
};

/** From now on SIGINT, SIGTERM and SIGHUP end the program with CLI_INTERRUPTED. METE_FILE,
 *  METE_STORE_EXISTS: something is there, and may not be replaced. */
enum mete_code new_file_begin(struct new_file *p, struct arena *a, const char *path, bool replace,
                              struct mete_err *err) METE_MUST_CHECK;
/** Makes it durable, gives it its mode and its name. METE_STORE_EXISTS as above. */
enum mete_code new_file_finish(struct new_file *p, unsigned mode, bool replace,
                               struct mete_err *err) METE_MUST_CHECK;
/** Removes what was written. After new_file_finish: only what lies beside it. */
void new_file_drop(struct new_file *p);

/** A small secret file, mode 0600, durable. One of the same bytes may be there already; another one
 *  is METE_SEAL_KEY. */
enum mete_code new_file_keys(const char *path, struct text keys,
                             struct mete_err *err) METE_MUST_CHECK;

#endif
