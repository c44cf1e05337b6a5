/* SPDX-License-Identifier: Apache-2.0
 * Two maps: when the newer one is full it becomes the older one, whose ids are forgotten. */
#include "http/facilitator/told.h"

#include "base/map.h"
#include "base/text.h"
#include "mete/error.h"
#include "store/hash_seed.h"

#include <pthread.h>
#include <stdlib.h>

#define TOLD_MAX 50000u /* of one map; the last so many are remembered at least */

struct told {
    pthread_mutex_t lock;
    struct omap newer, older; /* id -> nothing */
    size_t count;             /* of the newer one */
};

void told_open(struct told **out)
{
    struct told *t = calloc(1, sizeof *t);
    METE_ASSERT(t != NULL);
    pthread_mutex_init(&t->lock, NULL);
    omap_init(&t->newer, sizeof(char), hash_seed());
    omap_init(&t->older, sizeof(char), hash_seed());
    *out = t;
}

void told_close(struct told *t)
{
    if (t != NULL) {
        omap_clear(&t->newer);
        omap_clear(&t->older);
        pthread_mutex_destroy(&t->lock);
        free(t);
    }
}

static void turn(struct told *t)
{
    omap_clear(&t->older);
    t->older = t->newer;
    omap_init(&t->newer, sizeof(char), hash_seed());
    t->count = 0;
}

bool told_first(struct told *t, struct text id)
{
    const struct bytes key = text_bytes(id);
    pthread_mutex_lock(&t->lock);
    const bool is_first = omap_get(&t->newer, key) == NULL && omap_get(&t->older, key) == NULL;
    if (is_first) {
        if (t->count == TOLD_MAX) {
            turn(t);
        }
        (void)omap_put(&t->newer, key, NULL);
        t->count++;
    }
    pthread_mutex_unlock(&t->lock);
    return is_first;
}
