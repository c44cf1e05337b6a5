/* SPDX-License-Identifier: Apache-2.0
 * What a killed process left in a store's files, read before anybody opens and mends them: where in
 * its work it was. */
#ifndef METE_TESTS_CRASH_REMAINS_H
#define METE_TESTS_CRASH_REMAINS_H

#include <stdbool.h>

struct remains {
    bool half_group; /* the write-ahead log ends with pages of a group that was never committed */
    bool merging;    /* a merge of runs had begun and was not done */
};

/** `file`: the database. Opens a copy of it; leaves it as it is. */
void remains_look(const char *file, struct remains *out);

#endif
