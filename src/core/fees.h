/* SPDX-License-Identifier: Apache-2.0
 * Fee schedules: what is taken off the gross before anything is split. Each fee is floored on the
 * gross, in listed order, and takes at most what is left; children are floored on their parent and
 * the parent's payee keeps the rest. */
#ifndef METE_CORE_FEES_H
#define METE_CORE_FEES_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/types.h"
#include "core/amount.h"
#include "mete/error.h"

struct fee_child {
    struct text label;
    uint32_t share_bps; /* of the parent */
    struct text payee;  /* empty once unpacked */
    uint32_t number;
};

struct fee {
    struct text label;
    bool is_fixed;
    uint32_t bps;
    struct money fixed;   /* as written */
    uint32_t fixed_asset; /* once compiled */
    i128 fixed_amount;    /* once compiled; a fixed fee binds revenue of its own asset only */
    struct text payee;    /* empty once unpacked */
    uint32_t number;
    struct fee_child *child;
    uint32_t child_count;
};

struct fee_schedule {
    struct fee *fee;
    uint32_t fee_count;
};

/** One amount that leaves for one payee: child 0 is the parent's own rest. */
struct fee_part {
    uint32_t fee;   /* index into the schedule */
    uint32_t child; /* 0, else 1 + index into fee.child */
    i128 amount;
};

/** Bounds and sums: bps 0..10000 each, children at most 10000 together, labels present.
 *  Errors: METE_FEES_INVALID, METE_SHARES_LIMIT; pointer relative to the payload ("/fees/0/bps").
 */
enum mete_code fee_schedule_check(const struct fee_schedule *s,
                                  struct mete_err *err) METE_MUST_CHECK;

/** Computes every part in order, zero parts included. `taken` was taken before (a payload fee);
 *  returns the number of parts; *total is their sum, at most gross - taken. */
size_t fee_schedule_apply(struct arena *a, const struct fee_schedule *s, uint32_t asset, i128 gross,
                          i128 taken, struct fee_part **parts, i128 *total);

void fee_schedule_pack(struct buf *out, const struct fee_schedule *s);
bool fee_schedule_unpack(struct arena *a, struct bytes packed,
                         struct fee_schedule *s) METE_MUST_CHECK;

#endif
