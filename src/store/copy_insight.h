/* SPDX-License-Identifier: Apache-2.0
 * The part of copying a book that is about what apps report of themselves; see store/copy.h. */
#ifndef METE_STORE_COPY_INSIGHT_H
#define METE_STORE_COPY_INSIGHT_H

#include "store/store.h"

/** Makes those of `to` the same as those of `from`, in groups of its own. *written: rows that are
 *  new or have changed. False: err says why. */
bool copy_insights(struct book *from, struct book *to, uint64_t *written,
                   struct mete_err *err) METE_MUST_CHECK;

#endif
