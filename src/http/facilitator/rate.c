/* SPDX-License-Identifier: Apache-2.0
 * Buckets by the hash of their names. One that has rested for a minute is full, and as good as
 * none: so what is not used can be thrown away at any time. */
#include "http/facilitator/rate.h"

#include "base/map.h"
#include "crypto/hash.h"
#include "store/hash_seed.h"

#include <pthread.h>
#include <stdlib.h>

#define MINUTE_US   INT64_C(60000000)
#define BUCKETS_MAX 65536u

struct bucket {
    int64_t empty_us; /* how much of a minute's worth is used, as time: 0 is full */
    int64_t at_us;
};

struct rate {
    unsigned per_minute;
    pthread_mutex_t lock;
    struct omap buckets; /* 16 bytes of a hash -> struct bucket */
};

struct rate *rate_new(unsigned per_minute)
{
    struct rate *r = calloc(1, sizeof *r);
    METE_ASSERT(r != NULL && per_minute > 0);
    r->per_minute = per_minute;
    pthread_mutex_init(&r->lock, NULL);
    omap_init(&r->buckets, sizeof(struct bucket), hash_seed());
    return r;
}

void rate_free(struct rate *r)
{
    if (r != NULL) {
        omap_clear(&r->buckets);
        pthread_mutex_destroy(&r->lock);
        free(r);
    }
}

/** Those that are full again go; if all are in use, all go: better a minute too many requests than
 *  memory without end. */
static void sweep(struct rate *r, int64_t now_us)
{
    struct omap_node *n = omap_seek(&r->buckets, (struct bytes){0});
    while (n != NULL) {
        struct omap_node *next = omap_next(n);
        const struct bucket *b = omap_value(n);
        if (now_us - b->at_us >= MINUTE_US) {
            (void)omap_remove(&r->buckets, omap_key(n));
        }
        n = next;
    }
    if (r->buckets.count >= BUCKETS_MAX) {
        omap_clear(&r->buckets);
        omap_init(&r->buckets, sizeof(struct bucket), hash_seed());
    }
}

bool rate_take(struct rate *r, char kind, struct text name, int64_t now_us, unsigned *wait_s)
{
    const struct bytes parts[] = {{(const uint8_t *)&kind, 1}, {(const uint8_t *)name.p, name.len}};
    const struct hash h = sha256_parts(parts, ARRAY_LEN(parts));
    const int64_t cost = MINUTE_US / r->per_minute;
    bool made;
    pthread_mutex_lock(&r->lock);
    if (r->buckets.count >= BUCKETS_MAX) {
        sweep(r, now_us);
    }
    struct bucket *b = omap_put(&r->buckets, (struct bytes){h.b, 16}, &made);
    b->at_us = made ? now_us : b->at_us;
    b->empty_us -= now_us - b->at_us;
    b->empty_us = b->empty_us > 0 ? b->empty_us : 0;
    b->at_us = now_us;
    const int64_t over = b->empty_us + cost - MINUTE_US;
    if (over <= 0) {
        b->empty_us += cost;
    }
    pthread_mutex_unlock(&r->lock);
    *wait_s = over > 0 ? (unsigned)((over + 999999) / 1000000) : 0;
    return over <= 0;
}
