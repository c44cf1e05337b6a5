/* SPDX-License-Identifier: Apache-2.0
 * Packed decisions from anywhere: whatever unpacks must pack to the same bytes again, and neither
 * paths nor applying may crash on it. */
#include "core/decision.h"

#include <stdlib.h>
#include <string.h>

static void sink_set(void *ctx, struct bytes key, struct bytes value)
{
    (void)value;
    *(size_t *)ctx += key.len;
}

static void sink_add(void *ctx, struct bytes key, const i128 sums[STATE_SUMS])
{
    (void)sums;
    *(size_t *)ctx += key.len;
}

static void sink_remove(void *ctx, struct bytes key)
{
    *(size_t *)ctx += key.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct decision d;
    arena_init(&a, (size_t)1 << 30);
    if (decision_unpack(&a, (struct bytes){data, size}, &d)) {
        struct buf again = {0};
        struct decision twice;
        decision_pack(&again, &d);
        METE_ASSERT(decision_unpack(&a, buf_bytes(&again), &twice));
        struct buf third = {0};
        decision_pack(&third, &twice);
        METE_ASSERT(again.len == third.len && memcmp(again.p, third.p, third.len) == 0);
        size_t seen = 0;
        const struct state_sink sink = {&seen, sink_set, sink_add, sink_remove, true};
        decision_apply(&d, 1, 0, 0, &sink);
        buf_clear(&again);
        buf_clear(&third);
    }
    arena_clear(&a);
    return 0;
}
