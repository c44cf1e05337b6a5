/* SPDX-License-Identifier: Apache-2.0
 * A store that mete does not have: "counted:FILE" keeps its rows in SQLite and counts what passes.
 * Linked in place of the list of stores, beside the usual ones. */
#ifndef METE_TESTS_COUNTED_STORE_H
#define METE_TESTS_COUNTED_STORE_H

#include <stdatomic.h>

/** What has passed through all stores of this kind in this process. */
struct counted {
    atomic_ulong opened;
    atomic_ulong closed;
    atomic_ulong rows;
    atomic_ulong commits;
    atomic_ulong rollbacks;
};
extern struct counted COUNTED;

#endif
