/* SPDX-License-Identifier: Apache-2.0
 * How often a value fell below which bound. Any thread may add while any other reads: a reading is
 * whole in each number, and its parts may be a moment apart. */
#ifndef METE_HTTP_HISTOGRAM_H
#define METE_HTTP_HISTOGRAM_H

#include "base/types.h"

#include <stdatomic.h>

#define HISTOGRAM_BOUNDS_MAX 14

/** Rising; the same units as the values. */
struct histogram_bounds {
    unsigned count; /* at most HISTOGRAM_BOUNDS_MAX */
    int64_t bound[HISTOGRAM_BOUNDS_MAX];
};

/* Microseconds: of answers, and of what a disk does. */
extern const struct histogram_bounds histogram_of_time;
/* Things that go together. */
extern const struct histogram_bounds histogram_of_count;

/** A zeroed one is empty; `bounds` is set before anybody adds. */
struct histogram {
    const struct histogram_bounds *bounds;
    _Atomic uint64_t below[HISTOGRAM_BOUNDS_MAX + 1]; /* up to each bound and above the one before;
                                                         the last: above all */
    _Atomic int64_t sum;
};

void histogram_add(struct histogram *h, int64_t value);
/** Values so far. */
uint64_t histogram_count(const struct histogram *h);

#endif
