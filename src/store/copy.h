/* SPDX-License-Identifier: Apache-2.0
 * A book into another store, as it stands: the same rows, so the same log, the same head. What is
 * there already is compared and not written again, so a copy that was interrupted goes on. */
#ifndef METE_STORE_COPY_H
#define METE_STORE_COPY_H

#include "store/store.h"

struct book_copied {
    uint64_t size; /* of both logs at the end */
    struct hash root;
    uint64_t before; /* events that were there already */
    uint64_t events, pages, checkpoints, sealed, erased, quarantined, named; /* written now */
    uint64_t insights; /* points and insights, new or changed now */
};

/** After every group; `done` of `all` events. May be NULL. */
typedef void copy_tell(void *arg, uint64_t done, uint64_t all);

/** Copies what `to` lacks, in groups: after a failure `to` is a book that ends earlier. What `from`
 *  has erased or dropped since is erased and dropped in `to` as well. Numbers in the quarantine are
 *  `to`'s own. METE_STORE_EXISTS: `to` is not a beginning of `from`. */
enum mete_code book_copy(struct book *from, struct book *to, copy_tell *tell, void *arg,
                         struct book_copied *out, struct mete_err *err) METE_MUST_CHECK;

#endif
