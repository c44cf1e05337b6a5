/* SPDX-License-Identifier: Apache-2.0
 * The file of an embedded store as a thing to be kept: an image of it while others write it, and
 * the check of such an image. What stands in its books is read by opening them. */
#ifndef METE_STORE_SAVE_H
#define METE_STORE_SAVE_H

#include "store/store.h"

/** Writes what is committed now into `path`, which is missing or empty. Who writes the store goes
 *  on; free space stays behind, and with it what was erased. METE_STORE_MISSING,
 *  METE_STORE_CORRUPT, METE_STORE_FULL, METE_STORE_FAILED. */
enum mete_code store_save(const char *file, const char *path, struct mete_err *err) METE_MUST_CHECK;

/** Makes a store that nobody has open one file that needs no other beside it. */
enum mete_code store_settle(const char *path, struct mete_err *err) METE_MUST_CHECK;

/** Every page and every index. METE_STORE_CORRUPT names the first flaw. */
enum mete_code store_check(const char *path, struct mete_err *err) METE_MUST_CHECK;

/** Keeps writers away from a place where no store is yet. METE_STORE_BUSY; *fd: close it. */
enum mete_code store_claim(const char *path, int *fd, struct mete_err *err) METE_MUST_CHECK;

#endif
