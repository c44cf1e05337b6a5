/* SPDX-License-Identifier: Apache-2.0
 * The file of an embedded store, looked at as a file: is it whole, is it as we would make it. What
 * stands in its books is read by opening them. */
#ifndef METE_STORE_EXAMINE_H
#define METE_STORE_EXAMINE_H

#include "store/store.h"

struct store_report {
    bool is_file;          /* the store is one file; else nothing below is set */
    bool is_wal;           /* changes go to a write-ahead log first, as they must */
    unsigned schema;       /* version of its tables */
    unsigned schema_known; /* the newest that this program knows */
    uint64_t keys;         /* API keys that hold at `now` */
    char flaw[200];        /* the first that is wrong in its structure; "": nothing is */
};

/** Reads the whole file, and leaves nothing beside it. METE_STORE_MISSING, METE_STORE_NEWER,
 *  METE_STORE_CORRUPT, METE_FILE when it is no store at all. */
enum mete_code store_examine(const char *url, mete_time now, struct store_report *out,
                             struct mete_err *err) METE_MUST_CHECK;

#endif
