/* SPDX-License-Identifier: Apache-2.0
 * Moving house: books, keys of users and the key file from one store to another. */
#ifndef METE_ENGINE_COPY_H
#define METE_ENGINE_COPY_H

#include "engine/engine.h"
#include "store/copy.h"

struct store_copy_options {
    const char *from;
    const char *to;   /* made when it is missing, as far as that is possible */
    const char *book; /* NULL: all of them */
    bool no_key_file; /* the caller sees to it */
    /** Before and, `copied` set, after each book; and, `all` set, after every group. May be NULL.
     */
    void (*tell)(void *ctx, struct text book, const struct book_copied *copied, uint64_t done,
                 uint64_t all);
    void *tell_ctx;
};

struct store_copied {
    uint64_t books;
    uint64_t keys;        /* of users, added or ended now */
    bool key_file_copied; /* to where the destination looks for it */
};

/** Copies what the destination lacks. METE_STORE_EXISTS: it holds another book of that name;
 *  METE_SEAL_KEY: another key file lies there, or there is none to copy. */
enum mete_code store_copy(const struct store_copy_options *o, struct store_copied *out,
                          struct mete_err *err) METE_MUST_CHECK;

#endif
