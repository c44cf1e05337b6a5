/* SPDX-License-Identifier: Apache-2.0
 * The watermark of a book: mete says in the log through when what was due has cleared. Balances and
 * payouts do not need it, since they go by the clock; whoever follows the log does. */
#ifndef METE_ENGINE_CLEARING_H
#define METE_ENGINE_CLEARING_H

#include "engine/engine.h"

struct clearing {
    mete_time before; /* the watermark so far; TIME_ALWAYS: there was none */
    bool moved;
    uint64_t seq; /* of the event, when it moved */
};

/** Adds allocation.cleared_through to the group at hand. METE_CLEARING_AHEAD, METE_CLEARING_KNOWN.
 */
enum mete_code clearing_say(struct engine *e, mete_time through, struct clearing *out,
                            struct mete_err *err) METE_MUST_CHECK;

/** The same, for a clerk who comes by every so often: leaves a book alone when nothing can have
 *  become clear since its last watermark. */
enum mete_code clearing_tend(struct engine *e, mete_time through, struct clearing *out,
                             struct mete_err *err) METE_MUST_CHECK;

#endif
