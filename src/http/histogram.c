/* SPDX-License-Identifier: Apache-2.0
 * Counting by bounds. */
#include "http/histogram.h"

const struct histogram_bounds histogram_of_time = {13,
                                                   {500, 1000, 2500, 5000, 10000, 25000, 50000,
                                                    100000, 250000, 500000, 1000000, 2500000,
                                                    10000000}};

const struct histogram_bounds histogram_of_count = {10, {1, 2, 4, 8, 16, 32, 64, 128, 256, 512}};

void histogram_add(struct histogram *h, int64_t value)
{
    unsigned i = 0;
    while (i < h->bounds->count && value > h->bounds->bound[i]) {
        i++;
    }
    atomic_fetch_add(&h->below[i], 1);
    atomic_fetch_add(&h->sum, value);
}

uint64_t histogram_count(const struct histogram *h)
{
    uint64_t all = 0;
    for (unsigned i = 0; i <= h->bounds->count; i++) {
        all += atomic_load(&h->below[i]);
    }
    return all;
}
