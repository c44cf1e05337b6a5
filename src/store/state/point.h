/* SPDX-License-Identifier: Apache-2.0
 * What the runs say about keys that were asked for lately, absence included. The memory buffer is
 * not part of it, so an answer stays right until the next flush. */
#ifndef METE_STORE_STATE_POINT_H
#define METE_STORE_STATE_POINT_H

#include "store/state/run.h"

struct point_cache {
    struct point **slot;
    size_t slot_count; /* power of two */
    size_t size;
    size_t size_max;
    size_t hand;
};

void point_cache_init(struct point_cache *p, size_t size_max);
void point_cache_clear(struct point_cache *p);
/** Lays the cached answer under `l`; false when there is none. */
bool point_cache_get(const struct point_cache *p, struct bytes key, uint64_t hash,
                     struct lookup *l);
/** Keeps what the runs alone said. */
void point_cache_put(struct point_cache *p, struct bytes key, uint64_t hash,
                     const struct lookup *l);
void point_cache_drop(struct point_cache *p, struct bytes key, uint64_t hash);

#endif
